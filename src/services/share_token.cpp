#include "services/share_token.h"

#include <charconv>

namespace ox::services {
namespace {

constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kMaskDigits = 7;
constexpr std::size_t kBaseDigits = 32;

// Of hex digits only.
std::uint32_t number(std::string_view digits) {
  std::uint32_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  return out;
}

std::uint32_t contextMask(std::string_view base) { return number(base.substr(0, kMaskDigits)); }
std::uint32_t userMask(std::string_view base) { return number(base.substr(kMaskDigits, kMaskDigits)); }

void append(std::string& out, std::uint32_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back(kDigits[(value >> shift) & 15]);
}

}  // namespace

std::optional<ShareToken> parseShareToken(std::string_view text) {
  if (text.size() != kShareTokenBytes) return std::nullopt;
  std::string lower;
  for (const char c : text) {
    const char small = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!((small >= '0' && small <= '9') || (small >= 'a' && small <= 'f'))) return std::nullopt;
    lower.push_back(small);
  }
  ShareToken out;
  out.baseToken = lower.substr(2 * kIdDigits);
  const std::string_view all = lower;
  out.contextId = static_cast<std::int32_t>(number(all.substr(0, kIdDigits)) ^ contextMask(out.baseToken));
  out.userId =
      static_cast<std::int32_t>(number(all.substr(kIdDigits, kIdDigits)) ^ userMask(out.baseToken));
  if (out.contextId < 1 || out.userId < 1) return std::nullopt;
  return out;
}

std::string shareTokenText(const ShareToken& token) {
  if (token.baseToken.size() != kBaseDigits) return {};
  std::string out;
  append(out, static_cast<std::uint32_t>(token.contextId) ^ contextMask(token.baseToken));
  append(out, static_cast<std::uint32_t>(token.userId) ^ userMask(token.baseToken));
  return out + token.baseToken;
}

}  // namespace ox::services

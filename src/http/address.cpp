#include "http/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ox::http {
namespace {

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool Address::loopback() const {
  if (four) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         bytes.back() == 1;
}

std::optional<Address> parseAddress(std::string_view text) {
  if (text.empty() || text.size() > kMaxAddressText) return std::nullopt;
  const std::string copy(text);
  Address out;
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) {
    out.four = true;
    return out;
  }
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) != 1) return std::nullopt;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(std::begin(kMapped), std::end(kMapped), out.bytes.begin())) return out;
  Address four;
  four.four = true;
  std::copy(out.bytes.begin() + 12, out.bytes.end(), four.bytes.begin());
  return four;
}

bool sameNetwork(const Address& a, const Address& b, int bits) {
  if (a.four != b.four) return false;
  bits = std::clamp(bits, 0, a.bits());
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return (a.bytes[whole] & mask) == (b.bytes[whole] & mask);
}

int maskBits(const std::string& text, int otherwise) {
  if (text.starts_with('/')) return number(std::string_view(text).substr(1)).value_or(otherwise);
  const auto mask = parseAddress(text);
  if (!mask || !mask->four) return otherwise;
  int bits = 0;
  for (int i = 0; i < 4; ++i)
    for (int bit = 7; bit >= 0; --bit) {
      if ((mask->bytes[static_cast<std::size_t>(i)] >> bit & 1) == 0) return bits;
      ++bits;
    }
  return bits;
}

Networks::Networks(const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    const std::size_t slash = text.find('/');
    const auto base = parseAddress(std::string_view(text).substr(0, slash));
    if (!base) continue;
    const auto bits = slash == std::string::npos
                          ? std::optional<int>(base->bits())
                          : number(std::string_view(text).substr(slash + 1));
    if (bits) networks_.push_back({*base, *bits});
  }
}

bool Networks::contains(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& n) {
    return sameNetwork(n.base, address, n.bits);
  });
}

}  // namespace ox::http

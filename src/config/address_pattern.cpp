#include "config/address_pattern.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

#include "config/value.h"

namespace ox::config {
namespace {

constexpr std::size_t kMaxPatterns = 100;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  if (text.empty()) return out;
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator)) {
    out.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  out.push_back(text);
  return out;
}

Error bad(std::string_view text, const std::string& why) {
  return Error(Code::kConfig, "\"" + std::string(text.substr(0, 80)) + "\" " + why);
}

bool number(std::string_view text, int base, unsigned most, std::uint16_t& out) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec != std::errc() || end != text.data() + text.size() || value > most) return false;
  out = static_cast<std::uint16_t>(value);
  return true;
}

}  // namespace

Result<AddressPattern::Range> AddressPattern::parsePart(std::string_view part, bool v6) {
  const int base = v6 ? 16 : 10;
  const unsigned most = v6 ? 0xFFFF : 255;
  Range range;
  if (part == "*") {
    range.to = static_cast<std::uint16_t>(most);
    return range;
  }
  const std::size_t dash = part.find('-');
  const std::string_view first = part.substr(0, dash);
  const std::string_view last = dash == std::string_view::npos ? first : part.substr(dash + 1);
  if (!number(first, base, most, range.from) || !number(last, base, most, range.to))
    return Error(Code::kConfig, "has a part that is neither a number, * nor a range");
  if (range.from > range.to) return Error(Code::kConfig, "has a range that runs backwards");
  return range;
}

Result<AddressPattern> AddressPattern::parse(std::string_view text) {
  text = trimmed(text);
  AddressPattern out;
  out.text_ = std::string(text);
  if (text == "*") {
    out.any_ = true;
    return out;
  }
  out.v6_ = text.find(':') != std::string_view::npos;
  std::vector<std::string_view> parts;
  if (out.v6_) {
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
      parts = split(text, ':');
    } else {
      parts = split(text.substr(0, gap), ':');
      const auto tail = split(text.substr(gap + 2), ':');
      if (parts.size() + tail.size() > 7) return bad(text, "has too many parts");
      parts.insert(parts.end(), 8 - parts.size() - tail.size(), "0");
      parts.insert(parts.end(), tail.begin(), tail.end());
    }
  } else {
    parts = split(text, '.');
  }
  if (parts.size() != (out.v6_ ? 8u : 4u)) return bad(text, "is no pattern of IP addresses");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto range = parsePart(parts[i], out.v6_);
    if (!range) return bad(text, range.error().message);
    out.parts_[i] = *range;
  }
  return out;
}

bool AddressPattern::matches(std::string_view address) const {
  address = address.substr(0, address.find('%'));
  if (address.size() > 45) return false;
  std::array<std::uint16_t, 8> parts{};
  const std::string text(address);
  in_addr four{};
  in6_addr six{};
  std::size_t count = 0;
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    if (!any_ && v6_) return false;
    const std::uint32_t value = ntohl(four.s_addr);
    for (count = 0; count < 4; ++count)
      parts[count] = static_cast<std::uint16_t>((value >> (24 - 8 * count)) & 0xFF);
  } else if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
    if (!any_ && !v6_) return false;
    for (count = 0; count < 8; ++count)
      parts[count] =
          static_cast<std::uint16_t>((six.s6_addr[2 * count] << 8) | six.s6_addr[2 * count + 1]);
  } else {
    return false;
  }
  if (any_) return true;
  for (std::size_t i = 0; i < count; ++i)
    if (parts[i] < parts_[i].from || parts[i] > parts_[i].to) return false;
  return true;
}

bool AddressPattern::loopbackOnly() const {
  if (any_) return false;
  const auto is = [](const Range& r, int value) { return r.from == value && r.to == value; };
  if (!v6_) return is(parts_[0], 127);
  return std::all_of(parts_.begin(), parts_.begin() + 7, [&](const Range& r) { return is(r, 0); }) &&
         is(parts_[7], 1);
}

Result<std::vector<AddressPattern>> parsePatterns(const std::vector<std::string>& items) {
  if (items.size() > kMaxPatterns)
    return Error(Code::kConfig, "lists more than " + std::to_string(kMaxPatterns) + " patterns");
  std::vector<AddressPattern> out;
  for (const auto& item : items) {
    auto pattern = AddressPattern::parse(item);
    if (!pattern) return pattern.error();
    out.push_back(std::move(*pattern));
  }
  return out;
}

bool matchesAny(const std::vector<AddressPattern>& patterns, std::string_view address) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const AddressPattern& p) { return p.matches(address); });
}

}  // namespace ox::config

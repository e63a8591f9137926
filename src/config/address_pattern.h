// Patterns of IP addresses as in com.openexchange.hazelcast.network.interfaces.
//
// Accepted: an IPv4 or IPv6 address whose parts may be * or a range (10.0.0.*, 10.0.0-3.7,
//           fe80:0-ff:*:*:*:*:*:1, 2001:db8::*), or a single * for every address.
// Threads:  immutable values.
// Errors:   kConfig, message names the pattern and what is wrong.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ox::config {

class AddressPattern {
 public:
  static Result<AddressPattern> parse(std::string_view text);
  // `address` is numeric, without brackets; a zone ("%eth0") is ignored. False for anything else.
  bool matches(std::string_view address) const;
  // True when only loopback addresses (127.x.x.x, ::1) can match.
  bool loopbackOnly() const;
  const std::string& text() const { return text_; }

 private:
  struct Range {
    std::uint16_t from = 0;
    std::uint16_t to = 0;
  };
  static Result<Range> parsePart(std::string_view part, bool v6);

  std::string text_;
  bool any_ = false;
  bool v6_ = false;
  std::array<Range, 8> parts_{};  // 4 used for IPv4
};

Result<std::vector<AddressPattern>> parsePatterns(const std::vector<std::string>& items);
bool matchesAny(const std::vector<AddressPattern>& patterns, std::string_view address);

}  // namespace ox::config

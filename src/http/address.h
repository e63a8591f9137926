// IP addresses and networks as the HTTP side compares them: known proxies, the address check.
//
// Threads: pure functions; Networks is immutable.
// Errors:  nothing / false for a text that is no numeric address; names are never resolved.
// An IPv4 address mapped into IPv6 (::ffff:1.2.3.4) is the IPv4 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ox::http {

inline constexpr std::size_t kMaxAddressText = 45;

struct Address {
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
  bool four = false;

  int bits() const { return four ? 32 : 128; }
  bool operator==(const Address&) const = default;
  bool loopback() const;
};

std::optional<Address> parseAddress(std::string_view text);
// The first `bits` bits are equal; false for addresses of different kinds.
bool sameNetwork(const Address& a, const Address& b, int bits);
// "/24" or "255.255.255.0" as a number of bits; `otherwise` for anything else, such as an empty text.
int maskBits(const std::string& text, int otherwise);

// "10.0.0.1", "10.0.0.0/8", "fd00::/8": what the configuration has checked already.
class Networks {
 public:
  Networks() = default;
  explicit Networks(const std::vector<std::string>& texts);
  bool empty() const { return networks_.empty(); }
  bool contains(const Address& address) const;

 private:
  struct Network {
    Address base;
    int bits;
  };
  std::vector<Network> networks_;
};

}  // namespace ox::http

// A range of ports, both ends included.
#pragma once

#include <cstdint>

namespace ox::net {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  bool operator==(const PortRange&) const = default;
};

}  // namespace ox::net

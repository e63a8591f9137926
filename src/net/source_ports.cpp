#include "net/source_ports.h"

#include "base/check.h"

namespace ox::net {

SourcePorts::SourcePorts(std::vector<PortRange> ranges) : ranges_(std::move(ranges)) {
  for (const auto& r : ranges_) size_ += static_cast<std::size_t>(r.last - r.first) + 1;
  OX_CHECK(size_ > 0);
}

std::uint16_t SourcePorts::at(std::size_t place) const {
  place %= size_;
  for (const auto& r : ranges_) {
    const std::size_t n = static_cast<std::size_t>(r.last - r.first) + 1;
    if (place < n) return static_cast<std::uint16_t>(r.first + place);
    place -= n;
  }
  return ranges_.front().first;
}

std::string SourcePorts::text() const {
  std::string out;
  for (const auto& r : ranges_) {
    if (!out.empty()) out += ", ";
    out += std::to_string(r.first);
    if (r.last != r.first) out += "-" + std::to_string(r.last);
  }
  return out;
}

}  // namespace ox::net

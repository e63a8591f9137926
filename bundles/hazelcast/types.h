// Small value types every room of the grid uses. Plain values, no threads.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"

namespace ox::grid {

// Identity of one run of one member: a restarted process is a new member.
struct MemberId {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  auto operator<=>(const MemberId&) const = default;
  bool valid() const { return hi != 0 || lo != 0; }
  std::string toString() const;  // uuid form
  static MemberId read(ByteReader& in) {
    MemberId id;
    id.hi = in.u64();
    id.lo = in.u64();
    return id;
  }
  void write(ByteWriter& out) const {
    out.u64(hi);
    out.u64(lo);
  }
};

// Numeric address (no name) and port. Order: as text of host, then port (used as tie-break).
struct Address {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Address&) const = default;
  std::string toString() const;  // "10.0.0.15:5701", "[::1]:5701"
};

struct Member {
  MemberId id;
  Address address;
  bool lite = false;
  bool operator==(const Member&) const = default;
};

// For tables by name that are asked with views.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(BytesView v) const { return std::hash<BytesView>{}(v); }
};
struct NameEqual {
  using is_transparent = void;
  bool operator()(BytesView a, BytesView b) const { return a == b; }
};

inline constexpr int kMaxReplicas = 7;  // owner and up to 6 backups
inline constexpr int kDefaultPartitionCount = 271;

}  // namespace ox::grid

template <>
struct std::hash<ox::grid::MemberId> {
  std::size_t operator()(const ox::grid::MemberId& id) const noexcept {
    return static_cast<std::size_t>(id.lo ^ (id.hi * 0x9e3779b97f4a7c15ULL));
  }
};

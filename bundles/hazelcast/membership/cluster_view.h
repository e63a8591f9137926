// ClusterView: the one versioned document of the cluster: members and partition table together.
//
// Purpose:   whoever holds a view knows the whole truth of that version; it is built by the
//            master, validated whole, installed atomically, never edited in place.
// Threads:   immutable once published; shared by std::shared_ptr<const ClusterView>.
// Order:     by ViewId (epoch, counter). A member installs only a greater id. The epoch rises
//            with each new mastership, the counter with each view of one master.
// Wire form: docs/formats/member-protocol.md, encode()/decode() here; always the last thing of a
//            frame.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "types.h"

namespace ox::grid {

struct ViewId {
  std::uint64_t epoch = 0;
  std::uint64_t counter = 0;
  MemberId master;  // who made it; distinguishes the two sides of a split
  // Order by epoch, then counter, then master (only to be total).
  auto operator<=>(const ViewId&) const = default;
};

// Members that hold a partition: [0] is the owner, [i] the i-th backup. Every listed replica is
// in sync: the owner waits for it. Members that are still copying stand in `migrations`.
struct Replicas {
  std::array<MemberId, kMaxReplicas> at{};  // invalid ids behind `count`
  std::uint8_t count = 0;
  // Position of the member, or -1.
  int indexOf(const MemberId& id) const;
  bool operator==(const Replicas&) const = default;
};

// An order to the owner of `partition`: bring `target` into sync, then tell the master. When
// `becomesOwner` the owner also freezes the partition first (see partition/README.md).
// `dropIndex`: replica that leaves when the target has arrived, 255 = none.
struct Migration {
  std::uint16_t partition = 0;
  MemberId target;
  bool becomesOwner = false;
  std::uint8_t replicaIndex = 1;   // where the target will stand
  std::uint8_t dropIndex = 255;
  bool operator==(const Migration&) const = default;
};

struct ClusterView {
  ViewId id;
  std::string clusterName;
  std::vector<Member> members;         // oldest first; [0] is master
  std::vector<Replicas> partitions;    // size = partition count; count 0 = nobody owns it (yet)
  std::vector<Migration> migrations;   // in progress, bounded by kMaxMigrations
  std::vector<MemberId> leaving;       // asked to leave, still handing over
  // Protocol that all members speak: the least of their highest ones. Messages that an older
  // member could not read are sent only from their protocol on. A view of protocol 1 is encoded
  // byte by byte as members of protocol 1 do.
  std::uint16_t protocol = 1;

  static constexpr std::size_t kMaxMembers = 1024;
  static constexpr std::size_t kMaxMigrations = 4096;

  const Member* find(const MemberId& id) const;
  const Member* findAddress(const Address& address) const;
  int partitionCount() const { return static_cast<int>(partitions.size()); }
  // Empty = sound; else what is wrong. Checked before sending and after receiving.
  std::string validate() const;
  void encode(ByteWriter& out) const;
  static Result<ClusterView> decode(ByteReader& in);
};
using ViewPtr = std::shared_ptr<const ClusterView>;

}  // namespace ox::grid

#include "membership/cluster_view.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "member_protocol/message.h"

namespace ox::grid {
namespace {

constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxHostBytes = 255;
constexpr std::size_t kMaxPartitions = 8191;
constexpr std::uint16_t kNoMember = 0xffff;  // never an index: kMaxMembers is smaller

using Indexes = absl::flat_hash_map<MemberId, std::uint16_t, std::hash<MemberId>>;

Indexes indexMembers(const std::vector<Member>& members) {
  Indexes indexes;
  indexes.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    indexes.emplace(members[i].id, static_cast<std::uint16_t>(i));
  return indexes;
}

std::string of(int partition) { return " of partition " + std::to_string(partition); }

}  // namespace

int Replicas::indexOf(const MemberId& member) const {
  for (int i = 0; i < count && i < kMaxReplicas; ++i)
    if (at[static_cast<std::size_t>(i)] == member) return i;
  return -1;
}

const Member* ClusterView::find(const MemberId& member) const {
  for (const Member& m : members)
    if (m.id == member) return &m;
  return nullptr;
}

const Member* ClusterView::findAddress(const Address& address) const {
  for (const Member& m : members)
    if (m.address == address) return &m;
  return nullptr;
}

std::string ClusterView::validate() const {
  if (id.epoch == 0 || !id.master.valid()) return "view id without epoch or master";
  if (clusterName.empty() || clusterName.size() > kMaxNameBytes) return "bad cluster name";
  if (members.empty() || members.size() > kMaxMembers) return "bad number of members";
  if (partitions.empty() || partitions.size() > kMaxPartitions) return "bad partition count";
  if (migrations.size() > kMaxMigrations) return "too many migrations";
  if (protocol < kProtocolMin) return "bad protocol";
  if (leaving.size() > members.size()) return "more leaving members than members";

  const Indexes indexes = indexMembers(members);
  if (indexes.size() != members.size()) return "a member is listed twice";
  absl::flat_hash_set<std::pair<std::string_view, std::uint16_t>> addresses;
  addresses.reserve(members.size());
  for (const Member& m : members) {
    if (!m.id.valid()) return "a member without id";
    if (m.address.host.empty() || m.address.host.size() > kMaxHostBytes || m.address.port == 0)
      return "member " + m.id.toString() + " has no address";
    if (!addresses.insert({m.address.host, m.address.port}).second)
      return "address " + m.address.toString() + " is listed twice";
  }
  for (int p = 0; p < partitionCount(); ++p) {
    const Replicas& r = partitions[static_cast<std::size_t>(p)];
    if (r.count > kMaxReplicas) return "too many replicas" + of(p);
    for (int i = 0; i < kMaxReplicas; ++i) {
      const MemberId& holder = r.at[static_cast<std::size_t>(i)];
      if (i >= r.count) {
        if (holder.valid()) return "an id behind the last replica" + of(p);
        continue;
      }
      const auto found = indexes.find(holder);
      if (found == indexes.end()) return "a replica is not a member" + of(p);
      if (members[found->second].lite) return "a lite member holds a replica" + of(p);
      if (r.indexOf(holder) != i) return "a replica is listed twice" + of(p);
    }
  }
  std::vector<bool> moving(partitions.size());
  for (const Migration& m : migrations) {
    if (m.partition >= partitions.size()) return "migration of an unknown partition";
    if (moving[m.partition]) return "two migrations" + of(m.partition);
    moving[m.partition] = true;
    const Replicas& r = partitions[m.partition];
    if (r.count == 0) return "migration without an owner" + of(m.partition);
    const auto found = indexes.find(m.target);
    if (found == indexes.end()) return "migration target is not a member" + of(m.partition);
    if (members[found->second].lite) return "migration to a lite member" + of(m.partition);
    if (m.becomesOwner != (m.replicaIndex == 0)) return "contradicting migration" + of(m.partition);
    if (m.replicaIndex > r.count || m.replicaIndex >= kMaxReplicas)
      return "migration to a place that does not exist" + of(m.partition);
    if (m.dropIndex != 255 && m.dropIndex >= r.count)
      return "migration drops a replica that does not exist" + of(m.partition);
    if (r.at[0] == m.target) return "migration to the owner" + of(m.partition);
  }
  absl::flat_hash_set<MemberId, std::hash<MemberId>> seen;
  for (const MemberId& l : leaving)
    if (indexes.count(l) == 0 || !seen.insert(l).second) return "bad list of leaving members";
  return {};
}

void ClusterView::encode(ByteWriter& out) const {
  const Indexes indexes = indexMembers(members);
  const auto index = [&](const MemberId& member) {
    const auto found = indexes.find(member);
    return found == indexes.end() ? kNoMember : found->second;
  };
  out.u64(id.epoch);
  out.u64(id.counter);
  id.master.write(out);
  out.blob(clusterName);
  out.u32(static_cast<std::uint32_t>(members.size()));
  for (const Member& m : members) {
    m.id.write(out);
    out.blob(m.address.host);
    out.u16(m.address.port);
    out.boolean(m.lite);
  }
  out.u32(static_cast<std::uint32_t>(partitions.size()));
  for (const Replicas& r : partitions) {
    out.u8(r.count);
    for (int i = 0; i < r.count && i < kMaxReplicas; ++i)
      out.u16(index(r.at[static_cast<std::size_t>(i)]));
  }
  out.u32(static_cast<std::uint32_t>(migrations.size()));
  for (const Migration& m : migrations) {
    out.u16(m.partition);
    out.u16(index(m.target));
    out.boolean(m.becomesOwner);
    out.u8(m.replicaIndex);
    out.u8(m.dropIndex);
  }
  out.u32(static_cast<std::uint32_t>(leaving.size()));
  for (const MemberId& l : leaving) out.u16(index(l));
  if (protocol >= 2) out.u16(protocol);  // at the end: a view of protocol 1 ends before
}

Result<ClusterView> ClusterView::decode(ByteReader& in) {
  const auto bad = [](const std::string& what) {
    return Error(Code::kGridBadMessage, "cluster view: " + what);
  };
  ClusterView view;
  view.id.epoch = in.u64();
  view.id.counter = in.u64();
  view.id.master = MemberId::read(in);
  view.clusterName = in.blob();
  const std::uint32_t memberCount = in.count(16 + 4 + 2 + 1);
  if (memberCount > kMaxMembers) return bad("too many members");
  for (std::uint32_t i = 0; i < memberCount; ++i) {
    Member m;
    m.id = MemberId::read(in);
    m.address.host = in.blob();
    m.address.port = in.u16();
    m.lite = in.boolean();
    view.members.push_back(std::move(m));
  }
  const auto member = [&]() -> MemberId {
    const std::uint16_t i = in.u16();
    if (i < view.members.size()) return view.members[i].id;
    in.fail();
    return {};
  };
  const std::uint32_t partitionCount = in.count(1);
  if (partitionCount > kMaxPartitions) return bad("too many partitions");
  view.partitions.resize(partitionCount);
  for (Replicas& r : view.partitions) {
    r.count = in.u8();
    if (r.count > kMaxReplicas) return bad("too many replicas");
    for (std::size_t i = 0; i < r.count; ++i) r.at[i] = member();
  }
  const std::uint32_t migrationCount = in.count(7);
  if (migrationCount > kMaxMigrations) return bad("too many migrations");
  for (std::uint32_t i = 0; i < migrationCount && in.ok(); ++i) {
    Migration m;
    m.partition = in.u16();
    m.target = member();
    m.becomesOwner = in.boolean();
    m.replicaIndex = in.u8();
    m.dropIndex = in.u8();
    view.migrations.push_back(m);
  }
  const std::uint32_t leavingCount = in.count(2);
  if (leavingCount > kMaxMembers) return bad("too many leaving members");
  for (std::uint32_t i = 0; i < leavingCount && in.ok(); ++i) view.leaving.push_back(member());
  if (in.ok() && !in.atEnd() && (view.protocol = in.u16()) < 2) return bad("a protocol out of place");
  if (!in.ok()) return bad("too short or with an unknown member");
  if (std::string wrong = view.validate(); !wrong.empty()) return bad(wrong);
  return view;
}

}  // namespace ox::grid

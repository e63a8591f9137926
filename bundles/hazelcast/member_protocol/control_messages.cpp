#include "member_protocol/control_messages.h"

#include <algorithm>

namespace ox::grid {
namespace {

constexpr std::size_t kMaxTextBytes = 512;

void writeViewId(ByteWriter& out, const ViewId& id) {
  out.u64(id.epoch);
  out.u64(id.counter);
  id.master.write(out);
}
ViewId readViewId(ByteReader& in) {
  ViewId id;
  id.epoch = in.u64();
  id.counter = in.u64();
  id.master = MemberId::read(in);
  return id;
}

std::string readText(ByteReader& in) {
  const BytesView text = in.blob();
  if (text.size() > kMaxTextBytes) {
    in.fail();
    return {};
  }
  return std::string(text);
}

bool readFlag(ByteReader& in) {
  const std::uint8_t v = in.u8();
  if (v > 1) in.fail();
  return v == 1;
}

void writeAddress(ByteWriter& out, const Address& a) {
  out.blob(a.host);
  out.u16(a.port);
}
Address readAddress(ByteReader& in) {
  Address a;
  a.host = readText(in);
  a.port = in.u16();
  return a;
}

void writeAddresses(ByteWriter& out, const std::vector<Address>& list) {
  const std::size_t n = std::min(list.size(), kMaxAddressesTold);
  out.u32(static_cast<std::uint32_t>(n));
  for (std::size_t i = 0; i < n; ++i) writeAddress(out, list[i]);
}
std::vector<Address> readAddresses(ByteReader& in) {
  std::vector<Address> list;
  const std::uint32_t n = in.count(6);
  if (n > kMaxAddressesTold) {
    in.fail();
    return list;
  }
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) list.push_back(readAddress(in));
  return list;
}

}  // namespace

void Heartbeat::encode(ByteWriter& out) const {
  out.u8(static_cast<std::uint8_t>(state));
  out.blob(clusterName);
  writeViewId(out, view);
  writeAddress(out, master);
  out.u32(members);
  out.u64(ownedEntries);
  out.u64(clusterEntries);
  out.u64(promisedEpoch);
  out.boolean(youAreMember);
  out.boolean(waitsFor.has_value());
  if (waitsFor) writeAddress(out, *waitsFor);
  writeAddresses(out, seen);
  writeAddresses(out, foreignMasters);
  if (protocol < 2) return;
  out.boolean(hearsYou);
  out.boolean(refusesYou);
  out.boolean(settled);
  out.i64(wallMillis);
  const std::size_t silent = std::min(unheard.size(), kMaxUnheardTold);
  out.u32(static_cast<std::uint32_t>(silent));
  for (std::size_t i = 0; i < silent; ++i) {
    unheard[i].member.write(out);
    out.boolean(unheard[i].suspected);
  }
  const std::size_t known = std::min(strangers.size(), kMaxUnheardTold);
  out.u32(static_cast<std::uint32_t>(known));
  for (std::size_t i = 0; i < known; ++i) strangers[i].write(out);
}

Heartbeat Heartbeat::decode(ByteReader& in) {
  Heartbeat h;
  const std::uint8_t state = in.u8();
  if (state > static_cast<std::uint8_t>(MemberState::kLeft)) in.fail();
  h.state = static_cast<MemberState>(state);
  h.clusterName = readText(in);
  h.view = readViewId(in);
  h.master = readAddress(in);
  h.members = in.u32();
  h.ownedEntries = in.u64();
  h.clusterEntries = in.u64();
  h.promisedEpoch = in.u64();
  h.youAreMember = readFlag(in);
  if (readFlag(in)) h.waitsFor = readAddress(in);
  h.seen = readAddresses(in);
  h.foreignMasters = readAddresses(in);
  h.protocol = 1;
  if (!in.ok() || in.atEnd()) return h;
  h.protocol = 2;
  h.hearsYou = readFlag(in);
  h.refusesYou = readFlag(in);
  h.settled = readFlag(in);
  h.wallMillis = in.i64();
  const std::uint32_t silent = in.count(17);
  if (silent > kMaxUnheardTold) in.fail();
  for (std::uint32_t i = 0; i < silent && in.ok(); ++i) {
    Unheard u;
    u.member = MemberId::read(in);
    u.suspected = readFlag(in);
    h.unheard.push_back(u);
  }
  const std::uint32_t known = in.count(16);
  if (known > kMaxUnheardTold) in.fail();
  for (std::uint32_t i = 0; i < known && in.ok(); ++i) h.strangers.push_back(MemberId::read(in));
  return h;
}

void JoinRequest::encode(ByteWriter& out) const {
  member.id.write(out);
  writeAddress(out, member.address);
  out.boolean(member.lite);
  out.u32(partitionCount);
}
JoinRequest JoinRequest::decode(ByteReader& in) {
  JoinRequest r;
  r.member.id = MemberId::read(in);
  r.member.address = readAddress(in);
  r.member.lite = readFlag(in);
  r.partitionCount = in.u32();
  if (!r.member.id.valid() || r.member.address.host.empty() || r.member.address.port == 0)
    in.fail();
  return r;
}

void ViewAck::encode(ByteWriter& out) const { writeViewId(out, view); }
ViewAck ViewAck::decode(ByteReader& in) { return {readViewId(in)}; }

void ViewQuery::encode(ByteWriter& out) const { out.u64(epoch); }
ViewQuery ViewQuery::decode(ByteReader& in) { return {in.u64()}; }

void ViewAnswer::encode(ByteWriter& out) const {
  out.u64(epoch);
  out.boolean(agreed);
  out.u64(promisedEpoch);
  out.boolean(view.has_value());
  if (view) view->encode(out);
}
ViewAnswer ViewAnswer::decode(ByteReader& in) {
  ViewAnswer a;
  a.epoch = in.u64();
  a.agreed = readFlag(in);
  a.promisedEpoch = in.u64();
  if (readFlag(in) && in.ok()) {
    auto view = ClusterView::decode(in);
    if (view) a.view = std::move(*view);
    else in.fail();
  }
  return a;
}

void LeaveRequest::encode(ByteWriter& out) const { member.write(out); }
LeaveRequest LeaveRequest::decode(ByteReader& in) { return {MemberId::read(in)}; }

void MigrationDone::encode(ByteWriter& out) const {
  writeViewId(out, view);
  out.u16(migration.partition);
  migration.target.write(out);
  out.boolean(migration.becomesOwner);
  out.u8(migration.replicaIndex);
  out.u8(migration.dropIndex);
}
MigrationDone MigrationDone::decode(ByteReader& in) {
  MigrationDone d;
  d.view = readViewId(in);
  d.migration.partition = in.u16();
  d.migration.target = MemberId::read(in);
  d.migration.becomesOwner = readFlag(in);
  d.migration.replicaIndex = in.u8();
  d.migration.dropIndex = in.u8();
  return d;
}

void Suspect::encode(ByteWriter& out) const { member.write(out); }
Suspect Suspect::decode(ByteReader& in) { return {MemberId::read(in)}; }

void Dissolve::encode(ByteWriter& out) const { writeAddress(out, target); }
Dissolve Dissolve::decode(ByteReader& in) {
  Dissolve d{readAddress(in)};
  if (d.target.host.empty() || d.target.port == 0) in.fail();
  return d;
}

void Confirm::encode(ByteWriter& out) const { out.u64(nonce); }
Confirm Confirm::decode(ByteReader& in) { return {in.u64()}; }

void Confirmed::encode(ByteWriter& out) const {
  out.u64(nonce);
  writeViewId(out, view);
  out.u64(promisedEpoch);
}
Confirmed Confirmed::decode(ByteReader& in) {
  Confirmed c;
  c.nonce = in.u64();
  c.view = readViewId(in);
  c.promisedEpoch = in.u64();
  return c;
}

void MapList::encode(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(std::min(maps.size(), kMaxMapsTold)));
  for (std::size_t i = 0; i < maps.size() && i < kMaxMapsTold; ++i) {
    out.blob(maps[i].name);
    const std::size_t fields = std::min(maps[i].fields.size(), kMaxMapFields);
    out.u32(static_cast<std::uint32_t>(fields));
    for (std::size_t k = 0; k < fields; ++k) {
      out.blob(maps[i].fields[k].first);
      out.blob(maps[i].fields[k].second);
    }
  }
}
MapList MapList::decode(ByteReader& in) {
  MapList list;
  const std::uint32_t maps = in.count(8);
  if (maps > kMaxMapsTold) in.fail();
  for (std::uint32_t i = 0; i < maps && in.ok(); ++i) {
    MapText map;
    map.name = readText(in);
    const std::uint32_t fields = in.count(8);
    if (fields > kMaxMapFields) in.fail();
    for (std::uint32_t k = 0; k < fields && in.ok(); ++k) {
      std::string key = readText(in);
      map.fields.emplace_back(std::move(key), readText(in));
    }
    list.maps.push_back(std::move(map));
  }
  return list;
}

Bytes encodeViewFrame(const ClusterView& view) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Kind::kView));
  view.encode(out);
  return out.take();
}

}  // namespace ox::grid

// The message that tells followers of reads (kTouch).
#include "member_protocol/data_messages.h"

namespace ox::grid {
namespace {
std::int64_t readTime(ByteReader& in) {
  const auto millis = in.i64();
  if (millis < 0 || (millis >> 50) != 0) in.fail();
  return millis;
}
}  // namespace

Bytes TouchMessage::encode(std::uint16_t slot) const {
  std::size_t size = 192 + map.size();
  for (const auto& i : items) size += 16 + i.key.size();
  ByteWriter out;
  out.reserve(size);
  out.u8(static_cast<std::uint8_t>(Kind::kTouch));
  out.u16(slot);
  head.write(out);
  out.boolean(complete);
  out.blob(map);
  out.i64(idleFloor);
  out.u32(static_cast<std::uint32_t>(items.size()));
  for (const auto& i : items) {
    out.blob(i.key);
    out.i64(i.lastAccess);
    out.u32(i.hits);
  }
  return out.take();
}
Result<TouchMessage> TouchMessage::decode(ByteReader& in) {
  TouchMessage m;
  m.head = ReplicationHead::read(in);
  const auto complete = in.u8();
  m.complete = complete == 1;
  m.map = in.blob();
  m.idleFloor = readTime(in);
  const auto n = in.count(16);
  if (complete > 1 || m.map.size() > kMaxNameBytes || n > kMaxItems ||
      (m.map.empty() && n > 0))
    in.fail();
  if (in.ok()) m.items.reserve(n);
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
    TouchItem item;
    item.key = in.blob();
    if (item.key.size() > kMaxKeyBytes) in.fail();
    item.lastAccess = readTime(in);
    item.hits = in.u32();
    m.items.push_back(item);
  }
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage, "undecodable member message: touches");
  return m;
}

}  // namespace ox::grid

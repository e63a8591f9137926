#include "attribute_record.h"

#include <algorithm>

#include "serialization/data.h"
#include "serialization/murmur.h"
#include "serialization/portable.h"

namespace ox::sessionstorage {
namespace {

using serialization::PortableReader;
using serialization::PortableWriter;
using services::AttributeWritten;
using services::EntryChange;

constexpr serialization::PortableClass kType{7873, 1, 1};
constexpr std::size_t kFields = 5;
constexpr std::uint8_t kSet = 1, kRemove = 2;
constexpr std::uint8_t kApplied = 1, kOtherVersion = 2, kMalformed = 3;
constexpr std::size_t kMaxSessionIdBytes = 64;
constexpr std::int64_t kMaxVersion = std::int64_t{1} << 60;  // no clock and no number of writes gets there

Bytes reply(std::uint8_t outcome, std::int64_t version) {
  ByteWriter out;
  out.u8(outcome);
  out.i64(version);
  return out.take();
}

Error broken(const char* what) {
  return Error(Code::kInvalid, std::string("session attribute: ") + what);
}

}  // namespace

Bytes attributeKey(const std::string& sessionId, const std::string& name) {
  Bytes key = serialization::toData(sessionId + "/" + name);
  const Bytes session = serialization::toData(sessionId);
  ByteWriter hash;
  hash.i32(serialization::murmur3(serialization::payloadOf(session)));
  key.replace(0, hash.size(), hash.bytes());
  return key;
}

Bytes encodeAttribute(const AttributeRecord& record) {
  return serialization::portableToData(kType, kFields, [&](PortableWriter& w) {
    w.utf("sessionId", record.sessionId);
    w.utf("name", record.attribute.name);
    w.utf("value", record.attribute.value);
    w.i64("version", record.attribute.version);
    w.i64("modified", record.attribute.modified);
  });
}

Result<AttributeRecord> decodeAttribute(BytesView data) {
  if (data.size() > kMaxAttributeRecordBytes) return broken("larger than allowed");
  const auto reader = PortableReader::open(data);
  if (!reader) return broken(reader.error().message.c_str());
  if (reader->type().factoryId != kType.factoryId || reader->type().classId != kType.classId)
    return broken("a record of another class");
  const auto sessionId = reader->utf("sessionId");
  const auto name = reader->utf("name");
  const auto value = reader->utf("value");
  const auto version = reader->i64("version");
  const auto modified = reader->i64("modified");
  if (!sessionId || !*sessionId || !name || !*name || !value || !*value || !version || !modified)
    return broken("a field is missing or of another type");
  if ((*sessionId)->size() > kMaxSessionIdBytes || !services::validAttributeName(**name) ||
      (*value)->size() > services::kMaxAttributeValueBytes || *version <= 0 ||
      *version > kMaxVersion)
    return broken("a field is out of bounds");
  return AttributeRecord{**sessionId, {**name, **value, *version, *modified}};
}

Bytes encodeCommand(const AttributeCommand& c) {
  ByteWriter out;
  out.u8(c.write.value ? kSet : kRemove);
  out.blob(c.sessionId);
  out.blob(c.write.name);
  out.i64(c.write.expectedVersion.value_or(-1));
  out.i64(c.nowMillis);
  out.i64(c.maxIdleMillis);
  out.blob(c.write.value.value_or(std::string()));
  return out.take();
}

EntryChange runAttributeCommand(const services::EntryView& entry, BytesView argument) {
  ByteReader in(argument);
  const std::uint8_t action = in.u8();
  AttributeRecord next;
  next.sessionId = std::string(in.blob());
  next.attribute.name = std::string(in.blob());
  const std::int64_t expected = in.i64();
  const std::int64_t now = in.i64();
  const std::int64_t idle = in.i64();
  next.attribute.value = std::string(in.blob());
  EntryChange change;
  if (!in.ok() || !in.atEnd() || (action != kSet && action != kRemove) ||
      next.sessionId.size() > kMaxSessionIdBytes || now < 0 || now > kMaxVersion || idle < 0 ||
      !services::validAttributeName(next.attribute.name) ||
      next.attribute.value.size() > services::kMaxAttributeValueBytes) {
    change.reply = reply(kMalformed, 0);
    return change;
  }
  std::int64_t former = 0;
  if (entry.value) {
    const auto there = decodeAttribute(*entry.value);
    if (there) former = there->attribute.version;
  }
  if (expected >= 0 && expected != former) {
    change.reply = reply(kOtherVersion, former);
    return change;
  }
  if (action == kRemove) {
    change.action = entry.value ? EntryChange::Action::kRemove : EntryChange::Action::kKeep;
    change.reply = reply(kApplied, 0);
    return change;
  }
  next.attribute.version = std::min(std::max(former + 1, now), kMaxVersion);
  next.attribute.modified = now;
  change.action = EntryChange::Action::kSet;
  change.value = encodeAttribute(next);
  change.ttlMillis = 0;
  change.maxIdleMillis = idle;
  change.reply = reply(kApplied, next.attribute.version);
  return change;
}

Result<AttributeWritten> decodeAttributeReply(BytesView bytes) {
  ByteReader in(bytes);
  const std::uint8_t outcome = in.u8();
  AttributeWritten out;
  out.version = in.i64();
  if (!in.ok() || !in.atEnd() || (outcome != kApplied && outcome != kOtherVersion))
    return broken("the owner refused a malformed write");
  out.applied = outcome == kApplied;
  return out;
}

}  // namespace ox::sessionstorage

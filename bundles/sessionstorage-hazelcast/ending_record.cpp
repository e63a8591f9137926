#include "ending_record.h"

#include "attribute_record.h"
#include "serialization/data.h"
#include "serialization/murmur.h"
#include "serialization/portable.h"

namespace ox::sessionstorage {
namespace {

using serialization::PortableReader;
using serialization::PortableWriter;
using services::SessionEnding;
using services::SessionNotice;
using Kind = SessionEnding::Kind;

constexpr serialization::PortableClass kType{7873, 2, 1};
constexpr std::size_t kFields = 7;
constexpr std::size_t kMaxTextBytes = 256;

Error broken(const char* what) {
  return Error(Code::kInvalid, std::string("mark of an ended session: ") + what);
}

}  // namespace

Bytes sessionEndingKey(const std::string& sessionId) {
  Bytes key = serialization::toData("s/" + sessionId);
  const Bytes session = serialization::toData(sessionId);
  ByteWriter hash;
  hash.i32(serialization::murmur3(serialization::payloadOf(session)));
  key.replace(0, hash.size(), hash.bytes());
  return key;
}
Bytes userEndingKey(std::int32_t contextId, std::int32_t userId) {
  return serialization::toData("u/" + std::to_string(contextId) + "/" + std::to_string(userId));
}
Bytes contextEndingKey(std::int32_t contextId) {
  return serialization::toData("c/" + std::to_string(contextId));
}
Bytes endingKey(const SessionEnding& e) {
  switch (e.kind) {
    case Kind::kUser: return userEndingKey(e.contextId, e.userId);
    case Kind::kContext: return contextEndingKey(e.contextId);
    case Kind::kSession: break;
  }
  return sessionEndingKey(e.sessionId);
}

Bytes encodeEnding(const SessionEnding& e) {
  return serialization::portableToData(kType, kFields, [&](PortableWriter& w) {
    w.i32("kind", static_cast<std::int32_t>(e.kind));
    w.utf("sessionId", e.sessionId);
    w.i32("contextId", e.contextId);
    w.i32("userId", e.userId);
    w.i64("ended", e.endedMillis);
    w.utf("except", e.except);
    w.boolean("longLived", e.longLived);
  });
}

Result<SessionEnding> decodeEnding(BytesView data) {
  if (data.size() > kMaxEndingBytes) return broken("larger than allowed");
  const auto reader = PortableReader::open(data);
  if (!reader) return broken(reader.error().message.c_str());
  if (reader->type().factoryId != kType.factoryId || reader->type().classId != kType.classId)
    return broken("a record of another class");
  const auto kind = reader->i32("kind");
  const auto sessionId = reader->utf("sessionId");
  const auto contextId = reader->i32("contextId");
  const auto userId = reader->i32("userId");
  const auto ended = reader->i64("ended");
  const auto except = reader->utf("except");
  const auto longLived = reader->boolean("longLived");
  if (!kind || !sessionId || !contextId || !userId || !ended || !except || !longLived)
    return broken("a field is missing or of another type");
  SessionEnding e;
  e.sessionId = sessionId->value_or(std::string());
  e.except = except->value_or(std::string());
  if (*kind < 0 || *kind > static_cast<std::int32_t>(Kind::kContext) ||
      e.sessionId.size() > kMaxTextBytes || e.except.size() > kMaxTextBytes ||
      (*kind == 0 && e.sessionId.empty()))
    return broken("a field is out of bounds");
  e.kind = static_cast<Kind>(*kind);
  e.contextId = *contextId;
  e.userId = *userId;
  e.endedMillis = *ended;
  e.longLived = *longLived;
  return e;
}

Bytes encodeNotice(const SessionNotice& notice) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(notice.kind));
  out.blob(notice.subject);
  if (notice.kind == SessionNotice::Kind::kEnded) out.blob(encodeEnding(notice.ending));
  return out.take();
}

Result<SessionNotice> decodeNotice(BytesView bytes) {
  if (bytes.size() > kMaxNoticeBytes) return broken("a notice is larger than allowed");
  ByteReader in(bytes);
  SessionNotice out;
  const std::uint8_t kind = in.u8();
  out.subject = std::string(in.blob());
  if (!in.ok() || kind > static_cast<std::uint8_t>(SessionNotice::Kind::kHeld) ||
      out.subject.size() > kMaxTextBytes)
    return broken("a notice cannot be read");
  out.kind = static_cast<SessionNotice::Kind>(kind);
  if (out.kind == SessionNotice::Kind::kEnded) {
    auto ending = decodeEnding(in.blob());
    if (!ending) return ending.error();
    out.ending = std::move(*ending);
  }
  if (!in.ok() || !in.atEnd()) return broken("a notice cannot be read");
  return out;
}

}  // namespace ox::sessionstorage

// Attributes of sessions in the grid: key, record, and the entry processor that writes one.
//
// Key:      the String "<session id>/<name>" whose Data carries the partition hash of the session's own
//           key, so that a session and its attributes are owned by the same member.
// Record:   Portable {sessionId, name, value, version, modified}, factory 7873, class 1 (ours).
// Writing:  the processor runs at the owner: it compares the expected version, gives the next one
//           (the writer's clock in ms, at least one more than before, so that versions of two halves of
//           a split differ) and stores. Two writers of one attribute are ordered, none is lost unseen.
// Threads:  pure functions.
// Errors:   RUN-0004 for records and answers that are cut off, of another class, or out of bounds.
// Page:     docs/formats/session-records.md.
#pragma once

#include <optional>
#include <string>

#include "services/session_storage.h"

namespace ox::sessionstorage {

inline constexpr const char* kAttributeProcessor = "ox.session-attribute";
inline constexpr std::size_t kMaxAttributeRecordBytes = 80 * 1024;

Bytes attributeKey(const std::string& sessionId, const std::string& name);

struct AttributeRecord {
  std::string sessionId;
  services::SessionAttribute attribute;
};
Bytes encodeAttribute(const AttributeRecord& record);
Result<AttributeRecord> decodeAttribute(BytesView data);

struct AttributeCommand {
  std::string sessionId;
  services::AttributeWrite write;
  std::int64_t nowMillis = 0;
  std::int64_t maxIdleMillis = 0;
};
Bytes encodeCommand(const AttributeCommand& command);
services::EntryChange runAttributeCommand(const services::EntryView& entry, BytesView argument);
Result<services::AttributeWritten> decodeAttributeReply(BytesView reply);

}  // namespace ox::sessionstorage

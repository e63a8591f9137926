// Marks of endings: what remains of a closed session, user or context in the map session-endings-1.
//
// Key:      the String "s/<session id>", "u/<context>/<user>" or "c/<context>"; that of a session has the
//           partition hash of the session's own key.
// Record:   Portable, factory 7873, class 2 (ours). Page: docs/formats/session-records.md.
// Threads:  pure functions.
// Errors:   RUN-0004 for records that are cut off, of another class, or out of bounds.
#pragma once

#include "services/session_storage.h"

namespace ox::sessionstorage {

inline constexpr std::size_t kMaxEndingBytes = 1024;

Bytes endingKey(const services::SessionEnding& ending);
Bytes sessionEndingKey(const std::string& sessionId);
Bytes userEndingKey(std::int32_t contextId, std::int32_t userId);
Bytes contextEndingKey(std::int32_t contextId);

Bytes encodeEnding(const services::SessionEnding& ending);
Result<services::SessionEnding> decodeEnding(BytesView data);

// Word between nodes, as bytes of a task argument: kind, subject, ending.
inline constexpr std::size_t kMaxNoticeBytes = 2 * kMaxEndingBytes;
Bytes encodeNotice(const services::SessionNotice& notice);
Result<services::SessionNotice> decodeNotice(BytesView bytes);

}  // namespace ox::sessionstorage

// PortableSession: how a session looks in the map sessions-7 (factory 873, class 1, version 5).
//
// Threads: pure functions. Bounds: a field of at most kMaxFieldBytes; a record of at most
//          kMaxRecordBytes. Errors: RUN-0004 names the field, never its content.
// Source:  the original's PortableSession (field names, order and types); the text in `password` is
//          ours (obfuscator.h). Page: docs/formats/portable-session.md.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "obfuscator.h"
#include "services/sessions.h"

namespace ox::sessionstorage {

inline constexpr std::size_t kMaxRecordBytes = 1024 * 1024;
inline constexpr std::size_t kMaxFieldBytes = 256 * 1024;

Bytes encodeSession(const services::Session& session, const Obfuscator& obfuscator);
Result<services::Session> decodeSession(BytesView data, const Obfuscator& obfuscator);

}  // namespace ox::sessionstorage

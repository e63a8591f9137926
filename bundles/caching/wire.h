// Cache events on the wire: PortableMessage (factory 873, class 3) with PortableCacheEvent (4) and
// PortableCacheKey (17).
//
// Threads: pure functions.
// Bounds:  events per message, keys per event, parts per key and bytes per text (constants below);
//          what exceeds them or is malformed fails the whole message with RUN-0004.
// Keys:    a context id alone travels as Integer, a login info alone as String (as the original's
//          region Context has them), everything else as CacheKey.
// Source:  the original's classes of the same names; topic cacheEvents-3. Page:
//          docs/operating/caching.md.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "services/cache_events.h"

namespace ox::caching {

inline constexpr std::size_t kMaxEvents = 1'000;
inline constexpr std::size_t kMaxKeys = 10'000;
inline constexpr std::size_t kMaxParts = 64;
inline constexpr std::size_t kMaxTextBytes = 4'096;

struct Message {
  std::string senderId;
  std::vector<services::CacheEvent> events;
};

Bytes encodeMessage(const Message& message);
Result<Message> decodeMessage(BytesView data);

}  // namespace ox::caching

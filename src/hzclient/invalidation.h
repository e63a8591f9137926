// What older nodes of App Suite understand: cache events on their topic, and the callable by which
// an executor drops schemas from the caches of a member.
//
// Threads:   pure functions. Bounds: kMaxEventKeys keys; the rest by the client's message limit.
// Errors:    RUN-0004 for what that line cannot be told.
// Danger:    a 3.2 member keeps the first class definition that it sees: an event without keys
//            would be another definition of the same class, and is refused for it.
// Source:    PortableMessage (factory 873, class 3) with PortableCacheEvent (4) and PortableCacheKey
//            (17); PortableContextInvalidationCallable (26). docs/formats/hazelcast-client.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hzclient/wire.h"
#include "services/cache_events.h"

namespace ox::hzclient {

inline constexpr std::size_t kMaxEventKeys = 10'000;

// Data for Client::publish(): one message with one event. Keys as the caching bundle has them: an id
// with parts, an id alone (Integer), one part with id -1 (String).
Result<Bytes> cacheEventData(Protocol protocol, const std::string& sender,
                             const services::CacheEvent& event);

// Data for Client::submit(): pairs of pool and schema. From 3.6 on.
Result<Bytes> invalidationCallable(Protocol protocol,
                                   const std::vector<std::pair<std::int32_t, std::string>>& schemas);

}  // namespace ox::hzclient

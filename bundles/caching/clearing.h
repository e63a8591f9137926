// The operation CacheService/clear: what the tool clearcache asks for.
//
// Arguments: {"region": name, "key": text?, "group": text?, "local": bool?}; without region: all. A key is
//            "cid", "cid/part/part" or "/part" (a key without a number, such as a login info).
// Answer:    {"regions": n, "removed": values that went on this node}.
// Threads:   any. Errors: RUN-0004 names what is wrong.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "events.h"
#include "regions.h"

namespace ox::caching {

// "7/a/b" as {7, {"a", "b"}}, "/x" as {-1, {"x"}}.
Result<services::CacheKey> readKey(const std::string& text);
Result<nlohmann::json> clearCaches(const nlohmann::json& arguments, Regions& regions,
                                   CacheEventsService& events);

}  // namespace ox::caching

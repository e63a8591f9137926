// The values of the regions Context, OXDBPoolCache and User as bytes, and look-ups through a region that may
// be absent (no bundle caching: every look-up asks the database).
//
// Threads: pure functions. The bytes never leave the process; what cannot be read counts as absent.
#pragma once

#include <memory>
#include <optional>

#include "services/cache.h"
#include "services/contexts.h"
#include "services/database.h"

namespace ox::database {

Bytes encodeContext(const services::Context& context);
std::optional<services::Context> decodeContext(BytesView bytes);
Bytes encodeUser(const services::User& user);
std::optional<services::User> decodeUser(BytesView bytes);
Bytes encodeAssignment(const services::Assignment& place);
std::optional<services::Assignment> decodeAssignment(BytesView bytes);
Bytes encodeNumber(std::int64_t number);
std::optional<std::int64_t> decodeNumber(BytesView bytes);

// `load` gives the record, kept as encode() makes it.
template <typename T>
Result<T> throughCache(const std::shared_ptr<services::CacheRegion>& region, BytesView key,
                       const std::function<Result<T>()>& load, Bytes (*encode)(const T&),
                       std::optional<T> (*decode)(BytesView), BytesView group = {}) {
  if (!region) return load();
  auto bytes = region->getOrLoad(
      key,
      [&]() -> Result<Bytes> {
        auto loaded = load();
        if (!loaded) return loaded.error();
        return encode(*loaded);
      },
      group);
  if (!bytes) return bytes.error();
  auto record = decode(*bytes);
  return record ? Result<T>(std::move(*record)) : load();
}

}  // namespace ox::database

// The features of maps beyond single entries, for the map proxies of engine_grid.cpp.
// Threads: any; listenTo() waits and must not be called on an engine thread.
#pragma once

#include <memory>
#include <string>

#include "engine_impl.h"
#include "map/locks.h"

namespace ox::grid {

using EnginePtr = std::shared_ptr<Engine::Impl>;

void queryMap(const EnginePtr& engine, const std::string& map, const services::Predicate& predicate,
              services::QueryOptions options, services::Completion<services::QueryResult> done);
void processEntry(const EnginePtr& engine, const std::string& map, Bytes key,
                  const std::string& processor, BytesView argument,
                  const services::Predicate* only,
                  services::Completion<std::optional<Bytes>> done);
Result<std::unique_ptr<services::Subscription>> listenTo(const EnginePtr& engine,
                                                         const std::string& map,
                                                         services::EntryListener listener,
                                                         const services::Predicate* only,
                                                         bool value, bool oldValue);
void lockKey(const EnginePtr& engine, const std::string& map, LockOp op,
             services::LockRequest request, services::Completion<services::LockState> done);

}  // namespace ox::grid

#include "services/grid.h"

#include <future>

namespace ox::services {
namespace {
// Runs an asynchronous call to its end. The engine answers every call by its call timeout, so
// that waiting without a limit here is bounded there.
template <typename T, typename Start>
Result<T> await(Start start) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  start([promise](Result<T> r) { promise->set_value(std::move(r)); });
  return future.get();
}
}  // namespace

Result<MapReply> GridMap::call(MapRequest request) {
  return await<MapReply>([&](Completion<MapReply> done) {
    execute(std::move(request), std::move(done));
  });
}
Result<std::optional<Bytes>> GridMap::get(Bytes key) {
  auto r = call({.op = MapOp::kGet, .key = std::move(key), .value = {}, .expected = {}});
  if (!r) return r.error();
  return std::move(r->value);
}
Status GridMap::set(Bytes key, Bytes value, std::int64_t ttlMillis, std::int64_t maxIdleMillis) {
  auto r = call({.op = MapOp::kSet, .key = std::move(key), .value = std::move(value),
                 .expected = {}, .ttlMillis = ttlMillis, .maxIdleMillis = maxIdleMillis});
  if (!r) return r.error();
  return {};
}
Result<std::optional<Bytes>> GridMap::put(Bytes key, Bytes value) {
  auto r = call({.op = MapOp::kPut, .key = std::move(key), .value = std::move(value),
                 .expected = {}});
  if (!r) return r.error();
  return std::move(r->value);
}
Result<std::optional<Bytes>> GridMap::putIfAbsent(Bytes key, Bytes value, std::int64_t ttlMillis,
                                                  std::int64_t maxIdleMillis) {
  auto r = call({.op = MapOp::kPutIfAbsent, .key = std::move(key), .value = std::move(value),
                 .expected = {}, .ttlMillis = ttlMillis, .maxIdleMillis = maxIdleMillis});
  if (!r) return r.error();
  return std::move(r->value);
}
Result<std::optional<Bytes>> GridMap::remove(Bytes key) {
  auto r = call({.op = MapOp::kRemove, .key = std::move(key), .value = {}, .expected = {}});
  if (!r) return r.error();
  return std::move(r->value);
}
Result<bool> GridMap::containsKey(Bytes key) {
  auto r = call({.op = MapOp::kContainsKey, .key = std::move(key), .value = {}, .expected = {}});
  if (!r) return r.error();
  return r->applied;
}
Result<std::uint64_t> GridMap::sizeNow() {
  return await<std::uint64_t>([&](Completion<std::uint64_t> done) { size(std::move(done)); });
}

}  // namespace ox::services

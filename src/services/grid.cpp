#include "services/grid.h"

#include <memory>
#include <optional>

#include "base/one_shot.h"
#include "services/grid_structures.h"

namespace ox::services {
namespace {
// Runs an asynchronous call to its end. The engine answers every call by its call timeout, so
// that waiting without a limit here is bounded there.
template <typename T, typename Start>
Result<T> await(Start start) {
  struct Waiter {
    OneShot answered;
    std::optional<Result<T>> result;
  };
  auto waiter = std::make_shared<Waiter>();
  start([waiter](Result<T> r) {
    waiter->result.emplace(std::move(r));
    waiter->answered.done();
  });
  waiter->answered.wait();
  return std::move(*waiter->result);
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

namespace {
Error unsupported(const char* what) {
  return Error(Code::kUnavailable, std::string(what) + " are not supported by this grid engine");
}
}  // namespace

Result<std::shared_ptr<GridRingbuffer>> Grid::ringbuffer(const std::string&) {
  return unsupported("ring buffers");
}
Result<std::shared_ptr<GridReliableTopic>> Grid::reliableTopic(const std::string&) {
  return unsupported("reliable topics");
}
Result<std::shared_ptr<GridExecutor>> Grid::executor() { return unsupported("member executors"); }

void GridRingbuffer::readOne(std::int64_t sequence, std::int64_t waitMillis,
                             Completion<RingEntry> done) {
  readMany(sequence, 1, 1, waitMillis,
           [done = std::move(done)](Result<std::vector<RingEntry>> r) {
             if (!r) done(r.error());
             else if (r->empty()) done(Error(Code::kNetTimeout, "no such item in time"));
             else done(std::move(r->front()));
           });
}

}  // namespace ox::services

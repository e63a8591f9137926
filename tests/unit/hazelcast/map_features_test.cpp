// Locks, entry processors and eviction over several members.
#include <algorithm>
#include <set>

#include "listener_harness.h"
#include "map/entry_processors.h"
#include "map/locks.h"
#include "map/predicate.h"
#include "serialization/data.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using serialization::toData;
using services::EntryChange;
using services::EntryView;
using services::LockState;
namespace q = services::query;

namespace {

Answer<Bytes> ask(Cluster& c, int n, LockOp op, const std::string& key, std::uint32_t token,
                  std::int64_t lease = 0, std::int64_t wait = 0) {
  Answer<Bytes> a;
  c.core(n).invoke("@lock:m", 0, encodeLock(op, key, token, lease), wait, a.take());
  c.settle();
  return a;
}
LockState state(Cluster& c, int n, const std::string& key) {
  return decodeLockState(ask(c, n, LockOp::kState, key, 0).value()).value();
}
Answer<MapReply> write(Cluster& c, int n, const std::string& key, std::uint32_t token = 0) {
  MapRequest r;
  r.op = MapOp::kSet;
  r.key = key;
  r.value = "v";
  r.lockToken = token;
  Answer<MapReply> a;
  c.core(n).execute("m", 0, std::move(r), a.take());
  c.settle();
  return a;
}

std::shared_ptr<EntryProcessors> adders(int* runs = nullptr) {
  auto all = std::make_shared<EntryProcessors>();
  REQUIRE(all->add("add", [runs](const EntryView& e, BytesView argument) {
               if (runs != nullptr) ++*runs;
               EntryChange change;
               change.reply = Bytes(e.value.value_or("none"));
               if (argument == "keep") return change;
               change.action = EntryChange::Action::kSet;
               change.value = Bytes(e.value.value_or("")) + Bytes(argument);
               if (argument == "remove") change.action = EntryChange::Action::kRemove;
               return change;
             }).ok());
  REQUIRE(all->add("throw", [](const EntryView&, BytesView) -> EntryChange {
               throw std::runtime_error("no");
             }).ok());
  return all;
}
Answer<MapReply> process(Cluster& c, int n, const std::string& key, const std::string& name,
                         const std::string& argument, const Bytes& only = {}) {
  MapRequest r;
  r.key = key;
  r.value = encodeProcess(name, argument);
  r.expected = only;
  Answer<MapReply> a;
  c.core(n).process("m", 0, std::move(r), a.take());
  return a;
}

}  // namespace

TEST_CASE("writes of others to a locked key wait for its holder, who writes") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  CHECK(decodeLockState(ask(c, 1, LockOp::kLock, "k", 7).value()).value().count == 1);
  CHECK(state(c, 2, "k").owner == c.id(1).toString());
  std::vector<Answer<MapReply>> waiting;
  for (const int n : {2, 0, 1}) waiting.push_back(write(c, n, "k"));  // 1: no token
  for (const auto& w : waiting) CHECK_FALSE(w.done());
  CHECK(write(c, 1, "k", 7).value().applied);
  CHECK(write(c, 2, "other").value().applied);
  CHECK(c.get(2, "k") == "v");  // reading is free
  CHECK(decodeLockState(ask(c, 1, LockOp::kLock, "k", 7).value()).value().count == 2);
  ask(c, 1, LockOp::kUnlock, "k", 7).value();
  waiting.push_back(write(c, 2, "k"));
  c.run(5000);  // asked again meanwhile, which changes nothing
  CHECK(ask(c, 2, LockOp::kUnlock, "k", 7).code() == Code::kInvalid);
  CHECK(c.core(0).localStats("m").lockedEntryCount == 1);
  const auto before = c.core(0).localStats("m").putOperationCount;
  for (const auto& w : waiting) CHECK_FALSE(w.done());
  ask(c, 1, LockOp::kUnlock, "k", 7).value();
  for (const auto& w : waiting) CHECK(w.value().applied);
  CHECK(c.core(0).localStats("m").putOperationCount == before + waiting.size());
  CHECK_FALSE(state(c, 0, "k").locked);
}

TEST_CASE("waiting for a lock: granted in the order asked, or refused at the end of the wait") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  ask(c, 0, LockOp::kLock, "k", 1).value();
  auto second = ask(c, 1, LockOp::kLock, "k", 2, 0, 5000);
  auto third = ask(c, 2, LockOp::kLock, "k", 3, 0, 1000);
  CHECK(ask(c, 2, LockOp::kLock, "k", 4).code() == Code::kNetTimeout);
  CHECK_FALSE(second.done());
  c.run(1500);
  CHECK(third.code() == Code::kNetTimeout);
  ask(c, 0, LockOp::kUnlock, "k", 1);
  c.settle();
  CHECK(second.value().size() > 0);
  CHECK(state(c, 0, "k").token == 2);
}

TEST_CASE("a lock ends with its lease, with its member, and by force; it survives the owner") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  ask(c, 2, LockOp::kLock, "leased", 1, 2000).value();
  ask(c, 2, LockOp::kLock, "held", 1).value();
  ask(c, 1, LockOp::kLock, "forced", 1).value();
  c.crash(0);
  c.installNew({{1}});
  c.settle();
  const auto held = write(c, 1, "held");
  const auto leased = write(c, 1, "leased");
  CHECK_FALSE(leased.done());
  c.run(2500);
  CHECK(leased.value().applied);
  CHECK_FALSE(held.done());
  ask(c, 1, LockOp::kForce, "forced", 0).value();
  CHECK_FALSE(state(c, 1, "forced").locked);
  c.crash(2);
  c.installNew({{1}});
  c.run(300);
  CHECK(held.value().applied);
}

TEST_CASE("writes that wait for a lock: in order per caller, moved with the owner, at most a call long") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  ask(c, 2, LockOp::kLock, "k", 1).value();
  std::vector<Answer<MapReply>> writes;
  for (const char* v : {"a", "b", "c"}) writes.push_back(c.call(1, MapOp::kPut, "k", v));
  writes.push_back(c.call(0, MapOp::kPut, "k", "own"));
  c.settle();
  c.installNew({{1, 0}});  // the owner changes: they wait at the next one
  c.run(3000);
  for (const auto& w : writes) CHECK_FALSE(w.done());
  const auto processed = process(c, 2, "k", "add", "x");
  ask(c, 2, LockOp::kUnlock, "k", 1).value();
  c.settle();
  CHECK(processed.code() == Code::kNotFound);  // ran, and nobody registered it
  CHECK(writes[1].value().value == "a");
  CHECK(writes[2].value().value == "b");
  CHECK(writes[3].value().applied);
  // Behind one that waits when the lease is over but nobody has looked yet.
  ask(c, 2, LockOp::kLock, "k", 1, 50).value();
  const auto first = c.call(0, MapOp::kPut, "k", "first");
  c.settle();
  c.clock.advance(60);
  const auto second = c.call(0, MapOp::kPut, "k", "second");
  c.settle();
  c.run(500);
  CHECK(first.value().applied);
  CHECK(second.value().value == "first");
  // For ever is not waited: the error says who holds it.
  ask(c, 2, LockOp::kLock, "k", 77).value();
  const auto late = c.call(0, MapOp::kRemove, "k");
  const auto local = c.call(1, MapOp::kRemove, "k");
  c.run(31'000);
  for (const auto& w : {late, local}) {
    CHECK(w.code() == Code::kBusy);
    CHECK(w.got->front().error().message.find("127.0.0.1:3, token 77") != std::string::npos);
  }
  CHECK(c.get(1, "k") == "second");
}

TEST_CASE("writes that wait for locks are bounded by their bytes") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  ask(c, 1, LockOp::kLock, "k", 1).value();
  const std::string large(5u << 20, 'x');
  std::vector<Answer<MapReply>> writes;
  for (int i = 0; i < 4; ++i) writes.push_back(c.call(0, MapOp::kSet, "k", large));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(writes[static_cast<std::size_t>(i)].done());
  CHECK(writes[3].code() == Code::kBusy);
  ask(c, 1, LockOp::kUnlock, "k", 1).value();
  CHECK(writes[2].value().applied);
}

TEST_CASE("a processor runs at the owner, once, and backups get its result") {
  int runs = 0;
  Cluster c(3);
  for (int n = 0; n < 3; ++n) c.core(n).setProcessors(adders(&runs));
  c.installNew({{0, 1}});
  c.settle();
  auto first = process(c, 2, "k", "add", "a");
  c.settle();
  CHECK(first.value().value == Bytes("none"));
  const std::string many(3000, 'b');
  auto second = process(c, 0, "k", "add", many);
  c.settle();
  CHECK(second.value().value == Bytes("a"));
  CHECK(runs == 2);
  // The answer is lost with the owner; the retry is answered from the backup's memory.
  c.hold(0, 2);
  auto third = process(c, 2, "k", "add", "c");
  c.settle();
  CHECK_FALSE(third.done());
  c.crash(0);
  c.installNew({{1}});
  c.settle();
  CHECK(third.value().value == "a" + many);
  CHECK(runs == 3);
  CHECK(c.get(2, "k") == "a" + many + "c");
  auto gone = process(c, 2, "k", "add", "remove");
  c.settle();
  CHECK(gone.value().value == "a" + many + "c");
  CHECK(c.get(1, "k") == "(none)");
}

TEST_CASE("processors: unknown names, exceptions, predicates, members of protocol 1") {
  Cluster c(2);
  c.core(0).setProcessors(adders());
  c.installNew({{0}});
  c.settle();
  auto unknown = process(c, 1, "k", "nothing", "");
  auto thrown = process(c, 1, "k", "throw", "");
  c.settle();
  CHECK(unknown.code() == Code::kNotFound);
  CHECK(thrown.code() == Code::kInternal);
  c.call(0, MapOp::kSet, "k", toData(std::int32_t{5}));
  auto other = process(c, 1, "k", "@remove", "", encodePredicate(q::equal("this", 4)).value());
  auto missing = process(c, 1, "none", "@remove", "", encodePredicate(q::always()).value());
  c.settle();
  CHECK_FALSE(other.value().value.has_value());
  CHECK_FALSE(missing.value().value.has_value());
  auto five = process(c, 1, "k", "@remove", "", encodePredicate(q::equal("this", 5)).value());
  c.settle();
  CHECK(five.value().value.has_value());
  CHECK(c.get(0, "k") == "(none)");
  CHECK_FALSE(adders()->add("@mine", {}).ok());
  c.protocol = 1;
  c.installNew({{0}});
  CHECK(process(c, 1, "k", "add", "").code() == Code::kGridIncompatible);
}

TEST_CASE("eviction keeps the limit, spares what was just written, and tells its kind") {
  MapConfig config = mapOf("m", 1);
  config.eviction = Eviction::kLru;
  config.maxSizePolicy = MaxSizePolicy::kPerPartition;
  config.maxSize = 10;
  MapConfigs configs;
  configs.add(config);
  Cluster c(2, configs);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 1, 0);
  for (int i = 0; i < 10; ++i) {
    c.call(0, MapOp::kSet, "k" + std::to_string(i), "v");
    c.clock.advance(10);
  }
  c.get(1, "k0");
  c.call(1, MapOp::kSet, "new", "v");
  c.settle();
  CHECK(c.get(0, "new") == "v");
  CHECK(c.get(0, "k0") == "v");
  CHECK(c.get(0, "k1") == "(none)");  // the one used longest ago
  CHECK(heard->events.back().type == EntryEventType::kEvicted);
  for (int i = 0; i < 200; ++i) c.call(0, MapOp::kSet, "x" + std::to_string(i), "v");
  c.settle();
  CHECK(c.core(0).localStats("m").ownedEntryCount == 10);
  CHECK(c.core(1).localStats("m").backupEntryCount == 10);
  CHECK(c.core(0).localStats("m").evictionCount == 201);
}

TEST_CASE("eviction per node: the owned partitions share what the node may hold") {
  MapConfig config = mapOf("m", 0);
  config.eviction = Eviction::kLru;
  config.maxSizePolicy = MaxSizePolicy::kPerNode;
  config.maxSize = 40;
  MapConfigs configs;
  configs.add(config);
  Cluster c(2, configs, 5);
  c.installNew({{0}, {0}, {0}, {0}, {1}});
  c.settle();
  for (int i = 0; i < 500; ++i)
    c.call(0, MapOp::kSet, "k" + std::to_string(i), "v", "m", {}, -1, -1, i % 5);
  c.settle();
  CHECK(c.core(0).localStats("m").ownedEntryCount == 40);
  CHECK(c.core(1).localStats("m").ownedEntryCount == 40);
}

TEST_CASE("eviction by bytes and by use; no limit evicts nothing") {
  for (const bool bytes : {true, false}) {
    MapConfig config = mapOf("m", 0);
    config.eviction = Eviction::kLfu;
    config.maxSizePolicy = bytes ? MaxSizePolicy::kUsedMemory : MaxSizePolicy::kPerNode;
    config.maxSize = bytes ? 1 : 0;
    MapConfigs configs;
    configs.add(config);
    Cluster c(1, configs);
    c.installNew({{0}});
    c.call(0, MapOp::kSet, "often", std::string(100'000, 'x'));
    for (int i = 0; i < 5; ++i) c.get(0, "often");
    for (int i = 0; i < 50; ++i)
      c.call(0, MapOp::kSet, "k" + std::to_string(i), std::string(100'000, 'x'));
    const auto stats = c.core(0).localStats("m");
    CHECK((stats.ownedEntryMemoryCost <= (1u << 20)) == bytes);
    CHECK(stats.ownedEntryCount == (bytes ? 10 : 51));
    CHECK(c.get(0, "often").size() == 100'000);
  }
}

// The container framework with a toy container: owning, backing up, copying, migrating, merging.
#include "data_harness.h"
#include "log_container.h"
#include "member_protocol/data_messages.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
constexpr const char* kLog = "@log:a";

struct Logs : Cluster {
  explicit Logs(int nodes, MapConfigs configs = {}, int partitions = 1)
      : Cluster(nodes, std::move(configs), partitions) {
    for (int i = 0; i < nodes; ++i) core(i).setContainers(logRegistry());
  }
  Answer<Bytes> ask(int n, const std::string& request, std::int64_t wait = 0) {
    Answer<Bytes> a;
    core(n).invoke(kLog, 0, request, wait, a.take());
    return a;
  }
  std::string all(int n) {
    auto a = ask(n, "?");
    settle();
    return a.value();
  }
};
}  // namespace

TEST_CASE("a request is applied at the owner and answered when the backup holds it") {
  Logs c(3);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(1, 0);
  auto local = c.ask(0, "+one");
  c.settle();
  CHECK_FALSE(local.done());
  auto reader = c.ask(2, "?");  // what it would tell is not backed up yet
  c.settle();
  CHECK_FALSE(reader.done());
  c.hold(1, 0, false);
  c.settle();
  CHECK(local.value() == "1");
  CHECK(reader.value() == "one ");
  auto remote = c.ask(2, "+two");
  c.settle();
  CHECK(remote.value() == "2");
  c.crash(0);
  c.installNew({{1}});
  CHECK(c.all(2) == "one two ");
}

TEST_CASE("containers count for the memory limit of maps") {
  const auto budget = std::make_shared<MemoryBudget>(3000);
  Cluster c(1, {}, 1, [&](ShardSettings& s) { s.memory = budget; });
  c.core(0).setContainers(logRegistry());
  c.installNew({{0}});
  for (int i = 0; i < 50; ++i) {
    Answer<Bytes> added;
    c.core(0).invoke(kLog, 0, "+x", 0, added.take());
    CHECK(added.done());
  }
  c.run(10);
  const auto bytes = static_cast<std::int64_t>(c.core(0).containerBytes());
  CHECK(bytes >= 1500);
  CHECK(budget->used(MemoryPool::kKept) == bytes);
  CHECK(c.call(0, MapOp::kSet, "k", std::string(2000, 'v')).code() == Code::kGridMemory);
  Answer<Bytes> emptied;
  c.core(0).invoke(kLog, 0, "-", 0, emptied.take());
  c.run(10);
  CHECK(budget->used(MemoryPool::kKept) == 0);
  CHECK(c.call(0, MapOp::kSet, "k", std::string(2000, 'v')).value().applied);
}

TEST_CASE("errors: unknown type, bad request, map name with @, container name without") {
  Logs c(1);
  c.installNew({{0}});
  Answer<Bytes> unknown;
  c.core(0).invoke("@nothing:a", 0, "+x", 0, unknown.take());
  CHECK(unknown.code() == Code::kInvalid);
  CHECK(c.ask(0, "!").code() == Code::kInvalid);
  Answer<Bytes> plain;
  c.core(0).invoke("m", 0, "+x", 0, plain.take());
  CHECK(plain.code() == Code::kInvalid);
  CHECK(c.call(0, MapOp::kSet, "k", "v", "@log:a").code() == Code::kInvalid);
  Answer<std::uint64_t> size;
  c.core(0).size("@log:a", size.take());
  CHECK(size.code() == Code::kInvalid);
  CHECK(c.core(0).mapNames().empty());
}

TEST_CASE("while a member speaks protocol 1 there are no containers, and callers are told") {
  Logs c(2);
  c.protocol = 1;
  c.installNew({{0}});
  CHECK(c.ask(0, "+x").code() == Code::kGridIncompatible);
  CHECK(c.ask(1, "+x").code() == Code::kGridIncompatible);
  CHECK(c.sent[Kind::kOperation] == 0);
  c.protocol = 2;
  c.installNew({{0}});
  CHECK(c.ask(0, "+x").value() == "1");
}

TEST_CASE("a map operation under a container's name is refused") {
  Logs c(2);
  c.installNew({{0}});
  OperationMessage m;
  m.id = {c.id(1), 1};
  m.kind = static_cast<OpKind>(MapOp::kSet);
  m.map = kLog;
  m.key = "k";
  c.core(0).received(c.id(1), m.encode(0));
  CHECK(c.core(0).badMessages() == 1);
}

TEST_CASE("a retry after a lost answer and a crash is answered, not applied twice") {
  Logs c(3);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 2);  // the answer gets lost
  auto a = c.ask(2, "+once");
  c.settle();
  CHECK_FALSE(a.done());
  c.crash(0);
  c.installNew({{1}});
  c.settle();
  CHECK(a.value() == "1");
  CHECK(c.all(2) == "once ");
}

TEST_CASE("a waiting request is answered by the change, at its end, and by the next owner") {
  Logs c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto remote = c.ask(2, "#1", 5000);
  auto local = c.ask(0, "#1", 5000);
  c.run(3000);  // longer than the caller's resending
  CHECK_FALSE(remote.done());
  auto add = c.ask(1, "+x");
  c.settle();
  CHECK(add.value() == "1");
  CHECK(remote.value() == "enough");
  CHECK(local.value() == "enough");
  auto late = c.ask(2, "#9", 300);
  c.run(250);
  CHECK_FALSE(late.done());
  c.run(100);
  CHECK(late.value() == "too few");
  auto moved = c.ask(2, "#2", 10000);
  auto own = c.ask(0, "#2", 10000);
  c.settle();
  c.installNew({{1, 0}});  // the owner changes under them
  c.run(50);
  CHECK_FALSE(moved.done());
  auto more = c.ask(0, "+y");
  c.settle();
  CHECK(more.value() == "2");
  CHECK(moved.value() == "enough");
  CHECK(own.value() == "enough");
}

TEST_CASE("migration copies containers and the writes that follow") {
  Logs c(3);
  c.installNew({{0, 1}});
  c.settle();
  for (int i = 0; i < 100; ++i) c.ask(0, "+" + std::to_string(i));
  c.settle();
  Migration move;
  move.partition = 0;
  move.target = c.id(2);
  move.becomesOwner = true;
  move.replicaIndex = 0;
  c.hold(0, 2);
  c.installNew({{0, 1}}, {move});
  c.ask(0, "+behind");
  c.hold(0, 2, false);
  c.settle();
  REQUIRE(c.node(0).done.size() == 1);
  auto waiting = c.ask(0, "+frozen");
  CHECK_FALSE(waiting.done());
  c.installNew({{2, 0}});
  c.settle();
  CHECK(waiting.value() == "102");
  CHECK(c.all(1).ends_with("99 behind frozen "));
  CHECK(c.core(1).containerBytes() == 0);  // holds nothing of it any more
  CHECK(c.core(0).containerBytes() > 0);
}

TEST_CASE("async backups: not waited for, but written") {
  MapConfigs configs;
  configs.add(mapOf(kLog, 0, 1));
  Logs c(2, configs);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 1);
  CHECK(c.ask(0, "+x").value() == "1");
  c.hold(0, 1, false);
  c.settle();
  c.crash(0);
  c.installNew({{1}});
  CHECK(c.all(1) == "x ");
}

TEST_CASE("a backup outside the copies holds nothing") {
  MapConfigs configs;
  configs.add(mapOf(kLog, 1));
  configs.add(mapOf("m", 2));
  Logs c(3, configs);
  c.installNew({{0, 1, 2}});
  c.settle();
  c.ask(0, "+x");
  c.settle();
  CHECK(c.core(1).containerBytes() > 0);
  CHECK(c.core(2).containerBytes() == 0);
  c.installNew({{0, 2}});  // moves up: now it must
  c.settle();
  CHECK(c.core(2).containerBytes() > 0);
}

TEST_CASE("the owner tells containers of members that have gone, once, and backups learn it") {
  Logs c(3);
  c.installNew({{0, 1}});
  c.settle();
  c.ask(0, "+watch");
  c.run(500);
  CHECK(c.all(0) == "watch ");
  c.crash(2);
  c.installNew({{0, 1}});
  c.run(500);
  CHECK(c.all(0) == "watch gone ");
  c.installNew({{1, 0}});
  c.settle();
  CHECK(c.all(1) == "watch gone ");
}

TEST_CASE("an empty container goes from the memory of owner and backup") {
  Logs c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.ask(0, "+x");
  c.settle();
  CHECK(c.core(1).containerBytes() > 0);
  c.ask(0, "-");
  c.settle();
  c.run(300);
  CHECK(c.core(0).containerBytes() == 0);
  CHECK(c.core(1).containerBytes() == 0);
}

TEST_CASE("a split: what the smaller side has is offered piece by piece, once") {
  Logs c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.ask(0, "+both");
  c.settle();
  c.cut(0, 1);
  c.core(0).viewInstalled(c.view({{0}}));
  c.core(1).viewInstalled(c.view({{1}}));
  c.ask(0, "+left");
  c.ask(1, "+right");
  c.ask(1, "+more");
  c.core(1).keepEntriesForMerge();
  c.core(1).viewInstalled(nullptr);
  c.link(0, 1);
  c.installNew({{0, 1}});
  c.run(200);
  CHECK(c.all(1) == "both left right more ");
  CHECK(c.node(1).logs.back() ==
        "merged @log:a into the other cluster: 1 taken over, 0 as they are there, 0 refused");
}

TEST_CASE("containers of one name in many partitions are one line of the merge") {
  constexpr int kPartitions = 40;
  Logs c(2, {}, kPartitions);
  c.installNew({{0, 1}});
  c.settle();
  c.cut(0, 1);
  c.core(0).viewInstalled(c.view({{0}}));
  c.core(1).viewInstalled(c.view({{1}}));
  for (int p = 0; p < kPartitions; ++p) {
    Answer<Bytes> added;
    c.core(1).invoke(kLog, p, "+right", 0, added.take());
    CHECK(added.done());
  }
  c.core(1).keepEntriesForMerge();
  c.core(1).viewInstalled(nullptr);
  c.node(1).logs.clear();
  c.link(0, 1);
  c.installNew({{0, 1}});
  c.run(500);
  CHECK(c.node(1).logs == std::vector<std::string>{"merged @log:a into the other cluster: 40 taken "
                                                   "over, 0 as they are there, 0 refused"});
}

TEST_CASE("undecodable deltas and snapshots make the backup ask for a copy, and are counted") {
  Logs c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.ask(0, "+x");
  c.hold(0, 1);
  c.ask(0, "+damaged");
  Bytes& frame = c.wire(0, 1).back();
  frame[frame.find("+damaged")] = 'z';
  c.hold(0, 1, false);
  c.settle();
  CHECK(c.core(1).badMessages() == 1);
  c.run(100);
  c.crash(0);
  c.installNew({{1}});
  CHECK(c.all(1) == "x damaged ");
}

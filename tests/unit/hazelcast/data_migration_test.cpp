// Copying to new members, handing ownership over, callers that follow it.
#include "data_harness.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
Migration move(Cluster& c, int to, bool becomesOwner, std::uint8_t index = 1) {
  Migration m;
  m.partition = 0;
  m.target = c.id(to);
  m.becomesOwner = becomesOwner;
  m.replicaIndex = becomesOwner ? 0 : index;
  return m;
}
}  // namespace

TEST_CASE("a new backup gets its copy, then the writes that follow") {
  Cluster c(2);
  c.installNew({{0}});
  for (int i = 0; i < 100; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), "value");
  c.installNew({{0}}, {move(c, 1, false)});
  // Writes go on while the copy is in flight.
  std::vector<Answer<MapReply>> sets;
  for (int i = 0; i < 100; ++i) {
    sets.push_back(c.call(0, MapOp::kSet, "k" + std::to_string(i), "newer"));
    c.deliverOne();
  }
  CHECK(sets[0].done());  // nobody is waited for before the copy has arrived
  c.settle();
  REQUIRE(c.node(0).done.size() == 1);
  CHECK(c.node(0).done[0].second.target == c.id(1));
  // Arrived: waited for from now on, although the view does not list it yet.
  c.hold(0, 1);
  auto waits = c.call(0, MapOp::kSet, "x", "v");
  CHECK_FALSE(waits.done());
  c.hold(0, 1, false);
  c.settle();
  CHECK(waits.value().applied);
  c.installNew({{0, 1}});
  c.crash(0);
  c.installNew({{1}});
  for (int i = 0; i < 100; ++i) CHECK(c.get(1, "k" + std::to_string(i)) == "newer");
  CHECK(c.get(1, "x") == "v");
}

TEST_CASE("ownership moves without losing a write, also of maps without backups") {
  MapConfigs configs;
  configs.add(mapOf("none", 0));
  Cluster c(3, configs);
  c.installNew({{0}});
  for (int i = 0; i < 50; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), "v", "none");
  c.installNew({{0}}, {move(c, 1, true)});
  std::vector<Answer<MapReply>> sets;
  for (int i = 0; i < 50; ++i) {
    sets.push_back(c.call(i % 3, MapOp::kSet, "k" + std::to_string(i), "w" + std::to_string(i),
                          "none"));
    c.deliverOne();
    c.deliverOne();
  }
  c.settle();
  REQUIRE(c.node(0).done.size() == 1);
  CHECK(c.node(0).done[0].second.becomesOwner);
  // Frozen: operations wait, reads too.
  auto local = c.call(0, MapOp::kSet, "local", "v", "none");
  auto remote = c.call(2, MapOp::kSet, "remote", "v", "none");
  auto read = c.call(2, MapOp::kGet, "k1", {}, "none");
  c.settle();
  CHECK_FALSE(local.done());
  CHECK_FALSE(remote.done());
  CHECK_FALSE(read.done());
  c.installNew({{1}});
  c.run(100);
  CHECK(local.value().applied);
  CHECK(remote.value().applied);
  CHECK(read.value().value == "w1");
  for (int i = 0; i < 50; ++i) {
    CHECK(sets[static_cast<std::size_t>(i)].value().applied);
    CHECK(c.get(2, "k" + std::to_string(i), "none") == "w" + std::to_string(i));
  }
  CHECK(c.core(0).localStats("none").backupEntryCount == 0);  // dropped: not listed any more
  CHECK(c.core(1).localStats("none").ownedEntryCount == 52);
}

TEST_CASE("owner and backup change places without copying back") {
  Cluster c(2);
  c.installNew({{0, 1}});
  for (int i = 0; i < 20; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), "v");
  c.settle();
  c.installNew({{0, 1}}, {move(c, 1, true)});
  c.settle();
  REQUIRE(c.node(0).done.size() == 1);
  const int chunks = c.sent[Kind::kCopyChunk];
  c.installNew({{1, 0}});
  // One comparison each way and no chunk: the old owner is a backup in sync at once.
  c.settle();
  CHECK(c.sent[Kind::kCopyChunk] == chunks);
  CHECK(c.core(1).unsyncedReplicas() == 0);
  auto set = c.call(0, MapOp::kSet, "k1", "w");
  c.settle();
  CHECK(set.value().applied);
  CHECK(c.core(0).localStats("m").backupEntryCount == 20);
}

TEST_CASE("a view without the migration unfreezes; a repeated report if it stays") {
  Cluster c(3);
  c.installNew({{0}});
  c.call(0, MapOp::kSet, "k", "v");
  c.installNew({{0}}, {move(c, 1, true)});
  c.settle();
  REQUIRE(c.node(0).done.size() == 1);
  auto first = c.call(2, MapOp::kSet, "k", "1");
  auto second = c.call(0, MapOp::kSet, "k", "2");
  c.settle();
  CHECK_FALSE(first.done());
  CHECK_FALSE(second.done());
  c.run(1100);
  CHECK(c.node(0).done.size() == 2);
  c.installNew({{0}}, {move(c, 1, true)});
  c.settle();
  CHECK(c.node(0).done.size() == 3);
  CHECK(c.node(0).done[2].first > c.node(0).done[0].first);
  CHECK_FALSE(first.done());
  c.crash(1);
  c.installNew({{0}});
  c.settle();
  CHECK(first.value().applied);
  CHECK(second.value().applied);
}

TEST_CASE("a target that breaks away before the report lets the owner serve on") {
  Cluster c(2);
  c.installNew({{0}});
  c.hold(1, 0);
  c.installNew({{0}}, {move(c, 1, true)});
  c.settle();
  CHECK(c.node(0).done.empty());
  c.cut(0, 1);
  c.hold(1, 0, false);
  CHECK(c.call(0, MapOp::kSet, "k", "v").value().applied);
  c.link(0, 1);
  c.settle();
  CHECK(c.node(0).done.size() == 1);
}

TEST_CASE("the operations of one caller keep their order across a hand-over") {
  Cluster c(3);
  c.installNew({{0}});
  c.installNew({{0}}, {move(c, 1, true)});
  std::vector<Answer<MapReply>> puts;
  for (int i = 0; i < 30; ++i) {
    if (i == 10) c.settle();
    if (i == 15) c.core(0).viewInstalled(c.view({{1}}));  // the caller learns later
    puts.push_back(c.call(2, MapOp::kPut, "k", std::to_string(i)));
    c.deliverOne();
    c.deliverOne();
  }
  c.run(50);
  c.installNew({{1}});
  c.run(200);
  for (int i = 0; i < 30; ++i) {
    CAPTURE(i);
    CHECK(puts[static_cast<std::size_t>(i)].value().value.value_or("(none)") ==
          (i == 0 ? "(none)" : std::to_string(i - 1)));
  }
}

TEST_CASE("what follows an operation refused by a member about to become owner does not overtake it") {
  Cluster c(3);
  c.installNew({{0}});
  const ViewPtr next = c.view({{1}});
  c.core(2).viewInstalled(next);  // the caller knows before the owner does
  c.hold(1, 2);
  auto first = c.call(2, MapOp::kPut, "k", "1");
  c.settle();  // refused, the caller does not know it yet
  c.core(0).viewInstalled(next);
  c.core(1).viewInstalled(next);
  auto second = c.call(2, MapOp::kPut, "k", "2");
  c.settle();
  c.hold(1, 2, false);
  c.run(200);
  CHECK_FALSE(first.value().value.has_value());
  CHECK(second.value().value == "1");
}

TEST_CASE("calls without an owner wait, then tell why they failed") {
  Cluster c(2);
  auto early = c.call(0, MapOp::kSet, "k", "v");
  c.installNew({{}});
  auto nobody = c.call(0, MapOp::kSet, "k2", "v");
  c.run(1000);
  CHECK_FALSE(early.done());
  c.installNew({{1}});
  c.settle();
  CHECK(early.value().applied);
  CHECK(nobody.value().applied);
  c.installNew({{}});
  auto none = c.call(0, MapOp::kSet, "k", "v");
  c.run(30100);
  CHECK(none.code() == Code::kGridNoPartition);
  c.core(0).viewInstalled(nullptr);
  auto out = c.call(0, MapOp::kSet, "k", "v");
  c.run(30100);
  CHECK(out.code() == Code::kGridNotJoined);
  c.installNew({{1}});
  c.hold(1, 0);
  auto write = c.call(0, MapOp::kSet, "k", "v");
  auto read = c.call(0, MapOp::kGet, "k");
  c.run(30100);
  CHECK(write.code() == Code::kGridIndeterminate);
  CHECK(read.code() == Code::kNetTimeout);
}

TEST_CASE("only lite members: calls wait a moment for a full one, then fail at once and say why") {
  Cluster c(2);
  const auto installLite = [&] {
    auto v = std::make_shared<ClusterView>(*c.view({{}}));
    for (auto& m : v->members) m.lite = true;
    c.install(v);
  };
  installLite();
  auto early = c.call(0, MapOp::kSet, "k", "v");
  c.run(1000);
  installLite();  // another view of the same kind does not start the wait anew
  CHECK_FALSE(early.done());
  c.run(1100);
  CHECK(early.code() == Code::kGridNoPartition);
  CHECK(early.got->front().error().message.find("all 2 members of the cluster are lite") !=
        std::string::npos);
  CHECK(early.got->front().error().retryable);
  auto late = c.call(1, MapOp::kGet, "k");
  Answer<std::uint64_t> size;
  c.core(0).size("m", size.take());
  Answer<Bytes> container;
  c.core(0).invoke("@rb:x", 0, "request", 5000, container.take());
  c.run(20);
  CHECK(late.code() == Code::kGridNoPartition);
  CHECK(size.code() == Code::kGridNoPartition);
  CHECK(container.code() == Code::kGridNoPartition);
  c.installNew({{1}});  // a full one
  CHECK(c.get(0, "k") == "(none)");
  // What was sent before the last full one went may have happened.
  c.hold(1, 0);
  auto sent = c.call(0, MapOp::kSet, "k", "v");
  installLite();
  c.run(2100);
  CHECK(sent.code() == Code::kGridIndeterminate);
}

TEST_CASE("an answer lost on a link that came back is asked for again") {
  Cluster c(2);
  c.installNew({{1}});
  auto put = c.call(0, MapOp::kPut, "k", "v");
  c.hold(1, 0);
  c.settle();
  c.wire(1, 0).clear();
  c.hold(1, 0, false);
  c.run(3000);
  CHECK(put.value().applied);
  CHECK_FALSE(put.value().value.has_value());
}

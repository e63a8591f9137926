// Entry listeners over several members: order, and what is told as a gap.
#include "listener_harness.h"
#include "map/query.h"
#include "serialization/data.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

TEST_CASE("a listener hears every kind of change, in order, with values where asked") {
  MapConfig config = mapOf("m", 1);
  MapConfigs configs;
  configs.add(config);
  Cluster c(3, configs);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.call(1, MapOp::kPut, "a", "2");
  c.settle();
  c.call(0, MapOp::kRemove, "a");
  c.call(0, MapOp::kRemove, "never");
  c.call(0, MapOp::kSet, "b", "3", "m", {}, 100);
  c.settle();
  c.run(300);
  c.call(0, MapOp::kSet, "c", "4");
  Answer<std::uint64_t> cleared;
  c.core(1).clear("m", cleared.take());
  c.settle();
  CHECK(heard->text() == "+a=1 ~a=2(1) -a(2) +b=3 expired b(3) +c=4 cleared ");
  c.core(2).unlisten(1);
  c.settle();
  c.call(0, MapOp::kSet, "d", "5");
  c.settle();
  CHECK(heard->events.size() == 7);
  CHECK(c.core(0).localStats("m").eventOperationCount == 7);
}

TEST_CASE("a local listener, and one that wants no values") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 0, 0);
  c.call(1, MapOp::kSet, "a", "1");
  c.settle();
  CHECK(heard->text() == "+a ");
}

TEST_CASE("a listener with a predicate hears what matches it: by the new value, or the removed one") {
  const auto json = [](int n) {
    ByteWriter out;
    out.u32(0);
    out.i32(static_cast<std::int32_t>(serialization::TypeId::kJson));
    out.blob("{\"n\":" + std::to_string(n) + "}");
    return out.take();
  };
  const auto only = encodePredicate(services::query::where("n = 1"));
  REQUIRE(only.ok());
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2, 0, *only);
  c.call(0, MapOp::kSet, "a", json(1));
  c.call(1, MapOp::kSet, "b", json(2));
  c.settle();
  c.call(0, MapOp::kSet, "a", json(2));
  c.call(1, MapOp::kSet, "b", json(1));
  c.settle();
  c.call(0, MapOp::kRemove, "a");
  c.call(0, MapOp::kRemove, "b");
  c.settle();
  CHECK(heard->text() == "+a ~b -b ");
  // The next owner knows it, too; what did not match is no gap.
  c.call(0, MapOp::kSet, "c", json(2));
  c.run(2000);
  c.crash(0);
  c.installNew({{1}});
  c.run(300);
  c.call(1, MapOp::kSet, "c", json(3));
  c.call(1, MapOp::kSet, "d", json(1));
  c.run(300);
  CHECK(heard->text() == "+a ~b -b +d ");
}

TEST_CASE("a crash of the owner loses no event silently, and the new owner goes on") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 2);  // what follows does not arrive
  c.call(0, MapOp::kSet, "b", "2");
  c.settle();
  c.crash(0);
  c.installNew({{1}});
  c.run(300);
  c.call(1, MapOp::kSet, "c", "3");
  c.settle();
  CHECK(heard->text() == "+a=1 GAP +c=3 ");
}

TEST_CASE("a crash after everything was heard is no gap") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.call(0, MapOp::kSet, "x", "of another map", "other");
  c.run(2500);  // the owner says how far the numbers are
  c.crash(0);
  c.installNew({{1}});
  c.run(300);
  c.call(1, MapOp::kSet, "c", "3");
  c.settle();
  CHECK(heard->text() == "+a=1 +c=3 ");
}

TEST_CASE("a broken link to the listener shows as a gap even when nothing follows") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 2);
  c.call(0, MapOp::kSet, "b", "2");
  c.settle();
  c.cut(0, 2);
  c.hold(0, 2, false);
  c.link(0, 2);
  c.run(50);
  CHECK(heard->text() == "+a=1 GAP ");
}

TEST_CASE("a hand-over in order has neither gap nor disorder, also when the new owner is faster") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 2);
  c.call(0, MapOp::kSet, "a", "2");
  c.settle();
  c.installNew({{1, 0}});
  c.call(1, MapOp::kSet, "a", "3");
  c.run(100);
  CHECK(heard->text() == "+a=1 ");
  c.hold(0, 2, false);
  c.run(100);
  CHECK(heard->text() == "+a=1 ~a=2(1) ~a=3(2) ");
}

TEST_CASE("registrations of members that have gone end") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  listen(c, 2);
  CHECK(c.core(0).containerBytes() > 0);
  c.crash(2);
  c.installNew({{0, 1}});
  c.run(500);
  CHECK(c.core(0).containerBytes() == 0);
  CHECK(c.core(1).containerBytes() == 0);
}

TEST_CASE("who goes over to another cluster has a gap in every partition, and again when it is heard") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 1);
  c.core(1).keepEntriesForMerge();
  CHECK(heard->gaps() == 1);
  c.core(1).viewInstalled(nullptr);
  c.installNew({{0, 1}});
  c.run(300);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  // What happened between the two was not heard, and a reading after the first may have missed it.
  CHECK(heard->text() == "GAP GAP +a=1 ");
}

TEST_CASE("what an owner of the former cluster still sends is not taken for the new one's word") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 1);
  c.hold(0, 1);
  c.call(0, MapOp::kSet, "late", "1");
  c.core(1).keepEntriesForMerge();
  c.hold(0, 1, false);
  c.settle();
  CHECK(heard->text() == "GAP ");
  c.core(1).viewInstalled(nullptr);
  c.installNew({{0, 1}});
  c.run(300);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  CHECK(heard->text() == "GAP GAP +a=1 ");
}

TEST_CASE("what a crash takes back was told to nobody") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto there = listen(c, 2);
  auto owner = listen(c, 0);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 1);  // what follows never comes to the backup
  c.call(2, MapOp::kSet, "a", "12");
  c.call(0, MapOp::kSet, "a", "13");
  c.run(2500);  // marks do not say more than events
  CHECK(there->text() == "+a=1 ");
  CHECK(owner->text() == "+a=1 ");
  c.crash(0);
  c.installNew({{1}});
  c.run(300);  // the call of 2 is sent again
  c.call(1, MapOp::kSet, "a", "124");
  c.settle();
  CHECK(there->text() == "+a=1 ~a=12(1) ~a=124(12) ");
}

TEST_CASE("a change is told when the backups hold it, before the writer is answered") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 0);
  c.hold(1, 0);
  auto written = c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  CHECK(heard->text().empty());
  CHECK_FALSE(written.done());
  c.hold(1, 0, false);
  c.settle();
  CHECK(heard->text() == "+a=1 ");
  CHECK(written.value().applied);
}

TEST_CASE("what went with the owner though it was told shows as a gap") {
  MapConfig config = mapOf("m", 0);  // nobody waits for the backup
  config.asyncBackupCount = 1;
  MapConfigs configs;
  configs.add(config);
  Cluster c(3, configs);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 1);
  c.call(0, MapOp::kSet, "a", "2");
  c.settle();
  CHECK(heard->text() == "+a=1 ~a=2(1) ");
  c.crash(0);
  c.installNew({{1}});
  c.run(300);
  c.call(1, MapOp::kSet, "a", "3");
  c.settle();
  CHECK(heard->text() == "+a=1 ~a=2(1) GAP ~a=3(1) ");
}

TEST_CASE("an owner that is replaced without a hand-over does not tell what it could not back up") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2);
  c.call(0, MapOp::kSet, "a", "1");
  c.settle();
  c.hold(0, 1);
  c.call(0, MapOp::kSet, "a", "2");
  c.settle();
  c.installNew({{1, 2}});
  c.hold(0, 1, false);
  c.run(300);
  c.call(1, MapOp::kSet, "a", "3");
  c.settle();
  CHECK(heard->text().find("2") == std::string::npos);
  CHECK(heard->text().ends_with("a=3(1) "));
}

TEST_CASE("events that wait for a backup are bounded; what is dropped shows as a gap") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto heard = listen(c, 2, kListenValue);
  c.hold(1, 0);
  const std::string big(1u << 20, 'x');
  for (int i = 0; i < 24; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), big);
  c.settle();
  CHECK(heard->events.empty());
  c.hold(1, 0, false);
  c.run(300);
  c.call(0, MapOp::kSet, "after", "1");
  c.settle();
  REQUIRE(heard->events.size() >= 3);
  CHECK(heard->events.size() <= kMaxUntoldBytes / big.size() + 3);
  CHECK(heard->gaps() == 1);
  CHECK(heard->events.back().key == "after");
}

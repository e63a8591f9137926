// Each checker of the simulator rejects a bad history; scenarios replay; bad files are named.
#include <doctest/doctest.h>

#include "checks.h"
#include "history.h"
#include "scenario.h"

using namespace ox;
using namespace ox::sim;

namespace {
grid::ClusterView view(int members, int partitions, int replicas) {
  grid::ClusterView v;
  for (int i = 1; i <= members; ++i)
    v.members.push_back({{1, static_cast<std::uint64_t>(i)},
                         {"10.0.0.1", static_cast<std::uint16_t>(5700 + i)},
                         false});
  v.id = {1, 1, v.members[0].id};
  v.clusterName = "c";
  v.partitions.resize(static_cast<std::size_t>(partitions));
  for (std::size_t p = 0; p < v.partitions.size(); ++p)
    for (int i = 0; i < replicas; ++i)
      v.partitions[p].at[v.partitions[p].count++] =
          v.members[(p + static_cast<std::size_t>(i)) % v.members.size()].id;
  return v;
}
grid::ViewPtr shared(const grid::ClusterView& v) {
  return std::make_shared<const grid::ClusterView>(v);
}
}  // namespace

TEST_CASE("the history checker rejects lost, stale and invented values") {
  History h;
  CHECK(h.judgeRead("k", std::nullopt) == "");
  CHECK_FALSE(h.judgeRead("k", "x") == "");
  h.finish("k", h.begin("k", "a"), Outcome::kAcknowledged);
  h.finish("k", h.begin("k", "b"), Outcome::kAcknowledged);
  CHECK(h.judgeRead("k", "b") == "");
  CHECK(h.judgeRead("k", "a").find("lost") != std::string::npos);
  CHECK(h.judgeRead("k", std::nullopt).find("lost") != std::string::npos);
  CHECK(h.judgeRead("k", "z").find("nobody wrote") != std::string::npos);
  h.finish("k", h.begin("k", "c"), Outcome::kIndeterminate);
  CHECK(h.judgeRead("k", "b") == "");
  CHECK(h.judgeRead("k", "c") == "");
  h.finish("k", h.begin("k", "d"), Outcome::kRefused);
  CHECK_FALSE(h.judgeRead("k", "d") == "");
  h.finish("k", h.begin("k", std::nullopt), Outcome::kAcknowledged);
  CHECK(h.judgeRead("k", std::nullopt) == "");
  CHECK_FALSE(h.judgeRead("k", "c") == "");
}

TEST_CASE("the cluster checker rejects strangers, splits and the unjoined") {
  const auto v = view(2, 4, 2);
  const SeenBy a{v.members[0], shared(v)};
  const SeenBy b{v.members[1], shared(v)};
  CHECK(checkOneCluster({a, b}) == "");
  CHECK_FALSE(checkOneCluster({}) == "");
  CHECK_FALSE(checkOneCluster({a}) == "");
  CHECK_FALSE(checkOneCluster({a, {v.members[1], nullptr}}) == "");
  auto other = v;
  other.id.counter = 2;
  CHECK_FALSE(checkOneCluster({a, {v.members[1], shared(other)}}) == "");
  CHECK_FALSE(checkOneCluster({a, {{{5, 5}, {"10.0.0.9", 1}, false}, shared(v)}}) == "");
}

TEST_CASE("the partition checkers reject missing copies, running moves and bad shares") {
  auto v = view(3, 9, 2);
  CHECK(checkPartitions(v, 1) == "");
  CHECK(checkBalance(v) == "");
  CHECK_FALSE(checkPartitions(v, 2) == "");
  auto moving = v;
  moving.migrations.push_back({0, v.members[2].id, false, 1, 1});
  CHECK_FALSE(checkPartitions(moving, 1) == "");
  auto unowned = v;
  unowned.partitions[3] = grid::Replicas{};
  CHECK_FALSE(checkPartitions(unowned, 1) == "");
  auto lopsided = v;
  for (auto& r : lopsided.partitions) {
    r.at[0] = v.members[0].id;
    r.at[1] = v.members[1].id;
  }
  CHECK_FALSE(checkBalance(lopsided) == "");
}

TEST_CASE("the moves checker rejects a reshuffle") {
  const auto before = view(3, 90, 2);
  auto after = before;
  CHECK(checkFewestMoves(before, after) == "");
  for (auto& r : after.partitions)  // everybody's copies change hands, nobody is new
    for (std::size_t i = 0; i < r.count; ++i)
      r.at[i] = before.members[(r.at[i].lo) % 3].id;
  CHECK_FALSE(checkFewestMoves(before, after) == "");
}

TEST_CASE("a scenario file with a mistake is refused with its line") {
  CHECK(parseScenario("x", "title t\nmembers 3\n").ok());
  const auto bad = parseScenario("x", "title t\nfly 3\n");
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.error().message == "x.scenario:2: unknown command 'fly'");
  CHECK_FALSE(parseScenario("x", "members 3\n").ok());
}

TEST_CASE("a scenario that must lose data fails, and the same seed fails the same way") {
  const auto s = parseScenario("loses",
                               "title t\nmembers 3\nbackups 0\nstart together\nsettle\nload on\n"
                               "wait 2000\ncrash random\nsettle\nload off\nsettle\n"
                               "expect acknowledged\n");
  REQUIRE(s.ok());
  const RunResult one = runScenario(*s, 7);
  const RunResult two = runScenario(*s, 7);
  CHECK_FALSE(one.failure.empty());
  CHECK(one.failure == two.failure);
  CHECK(one.simulatedMillis == two.simulatedMillis);
  CHECK(one.log == two.log);
}

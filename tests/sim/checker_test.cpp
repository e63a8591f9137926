// Each checker of the simulator rejects a bad history; scenarios replay; bad files are named.
#include <doctest/doctest.h>

#include <algorithm>

#include "checks.h"
#include "judge.h"
#include "scenario.h"
#include "plain_topics.h"

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

namespace {
// A history written down by hand: times in milliseconds, answers as given.
struct Story {
  History history;
  void op(MapOp kind, std::string value, std::int64_t from, std::int64_t to, bool applied = true,
          Value former = {}, int place = 0, std::string expected = {}) {
    steps.push_back({from, true, {kind, value, expected, applied, former, place, false}});
    steps.push_back({to, false, steps.back().what});
  }
  void unanswered(MapOp kind, std::string value, std::int64_t from, int place = 0) {
    steps.push_back({from, true, {kind, value, "", false, {}, place, true}});
  }
  void mark(Mark::Kind kind, std::int64_t at, int half = 0, std::optional<bool> copies = true) {
    Step s{at, true, {}};
    s.mark = Mark{};
    s.mark->kind = kind;
    s.mark->half = half;
    if (copies != std::optional(true)) s.mark->copies[1]["k"] = copies;
    steps.push_back(s);
  }
  std::string verdict(JudgeSettings settings = {}) {
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.at < b.at; });
    std::map<std::string, std::size_t> numbers;
    for (const Step& s : steps) {
      const What& w = s.what;
      if (s.mark) {
        history.mark(*s.mark, s.at * 1000);
        continue;
      }
      const std::string id = std::to_string(static_cast<int>(w.kind)) + w.value + w.expected +
                             w.former.value_or("-") + std::to_string(w.place);
      if (s.begins) {
        Op op;
        op.kind = w.kind;
        op.value = w.value;
        op.expected = w.expected;
        op.place = w.place;
        numbers[id] = history.begin("k", op, s.at * 1000);
        if (w.lost)
          history.end("k", numbers[id], Outcome::kIndeterminate, false, {}, s.at * 1000);
      } else {
        history.end("k", numbers[id], Outcome::kAcknowledged, w.applied, w.former, s.at * 1000);
      }
    }
    return judge(history, settings).wrong;
  }

 private:
  struct What {
    MapOp kind = MapOp::kGet;
    std::string value, expected;
    bool applied = true;
    Value former;
    int place = 0;
    bool lost = false;
  };
  struct Step {
    std::int64_t at = 0;
    bool begins = true;
    What what;
    std::optional<Mark> mark;
  };
  std::vector<Step> steps;
};
bool says(const std::string& verdict, const char* what) {
  return verdict.find(what) != std::string::npos;
}
constexpr auto kNoOrder = "no order of the operations explains it";
}  // namespace

TEST_CASE("the judge rejects lost, stale and invented values of one cluster") {
  {
    Story good;
    good.op(MapOp::kSet, "a", 10, 20);
    good.op(MapOp::kGet, "", 15, 17, false);                // before the write
    good.op(MapOp::kGet, "", 16, 30, true, "a", 1);         // after it
    good.op(MapOp::kSet, "b", 40, 60);
    good.op(MapOp::kSet, "c", 41, 50, true, {}, 1);
    good.op(MapOp::kGet, "", 70, 71, true, "b", 2);         // either may be the last one
    CHECK(good.verdict() == "");
  }
  {
    Story lost;
    lost.op(MapOp::kSet, "a", 10, 20);
    lost.op(MapOp::kGet, "", 30, 31, false);
    CHECK(says(lost.verdict(), kNoOrder));
  }
  {
    Story stale;
    stale.op(MapOp::kSet, "a", 10, 20);
    stale.op(MapOp::kSet, "b", 30, 40);
    stale.op(MapOp::kGet, "", 50, 51, true, "a");
    CHECK(says(stale.verdict(), kNoOrder));
  }
  {
    Story back;  // two readers see the two values in different orders
    back.op(MapOp::kSet, "a", 10, 90);
    back.op(MapOp::kSet, "b", 11, 91, true, {}, 1);
    back.op(MapOp::kGet, "", 20, 21, true, "a", 2);
    back.op(MapOp::kGet, "", 30, 31, true, "b", 2);
    back.op(MapOp::kGet, "", 40, 41, true, "a", 3);
    CHECK(says(back.verdict(), kNoOrder));
  }
  {
    Story invented;
    invented.op(MapOp::kSet, "a", 10, 20);
    invented.op(MapOp::kGet, "", 30, 31, true, "z");
    CHECK(says(invented.verdict(), "nobody wrote"));
  }
  {
    Story early;
    early.op(MapOp::kGet, "", 10, 11, true, "a");
    early.op(MapOp::kSet, "a", 20, 30);
    CHECK(says(early.verdict(), "only later"));
  }
  {
    Story unsure;  // a write without an answer may be there, or not, but not come and go
    unsure.op(MapOp::kSet, "a", 10, 20);
    unsure.unanswered(MapOp::kSet, "b", 30);
    unsure.op(MapOp::kGet, "", 40, 41, true, "a");
    unsure.op(MapOp::kGet, "", 50, 51, true, "b");
    CHECK(unsure.verdict() == "");
    Story returns = unsure;
    returns.history = {};
    returns.op(MapOp::kGet, "", 60, 61, true, "a", 3);
    CHECK(says(returns.verdict(), kNoOrder));
  }
}

TEST_CASE("the judge rejects conditional operations applied twice or against their condition") {
  Story twice;
  twice.op(MapOp::kSet, "a", 10, 20);
  twice.op(MapOp::kReplaceIfSame, "b", 30, 40, true, {}, 0, "a");
  twice.op(MapOp::kReplaceIfSame, "c", 50, 60, true, {}, 1, "a");
  CHECK(says(twice.verdict(), kNoOrder));
  Story absent;
  absent.op(MapOp::kPutIfAbsent, "a", 10, 20);
  absent.op(MapOp::kPutIfAbsent, "b", 30, 40);
  CHECK(says(absent.verdict(), kNoOrder));
  Story removed;  // a removal whose former value was not there
  removed.op(MapOp::kSet, "a", 10, 20);
  removed.op(MapOp::kSet, "b", 30, 40);
  removed.op(MapOp::kRemove, "", 50, 60, true, "a");
  CHECK(says(removed.verdict(), kNoOrder));
  Story refused;  // not done although the condition held all the time
  refused.op(MapOp::kSet, "a", 10, 20);
  refused.op(MapOp::kRemoveIfSame, "", 30, 40, false, {}, 0, "a");
  CHECK(says(refused.verdict(), kNoOrder));
}

TEST_CASE("the judge takes each side of a split by itself") {
  const auto split = [](std::optional<bool> copies) {
    Story s;
    s.op(MapOp::kSet, "a", 10, 20);
    s.mark(Mark::Kind::kCut, 30, 2, copies);
    s.op(MapOp::kSet, "b", 40, 50, true, {}, 0);
    return s;
  };
  Story sides = split(true);
  sides.op(MapOp::kGet, "", 60, 61, true, "a", 2);  // the other side does not see it
  CHECK(sides.verdict() == "");
  Story stale = split(true);
  stale.op(MapOp::kGet, "", 60, 61, true, "a", 1);  // the same side must
  CHECK(says(stale.verdict(), "this side's"));
  Story across = split(true);
  across.op(MapOp::kGet, "", 60, 61, true, "b", 2);  // through a cut network
  CHECK(says(across.verdict(), "this side's"));
  Story none = split(true);
  none.op(MapOp::kGet, "", 60, 61, false, {}, 2);
  CHECK(says(none.verdict(), "this side's"));
  Story without = split(false);  // this side holds no copy: begins with nothing
  without.op(MapOp::kGet, "", 60, 61, false, {}, 2);
  CHECK(without.verdict() == "");
}

TEST_CASE("the judge wants the newest write when a split has healed") {
  const auto healed = [] {
    Story s;
    s.op(MapOp::kSet, "a", 10, 20);
    s.mark(Mark::Kind::kCut, 30, 2);
    s.op(MapOp::kSet, "b", 40, 50, true, {}, 0);
    s.op(MapOp::kSet, "c", 70, 80, true, {}, 3);
    s.mark(Mark::Kind::kHeal, 90);
    s.op(MapOp::kGet, "", 95, 96, true, "a", 1);  // anything goes until it has settled
    s.mark(Mark::Kind::kSettled, 100);
    return s;
  };
  Story good = healed();
  good.op(MapOp::kGet, "", 110, 111, true, "c", 1);
  CHECK(good.verdict() == "");
  Story older = healed();
  older.op(MapOp::kGet, "", 110, 111, true, "b", 1);
  CHECK(says(older.verdict(), kNoOrder));
  JudgeSettings clocks;
  clocks.clockErrorMillis = 100;  // nobody knows which was the later one
  Story skewed = healed();
  skewed.op(MapOp::kGet, "", 110, 111, true, "b", 1);
  CHECK(skewed.verdict(clocks) == "");
  JudgeSettings policy;
  policy.anySideWins = true;
  Story any = healed();
  any.op(MapOp::kGet, "", 110, 111, true, "b", 1);
  CHECK(any.verdict(policy) == "");
  Story overwritten = healed();
  overwritten.op(MapOp::kGet, "", 110, 111, true, "a", 1);
  CHECK(says(overwritten.verdict(policy), kNoOrder));
  Story removed = healed();
  removed.op(MapOp::kRemove, "", 82, 85, true, "c", 3);
  removed.op(MapOp::kGet, "", 110, 111, true, "b", 1);  // a removed key comes back
  CHECK(says(removed.verdict(), kNoOrder));
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
  grid::ClusterView hosts = v;
  for (std::size_t i = 0; i < 3; ++i) hosts.members[i].address.host = "10.0.0." + std::to_string(i);
  CHECK(checkPartitions(hosts, 1, true) == "");
  hosts.members[1].address.host = hosts.members[0].address.host;  // two machines, two copies on one
  CHECK(checkPartitions(hosts, 1, true).find("on one host") != std::string::npos);
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

TEST_CASE("the judge of topics rejects disorder, repeats, inventions, hidden gaps and losses") {
  const Publications sent{{"s", {{"one", {"r"}}, {"two", {"r"}}, {"three", {"r"}}}}};
  const auto heard = [](std::vector<Arrival> a, std::uint64_t gaps = 0) { return Heard{a, gaps}; };
  CHECK(judgeOrder("r", heard({{"s", 1, "one"}, {"s", 3, "three"}}), sent) == "");
  CHECK_FALSE(judgeOrder("r", heard({{"s", 2, "two"}, {"s", 1, "one"}}), sent) == "");
  CHECK_FALSE(judgeOrder("r", heard({{"s", 1, "one"}, {"s", 1, "one"}}), sent) == "");
  CHECK_FALSE(judgeOrder("r", heard({{"s", 1, "two"}}), sent) == "");
  CHECK_FALSE(judgeOrder("r", heard({{"s", 4, "four"}}), sent) == "");
  CHECK_FALSE(judgeOrder("r", heard({{"x", 1, "one"}}), sent) == "");
  CHECK(judgeGaps("r", heard({{"s", 1, "one"}, {"s", 3, "three"}}, 1)) == "");
  CHECK_FALSE(judgeGaps("r", heard({{"s", 1, "one"}, {"s", 3, "three"}}, 0)) == "");
  CHECK_FALSE(judgeGaps("r", heard({{"s", 1, "one"}, {"s", 2, "two"}}, 1)) == "");
  CHECK(judgeComplete("r", heard({{"s", 1, "one"}, {"s", 2, "two"}, {"s", 3, "three"}}), sent) == "");
  CHECK_FALSE(judgeComplete("r", heard({{"s", 1, "one"}, {"s", 2, "two"}}), sent) == "");
  CHECK(judgeComplete("elsewhere", heard({}), sent) == "");
}

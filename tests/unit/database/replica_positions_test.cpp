// How far a replica must be: what the grid, the own memory and the master say, and when the grid is believed.
#include "replica_positions.h"

#include <doctest/doctest.h>

#include <deque>

#include "serialization/data.h"
#include "server_health.h"

using namespace ox;
using namespace ox::database;
using services::Completion;
using services::MapOp;
using services::MapReply;
using services::MapRequest;

namespace {

struct ManualClock final : Clock {
  std::int64_t steadyNanos() const override { return now * 1'000'000; }
  std::int64_t wallMillis() const override { return now; }
  std::int64_t now = 1'000'000;
};

// One map of the grid in memory; it can fail, or keep its answers back.
class Map final : public services::GridMap {
 public:
  const std::string& name() const override { return name_; }
  void execute(MapRequest r, Completion<MapReply> done) override {
    ++calls;
    run([this, r = std::move(r), done = std::move(done)] {
      if (down) return done(Error(Code::kGridNotJoined));
      MapReply reply;
      const auto it = values.find(r.key);
      if (it != values.end()) reply.value = it->second;
      if (r.op == MapOp::kRemove || (r.op == MapOp::kRemoveIfSame && reply.value == r.expected))
        values.erase(r.key);
      else if (r.op == MapOp::kPutIfAbsent) values.emplace(r.key, r.value);
      done(std::move(reply));
    });
  }
  void process(Bytes key, const std::string& processor, Bytes argument,
               const services::Predicate*, Completion<std::optional<Bytes>> done) override {
    ++calls;
    run([this, key, processor, argument, done = std::move(done)] {
      if (down) return done(Error(Code::kGridNotJoined));
      if (older) return done(Error(Code::kInvalid, "no such processor"));
      CHECK(processor == kRaiseProcessor);
      services::EntryView view{key, std::nullopt};
      if (const auto it = values.find(key); it != values.end()) view.value = it->second;
      const auto change = raisePosition(view, argument);
      if (change.action == services::EntryChange::Action::kSet) values[key] = change.value;
      done(std::optional(change.reply));
    });
  }
  void size(Completion<std::uint64_t> done) override { done(std::uint64_t{values.size()}); }
  void keys(Completion<std::vector<Bytes>> done) override { done(std::vector<Bytes>()); }
  void entries(Completion<std::vector<services::MapEntry>> done) override {
    done(std::vector<services::MapEntry>());
  }
  void clear(Completion<std::uint64_t> done) override {
    ++cleared;
    values.clear();
    done(std::uint64_t{0});
  }
  services::MapStats localStats() const override { return {}; }

  void put(std::int32_t context, std::int64_t number) {
    values[serialization::toData(context)] = serialization::toData(number);
  }
  std::optional<std::int64_t> at(std::int32_t context) const {
    const auto it = values.find(serialization::toData(context));
    if (it == values.end()) return std::nullopt;
    return *serialization::longFrom(it->second);
  }
  void release() {
    held = false;
    while (!waiting.empty()) {
      auto next = std::move(waiting.front());
      waiting.pop_front();
      next();
    }
  }
  std::map<Bytes, Bytes> values;
  bool down = false, older = false, held = false;
  int calls = 0, cleared = 0;
  std::deque<std::function<void()>> waiting;

 private:
  void run(std::function<void()> work) {
    if (held) waiting.push_back(std::move(work));
    else work();
  }
  std::string name_ = kPositionsMap;
};

struct Fixture {
  Fixture() {
    together();
    clock.now += settings.settleMillis;
    together();
  }
  void together() { positions->membersAre(true, {{"a:1", "A"}, {"b:1", "B"}}, true); }
  void alone() { positions->membersAre(true, {{"a:1", "A"}}, true); }
  Wanted wanted(std::int32_t context) {
    std::optional<Wanted> out;
    positions->wanted(context, [&](const Result<Wanted>& w) { out = *w; });
    REQUIRE(out);
    return *out;
  }
  bool announce(std::int32_t context, std::int64_t number) {
    std::optional<bool> out;
    positions->announce(context, number, [&](const Result<bool>& sure) { out = *sure; });
    REQUIRE(out);
    return *out;
  }
  PositionSettings settings;
  ManualClock clock;
  std::shared_ptr<Map> map = std::make_shared<Map>();
  std::shared_ptr<ReplicaPositions> positions =
      std::make_shared<ReplicaPositions>(map, clock, settings);
};

}  // namespace

TEST_CASE("a replica is read when it has what the grid knows of; one that cannot tell is not") {
  Fixture f;
  f.map->put(7, 12);  // another node has written
  const Wanted w = f.wanted(7);
  CHECK(w.known);
  CHECK(serves(w, 12));
  CHECK(serves(w, 13));
  CHECK_FALSE(serves(w, 11));
  CHECK_FALSE(serves(w, std::nullopt));
  CHECK_FALSE(serves(f.wanted(8), 1'000'000));  // nobody knows: the master is asked
  CHECK(f.positions->stats().absent == 1);
}

TEST_CASE("a number is in the grid before a change is answered, and never goes back there") {
  Fixture f;
  CHECK(f.announce(7, 5));
  CHECK(f.map->at(7) == 5);
  CHECK(f.announce(7, 4));  // overtaken
  CHECK(f.map->at(7) == 5);
  f.map->held = true;
  bool answered = false;
  f.positions->announce(7, 6, [&](const Result<bool>&) { answered = true; });
  CHECK_FALSE(answered);
  f.map->release();
  CHECK(answered);
  CHECK(f.map->at(7) == 6);
}

TEST_CASE("what this node wrote itself holds, whatever the grid says") {
  Fixture f;
  CHECK(f.announce(7, 9));
  f.map->put(7, 3);
  CHECK(f.wanted(7).least == 9);
}

TEST_CASE("the master's word is kept for the others, unless there is an entry") {
  Fixture f;
  f.positions->told(7, 4);
  CHECK(f.map->at(7) == 4);
  f.positions->told(7, 9);
  CHECK(f.map->at(7) == 4);
}

TEST_CASE("without a grid the master is asked, and a change is answered at once") {
  ManualClock clock;
  auto positions = std::make_shared<ReplicaPositions>(nullptr, clock);
  bool sure = false;
  positions->announce(1, 3, [&](const Result<bool>& s) { sure = *s; });
  CHECK(sure);
  std::optional<Wanted> wanted;
  positions->wanted(1, [&](const Result<Wanted>& w) { wanted = *w; });
  REQUIRE(wanted);
  CHECK_FALSE(wanted->known);
  CHECK(wanted->least == 3);
  positions->told(1, 3);
  positions->refuted(1, 3, 2);
  positions->tick();
}

TEST_CASE("while a member is missing the grid is not believed, and a change is not sure for a time") {
  Fixture f;
  f.map->put(7, 12);
  f.alone();
  CHECK_FALSE(f.wanted(7).known);
  CHECK_FALSE(f.announce(7, 13));  // taken, but the other half may not have noticed
  CHECK(f.map->at(7) == 13);
  f.clock.now += f.settings.settleMillis;
  f.alone();
  CHECK_FALSE(f.wanted(7).known);  // it may be a split
  CHECK(f.announce(7, 14));        // by now everybody has noticed
  SUBCASE("the member comes back") {
    f.together();
    CHECK_FALSE(f.wanted(7).known);  // what the halves had is still being united
    f.clock.now += f.settings.settleMillis;
    CHECK(f.wanted(7).known);
  }
  SUBCASE("it never comes back") {
    f.clock.now += f.settings.forgetMillis;
    f.alone();
    CHECK(f.wanted(7).known);
  }
  SUBCASE("another process at its address is enough") {
    f.positions->membersAre(true, {{"a:1", "A"}, {"b:1", "B2"}}, true);
    f.clock.now += f.settings.settleMillis;
    CHECK(f.wanted(7).known);
  }
}

TEST_CASE("copies that are being made, and a cluster that was left, put trust off") {
  Fixture f;
  f.map->put(7, 1);
  f.positions->membersAre(true, {{"a:1", "A"}, {"b:1", "B"}}, false);
  CHECK_FALSE(f.wanted(7).known);
  f.clock.now += f.settings.settleMillis;
  f.together();
  CHECK(f.wanted(7).known);
  f.positions->membersAre(false, {}, false);
  CHECK_FALSE(f.wanted(7).known);
  f.together();
  CHECK_FALSE(f.wanted(7).known);
  CHECK_FALSE(f.announce(7, 2));
}

TEST_CASE("members that went while the grid was asked make its answer worthless") {
  Fixture f;
  f.map->put(7, 1);
  f.map->held = true;
  std::optional<Wanted> wanted;
  f.positions->wanted(7, [&](const Result<Wanted>& w) { wanted = *w; });
  f.alone();
  f.map->release();
  REQUIRE(wanted);
  CHECK_FALSE(wanted->known);
}

TEST_CASE("a number that the grid did not take is offered again until it has it") {
  Fixture f;
  f.map->put(7, 1);
  f.map->down = true;
  CHECK_FALSE(f.announce(7, 5));
  CHECK_FALSE(f.announce(7, 6));
  CHECK(f.positions->stats().owed == 1);
  f.positions->tick();
  f.map->down = false;
  CHECK(f.map->at(7) == 1);
  f.positions->tick();
  CHECK(f.map->at(7) == 6);
  CHECK(f.positions->stats().owed == 0);
}

TEST_CASE("an owner of an older release: no entry is left, so that the master is asked") {
  Fixture f;
  f.map->put(7, 1);
  f.map->older = true;
  CHECK(f.announce(7, 5));
  CHECK_FALSE(f.map->at(7));
  CHECK(f.positions->stats().owed == 0);
}

TEST_CASE("more than can be remembered: the whole map goes before it is believed again") {
  Fixture f;
  f.map->down = true;
  for (std::size_t i = 0; i <= ReplicaPositions::kMaxOwed; ++i)
    CHECK_FALSE(f.announce(static_cast<std::int32_t>(i), 5));
  f.map->down = false;
  f.map->put(1'000'000, 1);
  CHECK_FALSE(f.wanted(1'000'000).known);
  f.positions->tick();
  CHECK(f.map->cleared == 1);
  CHECK(f.positions->stats().trusted);
  for (int i = 0; i < 50; ++i) f.positions->tick();
  CHECK(f.positions->stats().owed == 0);
}

TEST_CASE("a silent grid is left alone for a while") {
  Fixture f;
  f.map->put(7, 1);
  f.positions->noAnswer();
  const int before = f.map->calls;
  CHECK_FALSE(f.wanted(7).known);
  CHECK(f.map->calls == before);
  f.clock.now += f.settings.silenceMillis;
  CHECK(f.wanted(7).known);
  f.map->down = true;
  CHECK_FALSE(f.wanted(7).known);
  f.map->down = false;
  CHECK_FALSE(f.wanted(7).known);
}

TEST_CASE("a number above the master's own is removed, but not one that was raised meanwhile") {
  Fixture f;
  CHECK(f.announce(7, 9));
  f.positions->refuted(7, 9, 2);  // the context was made anew
  CHECK_FALSE(f.map->at(7));
  CHECK(f.wanted(7).least == 0);
  CHECK(f.announce(7, 3));
  f.positions->refuted(7, 9, 2);  // of a slower reader
  CHECK(f.map->at(7) == 3);
}

TEST_CASE("damaged entries and arguments: the master is asked, nothing is stored") {
  Fixture f;
  const Bytes key = serialization::toData(std::int32_t{7});
  f.map->values[key] = "nonsense";
  CHECK_FALSE(f.wanted(7).known);
  CHECK(f.positions->stats().undecodable == 1);
  const auto change = raisePosition({key, BytesView("nonsense")}, encodeRaise(4));
  CHECK(change.action == services::EntryChange::Action::kSet);
  CHECK(*serialization::longFrom(change.value) == 4);
  for (const Bytes& bad : {Bytes(), Bytes("short"), encodeRaise(4) + "x", encodeRaise(-1)})
    CHECK(raisePosition({key, std::nullopt}, bad).action == services::EntryChange::Action::kKeep);
}

TEST_CASE("a server that failed rests, then one caller tries it") {
  ManualClock clock;
  ServerHealth health(clock);
  CHECK(health.mayTry(4));
  health.answered(4, false, "a replica", "its master is read instead", "refused");
  CHECK(health.down() == 1);
  CHECK_FALSE(health.mayTry(4));
  CHECK(health.mayTry(5));
  clock.now += ServerHealth::kRestMillis;
  CHECK(health.mayTry(4));
  CHECK_FALSE(health.mayTry(4));  // the one is trying
  health.answered(4, true, "a replica");
  CHECK(health.down() == 0);
  CHECK(health.mayTry(4));
}

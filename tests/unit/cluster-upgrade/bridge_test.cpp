// The bridge against members made of recordings of each older line.
#include "bridge.h"

#include "../test_log.h"
#include "base/log.h"
#include "hzclient/client_fixture.h"

using namespace ox;
using namespace ox::upgrade;
using namespace ox::hzclient::test;

namespace {
using hzclient::Protocol;

// As published and received in the recordings.
const std::string kSender = "0123456789abcdef0123456789abcdef";

struct Release {
  const char* release;
  std::vector<std::string> versions;
};
const std::vector<Release> kReleases = {
    {"76x", {"3.2.4"}},         {"780-782", {"3.5.5"}}, {"783", {"3.6.4", "3.7.1"}},
    {"784", {"3.8.1"}},         {"7100-7101", {"3.10"}}, {"7102", {"3.11"}},
    {"7103-7104", {"3.12.11"}}, {"7105", {"4.1.1", "5.0-snapshot"}}};

services::CacheEvent changed(const std::string& schema, std::int32_t pool = 3) {
  services::CacheEvent e;
  e.region = services::kRegionSchema;
  e.keys = {{pool, {schema}}};
  return e;
}

struct House {
  net::Shard shard{0, "bridge"};
  Drawn random;
  BridgeSettings settings;
  std::shared_ptr<Bridge> bridge;
  std::atomic<int> answered{0};
  std::mutex mutex;
  std::string said;
  log::Observer before;

  explicit House(const hzclient::test::Transcript& like) {
    hzclient::ClientSettings s;
    asRecorded(like, s, random);
    settings.identity = s.identity;
    settings.groups = {s.group};
    settings.password = s.password;
    settings.attempts = 1;
    before = log::setObserver({});
    log::setObserver([this](log::Level level, std::string_view text) {
      if (before) before(level, text);
      std::lock_guard lock(mutex);
      said += std::string(text) + "\n";
    });
  }
  ~House() {
    if (bridge) bridge->stop();
    shard.stop();
    log::setObserver(before);
  }
  void node(std::uint16_t port) {
    settings.nodes.push_back({{"127.0.0.1", port, true}, false});
  }
  void begin(const std::string& release) {
    Surroundings around;
    around.shard = &shard;
    around.random = &random;
    around.background = [](const std::function<void()>& task) {
      task();
      return true;
    };
    around.resolve = [](const std::string& host) -> Result<std::vector<std::string>> {
      return std::vector<std::string>{host};
    };
    around.ownMembers = [] { return std::vector<OwnMember>{}; };
    bridge = Bridge::make(legacyLine(release), settings, around, kSender, [this] { ++answered; });
  }
  bool logged(const std::string& part) {
    std::lock_guard lock(mutex);
    return said.find(part) != std::string::npos;
  }
};

// Login, then the recorded publication of a cache event.
Script published(const std::string& version) {
  const auto t = scripted(version, "minimal-publish");
  const char* type = t.protocol == Protocol::kCb2   ? "0401"
                     : t.protocol == Protocol::kCp2 ? "040100"
                                                    : "-18/1";
  const Exchange e = exchange(t, type, 2);
  return afterLogin(version, {expect(e.request), say(e.answer), hold()});
}

// Login, the list of members, the recorded callable with its answer: 0 = true, 1 = false, 2 = exception.
Script called(const std::string& version, Drawn& random, std::size_t which, bool onlyLook = false) {
  const auto t = java(version, "executor");
  const bool cb2 = t.protocol == Protocol::kCb2;
  const std::string members = cb2 ? "0004" : "000300", submit = cb2 ? "0906" : "080600";
  const std::int64_t call = callOf(t.protocol, exchange(t, members).request);
  Script steps = {expect(exchange(t, members).request)};
  for (const Line& line : t.lines)
    if (!line.client && line.event.empty() && line.connection == 1 &&
        callOf(t.protocol, line.bytes) == call)
      steps.push_back(say(line.bytes));
  if (!onlyLook) {
    const Exchange task = exchange(t, submit, which);
    if (cb2) {
      const auto f = *hzclient::cb2::readFields(
          hzclient::cb2::patternOf(hzclient::cb2::kSubmit),
          hzclient::cb2::decode(task.request)->parameters);
      std::string digits = f[1].bytes;
      std::erase(digits, '-');
      random.numbers.insert(random.numbers.end(), {1, 1});  // of the client itself, not sent
      random.numbers.push_back(std::stoull(digits.substr(0, 16), nullptr, 16));
      random.numbers.push_back(std::stoull(digits.substr(16), nullptr, 16));
    } else {
      random.uuid(hzclient::cp2::decode(task.request)->fixed.substr(0, 17));
    }
    steps.push_back(expect(task.request));
    steps.push_back(say(task.answer));
  }
  steps.push_back(hold());
  return afterLogin(version, steps);
}

bool byCallable(const std::string& release) {
  return legacyLine(release).mechanism == Mechanism::kCallable;
}
// Of the recorded callable.
services::CacheEvent recorded(std::size_t which) {
  return changed(which == 0 ? "oxdb_5" : which == 1 ? "oxdb_6" : "oxdb_7",
                 static_cast<std::int32_t>(3 + which));
}
}  // namespace

TEST_CASE("each release is told with the bytes that its own kind says") {
  for (const auto& [release, versions] : kReleases)
    for (const auto& version : versions) {
      CAPTURE(release);
      CAPTURE(version);
      const auto t = scripted(version, "minimal-publish");
      House house(t);
      hzclient::test::ScriptedMember member(
          t.protocol,
          {byCallable(release) ? called(version, house.random, 0) : published(version)});
      house.node(member.port());
      house.begin(release);
      const auto mark = house.bridge->mark();
      house.bridge->heard(changed("oxdb_5"), true);  // of another node: it tells for itself
      house.bridge->heard(changed("oxdb_5"), false);
      CHECK(house.bridge->settle(mark, 30'000).empty());
      const BridgeCounters c = house.bridge->counters();
      CHECK(c.delivered == 1);
      CHECK(c.visits == 1);
      CHECK(c.lastMillis >= 0);
      CHECK(house.answered == 1);
      CHECK(member.finish() == "");
      CHECK(house.logged("Processing cache event: schemas oxdb_5 (pool 3)"));
      CHECK(house.logged("Successfully initialzed Hazelcast client: dev at 127.0.0.1:"));
      CHECK(house.logged("Successfully published legacy cache event, shutting down client after "));
      CHECK(house.logged(byCallable(release) ? "Successfully executed invalidation task on member 127.0.0.1"
                                             : "Successfully got reference to cache event topic"));
      CHECK_FALSE(house.logged("dev-pass"));
    }
}

TEST_CASE("a check logs in, lists the members and publishes nothing") {
  for (const std::string version : {"3.11", "4.1.1"}) {
    CAPTURE(version);
    const auto t = scripted(version, "minimal-publish");
    House house(t);
    ScriptedMember member(t.protocol, {called(version, house.random, 0, true)});
    house.node(member.port());
    house.begin(t.protocol == Protocol::kCp2 ? "7105" : "7102");
    const Outcome outcome = house.bridge->check();
    REQUIRE_MESSAGE(outcome.status.ok(), (outcome.status.ok() ? "" : outcome.status.error().message));
    CHECK(outcome.group == "dev");
    CHECK(outcome.members.size() == 1);
    CHECK(outcome.address.starts_with("127.0.0.1:"));
    CHECK(member.finish() == "");
  }
}

TEST_CASE("a member that dies in the middle: the next attempt tells the rest") {
  const auto t = scripted("3.12.11", "minimal-publish");
  House house(t);
  Script whole = called("3.12.11", house.random, 0);
  house.random.numbers.insert(house.random.numbers.begin(), {1, 1});  // of the first client
  Script cut = whole;
  cut.resize(4);  // logged in, asked for the members, gone
  cut.push_back(hangUp());
  ScriptedMember member(t.protocol, {cut, whole});
  house.node(member.port());
  house.settings.attempts = 3;
  house.begin("7103-7104");
  house.bridge->heard(changed("oxdb_5"), false);
  CHECK(house.bridge->settle(0, 30'000).empty());
  CHECK(house.bridge->counters().retries == 1);
  CHECK(house.bridge->counters().delivered == 1);
  CHECK(house.logged("attempt 1 of 3"));
  CHECK(member.finish() == "");
}

TEST_CASE("a name of the cluster that is refused: the next one is tried, and first from then on") {
  const std::string version = "3.8.1";
  const auto t = scripted(version, "minimal-publish");
  const auto wrong = scripted(version, "wrong-name-kept-open");
  Script refused = scriptOf(wrong);
  refused[1].bytes = shortLogin(refused[1].bytes);
  refused.resize(3);
  refused.push_back(hold());
  House house(t);
  hzclient::ClientSettings other;
  Drawn ignored;
  asRecorded(wrong, other, ignored);
  house.settings.groups = {other.group, house.settings.groups.front()};
  ScriptedMember member(t.protocol, {refused, published(version), published(version)});
  house.node(member.port());
  house.begin("784");
  house.bridge->heard(changed("oxdb_5"), false);
  CHECK(house.bridge->settle(0, 30'000).empty());
  CHECK(house.logged("trying alternative configuration"));
  house.bridge->heard(changed("oxdb_5"), false);
  CHECK(house.bridge->settle(0, 30'000).empty());
  CHECK(house.bridge->counters().delivered == 2);
  CHECK(member.finish() == "");
}

TEST_CASE("members that could not: a sentence for the report, an error that names the schema") {
  for (const std::size_t which : {1, 2}) {
    const auto t = scripted("3.12.11", "minimal-publish");
    House house(t);
    ScriptedMember member(t.protocol, {called("3.12.11", house.random, which)});
    house.node(member.port());
    house.begin("7103-7104");
    test::ExpectErrors expected;
    house.bridge->heard(recorded(which), false);
    const auto left = house.bridge->settle(0, 30'000);
    REQUIRE(left.size() == 1);
    CHECK(left[0].find("cluster-upgrade-from-7103-7104: schemas oxdb_") == 0);
    CHECK(left[0].find("not done by 1 of 1 members") != std::string::npos);
    CHECK(left[0].find(which == 1 ? "it answered that it could not" : "invalidation failed") !=
          std::string::npos);
    CHECK(house.logged("was NOT told of changed schemas oxdb_"));
    CHECK(member.finish() == "");
  }
}

TEST_CASE("nobody there: attempts with pauses, then an error; other events wait and are told as well") {
  const auto t = scripted("3.12.11", "minimal-publish");
  House house(t);
  house.node(1);  // nothing listens there
  house.settings.attempts = 2;
  house.begin("7103-7104");
  test::ExpectErrors expected;
  house.bridge->heard(changed("a"), false);
  CHECK(house.bridge->settle(0, 30'000).size() == 1);
  CHECK(house.bridge->counters().visits == 2);
  const auto mark = house.bridge->mark();
  CHECK(mark == 1);
  house.bridge->heard(changed("b"), false);
  const auto later = house.bridge->settle(mark, 30'000);
  REQUIRE(later.size() == 1);
  CHECK(later[0].find("schemas b (pool 3)") != std::string::npos);
  CHECK(house.bridge->counters().undelivered == 2);
}

TEST_CASE("stopped between two attempts: what was not told is said") {
  const auto t = scripted("3.12.11", "minimal-publish");
  House house(t);
  house.node(1);
  house.settings.attempts = 50;
  house.begin("7103-7104");
  test::ExpectErrors expected;
  house.bridge->heard(changed("a"), false);
  while (house.bridge->counters().retries == 0)
    CHECK(house.bridge->settle(0, 10).size() == 1);  // "not delivered yet"
  house.bridge->stop();
  const auto left = house.bridge->settle(0, 0);
  REQUIRE(left.size() == 1);
  CHECK(left[0].find("schemas a (pool 3): this node stops") != std::string::npos);
  CHECK(house.bridge->check().status.error().code == Code::kShutdown);
}

TEST_CASE("changes close together share one visit") {
  const auto t = java("3.12.11", "executor");
  House house(scripted("3.12.11", "minimal-publish"));
  ScriptedMember member(t.protocol, {called("3.12.11", house.random, 3)});
  house.node(member.port());
  house.settings.windowMillis = 300;
  house.begin("7103-7104");
  house.bridge->heard(changed("oxdb_5", 3), false);
  house.bridge->heard(changed("oxdb_11", 9), false);
  house.bridge->heard(changed("oxdb_5", 3), false);
  CHECK(house.bridge->settle(0, 30'000).empty());
  CHECK(house.bridge->counters().visits == 1);
  CHECK(member.finish() == "");
}

// Regions: limits, life times, groups, loading, invalidation; cache.ccf.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "../sessions/fake_grid.h"
#include "base/random.h"
#include "coarse_clock.h"
#include "key_hash.h"
#include "region.h"
#include "regions.h"

using namespace ox;
using namespace ox::caching;
using services::CacheEvent;
using services::CacheKey;
using services::flatKey;
using test::ManualClock;

namespace {

RegionSettings endless() {
  RegionSettings s;
  s.maxObjects = 0;
  s.maxLifeMillis = s.idleMillis = s.memoryIdleMillis = -1;
  return s;
}

std::string keyOf(int i) { return "key-" + std::to_string(i); }

}  // namespace

TEST_CASE("a value comes back as it was put; groups are apart") {
  ManualClock clock;
  Region region("X", endless(), clock);
  CHECK_FALSE(region.get("a").has_value());
  CHECK(region.put("a", "1"));
  CHECK(region.put("a", "2", "g"));
  CHECK(region.put("", ""));
  CHECK(*region.get("a") == "1");
  CHECK(*region.get("a", "g") == "2");
  CHECK(region.get("")->empty());
  CHECK(region.put("a", std::string(100'000, 'v')));
  CHECK(region.get("a")->size() == 100'000);
  CHECK_FALSE(region.put(std::string(70'000, 'k'), "v"));
  CHECK_FALSE(region.put("a", std::string(kMaxValueBytes + 1, 'v')));
  CHECK_FALSE(region.get("a").has_value());  // what could not be kept does not leave the former one
  const auto s = region.stats();
  CHECK(s.count == 2);
  CHECK(s.hits == 4);
  CHECK(s.misses == 2);
}

TEST_CASE("the table finds everything through growth, removal and shrinking") {
  ManualClock clock;
  Region region("X", endless(), clock);
  SeededRandom random(7);
  std::map<std::string, std::string> truth;
  for (int i = 0; i < 200'000; ++i) {
    const std::string key = keyOf(static_cast<int>(random.below(20'000)));
    if (random.chance(2, 3)) {
      const std::string value = std::to_string(i);
      region.put(key, value);
      truth[key] = value;
    } else {
      CacheEvent e;
      region.put(key, "x");
      truth.erase(key);
      e.region = "X";
      e.keys = {};
      region.put(flatKey(5, {key}), "y");
      e.keys.push_back({5, {key}});
      region.apply(e, false);
      CHECK_FALSE(region.get(flatKey(5, {key})).has_value());
      truth[key] = "x";
    }
  }
  std::size_t same = 0;
  for (const auto& [key, value] : truth) same += region.get(key) == value ? 1 : 0;
  CHECK(same == truth.size());
  CHECK(region.stats().count == truth.size());
  region.clear();
  CHECK(region.stats().count == 0);
  CHECK(region.stats().bytes == 0);
}

TEST_CASE("the least recently used goes when there are too many, or too many bytes") {
  ManualClock clock;
  RegionSettings s = endless();
  s.maxObjects = 10;
  Region region("X", s, clock);
  for (int i = 0; i < 10; ++i) region.put(keyOf(i), "v");
  clock.advance(2 * kMoveMillis);
  CHECK(region.get(keyOf(0)).has_value());
  region.put(keyOf(10), "v");
  CHECK(region.get(keyOf(0)).has_value());
  CHECK_FALSE(region.get(keyOf(1)).has_value());
  CHECK(region.stats().count == 10);
  CHECK(region.stats().evictions == 1);

  s = endless();
  s.maxBytes = 10'000;
  Region small("Y", s, clock);
  for (int i = 0; i < 100; ++i) small.put(keyOf(i), std::string(1'000, 'v'));
  CHECK(small.stats().bytes <= 10'000);
  CHECK(small.stats().count == 9);
  CHECK(small.get(keyOf(99)).has_value());
  CHECK_FALSE(small.put("large", std::string(10'001, 'v')));
}

TEST_CASE("a limit holds for the region as a whole, whatever the shards") {
  ManualClock clock;
  RegionSettings s = endless();
  s.maxObjects = 100'000;
  Region region("X", s, clock);
  for (int i = 0; i < 100'000; ++i) region.put(keyOf(i), "v");
  CHECK(region.stats().count == 100'000);
  CHECK(region.stats().evictions == 0);
  for (int i = 0; i < 1'000; ++i) region.put(keyOf(200'000 + i), "v");
  CHECK(region.stats().count == 100'000);
  s.maxObjects = 500;
  region.reconfigure(s);
  CHECK(region.stats().count == 500);
}

TEST_CASE("life and idle time; the shrinker; eternal") {
  ManualClock clock;
  RegionSettings s = endless();
  s.maxLifeMillis = 10'000;
  s.idleMillis = 4'000;
  s.memoryIdleMillis = 2'000;
  Region region("X", s, clock);
  region.put("a", "1");
  clock.advance(3'000);
  CHECK(region.get("a").has_value());  // memory idle time is the shrinker's
  clock.advance(4'000);
  CHECK_FALSE(region.get("a").has_value());
  region.put("a", "1");
  for (int i = 0; i < 9; ++i) {
    clock.advance(1'000);
    CHECK(region.get("a").has_value());
  }
  clock.advance(1'000);
  CHECK_FALSE(region.get("a").has_value());
  CHECK(region.stats().expired == 2);

  for (int i = 0; i < 5'000; ++i) region.put(keyOf(i), "1");
  clock.advance(2'000);
  CHECK(region.get(keyOf(7)).has_value());
  region.shrink();
  CHECK(region.stats().count == 1);
  s.eternal = true;
  s.memoryIdleMillis = -1;
  region.reconfigure(s);
  clock.advance(100'000);
  region.shrink();
  CHECK(region.get(keyOf(7)).has_value());
}

TEST_CASE("events: keys, a group, everything; flat keys are those of the events") {
  ManualClock clock;
  Region region("X", endless(), clock);
  region.put(flatKey(1), "a");
  region.put(flatKey(-1, {"example.org"}), "b");
  region.put(flatKey(1, {"x", "y"}), "c");
  region.put(flatKey(1, {"xy"}), "d");
  for (int i = 0; i < 100; ++i) region.put(flatKey(i), "e", "g" + std::to_string(i % 2));
  region.invalidate({{1, {}}, {-1, {"example.org"}}});
  CHECK_FALSE(region.get(flatKey(1)).has_value());
  CHECK_FALSE(region.get(flatKey(-1, {"example.org"})).has_value());
  CHECK(region.get(flatKey(1, {"xy"})).has_value());
  region.invalidate({{1, {"x", "y"}}});
  CHECK_FALSE(region.get(flatKey(1, {"x", "y"})).has_value());
  region.invalidate({{4, {}}}, "g0");
  CHECK_FALSE(region.get(flatKey(4), "g0").has_value());
  region.invalidateGroup("g1");
  CHECK(region.stats().count == 1 + 49);
  region.put(flatKey(8), "e", "h");
  region.forget({{8, {}}, {9, {}}}, "h");
  CHECK_FALSE(region.get(flatKey(8), "h").has_value());
  region.put(flatKey(8), "e", "h");
  region.forgetGroup("h");
  CHECK_FALSE(region.get(flatKey(8), "h").has_value());
  region.clear();
  CHECK(region.stats().count == 0);
  CHECK(region.stats().invalidated == 106);
}

TEST_CASE("concurrent loads of one key are one load; an error is not kept") {
  ManualClock clock;
  Region region("X", endless(), clock);
  std::atomic<int> loads{0}, waiting{0};
  std::atomic<bool> open{false};
  const auto load = [&]() -> Result<Bytes> {
    ++loads;
    while (!open) std::this_thread::yield();
    return Bytes("v");
  };
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      ++waiting;
      const auto r = region.getOrLoad("k", load);
      if (r.ok() && *r == "v") ++right;
    });
  while (region.stats().merged < 3) std::this_thread::yield();
  CHECK(region.getOrLoad("other", [] { return Result<Bytes>(Bytes("o")); }).ok());  // nobody waits
  open = true;
  for (auto& t : threads) t.join();
  CHECK(loads == 1);
  CHECK(right == 4);
  CHECK(*region.get("k") == "v");
  CHECK(region.stats().loads == 2);

  const auto failing = [] { return Result<Bytes>(Error(Code::kCtxNotFound)); };
  CHECK(region.getOrLoad("none", failing).error().code == Code::kCtxNotFound);
  CHECK(region.getOrLoad("none", []() -> Result<Bytes> { throw std::runtime_error("broken"); })
            .error().message.find("broken") != std::string::npos);
  CHECK(*region.getOrLoad("none", [] { return Result<Bytes>(Bytes("now")); }) == "now");
}

TEST_CASE("an invalidation that arrives while a load is under way wins") {
  ManualClock clock;
  Region region("X", endless(), clock);
  const auto during = [&](const std::function<void()>& what, const std::string& group) {
    const auto r = region.getOrLoad(flatKey(1), [&]() -> Result<Bytes> {
      what();
      return Bytes("old");
    }, group);
    CHECK(*r == "old");
    return region.get(flatKey(1), group);
  };
  CHECK_FALSE(during([&] { region.invalidate({{1, {}}}); }, "").has_value());
  CHECK_FALSE(during([&] { region.clear(); }, "").has_value());
  CHECK_FALSE(during([&] { region.invalidateGroup("g"); }, "g").has_value());
  CHECK(*during([&] { region.put(flatKey(1), "new"); }, "") == "new");
  region.clear();
  CHECK(during([&] { region.invalidate({{2, {}}}); }, "").has_value());  // another key
  CHECK(region.stats().overtaken == 4);

  // Whoever asks after the invalidation does not get what was loaded before it.
  region.clear();
  std::string inner;
  const auto r = region.getOrLoad(flatKey(1), [&]() -> Result<Bytes> {
    region.invalidate({{1, {}}});
    inner = *region.getOrLoad(flatKey(1), [] { return Result<Bytes>(Bytes("fresh")); });
    return Bytes("old");
  });
  CHECK(*r == "old");
  CHECK(inner == "fresh");
  CHECK(*region.get(flatKey(1)) == "fresh");
}

TEST_CASE("many threads: puts, gets, loads, invalidations, evictions") {
  RegionSettings s = endless();
  s.maxObjects = 2'000;
  Region region("X", s, systemClock());
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      SeededRandom random(static_cast<std::uint64_t>(t));
      for (int i = 0; i < 20'000; ++i) {
        const auto n = static_cast<std::int32_t>(random.below(5'000));
        const Bytes key = flatKey(n), value = std::to_string(n);
        const std::string group = n % 3 == 0 ? "g" + std::to_string(n % 7) : "";
        switch (random.below(8)) {
          case 0: region.put(key, value, group); break;
          case 1: region.invalidate({{n, {}}}, group); break;
          case 2: if (random.chance(1, 200)) region.invalidateGroup("g0"); break;
          case 3: if (random.chance(1, 500)) region.shrink(); break;
          default: {
            const auto r =
                region.getOrLoad(key, [&] { return Result<Bytes>(Bytes(value)); }, group);
            if (!r.ok() || *r != value) ++wrong;
          }
        }
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(region.stats().count <= 2'000 + 4);
  CHECK(region.stats().evictions > 0);
}

TEST_CASE("memory of a value: header and table stay below 64 bytes, without the allocator's rounding") {
  ManualClock clock;
  Region region("X", endless(), clock);
  static constexpr int kMany = 50'000;
  for (int i = 0; i < kMany; ++i) {
    std::string key = keyOf(i);
    key.resize(32, '.');
    region.put(key, std::string(256, 'v'));
  }
  const auto s = region.stats();
  CHECK(s.count == kMany);
  CHECK(s.bytes / kMany == 288 + sizeof(Entry));
  // At most 20 bytes of table per value (8 at 40 % use) and 16 of the allocator beyond that.
  CHECK(sizeof(Entry) + 20 + 16 <= 64 + 288 * 15 / 100);
}

TEST_CASE("hashes: every byte and the length count, and they spread") {
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string key(size, 'k');
    CHECK(keyHash(key) != keyHash(key + "k"));
    for (std::size_t i = 0; i < size; ++i) {
      std::string changed = key;
      changed[i] = 'l';
      CHECK(keyHash(changed) != keyHash(key));
    }
  }
  // Numbers one after the other, as contexts have them: all places of a table, about equally often.
  std::vector<int> low(256), high(256);
  for (std::int32_t i = 0; i < 256 * 100; ++i) {
    const std::uint64_t hash = keyHash(flatKey(i));
    ++low[hash & 255];
    ++high[hash >> 32 & 255];
  }
  for (const auto* counts : {&low, &high})
    for (const int n : *counts) CHECK((n > 40 && n < 170));
}

TEST_CASE("the coarse clock is the steady one, a little older at most") {
  const std::int64_t before = systemClock().steadyMillis();
  const std::int64_t coarse = coarseClock().steadyMillis();
  CHECK(coarse <= systemClock().steadyMillis());
  CHECK(coarse >= before - 100);
  CHECK(coarseClock().wallMillis() > 1'600'000'000'000);
}

TEST_CASE("regions: attached to events, closed, bounded, shrunk in their interval") {
  ManualClock clock;
  CacheSettings settings;
  settings.defaults = endless();
  settings.defaults.shrinkerMillis = 60'000;
  settings.defaults.maxLifeMillis = 1'000;
  settings.regions["Local"] = settings.defaults;
  settings.regions["Local"].clusterWide = false;
  Regions regions(settings, clock);
  CHECK(regions.clusterWide("Anything"));
  CHECK_FALSE(regions.clusterWide("Local"));
  auto a = regions.region("A");
  CHECK(a == regions.region("A"));
  CHECK(regions.clusterWideRegions() == std::vector<std::string>{"A"});
  a->put(flatKey(1), "v");
  a->invalidate({{1, {}}});
  CHECK_FALSE(a->get(flatKey(1)).has_value());
  CHECK(a->stats().invalidationsSent == 1);
  a->put("k", "v");
  clock.advance(59'000);
  regions.tick();
  CHECK(a->stats().count == 1);
  clock.advance(1'000);
  regions.tick();
  CHECK(a->stats().count == 0);
  CHECK(regions.stats().size() == 2);
  settings.regions["A"] = settings.defaults;
  settings.regions["A"].maxObjects = 3;
  regions.reconfigure(settings);
  CHECK(a->stats().maxObjects == 3);
  regions.close();
  CHECK_FALSE(a->put("k", "v"));
  CHECK(*a->getOrLoad("k", [] { return Result<Bytes>(Bytes("loaded")); }) == "loaded");
  CHECK_FALSE(a->get("k").has_value());
}

// ---- cache.ccf

namespace {

CacheSettings parse(const std::string& text, std::vector<config::Problem>& problems) {
  CacheSettings settings;
  readCacheFile("cache.ccf", text, true, settings, problems);
  return settings;
}

}  // namespace

TEST_CASE("the stock cache.ccf reads without a problem; its figures are the original's") {
  std::vector<config::Problem> problems;
  const CacheSettings s = readCacheSettings(std::string(OX_SOURCE_ROOT) + "/etc", problems);
  for (const auto& p : problems) MESSAGE(p.toString());
  CHECK(problems.empty());
  CHECK(s.regions.size() == 13);
  CHECK(s.of("Context").maxObjects == 10'000);
  CHECK(s.of("Context").idleMillis == 360'000);
  CHECK(s.of("Context").maxLifeMillis == -1);
  CHECK(s.of("Context").clusterWide);
  CHECK_FALSE(s.of("OXMessageCache").clusterWide);
  CHECK(s.of("CalendarCache").maxLifeMillis == 600'000);
  CHECK(s.of("Filestore").maxObjects == 10);
  CHECK(s.of("Unknown").maxObjects == 1'000'000);
  CHECK(s.of("Unknown").idleMillis == 1'800'000);
  CHECK(s.of("Unknown").memoryIdleMillis == 3'600'000);
  CHECK(s.of("Unknown").clusterWide);
  CHECK(s.of("Unknown").maxBytes == s.of("Context").maxBytes);
  CHECK(s.of("Unknown").maxBytes > 0);
  CHECK(s.lateral.listenerPort == 57462);
  CHECK(s.lateral.servers.empty());
  CHECK(s.lateral.receive);
}

TEST_CASE("cache.ccf: every mistake is named with its line, the rest counts") {
  std::vector<config::Problem> problems;
  const CacheSettings s = parse(
      "jcs.region.A=LTCP\n"
      "jcs.region.A.cacheattributes.MaxObjects=many\n"
      "jcs.region.A.cacheattributes.UseMemoryShrinker=perhaps\n"
      "jcs.region.A.cacheattributes.MaxBytes=1000\n"
      "jcs.region.A.elementattributes.IdleTime=-1\n"
      "jcs.region.A.elementattributes.IsSpool=false\n"
      "jcs.region.A.cacheattributes.Colour=red\n"
      "jcs.region.B=DC,LTCP\n"
      "jcs.region.C=\n"
      "jcs.default.cacheattributes.MaxObjects=7\n"
      "jcs.default=\n"
      "jcs.auxiliary.LTCP.attributes.TcpServers=10.0.0.1:57461, nonsense\n"
      "jcs.auxiliary.LTCP.attributes.TcpListenerPort=0\n"
      "jcs.auxiliary.LTCP.attributes.AllowGet=true\n"
      "jcs.auxiliary.LTCP.attributes.TcpListenerHost=everywhere\n"
      "jcs.auxiliary.DC=org.apache.jcs.Disk\n"
      "something=else\n",
      problems);
  std::set<int> errors, warnings;
  for (const auto& p : problems)
    (p.severity == config::Problem::Severity::kError ? errors : warnings).insert(p.line);
  CHECK(errors == std::set<int>{2, 3, 12, 13, 15});
  CHECK(warnings == std::set<int>{7, 8, 16, 17});
  CHECK(s.of("A").maxObjects == 7);  // defaults count wherever they stand
  CHECK(s.of("A").maxBytes == 1000);
  CHECK(s.of("A").idleMillis == -1);
  CHECK(s.of("B").clusterWide);
  CHECK_FALSE(s.of("C").clusterWide);
  CHECK_FALSE(s.defaults.clusterWide);
  CHECK(s.lateral.ignored.size() == 1);
}

TEST_CASE("further .ccf files add regions; what is described already stays") {
  const auto directory = std::filesystem::temp_directory_path() /
                         ("ox-ccf-" + secureHex(8));
  std::filesystem::create_directories(directory);
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(directory / name) << text;
  };
  write("cache.ccf", "jcs.default=LTCP\njcs.region.A=LTCP\njcs.region.A.cacheattributes.MaxObjects=1\n");
  write("b.ccf", "jcs.region.B=\njcs.region.B.cacheattributes.MaxObjects=2\n"
                 "jcs.region.A.cacheattributes.MaxObjects=9\njcs.default.cacheattributes.MaxObjects=3\n");
  write("c.ccf", "jcs.region.B.cacheattributes.MaxObjects=5\n");
  std::vector<config::Problem> problems;
  const CacheSettings s = readCacheSettings(directory.string(), problems);
  std::filesystem::remove_all(directory);
  CHECK(s.files == std::vector<std::string>{"cache.ccf", "b.ccf", "c.ccf"});
  CHECK(s.of("A").maxObjects == 1);
  CHECK(s.of("B").maxObjects == 2);
  CHECK_FALSE(s.of("B").clusterWide);
  CHECK(problems.size() == 3);
  for (const auto& p : problems) CHECK(p.severity == config::Problem::Severity::kWarn);
}

// What travels together, and what the older nodes cannot be told.
#include "batch.h"

#include <doctest/doctest.h>

using namespace ox;
using namespace ox::upgrade;
using services::CacheEvent;

namespace {
CacheEvent event(const char* region, std::vector<services::CacheKey> keys) {
  CacheEvent e;
  e.region = region;
  e.keys = std::move(keys);
  return e;
}
}  // namespace

TEST_CASE("schemas and contexts once each, in their order") {
  Collector collector(Mechanism::kTopic);
  std::size_t strange = 0;
  using Taken = Collector::Taken;
  CHECK(collector.add(event("OXDBPoolCache", {{3, {"oxdb_5"}}, {3, {"oxdb_6"}}}), strange) == Taken::kTaken);
  CHECK(collector.add(event("OXDBPoolCache", {{3, {"oxdb_5"}}}), strange) == Taken::kTaken);
  CHECK(collector.add(event("Context", {{7, {}}, {-1, {"anna"}}}), strange) == Taken::kTaken);
  CHECK(collector.size() == 4);
  const Batch batch = collector.take();
  CHECK(collector.empty());
  CHECK(batch.text(20) == "schemas oxdb_5 (pool 3), oxdb_6 (pool 3); contexts 7, \"anna\"");
  CHECK(batch.text(1) == "schemas oxdb_5 (pool 3) and 1 more; contexts 7 and 1 more");
  CHECK(batch.pairs() == std::vector<std::pair<std::int32_t, std::string>>{{3, "oxdb_5"}, {3, "oxdb_6"}});
  const auto events = batch.events(1);
  REQUIRE(events.size() == 4);
  CHECK(events[0].region == "OXDBPoolCache");
  CHECK(events[3].region == "Context");
  CHECK(events[3].keys.front().parts.front() == "anna");
  // The same again after it was taken.
  CHECK(collector.add(event("Context", {{7, {}}}), strange) == Taken::kTaken);
  CHECK(strange == 0);
}

TEST_CASE("other regions, operations and keys are not for the older cluster") {
  Collector collector(Mechanism::kTopic);
  std::size_t strange = 0;
  using Taken = Collector::Taken;
  CHECK(collector.add(event("User", {{7, {"3"}}}), strange) == Taken::kSkipped);
  auto clear = event("OXDBPoolCache", {{3, {"oxdb_5"}}});
  clear.operation = CacheEvent::Operation::kClear;
  CHECK(collector.add(clear, strange) == Taken::kSkipped);
  CHECK(collector.add(event("OXDBPoolCache", {}), strange) == Taken::kSkipped);
  CHECK(strange == 0);
  CHECK(collector.add(event("OXDBPoolCache", {{3, {}}}), strange) == Taken::kSkipped);
  CHECK(collector.add(event("Context", {{3, {"a", "b"}}}), strange) == Taken::kSkipped);
  CHECK(strange == 2);
  CHECK(collector.empty());
}

TEST_CASE("by the callable only schemas travel") {
  Collector collector(Mechanism::kCallable);
  std::size_t strange = 0;
  CHECK(collector.add(event("Context", {{7, {}}}), strange) == Collector::Taken::kSkipped);
  CHECK(collector.add(event("OXDBPoolCache", {{3, {"a"}}}), strange) == Collector::Taken::kTaken);
  CHECK(collector.size() == 1);
}

TEST_CASE("what waits is bounded") {
  Collector collector(Mechanism::kTopic);
  std::size_t strange = 0;
  CacheEvent many = event("Context", {});
  for (std::size_t i = 0; i < kMaxBatchKeys; ++i) many.keys.push_back({static_cast<std::int32_t>(i), {}});
  CHECK(collector.add(many, strange) == Collector::Taken::kTaken);
  CHECK(collector.add(event("Context", {{5, {}}}), strange) == Collector::Taken::kTaken);  // known
  CHECK(collector.add(event("Context", {{-1, {"new"}}}), strange) == Collector::Taken::kFull);
  CHECK(collector.size() == kMaxBatchKeys);
}

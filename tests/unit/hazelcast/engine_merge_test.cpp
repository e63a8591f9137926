// Two real clusters unite: what became of the entries is shown per map and reason.
#include <doctest/doctest.h>

#include <future>
#include <map>

#include "engine_fixture.h"
#include "mbeans.h"
#include "test_log.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using services::MapOp;

namespace {
void set(Node& node, const std::string& map, const std::string& key, const std::string& value) {
  auto promise = std::make_shared<std::promise<bool>>();
  auto future = promise->get_future();
  services::MapRequest request;
  request.op = MapOp::kSet;
  request.key = toData(key);
  request.value = toData(value);
  node->map(map)->execute(std::move(request), [promise](const Result<services::MapReply>& r) {
    promise->set_value(r.ok());
  });
  REQUIRE(future.get());
}
}  // namespace

TEST_CASE("merged entries are counted by map and reason, in metrics and in the map's bean") {
  const std::uint16_t ports = freePorts(2);
  const auto config = [&](int i) {
    GridConfig c = configFor(static_cast<std::uint16_t>(ports + i), {});
    c.nodes = {{"127.0.0.1", c.port, true}};  // nobody else
    c.mergeFirstMillis = c.mergeNextMillis = 1000;
    return c;
  };
  const auto joining = startNode(config(1));
  const auto staying = startNode(config(0));  // of equals the lower address stays
  REQUIRE(eventually([&] { return isWhole(*joining, 1) && isWhole(*staying, 1); }));
  set(*joining, "m", "both", "older");
  set(*joining, "m", "only", "here");
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // versions count milliseconds
  set(*staying, "m", "both", "newer");
  const auto entries = [](Node& n) { return n->figures().ownedEntries; };
  REQUIRE(eventually([&] { return entries(*joining) == 2 && entries(*staying) == 1; }));
  CHECK((*joining)->figures().merges.empty());

  DiscoverySettings found = config(1).discovery();
  found.nodes = {{"127.0.0.1", ports, true}};
  (*joining)->setDiscovery(found);
  REQUIRE(eventually([&] { return isWhole(*joining, 2) && isWhole(*staying, 2); }));
  REQUIRE(eventually([&] {
    const auto merges = (*joining)->figures().merges;
    const auto m = merges.find("m");
    return m != merges.end() && m->second.kept() + m->second.dropped() == 2;
  }));
  CHECK((*staying)->figures().merges.empty());

  std::vector<management::MetricSample> samples;
  gridMetrics(*joining->engine, samples);
  std::map<std::string, double> reasons;
  for (const auto& s : samples)
    if (s.name == "ox_grid_map_merge_total") {
      REQUIRE(s.labels.size() == 2);
      CHECK(s.labels[0] == std::pair<std::string, std::string>("map", "m"));
      CHECK(s.labels[1].first == "reason");
      CHECK(s.counter);
      reasons[s.labels[1].second] = s.value;
    }
  CHECK(reasons.size() == 9);
  CHECK(reasons["kept-new"] == 1);
  CHECK(reasons["dropped-older"] == 1);
  CHECK(reasons["dropped-policy"] == 0);

  const std::shared_ptr<Engine> shown(std::shared_ptr<void>(), joining->engine.get());
  std::map<std::string, std::string> attributes;
  for (const auto& bean : gridBeans(shown))
    if (bean.objectName.find("type=IMap") != std::string::npos && bean.objectName.ends_with("name=m"))
      for (const auto& [name, value] : bean.attributes()) attributes[name] = value;
  CHECK(attributes["localMergeKeptNewCount"] == "1");
  CHECK(attributes["localMergeDroppedOlderCount"] == "1");
  CHECK(attributes["localMergeKeptReplacedCount"] == "0");
}

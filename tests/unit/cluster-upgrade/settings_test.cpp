// Whom the bridge contacts, what switches it off, what it remembers.
#include "settings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "config/scratch.h"
#include "presence.h"
#include "services/upgrade_bridge.h"

using namespace ox;
using namespace ox::upgrade;

namespace {
constexpr const char* kHz = "com.openexchange.hazelcast.";

struct Read {
  BridgeSettings settings;
  std::vector<config::Problem> problems;
  bool error(const std::string& key, const std::string& part) const {
    return std::any_of(problems.begin(), problems.end(), [&](const config::Problem& p) {
      return p.severity == config::Problem::Severity::kError && p.key == kHz + key &&
             p.text.find(part) != std::string::npos;
    });
  }
};

Result<std::vector<std::string>> names(const std::string& host) {
  if (host == "node2") return std::vector<std::string>{"10.0.0.2", "10.0.0.3"};
  return Error(Code::kNotFound, "no such name");
}

Read read(const std::string& release, std::vector<std::pair<std::string, std::string>> settings,
          const Resolver& resolve = names) {
  test::Scratch etc;
  std::string text;
  for (const auto& [key, value] : settings) text += kHz + key + "=" + value + "\n";
  etc.write("hazelcast.properties", text);
  const auto config = config::Config::load(etc.path());
  Read out;
  out.settings = readBridgeSettings(legacyLine(release), *config, resolve, out.problems);
  return out;
}

std::vector<std::string> dialled(const BridgeSettings& s, const std::vector<OwnMember>& own) {
  std::vector<std::string> failed, out;
  for (const auto& e : endpointsNow(s, own, names, failed))
    out.push_back(e.host + ":" + std::to_string(e.port));
  for (const auto& f : failed) out.push_back("failed " + f);
  return out;
}
}  // namespace

TEST_CASE("the lines are those of the tool and the packages") {
  REQUIRE(legacyLines().size() == services::kUpgradeReleases.size());
  for (std::size_t i = 0; i < legacyLines().size(); ++i)
    CHECK(legacyLines()[i].release == services::kUpgradeReleases[i]);
}

TEST_CASE("what switches the bridge off is said in one sentence and is no error") {
  const auto off = [](std::vector<std::pair<std::string, std::string>> settings) {
    settings.emplace_back("group.name", "ox");
    const Read r = read("7102", settings);
    CHECK(r.problems.empty());
    return r.settings;
  };
  CHECK(off({{"enabled", "false"}}).inactive.find("enabled=false") != std::string::npos);
  CHECK(off({{"network.join", "empty"}}).inactive.find("join=empty") != std::string::npos);
  CHECK(off({{"network.join", "multicast"}}).inactive.find("no address in") != std::string::npos);
  const auto secret = off({{"network.join", "static"},
                           {"network.join.static.nodes", "10.0.0.1"},
                           {"network.symmetricEncryption", "true"}});
  CHECK(secret.warn);
  CHECK(secret.inactive.find("symmetricEncryption=true") != std::string::npos);
}

TEST_CASE("addresses of both lists with their ports, each once; the names of the cluster in order") {
  const Read r = read("7103-7104", {{"group.name", "ox"},
                                    {"group.password", "secret"},
                                    {"network.join", "static"},
                                    {"network.join.static.nodes", "10.0.0.1:5711, node2, 10.0.0.9"},
                                    {"network.client.nodes", "10.0.0.9, 10.0.0.8:5799"}});
  CHECK(r.problems.empty());
  CHECK(r.settings.inactive.empty());
  CHECK(planText(r.settings) ==
        "10.0.0.9:5701, 10.0.0.8:5799, 10.0.0.1:5701, node2:5701 as group ox-3.12 or ox");
  CHECK(r.settings.password == std::optional<std::string>("secret"));
  using List = std::vector<std::string>;
  CHECK(dialled(r.settings, {}) == List{"10.0.0.9:5701", "10.0.0.8:5799", "10.0.0.1:5701",
                                        "10.0.0.2:5701", "10.0.0.3:5701"});
  // A host of our list that runs the new release is no longer one of the old cluster.
  CHECK(dialled(r.settings, {{"10.0.0.1", 5711}, {"10.0.0.3", 5711}, {"10.0.0.8", 5711}}) ==
        List{"10.0.0.9:5701", "10.0.0.8:5799", "10.0.0.2:5701"});
  CHECK(dialled(r.settings, {{"10.0.0.8", 5799}}).size() == 4);
}

TEST_CASE("the port: network.port without the offset, or the client's own") {
  const std::vector<std::pair<std::string, std::string>> base = {
      {"group.name", "ox"}, {"network.join", "static"}, {"network.join.static.nodes", "10.0.0.1"}};
  auto with = base;
  with.emplace_back("network.port", "5801");
  CHECK(planText(read("7105", with).settings) == "10.0.0.1:5801 as group ox-4.1 or ox");
  with.emplace_back("network.client.port", "5900");
  CHECK(planText(read("76x", with).settings) == "10.0.0.1:5900 as group ox");
  with.back().second = "many";  // refused by the catalog
  CHECK(planText(read("76x", with).settings) == "10.0.0.1:5801 as group ox");
}

TEST_CASE("mistakes name their key") {
  CHECK(read("7105", {{"network.join", "static"}, {"network.join.static.nodes", "10.0.0.1"}})
            .error("group.name", "is missing"));
  const std::vector<std::pair<std::string, std::string>> unknown = {
      {"group.name", "ox"}, {"network.join", "static"}, {"network.client.nodes", "gone.example"}};
  CHECK(read("7105", unknown).error("network.client.nodes",
                                    "\"gone.example\" cannot be resolved: no such name"));
  const Read later = read("7105", unknown, {});
  CHECK(later.problems.empty());
  CHECK(dialled(later.settings, {}) == std::vector<std::string>{"failed gone.example: no such name"});
}

TEST_CASE("a bridge that nobody answers says after a day that it should go") {
  constexpr std::int64_t kHour = 3'600'000, kNow = 1'700'000'000'000;
  test::Scratch state;
  CHECK(Presence(state.path(), "p").begin(kNow).empty());
  CHECK(Presence(state.path(), "p").begin(kNow + 23 * kHour).empty());
  const std::string over = Presence(state.path(), "p").begin(kNow + 25 * kHour);
  CHECK(over.find("for 25 hours") != std::string::npos);
  CHECK(over.find("uninstall the package open-xchange-p") != std::string::npos);
  {
    Presence presence(state.path(), "p");
    presence.begin(kNow + 25 * kHour);
    presence.heard(kNow + 26 * kHour);
  }
  CHECK(Presence(state.path(), "p").begin(kNow + 49 * kHour).empty());
  CHECK_FALSE(Presence(state.path(), "p").begin(kNow + 51 * kHour).empty());
  // Rubbish, a time to come, and a place that is not there: nothing is known, nothing fails.
  std::ofstream(state.path() + "/p.seen") << "x y";
  CHECK(Presence(state.path(), "p").begin(kNow + 90 * kHour).empty());
  std::ofstream(state.path() + "/p.seen") << kNow + 1000 * kHour << " 0";
  CHECK(Presence(state.path(), "p").begin(kNow).empty());
  CHECK(Presence("/nowhere/at/all", "p").begin(kNow).empty());
  CHECK(Presence("", "p").begin(kNow).empty());
}

// clearcache: removes cached values, of one node or of all.
#include <iostream>

#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string region, key, group;
  bool all = false, local = false;
  ox::tool::Options options(call, "removes cached values");
  options.add(admin, ox::tool::NodeOptions::kServer);
  options.text("-r,--region", &region, "<region>", "a region of cache.ccf, such as Context");
  options.text("-k,--key", &key, "<key>", "this key only: 42, 42/7, or /example.org");
  options.text("-g,--group", &group, "<group>", "this group of the region, or the key in this group");
  options.flag("--all", &all, "all regions");
  options.flag("--local", &local, "only on the asked node (default: on all nodes)");
  if (const auto exit = options.parse()) return *exit;
  if (all == options.given("--region"))
    return options.refuse("give either --region or --all", 104);
  if (all && (options.given("--key") || options.given("--group")))
    return options.refuse("--key and --group need --region", 104);
  nlohmann::json arguments{{"local", local}};
  if (!all) arguments["region"] = region;
  if (options.given("--key")) arguments["key"] = key;
  if (options.given("--group")) arguments["group"] = group;
  ox::tool::Client client(admin);
  const auto answer = client.call("CacheService/clear", arguments);
  if (!answer) return client.report(answer.error(), "the cache could not be cleared:");
  std::cout << answer.value().value("removed", std::uint64_t{0}) << " values removed on this node from "
            << answer.value().value("regions", std::uint64_t{0}) << " regions"
            << (local ? "\n" : "; the other nodes are told\n");
  return 0;
}

}  // namespace

OX_TOOL(run, "removes cached values of a region, a group or a key", "clearcache")

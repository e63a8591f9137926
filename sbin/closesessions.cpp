// closesessions: ends sessions, of the whole cluster or of one node (source: the original's REST service
// of closing; the original's tool of that name takes a context and a user).
#include <iostream>

#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::int64_t context = 0, user = 0;
  std::string session;
  bool local = false;
  ox::tool::Options options(call, "ends sessions");
  options.add(admin, ox::tool::NodeOptions::kServer);
  options.number("-c,--context", &context, 1, 2147483647, "all sessions of this context");
  options.number("-i,--userid", &user, 1, 2147483647, "of this user of the context only");
  options.text("--sessionid", &session, "<id>", "this session");
  options.flag("--local", &local, "only what the asked node holds (default: the whole cluster)");
  if (const auto exit = options.parse()) return *exit;
  nlohmann::json arguments{{"global", !local}};
  if (options.given("--sessionid") == options.given("--context"))
    return options.refuse("give either --context or --sessionid", 104);
  if (options.given("--userid") && !options.given("--context"))
    return options.refuse("--userid needs --context", 104);
  if (options.given("--sessionid")) arguments["sessionIds"] = {session};
  else if (options.given("--userid"))
    arguments["users"] = nlohmann::json::array({{{"contextId", context}, {"userId", user}}});
  else arguments["contextIds"] = {context};
  ox::tool::Client client(admin);
  const auto answer = client.call("SessiondService/close", arguments);
  if (!answer) return client.report(answer.error(), "sessions could not be closed:");
  std::cout << answer.value().value("closed", std::uint64_t{0}) << " sessions closed\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "ends sessions of a user, a context, or one session", "closesessions")

// createuser: a user in a context (source: the original's tool of that name).
#include <iostream>
#include <nlohmann/json.hpp>

#include "csv_import.h"
#include "tool.h"
#include "user_options.h"

namespace {

int run(ox::tool::Invocation& call) {
  auto columns = ox::tool::UserOptions::columns();
  columns.insert(columns.end(), {"contextid", "contextname", "quota", "guestcreatedby"});
  if (const auto exit = ox::tool::csvImport(call, run, columns)) return *exit;
  ox::tool::AdminOptions admin;
  ox::tool::UserOptions user;
  std::int64_t context = 0;
  std::string contextName;
  std::int64_t invitedBy = 0;
  ox::tool::Options options(call, "creates a user");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.number("-c,--contextid", &context, 1, 2147483647, "id of the context");
  options.text("-N,--contextname", &contextName, "<name>", "name of the context instead of its id");
  user.declare(options, ox::tool::Need::kOptional);
  user.declareQuota(options);
  options.number("--guestcreatedby", &invitedBy, 1, 2147483647,
                 "makes a guest: the id of the user who invites; without -e it is whoever has the "
                 "share link, without a password the link alone lets it in");
  if (const auto exit = options.parse()) return *exit;
  if (context == 0 && contextName.empty())
    return options.refuse("the option -c,--contextid or -N,--contextname is missing", 104);
  if (invitedBy == 0 && user.email.empty())
    return options.refuse("the option -e,--email is missing", 104);
  if (!user.complete() && invitedBy == 0)
    return options.refuse("the option -p,--password or NEW_USER_PASSWORD is missing", 104);
  ox::tool::Client client(admin);
  nlohmann::json arguments = {{"user", user.toJson()}};
  if (invitedBy != 0) arguments["user"]["guestCreatedBy"] = invitedBy;
  if (context != 0) arguments["contextId"] = context;
  else arguments["contextName"] = contextName;
  const auto answer = client.call("OXUserService/create", arguments);
  const auto cid = context == 0 ? std::nullopt : std::optional<std::int64_t>(context);
  if (!answer)
    return client.report(answer.error(),
                         ox::tool::failureLine("user", user.name, cid, "created"));
  std::cout << ox::tool::successLine("user", std::to_string(answer.value().value("id", 0)),
                                     answer.value().value("contextId", std::int64_t{0}), "created")
            << "\n";
  if (const auto token = answer.value().value("shareToken", std::string()); !token.empty())
    std::cout << "share link: /ajax/share/" << token << "\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "creates a user", "createuser")

// upgradeschemata: brings all schemas to a new server, one after the other: disabled, updated, given to
// the server, enabled.
// source: options, steps and the two words of the original's tool. Here a schema that failed stays
// disabled and the tool says how to go on; the exit code tells it.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  std::string one;
  for (const char c : text + ",") {
    if (c != ',') one += c;
    else if (!one.empty()) out.push_back(std::exchange(one, {}));
  }
  return out;
}

// The id of the server, registered if it is new; 0 = the operator said abort, -1 = an error was shown.
std::int64_t serverId(Client& client, const std::string& name, bool goOn, int& exit) {
  const auto known = client.call("OXUtilService/listServer", {{"pattern", "*"}});
  if (!known) {
    exit = client.report(known.error());
    return -1;
  }
  for (const json& one : known.value()) {
    if (one.value("name", "") != name) continue;
    const std::int64_t id = one.value("id", std::int64_t{0});
    std::cout << "The server " << oneLine(name) << " is registered already, its id is " << id
              << ".\n";
    if (goOn) return id;
    for (std::string word; std::cout << "Type 'abort' or 'continue': " << std::flush;) {
      if (!std::getline(std::cin, word) || word == "abort") return 0;
      if (word == "continue") return id;
    }
    return 0;
  }
  const auto made = client.call("OXUtilService/registerServer", {{"name", name}});
  if (!made) {
    exit = client.report(made.error());
    return -1;
  }
  const std::int64_t id = made.value().value("id", std::int64_t{0});
  std::cout << "server " << id << " registered\n";
  return id;
}

// One schema; the exit code of its first failing step, 0 = done.
int upgrade(Client& client, const std::string& schema, std::int64_t server) {
  const auto step = [&](const char* what, const char* operation, const json& arguments) {
    const auto done = client.call(operation, arguments);
    if (!done) return client.report(done.error(), "schema " + schema + ", " + what + ":");
    const json failed = done.value().is_object() ? done.value().value("failed", json::array())
                                                 : json::array();
    for (const json& one : failed)
      std::cerr << "schema " << schema << ", " << what << ": " << oneLine(one.value("taskName", ""))
                << " failed: " << oneLine(one.value("className", "")) << "\n";
    if (!done.value().is_object()) return 0;
    for (const json& text : done.value().value("undelivered", json::array()))
      std::cerr << "schema " << schema << ": the older cluster was not told of "
                << oneLine(text.get<std::string>()) << "\n";
    const std::string stopped = done.value().value("stopped", "");
    if (!stopped.empty())
      std::cerr << "schema " << schema << ", " << what << ": ended before everything was done: "
                << oneLine(stopped) << "\n";
    return failed.empty() && stopped.empty() ? 0 : 1;
  };
  const json named{{"schema", schema}};
  if (const int exit = step("disabling", "OXUtilService/disableSchema", named)) return exit;
  if (const int exit = step("updating", "UpdateTaskService/runUpdate", named)) return exit;
  if (const int exit = step("changing its server", "OXUtilService/changeServer",
                            {{"schema", schema}, {"serverId", server}}))
    return exit;
  if (const int exit = step("enabling", "OXUtilService/enableSchema", named)) return exit;
  std::cout << "schema " << oneLine(schema) << " upgraded\n";
  return 0;
}

int run(Invocation& call) {
  AdminOptions admin;
  std::string name, start, skip;
  bool force = false, goOn = false;
  Options options(call, "upgrades all schemas and gives them to a new server");
  options.add(admin, NodeOptions::kServer);
  options.text("-n,--server-name", &name, "<name>", "name of the new server", Need::kRequired);
  options.flag("-f,--force", &force, "continue after a schema that failed");
  options.text("-m,--start-from-schema", &start, "<schema>", "begin with this schema (resume)");
  options.text("-k,--skip", &skip, "<schemas>", "leave these out, separated by commas");
  options.flag("--continue", &goOn, "do not ask when the server exists");
  if (const auto exit = options.parse()) return *exit;
  Client client(admin);
  const auto rows = client.call("OXUtilService/listDatabaseSchema", json::object());
  if (!rows) return client.report(rows.error());
  std::vector<std::string> schemas;
  for (const json& one : rows.value()) schemas.push_back(one.value("schema", ""));
  std::sort(schemas.begin(), schemas.end());
  auto first = schemas.begin();
  if (!start.empty()) first = std::find(schemas.begin(), schemas.end(), start);
  if (first == schemas.end() && !start.empty()) {
    std::cerr << "Error: there is no schema " << oneLine(start) << "\n";
    return ox::codeInfo(ox::Code::kAdmInvalidData).exit;
  }
  int exit = 0;
  const std::int64_t server = serverId(client, name, goOn, exit);
  if (server < 0) return exit;
  if (server == 0) return 1;
  const std::vector<std::string> skipped = words(skip);
  for (; first != schemas.end(); ++first) {
    if (std::find(skipped.begin(), skipped.end(), *first) != skipped.end()) continue;
    const int failed = upgrade(client, *first, server);
    if (failed == 0) continue;
    exit = failed;
    std::cerr << "The contexts of schema " << *first << " may still be disabled.\n";
    if (force) continue;
    std::cerr << "Go on with: upgradeschemata -n " << name << " -m " << *first << "\n";
    break;
  }
  return exit;
}

}  // namespace

OX_TOOL(run, "upgrades all schemas and gives them to a new server", "upgradeschemata")

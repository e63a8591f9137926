#include "admin_tool.h"

#include <cstdlib>
#include <iostream>

#include <nlohmann/json.hpp>

#include "user_options.h"

namespace ox::tool {

using nlohmann::json;

struct AdminTool::Argument {
  std::string longName;
  std::string key;
  bool isList = false;
  bool isText = false;
  bool isNumber = false;
  std::string text;
  std::int64_t number = 0;
  std::optional<bool> boolean;
  bool flag = false;
};

namespace {

std::string lastName(const std::string& names) { return names.substr(names.rfind(',') + 1); }

// Ids come as numbers, names as texts.
std::string shown(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  if (!value.is_array()) return {};
  std::string out;
  for (const auto& one : value) out += (out.empty() ? "" : ",") + shown(one);
  return out;
}

}  // namespace

AdminTool::AdminTool(Invocation& call, const std::string& summary, std::string operation)
    : options_(call, summary), operation_(std::move(operation)) {
  options_.add(admin_, NodeOptions::kNone);
}
AdminTool::~AdminTool() = default;

AdminTool::Argument& AdminTool::add(const std::string& names, const std::string& key) {
  arguments_.emplace_back();
  arguments_.back().longName = lastName(names);
  arguments_.back().key = key;
  return arguments_.back();
}

void AdminTool::text(const std::string& names, const std::string& key,
                     const std::string& placeholder, const std::string& help, Need need) {
  Argument& one = add(names, key);
  one.isText = true;
  options_.text(names, &one.text, placeholder, help, need);
}
void AdminTool::secret(const std::string& names, const std::string& key,
                       const std::string& placeholder, const std::string& help) {
  Argument& one = add(names, key);
  one.isText = true;
  options_.secret(names, &one.text, placeholder, help);
}
void AdminTool::number(const std::string& names, const std::string& key, std::int64_t min,
                       std::int64_t max, const std::string& help, Need need) {
  Argument& one = add(names, key);
  one.isNumber = true;
  options_.number(names, &one.number, min, max, help, need);
}
void AdminTool::boolean(const std::string& names, const std::string& key, const std::string& help) {
  options_.boolean(names, &add(names, key).boolean, help);
}
void AdminTool::flag(const std::string& names, const std::string& key, const std::string& help) {
  options_.flag(names, &add(names, key).flag, help);
}
void AdminTool::list(const std::string& names, const std::string& key,
                     const std::string& placeholder, const std::string& help) {
  Argument& one = add(names, key);
  one.isList = true;
  options_.text(names, &one.text, placeholder, help);
}

void AdminTool::context(bool renames) {
  renames_ = renames;
  number("-c,--contextid", "contextId", 1, 2147483647, "id of the context");
  text("-N,--contextname", "contextName", "<name>",
       renames ? "name of the context; together with -c its new name"
               : "name of the context instead of its id");
  oneOf({"--contextid", "--contextname"});
}
void AdminTool::user() {
  number("-i,--userid", "userId", 1, 2147483647, "id of the user");
  text("-u,--username", "userName", "<name>", "login name of the user instead of the id");
  oneOf({"--userid", "--username"});
}
void AdminTool::idOrName(const std::string& idKey, const std::string& nameKey, bool required) {
  number("-i,--id", idKey, 1, 2147483647, "its id");
  text("-n,--name", nameKey, "<name>", "its name");
  if (required) oneOf({"--id", "--name"});
}
void AdminTool::oneOf(std::vector<std::string> longNames) {
  alternatives_.push_back(std::move(longNames));
}
void AdminTool::environment(const char* variable, const std::string& key) {
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') fromEnvironment_.emplace_back(key, value);
}

std::optional<int> AdminTool::parse() {
  if (auto exit = options_.parse()) return exit;
  for (const auto& names : alternatives_) {
    bool any = false;
    std::string all;
    for (const auto& name : names) {
      any = any || options_.given(name);
      all += (all.empty() ? "" : " or ") + name;
    }
    if (!any) return options_.refuse("the option " + all + " is missing", 104);
  }
  return std::nullopt;
}

json AdminTool::arguments() const {
  json out = json::object();
  const auto put = [&](const std::string& key, json value) {
    const auto dot = key.find('.');
    if (dot == std::string::npos) out[key] = std::move(value);
    else out[key.substr(0, dot)][key.substr(dot + 1)] = std::move(value);
  };
  for (const auto& [key, value] : fromEnvironment_) put(key, value);
  for (const Argument& one : arguments_) {
    if (!options_.given(one.longName)) continue;
    const bool newName = renames_ && one.key == "contextName" && options_.given("--contextid");
    const std::string key = newName ? "name" : one.key;
    if (one.isList) put(key, splitCommas(one.text));
    else if (one.isText) put(key, one.text);
    else if (one.isNumber) put(key, one.number);
    else put(key, one.boolean.value_or(one.flag));
  }
  return out;
}

int AdminTool::act(const std::string& object, const std::string& verb) {
  return act(object, verb, [&](const json& answer) {
    const auto cid = answer.contains("contextId")
                         ? std::optional(answer.value("contextId", std::int64_t{0}))
                         : std::nullopt;
    return successLine(object, shown(answer.value("id", json())), cid, verb);
  });
}

int AdminTool::act(const std::string& object, const std::string& verb,
                   const std::function<std::string(const json&)>& line) {
  if (const auto exit = parse()) return *exit;
  const json given = arguments();
  Client client(admin_);
  const auto answer = client.call(operation_, given);
  if (answer) {
    std::cout << line(answer.value()) << "\n";
    return 0;
  }
  // Who was meant, as it was called.
  const bool inContext = object != "context" && given.contains("contextId");
  std::string who;
  for (const char* key : {"userId", "userName", "id", "name", "schema"})
    if (who.empty() && object != "context" && given.contains(key)) who = shown(given[key]);
  for (const char* key : {"contextId", "contextName"})
    if (who.empty() && object == "context" && given.contains(key)) who = shown(given[key]);
  return client.report(
      answer.error(),
      failureLine(
          object, who,
          inContext ? std::optional(given.value("contextId", std::int64_t{0})) : std::nullopt,
          verb));
}

int AdminTool::list(const std::string& things, const std::vector<ListColumn>& columns) {
  if (const auto exit = parse()) return *exit;
  Client client(admin_);
  const auto answer = client.call(operation_, arguments());
  if (!answer) return client.report(answer.error(), things + " could not be listed: ");
  std::vector<Column> heads;
  for (const auto& column : columns) {
    const std::string& name = admin_.csv ? column.csv : column.header;
    if (!name.empty()) heads.push_back({name, column.align});
  }
  Table table(std::move(heads));
  for (const auto& row : answer.value()) {
    std::vector<Cell> cells;
    for (const auto& column : columns) {
      if ((admin_.csv ? column.csv : column.header).empty()) continue;
      const auto found = row.find(column.key);
      if (found == row.end() || found->is_null()) cells.emplace_back(std::nullopt);
      else cells.emplace_back(shown(*found));
    }
    table.add(std::move(cells));
  }
  table.print(admin_.csv);
  return 0;
}

}  // namespace ox::tool

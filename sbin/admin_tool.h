// A provisioning tool as a table of its options: each option names the argument of the operation.
//
//   AdminTool tool(call, "disables a context", "OXContextService/disable");
//   tool.context();                                  // -c, -N, -A, -P, ...
//   tool.number("-r,--reason", "reasonId", 0, 4294967295, "why");
//   return tool.act("context", "disabled");
//
// Arguments: only options that are on the command line are sent; "user.email" goes into an object.
// Output:    act() prints the success line with the ids of the answer, list() a table or CSV.
// Exit:      as Client::report() and Options::parse() say.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tool.h"

namespace ox::tool {

// One column of a list: in the table, in CSV (an empty name = not there), and its key in a row.
struct ListColumn {
  std::string header;
  std::string csv;
  std::string key;
  Align align = Align::kLeft;
};

class AdminTool {
 public:
  AdminTool(Invocation& call, const std::string& summary, std::string operation);
  ~AdminTool();

  void text(const std::string& names, const std::string& key, const std::string& placeholder,
            const std::string& help, Need need = Need::kOptional);
  void secret(const std::string& names, const std::string& key, const std::string& placeholder,
              const std::string& help);
  void number(const std::string& names, const std::string& key, std::int64_t min, std::int64_t max,
              const std::string& help, Need need = Need::kOptional);
  void boolean(const std::string& names, const std::string& key, const std::string& help);
  void flag(const std::string& names, const std::string& key, const std::string& help);
  // Comma separated.
  void list(const std::string& names, const std::string& key, const std::string& placeholder,
            const std::string& help);
  // -c,--contextid (contextId) and -N,--contextname (contextName): one of them. `renames`: with -c
  // the option -N is the argument "name".
  void context(bool renames = false);
  // -i,--userid (userId) and -u,--username (userName): one of them or both.
  void user();
  // -i,--id and -n,--name of an object, as arguments `idKey` and `nameKey`; `required`: one of
  // them.
  void idOrName(const std::string& idKey, const std::string& nameKey, bool required = true);
  // At least one of these long names must be given.
  void oneOf(std::vector<std::string> longNames);
  // Takes an argument from the environment when its option is not given.
  void environment(const char* variable, const std::string& key);

  // "object 7 verb", with the ids of the answer, or what `line` makes of the answer.
  int act(const std::string& object, const std::string& verb);
  int act(const std::string& object, const std::string& verb,
          const std::function<std::string(const nlohmann::json&)>& line);
  // "things could not be listed: " when it fails.
  int list(const std::string& things, const std::vector<ListColumn>& columns);

 private:
  struct Argument;
  Argument& add(const std::string& names, const std::string& key);
  std::optional<int> parse();
  nlohmann::json arguments() const;

  AdminOptions admin_;
  Options options_;
  std::string operation_;
  std::deque<Argument> arguments_;
  std::vector<std::vector<std::string>> alternatives_;
  std::vector<std::pair<std::string, std::string>> fromEnvironment_;  // key, value
  bool renames_ = false;
};

}  // namespace ox::tool

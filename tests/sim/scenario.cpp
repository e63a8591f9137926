#include "scenario.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace ox::sim {
namespace {
const std::set<std::string>& knownCommands() {
  static const std::set<std::string> known = {
      // settings
      "data", "members", "topics", "lite", "hosts", "groups", "protocol", "skew", "drift", "backups", "async", "idle",
      "clients",
      "keys", "removals", "reads", "net", "start", "minimum", "memory",
      // commands
      "load", "wait", "settle", "crash", "restart", "join", "stop", "gone", "rolling", "mark", "expect",
      "topic", "features", "ring", "policies", "limits", "tasks", "listeners", "discovery", "sessions",
      "caches", "tokens", "positions",
      // faults
      "reset", "resets", "cut", "heal", "flap", "freeze", "jump"};
  return known;
}
constexpr std::size_t kMaxCommands = 200;
}  // namespace

Result<Scenario> parseScenario(const std::string& name, const std::string& text) {
  Scenario scenario;
  scenario.name = name;
  std::istringstream in(text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (const auto hash = line.find('#'); hash != std::string::npos) line.erase(hash);
    std::istringstream words(line);
    Command command;
    command.line = number;
    for (std::string w; words >> w;) command.words.push_back(w);
    if (command.words.empty()) continue;
    const std::string where = name + ".scenario:" + std::to_string(number);
    if (command.words[0] == "title") {
      scenario.title = line.substr(line.find("title") + 6);
      continue;
    }
    if (knownCommands().count(command.words[0]) == 0)
      return Error(Code::kInvalid, where + ": unknown command '" + command.words[0] + "'");
    if (scenario.commands.size() >= kMaxCommands)
      return Error(Code::kInvalid, where + ": more than " + std::to_string(kMaxCommands));
    scenario.commands.push_back(std::move(command));
  }
  if (scenario.title.empty()) return Error(Code::kInvalid, name + ".scenario has no title");
  return scenario;
}

std::vector<std::string> listScenarios(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(directory, ignored))
    if (file.path().extension() == ".scenario") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

Result<Scenario> loadScenario(const std::string& directory, const std::string& name) {
  std::ifstream file(directory + "/" + name + ".scenario");
  if (!file) return Error(Code::kNotFound, "no scenario " + name + " in " + directory);
  std::ostringstream text;
  text << file.rdbuf();
  return parseScenario(name, text.str());
}

}  // namespace ox::sim

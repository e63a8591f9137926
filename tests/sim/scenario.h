// Scenario: a text file of commands (README.md lists them), run with one seed in one World.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace ox::sim {

struct Command {
  int line = 0;
  std::vector<std::string> words;
};

struct Scenario {
  std::string name;   // file name without ending
  std::string title;
  std::vector<Command> commands;
};

// Names file, line and what is wrong.
Result<Scenario> parseScenario(const std::string& name, const std::string& text);
std::vector<std::string> listScenarios(const std::string& directory);
Result<Scenario> loadScenario(const std::string& directory, const std::string& name);

struct RunResult {
  std::string failure;            // empty = passed
  std::vector<std::string> log;   // of the members, for a failure
  std::int64_t simulatedMillis = 0;
  std::uint64_t views = 0;
  std::size_t operations = 0;
  std::size_t undecided = 0;  // keys whose history was too tangled to be judged
};
RunResult runScenario(const Scenario& scenario, std::uint64_t seed);

}  // namespace ox::sim

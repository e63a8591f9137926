#include <algorithm>

#include "tool.h"

namespace ox::tool {
namespace {
std::vector<Tool>& tools() {
  static std::vector<Tool> all;
  return all;
}
}  // namespace

const std::vector<Tool>& allTools() {
  std::sort(tools().begin(), tools().end(),
            [](const Tool& a, const Tool& b) { return a.names[0] < b.names[0]; });
  return tools();
}

const Tool* findTool(std::string_view name) {
  for (const Tool& tool : tools())
    if (std::find(tool.names.begin(), tool.names.end(), name) != tool.names.end()) return &tool;
  return nullptr;
}

Registration::Registration(Run run, const char* summary, std::initializer_list<const char*> names) {
  Tool tool{run, summary, {}};
  for (const char* name : names) tool.names.emplace_back(name);
  tools().push_back(std::move(tool));
}

}  // namespace ox::tool

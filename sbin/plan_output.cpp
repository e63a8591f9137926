#include "plan_output.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "update_options.h"

namespace ox::tool {

using nlohmann::json;

void showPlan(const json& plan) {
  const json tasks = plan.value("tasks", json::array());
  std::cout << "schema " << oneLine(plan.value("schema", "")) << ": " << tasks.size()
            << " task(s) pending\n";
  int number = 0;
  for (const json& task : tasks) {
    std::cout << ++number << ". " << oneLine(task.value("taskName", "")) << " ("
              << (task.value("blocking", true) ? "blocking" : "background") << ")\n";
    if (const std::string text = task.value("description", ""); !text.empty())
      std::cout << "   " << oneLine(text) << "\n";
    for (const json& name : task.value("dependencies", json::array()))
      std::cout << "   after " << oneLine(name.get<std::string>()) << "\n";
    if (const std::string text = task.value("problem", ""); !text.empty())
      std::cout << "   cannot tell its statements: " << oneLine(text) << "\n";
    const json statements = task.value("statements", json::array());
    if (statements.empty()) std::cout << "   no statement known before the run\n";
    for (const json& one : statements) {
      std::cout << "   SQL: " << oneLine(one.value("sql", "")) << "\n";
      if (const std::string table = one.value("table", ""); !table.empty())
        std::cout << "     table " << oneLine(table) << ": " << one.value("size", "") << ", about "
                  << one.value("rows", std::int64_t{0}) << " rows; expected at worst: "
                  << one.value("expected", "") << "\n";
      if (const std::string note = one.value("cluster", ""); !note.empty())
        std::cout << "     " << oneLine(note) << "\n";
    }
  }
}

void showSql(const json& plan, bool use) {
  if (use) std::cout << "USE `" << oneLine(plan.value("schema", "")) << "`;\n";
  for (const json& task : plan.value("tasks", json::array())) {
    std::cout << "-- " << oneLine(task.value("taskName", "")) << "\n";
    for (const json& one : task.value("statements", json::array()))
      std::cout << one.value("sql", "") << ";\n";
  }
}

}  // namespace ox::tool

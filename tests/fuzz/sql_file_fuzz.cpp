// Annotated SQL files of update tasks: whatever the text is, it is a task within its limits or one
// error with file and line; and what its statements change can be told.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ddl.h"
#include "sql_file_task.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::update;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto target = ddlTarget(text);
  if (target && target->table.empty()) std::abort();
  if (expectedLock(text).empty() != !target) std::abort();
  auto parsed = parseSqlFile(text, "f.sql");
  if (!parsed) {
    if (parsed.error().message.rfind("f.sql:", 0) != 0) std::abort();
    return 0;
  }
  if (!isTaskName(parsed->name) || parsed->statements.empty() ||
      parsed->statements.size() > kMaxSqlStatements)
    std::abort();
  if (SqlFileTask(*parsed).contentSum().size() != 16) std::abort();
  for (const SqlStatement& statement : parsed->statements)
    if (statement.text.empty() || statement.line < 1 || expectedLock(statement.text).size() > 40)
      std::abort();
  return 0;
}

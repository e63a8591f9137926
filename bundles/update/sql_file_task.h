// Update tasks written as annotated SQL files: etc/updatetasks/*.sql.
//
// Format:    the comment lines at the top are the header, one `-- key: value` each:
//              -- name: com.example.AddSomething          (mandatory; the identity for ever)
//              -- depends: name, name                     (may be repeated)
//              -- concurrency: blocking|background        (default blocking)
//              -- namespace: groupware.something
//              -- description: one sentence
//              -- precondition: SELECT ...                (one value: 1 = still to do, 0 = done)
//              -- rerunnable: yes|no                      (default no: see perform())
//            A comment line without `word:` is an ordinary comment. Then come plain statements,
//            see sql_split.h. docs/operating/updates.md is the page for authors.
// Threads:   the parsed file is immutable; perform() as for every UpdateTask.
// Errors:    kConfigSyntax "file:line: what is wrong and what is allowed".
// Limits:    kMaxSqlFileBytes, kMaxSqlFiles, kMaxSqlHeaderLine.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "services/updates.h"
#include "sql_split.h"

namespace ox::update {

inline constexpr std::size_t kMaxSqlFileBytes = 1024 * 1024;
inline constexpr std::size_t kMaxSqlFiles = 500;
inline constexpr std::size_t kMaxSqlHeaderLine = 4096;
inline constexpr std::size_t kMaxTaskName = 512;
inline constexpr std::size_t kMaxDependencies = 100;

struct SqlFile {
  std::string file;  // as shown in messages, "updatetasks/x.sql"
  std::string name;
  std::vector<std::string> depends;
  services::Concurrency concurrency = services::Concurrency::kBlocking;
  std::string nameSpace;
  std::string description;
  std::string precondition;
  bool rerunnable = false;
  std::vector<SqlStatement> statements;
};

// Pure: text to task.
Result<SqlFile> parseSqlFile(std::string_view text, const std::string& file);

// True for what can be a task's name: letters, digits, '.', '_', '$', '-', and neither LOCKED nor
// BACKGROUND, which are lock rows.
bool isTaskName(std::string_view name);

class SqlFileTask final : public services::UpdateTask {
 public:
  explicit SqlFileTask(SqlFile file) : file_(std::move(file)) {}
  const std::string& name() const override { return file_.name; }
  std::vector<std::string> dependencies() const override { return file_.depends; }
  services::Concurrency concurrency() const override { return file_.concurrency; }
  std::string nameSpace() const override { return file_.nameSpace; }
  std::string description() const override { return file_.description; }
  // Of statements and precondition, without regard to blanks, line ends and comments.
  std::string contentSum() const override;
  // Asks the precondition, then runs the statements in order and stops at the first refused one or
  // when superseded. A file that is not rerunnable is refused if an earlier run of it on this
  // schema began and never ended and the precondition (if any) still says 1.
  bool keepsSession() const override;
  Status perform(services::UpdateContext& context) override;
  Result<std::vector<std::string>> preview(services::UpdateContext& context) override;
  const SqlFile& file() const { return file_; }

 private:
  Result<bool> stillToDo(services::UpdateContext& context) const;
  SqlFile file_;
};

// One file that cannot be used: shown to the administrator, the other files live.
struct SqlFileProblem {
  std::string file;
  std::string text;
};
struct SqlFiles {
  std::vector<std::shared_ptr<services::UpdateTask>> tasks;  // by file name
  std::vector<SqlFileProblem> problems;
};
// Reads <etc>/updatetasks/*.sql now; a missing directory is an empty one.
SqlFiles readSqlFiles(const std::filesystem::path& etc);

}  // namespace ox::update

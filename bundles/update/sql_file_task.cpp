#include "sql_file_task.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>

#include "run_history.h"

namespace ox::update {
namespace {

constexpr std::string_view kAllowedKeys =
    "name, depends, concurrency, namespace, description, precondition, rerunnable";

std::string_view trim(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

// "-- key: value" -> key and value; empty key = an ordinary comment.
struct HeaderLine {
  std::string_view key;
  std::string_view value;
};
HeaderLine headerLine(std::string_view line) {
  std::string_view rest = trim(line.substr(2));
  std::size_t n = 0;
  while (n < rest.size() && std::isalpha(static_cast<unsigned char>(rest[n])) != 0) ++n;
  if (n == 0 || n >= rest.size() || rest[n] != ':') return {};
  return {rest.substr(0, n), trim(rest.substr(n + 1))};
}

bool isNameSpace(std::string_view value) {
  return value.size() <= kMaxTaskName && isTaskName(value);
}

// Reads header lines into a SqlFile; every method answers what is wrong, or nothing.
class Header {
 public:
  explicit Header(SqlFile& out) : out_(out) {}

  std::string apply(const HeaderLine& line) {
    const std::string key(line.key);
    if (line.value.empty()) return "'" + key + "' has no value";
    if (key == "depends") return depends(line.value);
    if (!seen_.insert(key).second) return "'" + key + "' is given twice";
    if (key == "name") return name(line.value);
    if (key == "concurrency") return concurrency(line.value);
    if (key == "namespace") {
      if (!isNameSpace(line.value)) return badName("namespace", line.value);
      out_.nameSpace = line.value;
      return {};
    }
    if (key == "description") {
      out_.description = line.value;
      return {};
    }
    if (key == "precondition") return precondition(line.value);
    if (key == "rerunnable") return rerunnable(line.value);
    return "unknown key '" + key.substr(0, 40) + "'; allowed are " + std::string(kAllowedKeys);
  }
  bool has(const std::string& key) const { return seen_.count(key) != 0; }

 private:
  static std::string badName(const std::string& key, std::string_view value) {
    return "'" + key + "' is '" + std::string(value.substr(0, 80)) + "'; allowed are 1 to " +
           std::to_string(kMaxTaskName) +
           " letters, digits, '.', '_', '$', '-', and not LOCKED or BACKGROUND";
  }
  std::string name(std::string_view value) {
    if (!isTaskName(value)) return badName("name", value);
    out_.name = value;
    return {};
  }
  std::string depends(std::string_view value) {
    while (!value.empty()) {
      const std::size_t comma = std::min(value.find(','), value.size());
      const std::string_view one = trim(value.substr(0, comma));
      value.remove_prefix(std::min(comma + 1, value.size()));
      if (!isTaskName(one)) return badName("depends", one);
      if (out_.depends.size() >= kMaxDependencies)
        return "more than " + std::to_string(kMaxDependencies) + " dependencies";
      out_.depends.emplace_back(one);
    }
    return {};
  }
  std::string concurrency(std::string_view value) {
    if (value == "blocking") out_.concurrency = services::Concurrency::kBlocking;
    else if (value == "background") out_.concurrency = services::Concurrency::kBackground;
    else return "'concurrency' is '" + std::string(value.substr(0, 40)) +
                "'; allowed are blocking and background";
    return {};
  }
  std::string rerunnable(std::string_view value) {
    if (value != "yes" && value != "no")
      return "'rerunnable' is '" + std::string(value.substr(0, 40)) + "'; allowed are yes and no";
    out_.rerunnable = value == "yes";
    return {};
  }
  std::string precondition(std::string_view value) {
    while (!value.empty() && (value.back() == ';' || value.back() == ' ')) value.remove_suffix(1);
    std::string first(value.substr(0, 6));
    for (char& c : first) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (first != "SELECT" || value.find(';') != std::string_view::npos)
      return "'precondition' must be one SELECT on one line that returns one value, 1 = still to "
             "do, 0 = done";
    out_.precondition = value;
    return {};
  }
  SqlFile& out_;
  std::set<std::string> seen_;
};

}  // namespace

bool isTaskName(std::string_view name) {
  if (name.empty() || name.size() > kMaxTaskName || name == "LOCKED" || name == "BACKGROUND")
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '$' ||
           c == '-';
  });
}

Result<SqlFile> parseSqlFile(std::string_view text, const std::string& file) {
  if (text.size() > kMaxSqlFileBytes)
    return sqlFileError(file, 1, "the file has " + std::to_string(text.size()) +
                                     " bytes; allowed are " + std::to_string(kMaxSqlFileBytes));
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  SqlFile out;
  out.file = file;
  Header header(out);
  int line = 1;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view current = trim(text.substr(0, end));
    if (!current.empty() && current.substr(0, 2) != "--") break;
    if (current.size() > kMaxSqlHeaderLine)
      return sqlFileError(file, line, "a header line has more than " +
                                          std::to_string(kMaxSqlHeaderLine) + " characters");
    if (current.find('\0') != std::string_view::npos)
      return sqlFileError(file, line, "a NUL byte is not allowed");
    if (!current.empty()) {
      const HeaderLine parsed = headerLine(current);
      if (!parsed.key.empty())
        if (const std::string wrong = header.apply(parsed); !wrong.empty())
          return sqlFileError(file, line, wrong);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  if (!header.has("name"))
    return sqlFileError(file, 1, "the header has no line '-- name: <task name>'");
  if (std::find(out.depends.begin(), out.depends.end(), out.name) != out.depends.end())
    return sqlFileError(file, 1, "the task depends on itself");
  auto statements = splitStatements(text, file, line);
  if (!statements) return statements.error();
  if (statements->empty()) return sqlFileError(file, line, "there is no statement");
  out.statements = std::move(*statements);
  return out;
}

Result<bool> SqlFileTask::stillToDo(services::UpdateContext& context) const {
  if (file_.precondition.empty()) return true;
  auto rows = context.connection.query(file_.precondition);
  if (!rows)
    return Error(rows.error().code, file_.file + ": precondition: " + rows.error().message);
  const bool one = rows->size() == 1 && rows->front().size() == 1;
  const std::string value = one ? rows->front().text(0) : std::string();
  if (value != "0" && value != "1")
    return Error(Code::kInvalid, file_.file + ": the precondition must return one value, 1 or 0" +
                                     (one ? ", not '" + value.substr(0, 40) + "'" : ""));
  return value == "1";
}

std::string SqlFileTask::contentSum() const {
  std::uint64_t sum = 14695981039346656037ULL;  // FNV-1a
  const auto add = [&](const std::string& text) {
    bool blank = true;
    for (const char c : text + " ") {
      const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      if (!space || !blank)
        sum = (sum ^ static_cast<unsigned char>(space ? ' ' : c)) * 1099511628211ULL;
      blank = space;
    }
    sum = (sum ^ 0xffU) * 1099511628211ULL;
  };
  add(file_.precondition);
  for (const SqlStatement& statement : file_.statements) add(statement.text);
  std::string out(16, '0');
  for (int i = 15; i >= 0; --i, sum >>= 4U)
    out[static_cast<std::size_t>(i)] = "0123456789abcdef"[sum & 15U];
  return out;
}

Result<std::vector<std::string>> SqlFileTask::preview(services::UpdateContext& context) {
  std::vector<std::string> out;
  auto todo = stillToDo(context);
  if (!todo) return todo.error();
  if (*todo)
    for (const SqlStatement& statement : file_.statements) out.push_back(statement.text);
  return out;
}

bool SqlFileTask::keepsSession() const {
  // Of what a file may hold (sql_split.h) only this outlives its statement.
  return std::none_of(file_.statements.begin(), file_.statements.end(), [](const SqlStatement& one) {
    std::string text = one.text;
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return text.starts_with("CREATE") && text.find("TEMPORARY") != std::string::npos;
  });
}

Status SqlFileTask::perform(services::UpdateContext& context) {
  auto todo = stillToDo(context);
  if (!todo) return todo.error();
  if (!*todo) {
    context.progress(file_.file + ": nothing to do, the precondition says so");
    return {};
  }
  if (!file_.rerunnable) {
    auto interrupted = interruptedBefore(context.connection, file_.name);
    if (!interrupted) return interrupted.error();
    if (*interrupted)
      return Error(Code::kUpdTaskFailed,
                   file_.file + ": an earlier run was interrupted and the file says 'rerunnable: "
                   "no'; check the schema by hand, then set 'rerunnable: yes' or a precondition");
  }
  if (context.announce) {
    std::vector<std::string> all;
    for (const SqlStatement& statement : file_.statements) all.push_back(statement.text);
    context.announce(all);
  }
  for (std::size_t i = 0; i < file_.statements.size(); ++i) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    const SqlStatement& statement = file_.statements[i];
    auto changed = services::changeTable(context, statement.text);
    // "Still in use" leaves a task pending; a file of which a part is done must not begin again.
    const bool again = !changed && changed.error().code == Code::kBusy;
    if (again && i > 0 && !file_.rerunnable)
      return Error(Code::kUpdTaskFailed, file_.file + ":" + std::to_string(statement.line) + ": " +
                                             changed.error().message + "; " + std::to_string(i) +
                                             " statement(s) before are done");
    if (!changed)
      return Error(changed.error().code, file_.file + ":" + std::to_string(statement.line) + ": " +
                                             changed.error().message);
    context.progress(file_.file + ": statement " + std::to_string(i + 1) + " of " +
                     std::to_string(file_.statements.size()) + ", " + std::to_string(*changed) +
                     " row(s)");
  }
  return {};
}

SqlFiles readSqlFiles(const std::filesystem::path& etc) {
  namespace fs = std::filesystem;
  SqlFiles out;
  std::error_code error;
  const fs::path directory = etc / "updatetasks";
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".sql") paths.push_back(it->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    out.problems.push_back({"updatetasks", "cannot be read: " + error.message()});
  std::sort(paths.begin(), paths.end());
  if (paths.size() > kMaxSqlFiles) {
    out.problems.push_back({"updatetasks", "there are more than " + std::to_string(kMaxSqlFiles) +
                                               " files, the rest is not read"});
    paths.resize(kMaxSqlFiles);
  }
  for (const fs::path& path : paths) {
    const std::string shown = "updatetasks/" + path.filename().string();
    std::ifstream in(path, std::ios::binary);
    std::error_code unknown;
    const std::uintmax_t size = fs::file_size(path, unknown);
    // Room for one byte more than expected, so that a file that grows meanwhile is noticed.
    std::string text(std::min<std::uintmax_t>(unknown ? kMaxSqlFileBytes : size, kMaxSqlFileBytes) + 1,
                     '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.gcount() == 0 && !in.eof())) {
      out.problems.push_back({shown, "cannot be read"});
      continue;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    auto parsed = parseSqlFile(text, shown);
    if (parsed) out.tasks.push_back(std::make_shared<SqlFileTask>(std::move(*parsed)));
    else out.problems.push_back({shown, parsed.error().message});
  }
  return out;
}

}  // namespace ox::update

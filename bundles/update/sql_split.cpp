#include "sql_split.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ox::update {
namespace {

constexpr std::array<std::string_view, 9> kVerbs = {"ALTER",   "CREATE",  "DROP",
                                                    "INSERT",  "UPDATE",  "DELETE",
                                                    "REPLACE", "RENAME",  "TRUNCATE"};
constexpr std::array<std::string_view, 6> kPrograms = {"PROCEDURE", "FUNCTION", "TRIGGER",
                                                       "EVENT",     "DATABASE", "SCHEMA"};
// CREATE OR REPLACE DEFINER = x SQL SECURITY ... PROCEDURE: the kind stands among these words.
constexpr int kWordsLookedAt = 12;

bool wordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string upperWord(std::string_view text, std::size_t& at) {
  while (at < text.size() && !wordChar(text[at]) && text[at] != '`' && text[at] != '(') ++at;
  std::string word;
  while (at < text.size() && wordChar(text[at]))
    word.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(text[at++]))));
  return word;
}

// Empty when the statement may run, else why not.
std::string refusal(const std::string& text) {
  std::size_t at = 0;
  const std::string verb = upperWord(text, at);
  if (verb == "DELIMITER")
    return "DELIMITER is not supported: write plain statements that end with a semicolon, and "
           "stored programs as a task in code";
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end())
    return "a statement may begin with ALTER, CREATE, DROP, INSERT, UPDATE, DELETE, REPLACE, "
           "RENAME or TRUNCATE, not with '" + text.substr(0, std::min<std::size_t>(at, 40)) + "'";
  if (verb != "CREATE" && verb != "ALTER" && verb != "DROP") return {};
  for (int i = 0; i < kWordsLookedAt; ++i) {
    const std::string word = upperWord(text, at);
    if (word.empty()) break;  // a quoted name, a parenthesis or the end: the kind is behind us
    if (word == "TABLE" || word == "INDEX" || word == "VIEW") break;
    if (std::find(kPrograms.begin(), kPrograms.end(), word) != kPrograms.end())
      return verb + " " + word + " is not allowed in an SQL update task";
  }
  return {};
}

// Walks over the text once; one statement at a time.
class Splitter {
 public:
  Splitter(std::string_view sql, const std::string& file, int line)
      : sql_(sql), file_(file), line_(line) {}

  Result<std::vector<SqlStatement>> run() {
    while (pos_ < sql_.size()) {
      const char c = sql_[pos_];
      Status step;
      if (c == '\0') return sqlFileError(file_, line_, "a NUL byte is not allowed");
      if (c == '\'' || c == '"' || c == '`') step = quoted(c);
      else if (c == '#' || dashComment()) lineComment();
      else if (c == '/' && peek(1) == '*') step = blockComment();
      else if (c == ';') step = finish();
      else take();
      if (!step) return step.error();
    }
    if (Status last = finish(); !last) return last.error();
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead) const {
    return pos_ + ahead < sql_.size() ? sql_[pos_ + ahead] : '\0';
  }
  void take() {
    const char c = sql_[pos_++];
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (current_.empty() && blank) {
      if (c == '\n') ++line_;
      return;
    }
    if (current_.empty()) begin_ = line_;
    if (c == '\n') ++line_;
    current_.push_back(c);
  }
  // As in the server: "--" is a comment only before white space or the end.
  bool dashComment() const {
    return sql_[pos_] == '-' && peek(1) == '-' &&
           (pos_ + 2 >= sql_.size() || static_cast<unsigned char>(peek(2)) <= ' ');
  }
  void lineComment() {
    while (pos_ < sql_.size() && sql_[pos_] != '\n') ++pos_;
  }
  Status blockComment() {
    if (peek(2) == '!' || (peek(2) == 'M' && peek(3) == '!'))
      return sqlFileError(file_, line_, "executable comments (/*! ... */) are not supported");
    const std::size_t end = sql_.find("*/", pos_ + 2);
    if (end == std::string_view::npos)
      return sqlFileError(file_, line_, "a comment that begins here is never closed by */");
    line_ += static_cast<int>(std::count(sql_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                         sql_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    pos_ = end + 2;
    if (!current_.empty()) current_.push_back(' ');
    return {};
  }
  Status quoted(char quote) {
    const int opened = line_;
    take();
    while (pos_ < sql_.size()) {
      const char c = sql_[pos_];
      if (c == '\0') break;
      take();
      if (c == '\\' && quote != '`' && pos_ < sql_.size()) {
        take();
      } else if (c == quote) {
        if (peek(0) != quote) return {};
        take();  // a doubled quote stands for itself
      }
    }
    return sqlFileError(file_, opened,
                        std::string("a quote ") + quote + " that begins here is never closed");
  }
  Status finish() {
    if (pos_ < sql_.size()) ++pos_;  // the semicolon
    while (!current_.empty() && std::isspace(static_cast<unsigned char>(current_.back())) != 0)
      current_.pop_back();
    if (current_.empty()) return {};
    if (current_.size() > kMaxSqlStatementBytes)
      return sqlFileError(file_, begin_, "a statement has more than " +
                                             std::to_string(kMaxSqlStatementBytes) + " bytes");
    if (const std::string why = refusal(current_); !why.empty())
      return sqlFileError(file_, begin_, why);
    if (out_.size() >= kMaxSqlStatements)
      return sqlFileError(file_, begin_, "there are more than " +
                                             std::to_string(kMaxSqlStatements) + " statements");
    out_.push_back({std::move(current_), begin_});
    current_.clear();
    return {};
  }

  std::string_view sql_;
  const std::string& file_;
  int line_;
  int begin_ = 0;
  std::size_t pos_ = 0;
  std::string current_;
  std::vector<SqlStatement> out_;
};

}  // namespace

Error sqlFileError(const std::string& file, int line, const std::string& text) {
  return Error(Code::kConfigSyntax, file + ":" + std::to_string(line) + ": " + text);
}

Result<std::vector<SqlStatement>> splitStatements(std::string_view sql, const std::string& file,
                                                  int firstLine) {
  return Splitter(sql, file, firstLine).run();
}

}  // namespace ox::update

#include "database/statement.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ox::db {
namespace {

// Length of the quoted or commented piece that starts at `at`, 0 when none starts there.
std::size_t skipLength(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  if (c == '\'' || c == '"' || c == '`') {
    std::size_t i = at + 1;
    while (i < sql.size()) {
      if (sql[i] == '\\' && c != '`') {
        i += 2;
        continue;
      }
      if (sql[i] == c) return i + 1 - at;  // a doubled quote starts the next piece: same result
      ++i;
    }
    return sql.size() - at;
  }
  std::string_view rest = sql.substr(at);
  if (c == '#' || rest.starts_with("-- ") || rest.starts_with("--\n")) {
    const std::size_t end = rest.find('\n');
    return end == std::string_view::npos ? rest.size() : end + 1;
  }
  if (rest.starts_with("/*")) {
    const std::size_t end = rest.find("*/", 2);
    return end == std::string_view::npos ? rest.size() : end + 2;
  }
  return 0;
}

std::string literal(const Value& value,
                    const std::function<std::string(std::string_view)>& escape) {
  if (std::holds_alternative<std::monostate>(value)) return "NULL";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) {
    if (!std::isfinite(*real)) return "NULL";
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", *real);
    return text;
  }
  const auto& text = std::get<std::string>(value);
  if (isUtf8(text)) return "'" + escape(text) + "'";
  static const char* digits = "0123456789abcdef";
  std::string hex = "x'";
  for (const char c : text) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  return hex + "'";
}

}  // namespace

Result<std::string> bindValues(std::string_view sql, const std::vector<Value>& values,
                               const std::function<std::string(std::string_view)>& escape) {
  if (values.empty()) return std::string(sql);
  std::string out;
  out.reserve(sql.size() + values.size() * 16);
  std::size_t next = 0;
  for (std::size_t i = 0; i < sql.size();) {
    if (const std::size_t skip = skipLength(sql, i); skip != 0) {
      const std::size_t n = std::min(skip, sql.size() - i);
      out.append(sql.substr(i, n));
      i += n;
      continue;
    }
    if (sql[i] != '?') {
      out += sql[i++];
      continue;
    }
    if (next < values.size()) out += literal(values[next], escape);
    ++next;
    ++i;
  }
  if (next != values.size())
    return Error(Code::kDbSql, "statement has " + std::to_string(next) + " places for " +
                                   std::to_string(values.size()) + " values");
  return out;
}

std::vector<std::string> splitStatements(std::string_view sql) {
  std::vector<std::string> out;
  std::string current;
  const auto finish = [&] {
    const auto first = current.find_first_not_of(" \t\r\n");
    if (first != std::string::npos) {
      const auto last = current.find_last_not_of(" \t\r\n");
      out.push_back(current.substr(first, last - first + 1));
    }
    current.clear();
  };
  for (std::size_t i = 0; i < sql.size();) {
    if (const std::size_t skip = skipLength(sql, i); skip != 0) {
      const std::size_t n = std::min(skip, sql.size() - i);
      const bool quoted = sql[i] == '\'' || sql[i] == '"' || sql[i] == '`';
      if (quoted || sql.substr(i, 3) == "/*!") current.append(sql.substr(i, n));
      else current += ' ';
      i += n;
      continue;
    }
    if (sql[i] == ';') finish();
    else current += sql[i];
    ++i;
  }
  finish();
  return out;
}

bool isSchemaName(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '$' || c == '-';
    if (!ok) return false;
  }
  return true;
}

bool isUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      ++i;
      continue;
    }
    const std::size_t extra = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || extra >= text.size() - i) return false;
    for (std::size_t k = 1; k <= extra; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    const auto second = static_cast<unsigned char>(text[i + 1]);
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
      return false;
    i += extra + 1;
  }
  return true;
}

}  // namespace ox::db

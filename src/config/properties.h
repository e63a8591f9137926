// The Java .properties format: text to key/value pairs, with the line of each.
//
// Purpose: one strict reader for every *.properties file and for cache.ccf, which has the same form.
// Threads: pure functions.
// Errors:  collected with their line; a line with an error gives no entry, the others are kept.
// Bounds:  kMaxPropertiesBytes, kMaxPropertiesLines, kMaxPropertyBytes; nesting does not exist.
// Differences to Java: the text must be UTF-8 (a byte order mark is skipped); unpaired surrogates
//          and NUL are errors; duplicates are reported by the caller, who sees all entries.
// source: documentation of java.util.Properties.load(Reader)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ox::config {

constexpr std::size_t kMaxPropertiesBytes = 4 * 1024 * 1024;
constexpr int kMaxPropertiesLines = 100'000;
constexpr std::size_t kMaxPropertyBytes = 64 * 1024;  // one logical line
constexpr std::size_t kMaxPropertiesProblems = 100;   // further ones are not collected

struct Property {
  std::string key;
  std::string value;
  int line = 0;  // where the key stands, from 1
};

struct SyntaxProblem {
  bool error = true;  // false: a warning
  int line = 0;
  std::string key;    // empty when it is not known
  std::string text;
};

struct PropertiesText {
  std::vector<Property> entries;
  std::vector<SyntaxProblem> problems;
};

PropertiesText parseProperties(std::string_view text);

// The bytes of a regular file of at most kMaxPropertiesBytes. The message says what is wrong in
// words ("cannot be read: Permission denied") without the path.
Result<std::string> readPropertiesFile(const std::string& path);

// `value` written so that parseProperties gives it back (backslashes, line ends, leading space).
std::string escapeValue(std::string_view value);

}  // namespace ox::config

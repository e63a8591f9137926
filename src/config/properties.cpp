#include "config/properties.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace ox::config {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// Length of the UTF-8 sequence at `at`, or 0 when it is none (overlong, surrogate, too large).
std::size_t sequenceLength(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const auto tail = [&](std::size_t i) {
    return at + i < text.size() && (byte(i) & 0xC0) == 0x80;
  };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

std::string encodingProblem(std::string_view line) {
  char text[200];
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == '\0') return "the line holds a NUL byte; allowed: text in UTF-8";
    const std::size_t length = sequenceLength(line, at);
    if (length == 0) {
      const unsigned value = static_cast<std::uint8_t>(line[at]);
      std::snprintf(text, sizeof text,
                    "byte 0x%02X in column %zu is not UTF-8; allowed: UTF-8 (convert a Latin-1 "
                    "file, or write \\u%04X)", value, at + 1, value);
      return text;
    }
    at += length;
  }
  return {};
}

void appendUtf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t v) { out.push_back(static_cast<char>(v)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return {};
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') value = value * 16 + static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f') value = value * 16 + static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') value = value * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
    else return {};
  }
  return value;
}

// Resolves escapes; empty string in `problem` = fine.
std::string unescape(std::string_view in, std::string& problem) {
  std::string out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\\') {
      out.push_back(in[i]);
      continue;
    }
    if (++i >= in.size()) break;  // a lone backslash at the end of the file means nothing
    switch (in[i]) {
      case 't': out.push_back('\t'); continue;
      case 'n': out.push_back('\n'); continue;
      case 'r': out.push_back('\r'); continue;
      case 'f': out.push_back('\f'); continue;
      case 'u': break;
      default: out.push_back(in[i]); continue;
    }
    const auto first = hex4(in, i + 1);
    if (!first) {
      problem = "\\u needs four hexadecimal digits; allowed: \\uXXXX, or \\\\u for a backslash";
      return {};
    }
    i += 4;
    std::uint32_t code = *first;
    if (code >= 0xD800 && code <= 0xDBFF) {
      const auto second = in.substr(i + 1, 2) == "\\u" ? hex4(in, i + 3) : std::nullopt;
      if (!second || *second < 0xDC00 || *second > 0xDFFF) {
        problem = "\\u escape is the first half of a surrogate pair without its second; allowed: "
                  "\\uD800..\\uDBFF only before \\uDC00..\\uDFFF";
        return {};
      }
      i += 6;
      code = 0x10000 + ((code - 0xD800) << 10) + (*second - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      problem = "\\u escape is the second half of a surrogate pair without its first; allowed: "
                "\\uDC00..\\uDFFF only after \\uD800..\\uDBFF";
      return {};
    } else if (code == 0) {
      problem = "\\u0000 is not allowed; allowed: \\u0001 and above";
      return {};
    }
    appendUtf8(out, code);
  }
  return out;
}

// Hands out natural lines and counts them.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  bool next(std::string_view& line) {
    if (pos_ >= text_.size()) return false;
    const std::size_t end = text_.find_first_of("\r\n", pos_);
    line = text_.substr(pos_, end == std::string_view::npos ? end : end - pos_);
    if (end == std::string_view::npos) pos_ = text_.size();
    else pos_ = end + (text_.substr(end, 2) == "\r\n" ? 2 : 1);
    ++number_;
    return true;
  }
  int number() const { return number_; }

 private:
  std::string_view text_;
  std::size_t pos_ = 0;
  int number_ = 0;
};

bool continues(std::string_view line) {
  std::size_t slashes = 0;
  while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1;
}

std::string_view trimLeft(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  return text;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(text) {}

  PropertiesText run() {
    std::string_view natural;
    while (lines_.next(natural)) {
      if (lines_.number() > kMaxPropertiesLines) {
        problem(lines_.number(), {}, "the file has too many lines; allowed: at most " +
                                         std::to_string(kMaxPropertiesLines));
        break;
      }
      std::string_view line = trimLeft(natural);
      if (line.empty()) continue;
      const int number = lines_.number();
      std::string bad = encodingProblem(natural);
      if (line.front() == '#' || line.front() == '!') {
        if (!bad.empty()) problem(number, {}, bad);
        continue;
      }
      std::string logical(line);
      int badLine = bad.empty() ? 0 : number;
      while (continues(logical) && lines_.next(natural)) {
        logical.pop_back();
        if (bad.empty() && !(bad = encodingProblem(natural)).empty()) badLine = lines_.number();
        if (logical.size() <= kMaxPropertyBytes) logical.append(trimLeft(natural));
      }
      if (!bad.empty()) {
        problem(badLine, {}, bad);
      } else if (logical.size() > kMaxPropertyBytes) {
        problem(number, {}, "the property is too long; allowed: at most " +
                                std::to_string(kMaxPropertyBytes) + " bytes");
      } else {
        entry(logical, number);
      }
    }
    return std::move(out_);
  }

 private:
  void problem(int line, std::string key, std::string text, bool error = true) {
    if (out_.problems.size() < kMaxPropertiesProblems)
      out_.problems.push_back({error, line, std::move(key), std::move(text)});
  }

  void entry(std::string_view line, int number) {
    std::size_t end = 0;
    for (; end < line.size(); ++end) {
      const char c = line[end];
      if (c == '\\') ++end;
      else if (c == '=' || c == ':' || blank(c)) break;
    }
    end = std::min(end, line.size());
    std::string_view rest = trimLeft(line.substr(end));
    if (!rest.empty() && (rest.front() == '=' || rest.front() == ':'))
      rest = trimLeft(rest.substr(1));
    std::string bad;
    std::string key = unescape(line.substr(0, end), bad);
    if (!bad.empty()) return problem(number, {}, bad);
    if (key.empty())
      return problem(number, {}, "the line has no key and is ignored; allowed: key=value", false);
    std::string value = unescape(rest, bad);
    if (!bad.empty()) return problem(number, key, bad);
    out_.entries.push_back({std::move(key), std::move(value), number});
  }

  Lines lines_;
  PropertiesText out_;
};

}  // namespace

PropertiesText parseProperties(std::string_view text) {
  if (text.size() > kMaxPropertiesBytes) {
    PropertiesText out;
    out.problems.push_back({true, 0, {}, "the file is too large; allowed: at most " +
                                             std::to_string(kMaxPropertiesBytes) + " bytes"});
    return out;
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  return Parser(text).run();
}

Result<std::string> readPropertiesFile(const std::string& path) {
  const auto failed = [](const char* what) {
    return Error(Code::kIo, std::string("cannot be read: ") + what);
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return failed(std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0) return failed(std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return failed("it is a directory; allowed: a file");
  if (!S_ISREG(info.st_mode)) return failed("it is not a regular file; allowed: a file");
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(std::strerror(errno));
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kMaxPropertiesBytes)
      return Error(Code::kConfigSyntax, "the file is too large; allowed: at most " +
                                            std::to_string(kMaxPropertiesBytes) + " bytes");
  }
}

std::string escapeValue(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (c == '\f') out += "\\f";
    else if (c == ' ' && i == 0) out += "\\ ";
    else out.push_back(c);
  }
  return out;
}

}  // namespace ox::config

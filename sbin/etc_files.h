// Editing files of an etc directory: comments and order stay, writing is atomic.
//
// Errors: RUN-0006 with file and reason. Limits: kMaxFileBytes.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace ox::tool {

inline constexpr std::size_t kMaxFileBytes = 4U << 20U;
inline constexpr mode_t kSecretMode = 0640;
inline constexpr mode_t kPlainMode = 0644;

inline Result<std::string> readWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(Code::kIo, path + ": " + std::strerror(errno));
  std::ostringstream text;
  text << in.rdbuf();
  std::string out = text.str();
  if (out.size() > kMaxFileBytes) return Error(Code::kIo, path + " is larger than 4 MiB");
  return out;
}

// Owner and group of an existing file stay; `mode` is what the result has.
inline Status writeWhole(const std::string& path, const std::string& text, mode_t mode) {
  const auto failed = [&](const std::string& what) {
    return Status(Error(Code::kIo, what + ": " + std::strerror(errno)));
  };
  std::string temporary = path + ".XXXXXX";
  const int fd = mkstemp(temporary.data());
  if (fd < 0) return failed(path);
  struct stat before {};
  const bool existed = ::stat(path.c_str(), &before) == 0;
  bool good = fchmod(fd, mode) == 0;
  if (existed && geteuid() == 0) good = good && fchown(fd, before.st_uid, before.st_gid) == 0;
  std::size_t done = 0;
  while (good && done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) good = false;
    else done += static_cast<std::size_t>(n);
  }
  good = good && fsync(fd) == 0;
  ::close(fd);
  if (good && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  Status result = failed(path);
  ::unlink(temporary.c_str());
  return result;
}

// A properties file as lines. set() replaces the first setting of a key where it stands, removes
// later ones and continuation lines, and appends a key that was not there.
class PropertiesEdit {
 public:
  explicit PropertiesEdit(const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines_.push_back(line);
  }
  std::optional<std::string> get(const std::string& key) const {
    std::optional<std::string> found;
    for (std::size_t i = 0; i < lines_.size(); i = next(i))
      if (keyOf(lines_[i]) == key) found = valueOf(lines_[i]);
    return found;
  }
  void set(const std::string& key, const std::string& value) {
    const std::string line = key + "=" + escape(value);
    std::vector<std::string> out;
    bool placed = false;
    for (std::size_t i = 0; i < lines_.size();) {
      const std::size_t end = next(i);
      if (keyOf(lines_[i]) == key) {
        if (!placed) out.push_back(line);
        placed = true;
      } else {
        out.insert(out.end(), lines_.begin() + static_cast<std::ptrdiff_t>(i),
                   lines_.begin() + static_cast<std::ptrdiff_t>(end));
      }
      i = end;
    }
    if (!placed) out.push_back(line);
    lines_.swap(out);
  }
  std::string text() const {
    std::string out;
    for (const auto& line : lines_) out += line + "\n";
    return out;
  }

 private:
  static bool comment(const std::string& line) {
    const auto first = line.find_first_not_of(" \t\f");
    return first == std::string::npos || line[first] == '#' || line[first] == '!';
  }
  // The line after the logical line that begins at `at`.
  std::size_t next(std::size_t at) const {
    if (comment(lines_[at])) return at + 1;
    while (at < lines_.size()) {
      std::string line = lines_[at++];
      if (!line.empty() && line.back() == '\r') line.pop_back();
      std::size_t slashes = 0;
      while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
    }
    return at;
  }
  static std::size_t keyEnd(const std::string& line, std::size_t first) {
    std::size_t i = first;
    while (i < line.size() && line[i] != '=' && line[i] != ':' && line[i] != ' ' && line[i] != '\t')
      i += line[i] == '\\' ? 2 : 1;
    return std::min(i, line.size());
  }
  static std::string keyOf(const std::string& line) {
    if (comment(line)) return {};
    const auto first = line.find_first_not_of(" \t\f");
    return line.substr(first, keyEnd(line, first) - first);
  }
  static std::string valueOf(const std::string& line) {
    std::size_t i = keyEnd(line, line.find_first_not_of(" \t\f"));
    while (i < line.size() && (line[i] == ' ' || line[i] == '\t')) ++i;
    if (i < line.size() && (line[i] == '=' || line[i] == ':')) ++i;
    while (i < line.size() && (line[i] == ' ' || line[i] == '\t')) ++i;
    std::string out;
    for (; i < line.size(); ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      if (line[i] != '\r') out += line[i];
    }
    return out;
  }
  static std::string escape(const std::string& value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\' || (i == 0 && value[i] == ' ')) out += '\\';
      out += value[i];
    }
    return out;
  }
  std::vector<std::string> lines_;
};

}  // namespace ox::tool

// Config: one immutable reading of an etc directory. Offered to bundles as "config"
// (type ConfigService, which hands out the current Config and takes reload listeners).
//
// Threads:   Config is immutable and shared by pointer; ConfigService from any thread.
// Errors:    problems are collected, each with file, line, key, value and what is allowed;
//            severity kError stops the start, kWarn is logged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/key.h"

namespace ox::config {

struct Problem {
  enum class Severity : std::uint8_t { kWarn, kError };
  Severity severity = Severity::kError;
  std::string file;  // relative to the etc directory
  int line = 0;      // 0 = the file as a whole
  std::string key;   // empty = none
  std::string text;  // what is wrong and what is allowed
  // A secret value is never part of the text.
  std::string toString() const;  // "ERROR hazelcast.properties:12: com.openexchange...: text"
};

struct Setting {
  std::string value;
  std::string file;
  int line = 0;
};

class Config {
 public:
  // Reads every *.properties below `etc` (recursively; names beginning with a dot are skipped) and
  // dbconnector.yaml, whose values file() gives.
  // Never throws for content; problems() holds what was found. Relations between keys are checked
  // as well (config/rules.h, config/secrets.h). Files below hazelcast/ and
  // excludedupdatetasks.properties are read by file() and getFrom() only.
  // A blank value of a bool, int, time span or enum means the default; of a list, no items; of a
  // string, the empty string. A key in two files counts as it stands in its own file.
  static std::shared_ptr<const Config> load(const std::string& etc);

  template <typename T>
  T get(const Key<T>& key) const;  // the default when absent or (after an error) unusable
  // The same out of one file only (see file()); the default when the file has no such key.
  template <typename T>
  T getFrom(const std::string& relative, const Key<T>& key) const;
  bool has(const std::string& name) const;  // present and not blank
  std::optional<Setting> raw(const std::string& name) const;
  // All settings whose name starts with the prefix (e.g. "hazelcast.", "readProperty.").
  std::vector<std::pair<std::string, Setting>> withPrefix(const std::string& prefix) const;
  // The settings of one file only, in file order: hazelcast/*.properties describe one structure each.
  std::vector<std::pair<std::string, Setting>> file(const std::string& relative) const;
  std::vector<std::string> files() const;

  const std::vector<Problem>& problems() const { return problems_; }
  bool hasErrors() const;
  const std::string& directory() const { return directory_; }

 private:
  friend class Loader;
  std::string directory_;
  std::map<std::string, Setting> settings_;
  std::map<std::string, std::vector<std::pair<std::string, Setting>>> byFile_;
  std::vector<Problem> problems_;
};

class ConfigService {
 public:
  explicit ConfigService(std::shared_ptr<const Config> first);
  std::shared_ptr<const Config> current() const;
  // Reads the directory again. With errors the old one stays and the problems are returned;
  // otherwise listeners run with (old, new) and non-reloadable changes are logged as WARN.
  Status reload();
  using Listener = std::function<void(const Config& before, const Config& after)>;
  [[nodiscard]] std::shared_ptr<void> onReload(Listener listener);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::config

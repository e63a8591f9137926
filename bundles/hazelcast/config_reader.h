// For the readers of the grid's settings (config*.cpp): problems at the right place, small parsers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config.h"
#include "config/value.h"

namespace ox::grid {

using config::Problem;

class Reader {
 public:
  Reader(const config::Config& config, std::vector<Problem>& problems)
      : config_(config), problems_(problems) {}

  // At the key's own line, or at its file when it is absent.
  void add(Problem::Severity severity, const std::string& key, const std::string& file,
           const std::string& text) {
    // The general rules may have found the same; one line per mistake is enough.
    for (const Problem& known : config_.problems())
      if (known.key == key && known.severity == Problem::Severity::kError) return;
    Problem p;
    p.severity = severity;
    p.key = key;
    p.file = file;
    p.text = text;
    if (const auto raw = config_.raw(key)) {
      p.file = raw->file;
      p.line = raw->line;
    }
    problems_.push_back(std::move(p));
  }
  // Whether a file of properties sets it; if not, hazelcast.xml may.
  template <typename T>
  bool given(const config::Key<T>& key) const {
    return config_.has(key.name());
  }
  // A property of hazelcast.xml; the one of a file of properties wins.
  void base(const std::string& name, const std::string& text) { base_[name] = text; }
  std::string text(const config::Key<std::string>& key) const {
    const auto it = base_.find(key.name());
    return it != base_.end() && !given(key) ? it->second : config_.get(key);
  }
  std::int64_t number(const config::Key<std::int64_t>& key) const {
    const auto it = base_.find(key.name());
    if (it == base_.end() || given(key)) return config_.get(key);
    return config::parseInt(it->second).valueOr(config_.get(key));
  }
  template <typename T>
  void error(const config::Key<T>& key, const std::string& text) {
    add(Problem::Severity::kError, key.name(), key.info().file, text);
  }
  void at(Problem::Severity severity, const std::string& key, const config::Setting& where,
          const std::string& text) {
    Problem p;
    p.severity = severity;
    p.key = key;
    p.file = where.file;
    p.line = where.line;
    p.text = text;
    problems_.push_back(std::move(p));
  }

 private:
  const config::Config& config_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::string> base_;
};

// One field of a map, by its name in lower case ("backupcount").
void readMapField(const std::string& field, const std::string& key, const config::Setting& setting,
                  MapConfig& map, Reader& reader);

// Of one part each; config.cpp calls them in turn.
void readJoin(const config::Config& config, GridConfig& out, Reader& reader);
void readNetwork(const config::Config& config, const std::vector<std::string>& local,
                 GridConfig& out, Reader& reader);

}  // namespace ox::grid

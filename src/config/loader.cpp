// Config::load: finds the files, reads them, checks every value, then the relations.
#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "config/catalog.h"
#include "config/config.h"
#include "config/properties.h"
#include "config/rules.h"
#include "config/secrets.h"
#include "config/value.h"
#include "config/yaml.h"

namespace ox::config {

namespace fs = std::filesystem;
using Severity = Problem::Severity;

namespace {
constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxProblems = 1000;
constexpr const char* kExcludedTasks = "excludedupdatetasks.properties";
constexpr const char* kDriverFile = "dbconnector.yaml";
constexpr const char* kDriverSection = "com.mysql.jdbc";
constexpr std::string_view kStructurePrefix = "com.openexchange.hazelcast.configuration.";

bool structureFile(const std::string& file) { return file.rfind("hazelcast/", 0) == 0; }

// Names of fields are compared without case in structure files, as in the original.
std::string canonicalName(const std::string& name) {
  for (const auto& key : Catalog::instance().all())
    if (structureFile(key.file) && lowered(key.name) == lowered(name)) return key.name;
  return name;
}

// Directories above a file may be links; each is visited once, so that a circle ends.
void collect(const fs::path& directory, const fs::path& root, int depth,
             std::set<std::string>& visited, std::vector<std::string>& files) {
  std::error_code ignored;
  if (depth > kMaxDepth || files.size() > kMaxFiles) return;
  if (!visited.insert(fs::canonical(directory, ignored).string()).second) return;
  for (auto it = fs::directory_iterator(directory, ignored); it != fs::directory_iterator();
       it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (name.front() == '.') continue;
    const bool properties = lowered(it->path().extension().string()) == ".properties";
    if (properties) files.push_back(it->path().lexically_relative(root).string());
    else if (it->is_directory(ignored)) collect(it->path(), root, depth + 1, visited, files);
  }
}
}  // namespace

class Loader {
 public:
  explicit Loader(const std::string& etc) : config_(std::make_shared<Config>()) {
    config_->directory_ = etc;
  }

  std::shared_ptr<const Config> run() {
    const fs::path root(config_->directory_);
    std::error_code error;
    if (!fs::is_directory(root, error)) {
      problem(Severity::kError, ".", 0, {},
              "the configuration directory does not exist or is no directory; allowed: a directory "
              "with the files of the product (option --etc)");
      return config_;
    }
    fs::directory_iterator probe(root, error);
    if (error) {
      problem(Severity::kError, ".", 0, {},
              "the configuration directory cannot be read: " + error.message());
      return config_;
    }
    std::vector<std::string> files;
    std::set<std::string> visited;
    collect(root, root, 0, visited, files);
    std::sort(files.begin(), files.end());
    if (files.size() > kMaxFiles) {
      problem(Severity::kError, ".", 0, {}, "there are too many *.properties files; allowed: at most " +
                                                std::to_string(kMaxFiles));
      files.resize(kMaxFiles);
    }
    for (const auto& file : files) read(file);
    if (fs::exists(root / kDriverFile, error)) readDriverParameters((root / kDriverFile).string());
    for (auto& p : checkRules(*config_)) add(std::move(p));
    for (auto& p : checkSecrets(*config_)) add(std::move(p));
    std::stable_sort(config_->problems_.begin(), config_->problems_.end(),
                     [](const Problem& a, const Problem& b) {
                       return std::tie(a.file, a.line) < std::tie(b.file, b.line);
                     });
    return config_;
  }

 private:
  void add(Problem p) {
    if (config_->problems_.size() < kMaxProblems) config_->problems_.push_back(std::move(p));
  }
  void problem(Severity severity, std::string file, int line, std::string key, std::string text) {
    add({severity, std::move(file), line, std::move(key), std::move(text)});
  }

  void read(const std::string& file) {
    const auto text = readPropertiesFile((fs::path(config_->directory_) / file).string());
    if (!text) {
      problem(Severity::kError, file, 0, {}, text.error().message);
      return;
    }
    PropertiesText parsed = parseProperties(*text);
    for (auto& p : parsed.problems)
      problem(p.error ? Severity::kError : Severity::kWarn, file, p.line, std::move(p.key),
              std::move(p.text));
    auto& entries = config_->byFile_[file];
    std::map<std::string, int> lines;
    for (auto& entry : parsed.entries) {
      if (structureFile(file)) entry.key = canonicalName(entry.key);
      const auto [first, fresh] = lines.emplace(entry.key, entry.line);
      if (!fresh) {
        problem(Severity::kWarn, file, entry.line, entry.key,
                "the key stands in line " + std::to_string(first->second) +
                    " already; the last one counts; allowed: each key once");
        first->second = entry.line;
      }
      Setting setting{std::move(entry.value), file, entry.line};
      if (file != kExcludedTasks) {
        judge(entry.key, setting);
        if (!structureFile(file)) take(entry.key, setting);
      }
      entries.emplace_back(std::move(entry.key), std::move(setting));
    }
  }

  // What the names mean is known to who uses them (src/database).
  void readDriverParameters(const std::string& path) {
    const auto text = readPropertiesFile(path);
    if (!text) {
      problem(Severity::kError, kDriverFile, 0, {}, text.error().message);
      return;
    }
    PropertiesText parsed = parseYamlSection(*text, kDriverSection);
    for (auto& p : parsed.problems)
      problem(p.error ? Severity::kError : Severity::kWarn, kDriverFile, p.line, std::move(p.key),
              std::move(p.text));
    auto& entries = config_->byFile_[kDriverFile];
    for (auto& entry : parsed.entries)
      entries.emplace_back(std::move(entry.key),
                           Setting{std::move(entry.value), kDriverFile, entry.line});
  }

  void judge(const std::string& name, const Setting& setting) {
    if (const KeyInfo* key = Catalog::instance().find(name)) {
      const std::string bad = valueProblem(*key, setting.value);
      if (!bad.empty()) problem(Severity::kError, setting.file, setting.line, name, bad);
      else if (structureFile(key->file) && !structureFile(setting.file))
        problem(Severity::kWarn, setting.file, setting.line, name,
                "the key has no effect here; allowed: in a file below hazelcast/, one per structure");
      return;
    }
    if (structureFile(setting.file) && name.rfind(kStructurePrefix, 0) == 0) {
      const std::size_t end = name.find('.', kStructurePrefix.size());
      const std::string kind = name.substr(kStructurePrefix.size(), end - kStructurePrefix.size());
      if (kind == "topic" || kind == "queue" || kind == "multimap" || kind == "semaphore") {
        problem(Severity::kWarn, setting.file, setting.line, name,
                "settings of this kind of structure have no effect yet; allowed: map");
        return;
      }
    }
    if (config_->problems_.size() >= kMaxProblems) return;  // nothing would be shown
    const std::string nearest = Catalog::instance().nearest(name);
    const bool known = Catalog::instance().inKnownNamespace(name, setting.file);
    // Elsewhere only a name that is off by very little is reported: the directory also serves
    // packages whose keys are not in the catalog.
    if (!known && (nearest.empty() || editDistance(name, nearest, 2) > 2)) return;
    problem(Severity::kWarn, setting.file, setting.line, name,
            "unknown key, it has no effect" +
                (nearest.empty() ? std::string("; allowed: the keys of docs/properties.md")
                                 : "; nearest known key: " + nearest));
  }

  void take(const std::string& name, const Setting& setting) {
    const auto [it, fresh] = config_->settings_.emplace(name, setting);
    if (fresh) return;
    Setting& former = it->second;
    if (former.file == setting.file) {
      former = setting;
      return;
    }
    const KeyInfo* key = Catalog::instance().find(name);
    const bool keep = key != nullptr && key->file == former.file;
    problem(Severity::kWarn, setting.file, setting.line, name,
            "the key also stands in " + former.file + ":" + std::to_string(former.line) + "; " +
                (keep ? former.file : setting.file) + " counts; allowed: each key in one file");
    if (!keep) former = setting;
  }

  std::shared_ptr<Config> config_;
};

std::shared_ptr<const Config> Config::load(const std::string& etc) { return Loader(etc).run(); }

}  // namespace ox::config

#include "config/check.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <ostream>

namespace ox::config {
namespace {

struct Registered {
  std::mutex mutex;
  std::map<std::uint64_t, ExtraCheck> checks;
  std::uint64_t nextId = 1;
};
Registered& registered() {
  static Registered instance;
  return instance;
}

// A problem on one line whatever bytes stand in it.
std::string oneLine(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text;
}

}  // namespace

std::shared_ptr<void> registerCheck(ExtraCheck check) {
  auto& all = registered();
  std::lock_guard lock(all.mutex);
  const auto id = all.nextId++;
  all.checks.emplace(id, std::move(check));
  return std::shared_ptr<void>(&all, [id](void*) {
    auto& kept = registered();
    std::lock_guard inner(kept.mutex);
    kept.checks.erase(id);
  });
}

std::vector<Problem> runExtraChecks(const Config& config, const std::vector<ExtraCheck>& more) {
  std::vector<ExtraCheck> checks;
  {
    auto& all = registered();
    std::lock_guard lock(all.mutex);
    for (const auto& [_, check] : all.checks) checks.push_back(check);
  }
  checks.insert(checks.end(), more.begin(), more.end());
  std::vector<Problem> out;
  for (const auto& check : checks) check(config, out);
  // A key that is refused or warned of already is not named twice in other words.
  std::erase_if(out, [&](const Problem& p) {
    const auto same = [&](const Problem& known) {
      const bool sameLine = known.severity == p.severity && known.line == p.line;
      return (known.severity == Problem::Severity::kError || sameLine) && !p.key.empty() &&
             known.key == p.key && known.file == p.file;
    };
    return std::any_of(config.problems().begin(), config.problems().end(), same);
  });
  return out;
}

int checkConfiguration(const std::string& etcDir, std::ostream& out,
                       const std::vector<ExtraCheck>& more) {
  const auto config = Config::load(etcDir);
  std::vector<Problem> problems = config->problems();
  for (auto& p : runExtraChecks(*config, more)) problems.push_back(std::move(p));
  std::size_t errors = 0, warnings = 0;
  for (const auto& problem : problems) {
    ++(problem.severity == Problem::Severity::kError ? errors : warnings);
    out << oneLine(problem.toString()) << "\n";
  }
  out << "configuration " << etcDir << ": " << config->files().size() << " files, " << errors
      << " errors, " << warnings << " warnings\n";
  return errors == 0 ? 0 : 1;
}

}  // namespace ox::config

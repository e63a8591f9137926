#include "config/catalog.h"

#include <algorithm>
#include <set>

#include "base/check.h"

namespace ox::config {
namespace {

constexpr const char* kNamespaces[] = {
    "hazelcast.",
    "com.openexchange.hazelcast.",
    "com.openexchange.sessiond.",
    "com.openexchange.caching.",
    "com.openexchange.connector.",
    "com.openexchange.servlet.",
    "com.openexchange.cookie.",
    "com.openexchange.server.",
    "com.openexchange.security.",
    "com.openexchange.database.",
    "com.openexchange.groupware.update.",
    "com.openexchange.ajax.login.",
    "com.openexchange.rmi.",
    "com.openexchange.log.",
    "com.openexchange.workers",
    "com.openexchange.shards",
};
constexpr const char* kWholeFile = "configdb.properties";  // every key in it is one of ours
constexpr std::size_t kMaxCompared = 200;                  // longer names are not compared

// Allowed edits: generous inside a name, strict for short ones.
int tolerance(const std::string& name) {
  return name.size() < 6 ? 1 : name.size() < 24 ? 2 : 6;
}

std::string wildcard(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot + 1 == name.size() ||
      name.find_first_not_of("0123456789", dot + 1) != std::string::npos)
    return {};
  return name.substr(0, dot + 1) + "N";
}

}  // namespace

Catalog& Catalog::instance() {
  static Catalog catalog;
  return catalog;
}

const KeyInfo* Catalog::add(KeyInfo info) {
  keys_.push_back(std::move(info));
  const bool fresh = byName_.emplace(keys_.back().name, &keys_.back()).second;
  OX_CHECK(fresh);
  return &keys_.back();
}

const KeyInfo* Catalog::find(const std::string& name) const {
  auto it = byName_.find(name);
  if (it == byName_.end()) it = byName_.find(wildcard(name));
  return it == byName_.end() ? nullptr : it->second;
}

std::vector<const KeyInfo*> Catalog::ofFile(const std::string& file) const {
  std::vector<const KeyInfo*> out;
  for (const auto& key : keys_)
    if (key.file == file) out.push_back(&key);
  return out;
}

std::vector<std::string> Catalog::files() const {
  std::set<std::string> out;
  for (const auto& key : keys_) out.insert(key.file);
  return {out.begin(), out.end()};
}

bool Catalog::inKnownNamespace(const std::string& name, const std::string& file) const {
  if (file == kWholeFile) return true;
  return std::any_of(std::begin(kNamespaces), std::end(kNamespaces),
                     [&](const char* prefix) { return name.rfind(prefix, 0) == 0; });
}

std::string Catalog::nearest(const std::string& name) const {
  if (name.size() > kMaxCompared) return {};
  std::string best;
  int least = tolerance(name) + 1;
  for (const auto& key : keys_) {
    const int distance = editDistance(name, key.name, least);
    if (distance < least) {
      least = distance;
      best = key.name;
    }
  }
  return best;
}

int editDistance(const std::string& a, const std::string& b, int limit) {
  const int lengths = static_cast<int>(a.size()) - static_cast<int>(b.size());
  if (std::abs(lengths) > limit) return limit + 1;
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    int least = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
    before.swap(last);
    last.swap(row);
  }
  return std::min(last[b.size()], limit + 1);
}

}  // namespace ox::config

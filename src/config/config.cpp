#include "config/config.h"

#include <algorithm>

#include "config/catalog.h"
#include "config/value.h"

namespace ox::config {
namespace {

std::string canonical(const KeyInfo& info, const std::string& text) {
  if (info.type != "enum") return std::string(trimmed(text));
  const std::string wanted = lowered(trimmed(text));
  for (const auto& value : info.values)
    if (lowered(value) == wanted) return value;
  return info.defaultText;
}

template <typename T>
T convert(const KeyInfo& info, const std::string& text);

template <>
bool convert<bool>(const KeyInfo&, const std::string& text) {
  return parseBool(text).valueOr(false);
}
template <>
std::int64_t convert<std::int64_t>(const KeyInfo&, const std::string& text) {
  return parseInt(text).valueOr(0);
}
template <>
Millis convert<Millis>(const KeyInfo&, const std::string& text) {
  return parseMillis(text).valueOr(Millis{});
}
template <>
std::string convert<std::string>(const KeyInfo& info, const std::string& text) {
  return canonical(info, text);
}
template <>
std::vector<std::string> convert<std::vector<std::string>>(const KeyInfo&,
                                                           const std::string& text) {
  return parseList(text);
}

template <typename T>
T valueOf(const KeyInfo& info, const Setting* setting) {
  const bool usable = setting != nullptr && valueProblem(info, setting->value).empty() &&
                      (info.type == "string" || info.type == "list" ||
                       !trimmed(setting->value).empty());
  return convert<T>(info, usable ? setting->value : info.defaultText);
}

}  // namespace

std::string Problem::toString() const {
  std::string out = severity == Severity::kError ? "ERROR " : "WARN ";
  out += file;
  if (line > 0) out += ":" + std::to_string(line);
  if (!key.empty()) out += ": " + key;
  return out + ": " + text;
}

template <typename T>
T Config::get(const Key<T>& key) const {
  const auto it = settings_.find(key.name());
  return valueOf<T>(key.info(), it == settings_.end() ? nullptr : &it->second);
}

template <typename T>
T Config::getFrom(const std::string& relative, const Key<T>& key) const {
  const Setting* found = nullptr;
  if (const auto it = byFile_.find(relative); it != byFile_.end())
    for (const auto& [name, setting] : it->second)
      if (name == key.name()) found = &setting;  // the last one counts
  return valueOf<T>(key.info(), found);
}

#define OX_KEY_TYPE(T)                         \
  template T Config::get(const Key<T>&) const; \
  template T Config::getFrom(const std::string&, const Key<T>&) const
OX_KEY_TYPE(bool);
OX_KEY_TYPE(std::int64_t);
OX_KEY_TYPE(Millis);
OX_KEY_TYPE(std::string);
OX_KEY_TYPE(std::vector<std::string>);
#undef OX_KEY_TYPE

bool Config::has(const std::string& name) const {
  const auto it = settings_.find(name);
  return it != settings_.end() && !trimmed(it->second.value).empty();
}

std::optional<Setting> Config::raw(const std::string& name) const {
  const auto it = settings_.find(name);
  if (it == settings_.end()) return {};
  return it->second;
}

std::vector<std::pair<std::string, Setting>> Config::withPrefix(const std::string& prefix) const {
  std::vector<std::pair<std::string, Setting>> out;
  for (auto it = settings_.lower_bound(prefix);
       it != settings_.end() && it->first.rfind(prefix, 0) == 0; ++it)
    out.push_back(*it);
  return out;
}

std::vector<std::pair<std::string, Setting>> Config::file(const std::string& relative) const {
  const auto it = byFile_.find(relative);
  return it == byFile_.end() ? std::vector<std::pair<std::string, Setting>>{} : it->second;
}

std::vector<std::string> Config::files() const {
  std::vector<std::string> out;
  for (const auto& [name, _] : byFile_) out.push_back(name);
  return out;
}

bool Config::hasErrors() const {
  return std::any_of(problems_.begin(), problems_.end(), [](const Problem& p) {
    return p.severity == Problem::Severity::kError;
  });
}

}  // namespace ox::config

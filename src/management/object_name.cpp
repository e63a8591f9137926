#include "management/object_name.h"

namespace ox::management {

bool wildcardMatch(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<ObjectName> ObjectName::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (text.size() > kMaxObjectNameBytes || colon == std::string_view::npos) return std::nullopt;
  ObjectName name;
  name.domain = text.substr(0, colon);
  std::size_t at = colon + 1;
  if (at == text.size()) return std::nullopt;
  while (at < text.size()) {
    bool quoted = false;
    std::size_t end = at;
    for (; end < text.size() && (quoted || text[end] != ','); ++end) {
      if (quoted && text[end] == '\\') ++end;
      else if (text[end] == '"') quoted = !quoted;
    }
    if (quoted || end > text.size()) return std::nullopt;
    const std::string_view part = text.substr(at, end - at);
    if (part == "*") {
      name.moreKeys = true;
    } else {
      const auto equals = part.find('=');
      if (equals == std::string_view::npos || equals == 0 || equals + 1 == part.size())
        return std::nullopt;
      if (!name.keys.emplace(part.substr(0, equals), part.substr(equals + 1)).second)
        return std::nullopt;
    }
    if (end + 1 == text.size()) return std::nullopt;  // ends with a comma
    at = end + 1;
  }
  return name;
}

bool ObjectName::isPattern() const {
  if (moreKeys || domain.find_first_of("*?") != std::string::npos) return true;
  for (const auto& [key, value] : keys)
    if (value.find_first_of("*?") != std::string::npos) return true;
  return false;
}

bool ObjectName::matches(const ObjectName& name) const {
  if (!wildcardMatch(domain, name.domain)) return false;
  if (moreKeys ? keys.size() > name.keys.size() : keys.size() != name.keys.size()) return false;
  for (const auto& [key, value] : keys) {
    const auto found = name.keys.find(key);
    if (found == name.keys.end() || !wildcardMatch(value, found->second)) return false;
  }
  return true;
}

}  // namespace ox::management

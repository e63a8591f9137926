#include "config/key.h"

#include <type_traits>

#include "base/check.h"
#include "config/catalog.h"
#include "config/value.h"

namespace ox::config {
namespace {

template <typename T>
const char* typeName(const KeyInfo& info) {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  else if constexpr (std::is_same_v<T, std::int64_t>) return "int";
  else if constexpr (std::is_same_v<T, Millis>) return "timespan";
  else if constexpr (std::is_same_v<T, std::vector<std::string>>) return "list";
  else return info.values.empty() ? "string" : "enum";
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : "|") + item;
  return out;
}

std::string allowedText(const KeyInfo& info) {
  if (info.type == "bool") return "true|false";
  if (info.type == "enum") return joined(info.values);
  const std::string range = std::to_string(info.min) + ".." + std::to_string(info.max);
  if (info.type == "int") return range;
  if (info.type == "timespan")
    return "a time span such as 30000, 90s, 15m, 12h or 1W, between " + range + " ms";
  return {};
}

}  // namespace

template <typename T>
Key<T>::Key(KeyInfo info) {
  if (info.type.empty()) info.type = typeName<T>(info);
  if (info.allowed.empty()) info.allowed = allowedText(info);
  OX_CHECK(!info.name.empty() && !info.file.empty() && !info.help.empty());
  info_ = Catalog::instance().add(std::move(info));
}

template class Key<bool>;
template class Key<std::int64_t>;
template class Key<std::string>;
template class Key<std::vector<std::string>>;
template class Key<Millis>;

}  // namespace ox::config

// ObjectName: domain and key properties of an MBean's name, with patterns.
//   "com.hazelcast:type=IMap,instance=*,name=*", "com.openexchange.*:*"
// Threads: plain values. Source: javax.management.ObjectName (order of keys has no meaning; '*' and
//          '?' in
// domain and values; a trailing ",*" allows further keys; a quoted value may hold ',' and '=').
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ox::management {

inline constexpr std::size_t kMaxObjectNameBytes = 2048;

struct ObjectName {
  std::string domain;
  std::map<std::string, std::string> keys;
  bool moreKeys = false;  // pattern: further keys are allowed

  static std::optional<ObjectName> parse(std::string_view text);
  bool isPattern() const;
  // `this` may be a pattern; a name without wildcards matches itself only.
  bool matches(const ObjectName& name) const;
};

// '*' any text, '?' one character.
bool wildcardMatch(std::string_view pattern, std::string_view text);

}  // namespace ox::management

// Key<T>: the declaration of one property. Each is declared once, in src/config/keys_*.h/.cpp,
// with name, file, type, default, range, reloadable and help; declaring registers it in the
// Catalog. Code reads `config.get(keys::kGroupName)`: an undeclared key does not compile.
//
// Types: std::string, bool, std::int64_t, std::vector<std::string> (comma separated),
//        Millis (time span: a plain number is milliseconds; with units, each upper or lower case:
//        ms, s, m (minute), h, d, w; several may follow one another: "1d 12h").
// A name may end in ".N": any number may stand there ("readProperty.N").
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ox::config {

struct Millis {
  std::int64_t value = 0;
  bool operator==(const Millis&) const = default;
};

// What the catalog knows of a key, independent of its C++ type.
struct KeyInfo {
  std::string name;
  std::string file;          // stock file below etc/, e.g. "hazelcast.properties"
  std::string type;          // "string", "bool", "int", "list", "timespan", "enum"; filled by Key
  std::string defaultText;   // as written in a file; value when the key is absent
  std::string stockText;     // value in the stock file when it differs from the default
  std::string allowed;       // shown in errors and docs: "1..65535"; filled by Key when empty
  std::vector<std::string> values;  // enum values, compared case-insensitively
  std::int64_t min = INT64_MIN;     // ints and time spans (ms)
  std::int64_t max = INT64_MAX;
  bool reloadable = false;
  bool secret = false;       // never printed
  bool ours = false;         // not a key of the original
  std::string help;          // one paragraph
  // Further check of the raw text: empty string = fine, else what is wrong and what is allowed.
  // Not asked for a blank value of a list, bool, int, time span or enum: that means the default.
  std::function<std::string(const std::string&)> check;
};

template <typename T>
class Key {
 public:
  explicit Key(KeyInfo info);  // registers in Catalog::instance()
  const KeyInfo& info() const { return *info_; }
  const std::string& name() const { return info_->name; }

 private:
  const KeyInfo* info_;
};

}  // namespace ox::config

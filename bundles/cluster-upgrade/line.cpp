#include "line.h"

#include <algorithm>

#include "base/check.h"

namespace ox::upgrade {

const std::vector<LegacyLine>& legacyLines() {
  using hzclient::Protocol;
  constexpr auto kTopic = Mechanism::kTopic;
  constexpr auto kCallable = Mechanism::kCallable;
  static const std::vector<LegacyLine> lines = {
      {"76x", "upgrade324", Protocol::kCb1A, kTopic, {""}, true},
      {"780-782", "upgrade355", Protocol::kCb1B, kTopic, {""}, true},
      {"783", "upgrade371", Protocol::kCb2, kTopic, {""}, true},
      {"784", "upgrade381", Protocol::kCb2, kTopic, {""}, true},
      {"7100-7101", "upgrade3100", Protocol::kCb2, kCallable, {""}, true},
      {"7102", "upgrade311", Protocol::kCb2, kCallable, {"", "-3.11"}, true},
      {"7103-7104", "upgrade312", Protocol::kCb2, kCallable,
       {"-3.12", ""}, true},
      {"7105", "upgrade411", Protocol::kCp2, kCallable, {"-4.1", ""}, false},
  };
  return lines;
}

const LegacyLine& legacyLine(const std::string& release) {
  const auto& lines = legacyLines();
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [&](const LegacyLine& line) { return line.release == release; });
  OX_CHECK(found != lines.end());
  return *found;
}

}  // namespace ox::upgrade

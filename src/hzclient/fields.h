// Parameters of messages by a pattern: one description reads and writes a message.
//
// Purpose:   CB2 and CP2 have one fixed order of parameters per message type; a pattern says it.
// Pattern:   B bool, y byte, I int32, L int64, S text, D Data or other bytes, U uuid (17 bytes, CP2);
//            x? nullable; [x] a list; (x) several parameters that belong together; {fixed;frames}
//            a custom type of CP2; | an older release's message may end here.
// Values:    numbers in `number`, texts and blobs in `bytes`, lists and groups in `items`.
// Bounds:    kMaxItems list items in a message, kMaxDepth levels.
// Threads:   plain values. Errors: none here; a reader that fails says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hzclient/wire.h"

namespace ox::hzclient {

inline constexpr std::size_t kMaxItems = 1'000'000;
inline constexpr int kMaxDepth = 8;

struct Field {
  std::int64_t number = 0;
  Bytes bytes;
  bool null = false;
  std::vector<std::vector<Field>> items;  // of a list: one per item; of a group: one
  bool operator==(const Field&) const = default;
};
using Fields = std::vector<Field>;

Field number(std::int64_t value);
Field bytes(BytesView value);
Field none();  // null
Field group(Fields parts);

// One element of a pattern.
struct PatternPart {
  char kind = 0;          // letter, or [ ( {
  std::string_view body;  // of [ ( {
  bool nullable = false;
  bool optional = false;  // a | comes before it
};
// The parts of a pattern (which is a constant of this library: a mistake ends the process).
std::vector<PatternPart> partsOf(std::string_view pattern);

}  // namespace ox::hzclient

#include "hzclient/fields.h"

#include "base/check.h"

namespace ox::hzclient {

Field number(std::int64_t value) {
  Field f;
  f.number = value;
  return f;
}
Field bytes(BytesView value) {
  Field f;
  f.bytes = Bytes(value);
  return f;
}
Field none() {
  Field f;
  f.null = true;
  return f;
}
Field group(Fields parts) {
  Field f;
  f.items.push_back(std::move(parts));
  return f;
}

std::vector<PatternPart> partsOf(std::string_view pattern) {
  std::vector<PatternPart> out;
  bool optional = false;
  for (std::size_t at = 0; at < pattern.size();) {
    PatternPart part;
    part.kind = pattern[at++];
    if (part.kind == '|') {
      optional = true;
      continue;
    }
    if (part.kind == '[' || part.kind == '(' || part.kind == '{') {
      const std::size_t begin = at;
      for (int depth = 1; depth > 0; ++at) {
        OX_CHECK(at < pattern.size());
        const char c = pattern[at];
        if (c == '[' || c == '(' || c == '{') ++depth;
        if (c == ']' || c == ')' || c == '}') --depth;
      }
      part.body = pattern.substr(begin, at - 1 - begin);
    }
    part.nullable = at < pattern.size() && pattern[at] == '?';
    if (part.nullable) ++at;
    part.optional = std::exchange(optional, false);
    out.push_back(part);
  }
  return out;
}

}  // namespace ox::hzclient

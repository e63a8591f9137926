#include "hzclient/cb2.h"

#include "base/check.h"

namespace ox::hzclient::cb2 {
namespace {
constexpr std::size_t kHeaderBytes = 22;
constexpr std::uint8_t kVersion = 1;

#define OX_ADDRESS "(SI)"
#define OX_MEMBER "(" OX_ADDRESS "SB[SS])"

struct Known {
  std::uint16_t type;
  const char* pattern;
};
// Source: the templates 1.0 - 1.8 of the protocol; | where a release appended parameters.
constexpr Known kKnown[] = {
    {kAuthentication, "SSS?S?BSy|S|S[S]I?S?"},
    {kMembershipListener, "B"},
    {kCreateProxy, "SS" OX_ADDRESS},
    {kPing, ""},
    {kMapPut, "SDDLL"},
    {kMapGet, "SDL"},
    {kMapRemove, "SDL"},
    {kPublish, "SD"},
    {kListen, "SB"},
    {kUnlisten, "SS"},
    {kSubmit, "SSD" OX_ADDRESS},
    {kVoid, ""},
    {kBoolean, "B"},
    {kInteger, "I"},
    {kLong, "L"},
    {kText, "S"},
    {kData, "D?"},
    {kAuthenticated, "y" OX_ADDRESS "?S?S?y|S[" OX_MEMBER "]?|IS"},
    {kException, "ISS?[SSS?I]IS?"},
    {kMemberEvent, OX_MEMBER "I"},
    {kMemberList, "[" OX_MEMBER "]"},
    {kTopicEvent, "DLS"},
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : in_(bytes) {}
  Fields fields(std::string_view pattern, int depth) {
    Fields out;
    if (depth > kMaxDepth) in_.fail();
    for (const PatternPart& part : partsOf(pattern)) {
      if (!in_.ok() || (part.optional && in_.atEnd())) break;
      out.push_back(one(part, depth));
    }
    return out;
  }
  bool ok() const { return in_.ok(); }
  bool atEnd() const { return in_.atEnd(); }

 private:
  Field one(const PatternPart& part, int depth) {
    Field f;
    if (part.nullable) {
      const std::uint8_t null = in_.u8();
      if (null > 1) in_.fail();
      f.null = null == 1;
      if (f.null || !in_.ok()) return f;
    }
    switch (part.kind) {
      case 'B':
      case 'y': f.number = in_.u8(); break;
      case 'I': f.number = in_.i32(); break;
      case 'L': f.number = in_.i64(); break;
      case '(': f.items.push_back(fields(part.body, depth + 1)); break;
      case '[': {
        const auto count = static_cast<std::uint32_t>(in_.i32());
        // Every item has at least one byte.
        if (count > in_.remaining() || (items_ += count) > kMaxItems) in_.fail();
        for (std::uint32_t i = 0; i < count && in_.ok(); ++i)
          f.items.push_back(fields(part.body, depth + 1));
        break;
      }
      default: {
        const auto size = static_cast<std::uint32_t>(in_.i32());
        f.bytes = Bytes(in_.raw(size));
      }
    }
    return f;
  }
  LittleReader in_;
  std::size_t items_ = 0;
};

void write(LittleWriter& out, std::string_view pattern, const Fields& fields) {
  std::size_t i = 0;
  for (const PatternPart& part : partsOf(pattern)) {
    if (i == fields.size()) {
      OX_CHECK(part.optional);
      return;
    }
    const Field& f = fields[i++];
    if (part.nullable) out.u8(f.null ? 1 : 0);
    if (part.nullable && f.null) continue;
    switch (part.kind) {
      case 'B':
      case 'y': out.u8(static_cast<std::uint8_t>(f.number)); break;
      case 'I': out.i32(static_cast<std::int32_t>(f.number)); break;
      case 'L': out.i64(f.number); break;
      case '(': write(out, part.body, f.items.front()); break;
      case '[':
        out.i32(static_cast<std::int32_t>(f.items.size()));
        for (const Fields& item : f.items) write(out, part.body, item);
        break;
      default:
        out.i32(static_cast<std::int32_t>(f.bytes.size()));
        out.raw(f.bytes);
    }
  }
}

}  // namespace

Result<Message> decode(BytesView unit) {
  LittleReader in(unit);
  Message m;
  const auto length = static_cast<std::uint32_t>(in.i32());
  const int version = in.u8();
  m.flags = in.u8();
  m.type = in.u16();
  m.correlation = in.i64();
  m.partition = in.i32();
  const std::uint16_t offset = in.u16();
  if (!in.ok() || length != unit.size()) return badMessage("a cut frame");
  if (version > kVersion || offset != kHeaderBytes)
    return badMessage("frame version " + std::to_string(version) + " with parameters at " +
                      std::to_string(offset));
  if ((m.flags & kWhole) != kWhole) return badMessage("a fragment, which no member sends");
  m.parameters = Bytes(in.raw(in.remaining()));
  return m;
}

Bytes encode(const Message& m) {
  LittleWriter out;
  out.i32(static_cast<std::int32_t>(kHeaderBytes + m.parameters.size()));
  out.u8(kVersion);
  out.u8(m.flags);
  out.u16(m.type);
  out.i64(m.correlation);
  out.i32(m.partition);
  out.u16(kHeaderBytes);
  out.raw(m.parameters);
  return out.take();
}

const char* patternOf(std::uint16_t type) {
  for (const Known& k : kKnown)
    if (k.type == type) return k.pattern;
  return nullptr;
}

// What a newer release appends is ignored.
Result<Fields> readFields(std::string_view pattern, BytesView parameters) {
  Reader in(parameters);
  Fields fields = in.fields(pattern, 0);
  if (!in.ok()) return badMessage("parameters that are cut off or too many");
  return fields;
}

Bytes writeFields(std::string_view pattern, const Fields& fields) {
  LittleWriter out;
  write(out, pattern, fields);
  return out.take();
}

}  // namespace ox::hzclient::cb2

#include "hzclient/cp2.h"

#include "base/check.h"

namespace ox::hzclient::cp2 {
namespace {
constexpr std::size_t kFrameHeader = 6, kTypeAndId = 12, kUuidBytes = 17;

#define OX_ADDRESS "{I;S}"
#define OX_QUALIFIER "{I;S?}"
#define OX_MEMBER "{UB;" OX_ADDRESS "[SS]{yyy;}|[" OX_QUALIFIER OX_ADDRESS "]}"
#define OX_STACK "{I;SSS?}"

struct Known {
  std::uint32_t type;
  Pattern pattern;
};
// Source: the definitions 2.0 - 2.3 of the protocol; | where a release appended parameters.
constexpr Known kKnown[] = {
    {kError, {"", "[{I;SS?[" OX_STACK "]}]"}},
    {kAuthentication, {"Uy", "SS?S?SSS[S]"}},
    {kAuthenticated, {"yUyIUB", OX_ADDRESS "?S"}},
    {kClusterView, {"", ""}},
    {kClusterView + 1, {"", ""}},
    {kMembersView, {"I", "[" OX_MEMBER "]"}},
    {kPartitionsView, {"I", "[D]D"}},
    {kCreateProxy, {"", "SS"}},
    {kCreateProxy + 1, {"", ""}},
    {kPing, {"", ""}},
    {kPing + 1, {"", ""}},
    {kMapPut, {"LL", "SDD"}},
    {kMapPut + 1, {"", "D?"}},
    {kMapGet, {"L", "SD"}},
    {kMapGet + 1, {"", "D?"}},
    {kMapRemove, {"L", "SD"}},
    {kMapRemove + 1, {"", "D?"}},
    {kPublish, {"", "SD"}},
    {kPublish + 1, {"", ""}},
    {kListen, {"B", "S"}},
    {kListen + 1, {"U", ""}},
    {kTopicEvent, {"LU", "D"}},
    {kUnlisten, {"U", "S"}},
    {kUnlisten + 1, {"B", ""}},
    {kSubmit, {"UU", "SD"}},
    {kSubmit + 1, {"", "D?"}},
};

bool responds(std::uint32_t type, std::uint16_t flags) {
  return (flags & kEventFlag) == 0 && (type == kError || (type & 0xff) == 1);
}

Fields readFixed(std::string_view pattern, LittleReader& in) {
  Fields out;
  for (const PatternPart& part : partsOf(pattern)) {
    if (part.optional && in.atEnd()) break;
    Field f;
    switch (part.kind) {
      case 'B':
      case 'y': f.number = in.u8(); break;
      case 'I': f.number = in.i32(); break;
      case 'L': f.number = in.i64(); break;
      default: f.bytes = Bytes(in.raw(kUuidBytes));
    }
    out.push_back(std::move(f));
  }
  return out;
}

void writeFixed(std::string_view pattern, const Fields& fields, std::size_t& next,
                LittleWriter& out) {
  for (const PatternPart& part : partsOf(pattern)) {
    if (next == fields.size() && part.optional) return;
    const Field& f = fields.at(next++);
    switch (part.kind) {
      case 'B':
      case 'y': out.u8(static_cast<std::uint8_t>(f.number)); break;
      case 'I': out.i32(static_cast<std::int32_t>(f.number)); break;
      case 'L': out.i64(f.number); break;
      default: OX_CHECK(f.bytes.size() == kUuidBytes); out.raw(f.bytes);
    }
  }
}

class Reader {
 public:
  explicit Reader(const std::vector<Frame>& frames) : frames_(frames) {}
  bool ok() const { return ok_; }

  Fields fields(std::string_view pattern, int depth) {
    Fields out;
    if (depth > kMaxDepth) ok_ = false;
    for (const PatternPart& part : partsOf(pattern)) {
      if (!ok_ || (part.optional && (at_ == frames_.size() || flag(kEnd)))) break;
      out.push_back(one(part, depth));
    }
    return out;
  }

 private:
  bool flag(std::uint16_t f) const { return at_ < frames_.size() && (frames_[at_].flags & f) != 0; }
  const Frame* take() {
    if (at_ < frames_.size()) return &frames_[at_++];
    ok_ = false;
    return nullptr;
  }
  void expect(std::uint16_t f) {
    if (flag(f)) ++at_;
    else ok_ = false;
  }
  // Frames that a newer release appended to a custom type.
  void skipToEnd() {
    for (int open = 0; ok_;) {
      if (flag(kEnd) && open == 0) break;
      if (flag(kBegin)) ++open;
      if (flag(kEnd)) --open;
      take();
    }
    expect(kEnd);
  }
  Field one(const PatternPart& part, int depth) {
    Field f;
    if (part.nullable && flag(kNull)) {
      ++at_;
      f.null = true;
      return f;
    }
    if (part.kind == '[') {
      expect(kBegin);
      while (ok_ && !flag(kEnd)) {
        const std::size_t before = at_;
        f.items.push_back(fields(part.body, depth + 1));
        if (at_ == before) ok_ = false;
      }
      expect(kEnd);
    } else if (part.kind == '{') {
      expect(kBegin);
      const std::size_t semicolon = part.body.find(';');
      const std::string_view fixed = part.body.substr(0, semicolon);
      Fields all;
      if (!fixed.empty()) {
        const Frame* frame = take();
        if (frame == nullptr || (frame->flags & (kBegin | kEnd | kNull)) != 0) {
          ok_ = false;
          return f;
        }
        LittleReader in(frame->content);
        all = readFixed(fixed, in);
        ok_ = ok_ && in.ok();
      }
      for (Field& more : fields(part.body.substr(semicolon + 1), depth + 1))
        all.push_back(std::move(more));
      f.items.push_back(std::move(all));
      skipToEnd();
    } else {
      if (flag(kBegin) || flag(kEnd) || flag(kNull)) ok_ = false;
      if (const Frame* frame = take()) f.bytes = frame->content;
    }
    return f;
  }
  const std::vector<Frame>& frames_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

void writeFrames(std::string_view pattern, const Fields& fields, std::size_t& next,
                 std::vector<Frame>& out) {
  for (const PatternPart& part : partsOf(pattern)) {
    if (next == fields.size() && part.optional) return;
    const Field& f = fields.at(next++);
    if (part.nullable && f.null) {
      out.push_back({kNull, {}});
    } else if (part.kind == '[') {
      out.push_back({kBegin, {}});
      for (const Fields& item : f.items) {
        std::size_t i = 0;
        writeFrames(part.body, item, i, out);
      }
      out.push_back({kEnd, {}});
    } else if (part.kind == '{') {
      out.push_back({kBegin, {}});
      const std::size_t semicolon = part.body.find(';');
      const Fields& all = f.items.front();
      std::size_t i = 0;
      LittleWriter fixed;
      writeFixed(part.body.substr(0, semicolon), all, i, fixed);
      if (semicolon != 0) out.push_back({0, fixed.take()});
      writeFrames(part.body.substr(semicolon + 1), all, i, out);
      out.push_back({kEnd, {}});
    } else {
      out.push_back({0, f.bytes});
    }
  }
}

}  // namespace

Result<Message> decode(BytesView unit) {
  LittleReader in(unit);
  Message m;
  bool last = false;
  for (bool first = true; !last; first = false) {
    const auto length = static_cast<std::uint32_t>(in.i32());
    const std::uint16_t flags = in.u16();
    if (!in.ok() || length < kFrameHeader) return badMessage("a cut frame");
    const BytesView content = in.raw(length - kFrameHeader);
    if (!in.ok()) return badMessage("a cut frame");
    last = (flags & kFinal) != 0;
    if (!first) {
      if (m.frames.size() >= kMaxFrames) return badMessage("too many frames in one message");
      m.frames.push_back({static_cast<std::uint16_t>(flags & ~kFinal), Bytes(content)});
      continue;
    }
    if ((flags & kWhole) != kWhole) return badMessage("a fragment, which no member sends");
    m.flags = static_cast<std::uint16_t>(flags & ~kFinal);
    LittleReader head(content);
    m.type = static_cast<std::uint32_t>(head.i32());
    m.correlation = head.i64();
    if (responds(m.type, m.flags)) m.backupAcks = head.u8();
    else m.partition = head.i32();
    if (!head.ok()) return badMessage("a first frame of " + std::to_string(content.size()) +
                                      " bytes");
    m.fixed = Bytes(head.raw(head.remaining()));
  }
  if (!in.atEnd()) return badMessage("bytes behind the last frame");
  return m;
}

Bytes encode(const Message& m) {
  LittleWriter out;
  const auto frame = [&](std::uint16_t flags, std::size_t size, bool last) {
    out.i32(static_cast<std::int32_t>(kFrameHeader + size));
    out.u16(static_cast<std::uint16_t>(flags | (last ? kFinal : 0)));
  };
  const bool response = responds(m.type, m.flags);
  frame(m.flags, kTypeAndId + (response ? 1 : 4) + m.fixed.size(), m.frames.empty());
  out.i32(static_cast<std::int32_t>(m.type));
  out.i64(m.correlation);
  if (response) out.u8(m.backupAcks);
  else out.i32(m.partition);
  out.raw(m.fixed);
  for (std::size_t i = 0; i < m.frames.size(); ++i) {
    frame(m.frames[i].flags, m.frames[i].content.size(), i + 1 == m.frames.size());
    out.raw(m.frames[i].content);
  }
  return out.take();
}

Pattern patternOf(std::uint32_t type) {
  for (const Known& k : kKnown)
    if (k.type == type) return k.pattern;
  return {};
}

// What a newer release appends is ignored.
Result<Fields> readFields(const Pattern& pattern, const Message& message) {
  LittleReader fixed(message.fixed);
  Fields out = readFixed(pattern.fixed, fixed);
  Reader in(message.frames);
  for (Field& f : in.fields(pattern.frames, 0)) out.push_back(std::move(f));
  if (!fixed.ok() || !in.ok()) return badMessage("parameters that are cut off or in disorder");
  return out;
}

void writeFields(const Pattern& pattern, const Fields& fields, Message& message) {
  std::size_t next = 0;
  LittleWriter fixed;
  writeFixed(pattern.fixed, fields, next, fixed);
  message.fixed = fixed.take();
  message.frames.clear();
  writeFrames(pattern.frames, fields, next, message.frames);
}

std::string uuidText(BytesView wire) {
  LittleReader in(wire);
  if (in.u8() != 0) return {};
  const auto high = static_cast<std::uint64_t>(in.i64()), low = static_cast<std::uint64_t>(in.i64());
  if (!in.ok()) return {};
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += kHex[(i < 16 ? high >> (60 - 4 * i) : low >> (124 - 4 * i)) & 15];
  }
  return out;
}

Bytes uuidWire(std::uint64_t high, std::uint64_t low) {
  LittleWriter out;
  out.u8(0);
  out.i64(static_cast<std::int64_t>(high));
  out.i64(static_cast<std::int64_t>(low));
  return out.take();
}

}  // namespace ox::hzclient::cp2

#include "hzclient/invalidation.h"

#include "hzclient/cb1.h"
#include "hzclient/utf16.h"

namespace ox::hzclient {
namespace {
using services::CacheEvent;
using services::CacheKey;

constexpr std::int32_t kFactory = 873, kMessage = 3, kEvent = 4, kKey = 17, kCallable = 26;
constexpr std::int32_t kTypeRecord = -1, kTypeInteger = -7, kTypeText = -11;
enum Kind : std::int32_t { kCacheKey = 1, kOther = 2 };
enum Type : std::uint8_t {
  kBoolean = 2, kInt = 5, kUtf = 9, kRecords = 10, kIntArray = 15, kUtfArray = 19
};

struct NamedField {
  const char* name;
  Type type;
};
constexpr NamedField kEventFields[] = {{"r", kUtf}, {"g", kUtf}, {"o", kUtf}, {"hk", kBoolean},
                                  {"k", kRecords}};
constexpr NamedField kKeyFields[] = {{"k", kInt}, {"c", kInt}, {"s", kInt}};

const char* nameOf(CacheEvent::Operation operation) {
  switch (operation) {
    case CacheEvent::Operation::kInvalidate: return "invalidate";
    case CacheEvent::Operation::kInvalidateGroup: return "invalidate_group";
    case CacheEvent::Operation::kClear: return "clear";
  }
  return "invalidate";
}

// Records in all four forms: A has its definitions apart, the others name each field.
class Writer {
 public:
  explicit Writer(Protocol p) : protocol_(p), cb1_(p == Protocol::kCb1A || p == Protocol::kCb1B) {}
  ByteWriter out;

  // Offsets of one record; closed when its values are written.
  struct Open {
    std::size_t end = 0, offsets = 0, next = 0;
  };
  Open open(std::size_t fields) {
    Open o;
    o.end = out.size();
    out.u32(0);
    if (!a()) out.u32(static_cast<std::uint32_t>(fields));
    o.offsets = out.size();
    for (std::size_t i = 0; i <= fields; ++i) out.u32(0);
    return o;
  }
  void field(Open& o, const char* name, Type type) {
    patch(o.offsets + 4 * o.next++);
    if (a()) return;
    const std::string_view text(name);
    out.u16(static_cast<std::uint16_t>(text.size()));
    out.raw(text);
    out.u8(type);
  }
  void raw(const Open& o) { patch(o.offsets + 4 * o.next); }
  void close(const Open& o) { patch(o.end); }
  void patch(std::size_t at) {
    const std::size_t header = a() ? 0 : cb1_ ? 5 : 8;
    out.patchU32(at, static_cast<std::uint32_t>(out.size() + header));
  }

  void text(const std::optional<std::string>& value) {
    if (cb1_) return cb1::writeText(protocol_, out, value);
    if (!value) return out.i32(-1);
    if (protocol_ == Protocol::kCp2) return out.blob(*value);
    const auto units = utf16(*value);
    Bytes bytes;
    appendUnits(bytes, units, false);
    out.u32(static_cast<std::uint32_t>(units.size()));
    out.raw(bytes);
  }
  // An object in a raw part, up to its payload.
  void object(std::int32_t type) {
    if (cb1_) out.boolean(false);
    out.i32(type);
  }
  bool a() const { return protocol_ == Protocol::kCb1A; }
  bool cb1() const { return cb1_; }

 private:
  const Protocol protocol_;
  const bool cb1_;
};

void definitionOfEvent(ByteWriter& out) {
  const auto fields = [&](std::int32_t number, const NamedField* list, std::size_t count) {
    out.i32(kFactory);
    out.i32(number);
    out.i32(0);
    out.i32(static_cast<std::int32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      const bool records = list[i].type == kRecords;
      out.i32(static_cast<std::int32_t>(i));
      cb1::writeText(Protocol::kCb1A, out, std::string(list[i].name));
      out.u8(list[i].type);
      out.i32(records ? kFactory : 0);
      out.i32(records ? kKey : 0);
    }
  };
  fields(kEvent, kEventFields, std::size(kEventFields));
  out.i32(1);
  fields(kKey, kKeyFields, std::size(kKeyFields));
  out.i32(0);
}

void writeKey(Writer& w, const CacheKey& key) {
  const bool number = key.parts.empty(), text = key.id == -1 && key.parts.size() == 1;
  if (!w.a()) w.out.i32(0);  // version
  auto record = w.open(std::size(kKeyFields));
  const std::int32_t values[] = {number || text ? kOther : kCacheKey, number || text ? -1 : key.id,
                                 number || text ? -1 : static_cast<std::int32_t>(key.parts.size())};
  for (std::size_t i = 0; i < std::size(kKeyFields); ++i) {
    w.field(record, kKeyFields[i].name, kInt);
    w.out.i32(values[i]);
  }
  w.raw(record);
  if (number) {
    w.object(kTypeInteger);
    w.out.i32(key.id);
  } else if (text) {
    w.object(kTypeText);
    w.text(key.parts.front());
  } else {
    for (const auto& part : key.parts) w.text(part);
  }
  w.close(record);
}

void writeEvent(Writer& w, const CacheEvent& event) {
  const std::size_t fields = event.keys.empty() ? 4 : 5;
  w.object(kTypeRecord);
  if (w.a()) {
    definitionOfEvent(w.out);
  } else {
    w.out.i32(kFactory);
    w.out.i32(kEvent);
    w.out.i32(0);
  }
  auto record = w.open(fields);
  for (std::size_t i = 0; i < fields; ++i) {
    w.field(record, kEventFields[i].name, kEventFields[i].type);
    switch (i) {
      case 0: w.text(event.region); break;
      case 1: w.text(event.group.empty() ? std::nullopt : std::optional(event.group)); break;
      case 2: w.text(nameOf(event.operation)); break;
      case 3: w.out.boolean(!event.keys.empty()); break;
      default: {
        w.out.i32(static_cast<std::int32_t>(event.keys.size()));
        if (!w.a()) {
          w.out.i32(kFactory);
          w.out.i32(kKey);
        }
        const std::size_t offsets = w.out.size();
        for (std::size_t k = 0; k < event.keys.size(); ++k) w.out.u32(0);
        for (std::size_t k = 0; k < event.keys.size(); ++k) {
          w.patch(offsets + 4 * k);
          writeKey(w, event.keys[k]);
        }
      }
    }
  }
  w.close(record);
}

Bytes asData(Protocol protocol, Writer& w, std::int32_t number) {
  if (protocol == Protocol::kCb1A || protocol == Protocol::kCb1B) {
    cb1::Data data;
    data.type = kTypeRecord;
    data.payload = w.out.take();
    if (protocol == Protocol::kCb1A) {
      data.definition.factoryId = kFactory;
      data.definition.classId = number;
      data.hash = cb1::fnvHash(data.payload);
    }
    return cb1::writeData(protocol, data);
  }
  ByteWriter out;
  out.i32(0);
  out.i32(kTypeRecord);
  out.raw(w.out.bytes());
  return out.take();
}

void writeType(Writer& w, std::int32_t number) {
  if (w.a()) return;
  w.out.i32(kFactory);
  w.out.i32(number);
  w.out.i32(0);
}

}  // namespace

Result<Bytes> cacheEventData(Protocol protocol, const std::string& sender,
                             const CacheEvent& event) {
  if (event.region.empty() || event.keys.size() > kMaxEventKeys)
    return Error(Code::kInvalid, "a cache event has a region and at most " +
                                     std::to_string(kMaxEventKeys) + " keys");
  if (protocol == Protocol::kCb1A && event.keys.empty())
    return Error(Code::kInvalid, "members of 3.2 are told of keys only, not of a whole region");
  Writer w(protocol);
  writeType(w, kMessage);
  auto message = w.open(0);
  w.raw(message);
  w.text(sender);
  w.out.boolean(true);
  w.out.i32(1);
  writeEvent(w, event);
  w.close(message);
  return asData(protocol, w, kMessage);
}

Result<Bytes> invalidationCallable(
    Protocol protocol, const std::vector<std::pair<std::int32_t, std::string>>& schemas) {
  Writer w(protocol);
  if (w.cb1())
    return Error(Code::kInvalid, "members before 3.6 know no callable with several schemas");
  if (schemas.empty() || schemas.size() > kMaxEventKeys)
    return Error(Code::kInvalid, "a callable drops 1.." + std::to_string(kMaxEventKeys) +
                                     " schemas");
  writeType(w, kCallable);
  auto record = w.open(2);
  w.field(record, "poolIds", kIntArray);
  w.out.i32(static_cast<std::int32_t>(schemas.size()));
  for (const auto& [pool, _] : schemas) w.out.i32(pool);
  w.field(record, "schemas", kUtfArray);
  w.out.i32(static_cast<std::int32_t>(schemas.size()));
  for (const auto& [_, schema] : schemas) w.text(schema);
  w.close(record);
  return asData(protocol, w, kCallable);
}

}  // namespace ox::hzclient

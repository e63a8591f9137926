#include "hzclient/cb1.h"

#include <algorithm>

#include "base/check.h"
#include "hzclient/utf16.h"

namespace ox::hzclient::cb1 {
namespace {
constexpr std::uint8_t kPacketVersion = 4;
constexpr std::size_t kDataHeaderOfB = 5;
constexpr std::size_t kChunkUnits = 16384;
constexpr std::int32_t kClientFactory = -3, kResponseClass = 1;

bool isA(Protocol dialect) { return dialect == Protocol::kCb1A; }
// Positions in a record of B count from the beginning of its Data.
std::size_t baseOf(Protocol dialect) { return isA(dialect) ? 0 : kDataHeaderOfB; }

class RecordReader {
 public:
  RecordReader(Protocol dialect, BytesView payload) : dialect_(dialect), in_(payload) {}
  bool ok() const { return in_.ok(); }

  // At finalOffset. `type` of A is complete, of B it is filled in here.
  Fields record(ClassDefinition& type, Bytes* raw, bool* hasRaw, int depth) {
    const std::size_t end = position();
    if (!isA(dialect_)) {
      const std::uint32_t count = in_.count(4);
      if (count > kMaxFields) in_.fail();
      type.fields.resize(in_.ok() ? count : 0);
    }
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < type.fields.size(); ++i) offsets.push_back(position());
    const std::uint32_t rawAt = in_.u32();
    if (rawAt != 0) in_.seek(rawAt - std::min<std::size_t>(rawAt, baseOf(dialect_)));
    const std::size_t rawBegin = in_.position();
    Fields values;
    if (depth > kMaxDepth) in_.fail();
    for (std::size_t i = 0; i < type.fields.size() && in_.ok(); ++i) {
      in_.seek(offsets[i]);
      values.push_back(value(type, type.fields[i], depth));
    }
    in_.seek(end);
    if (rawAt != 0 && end >= rawBegin && raw != nullptr) {
      in_.seek(rawBegin);
      *raw = Bytes(in_.raw(end - rawBegin));
      *hasRaw = true;
    } else if (rawAt != 0) {
      in_.fail();
    }
    return values;
  }
  ByteReader& in() { return in_; }

 private:
  std::size_t position() {
    const std::size_t at = in_.u32();
    if (at < baseOf(dialect_)) {
      in_.fail();
      return 0;
    }
    return at - baseOf(dialect_);
  }
  Field value(ClassDefinition& owner, FieldDefinition& field, int depth) {
    if (!isA(dialect_)) {
      field.name = std::string(in_.raw(in_.u16()));
      field.type = static_cast<FieldType>(in_.u8());
    }
    Field f;
    switch (field.type) {
      case FieldType::kByte:
      case FieldType::kBoolean: f.number = in_.u8(); break;
      case FieldType::kShort: f.number = in_.i16(); break;
      case FieldType::kInt: f.number = in_.i32(); break;
      case FieldType::kLong: f.number = in_.i64(); break;
      case FieldType::kByteArray: f.bytes = Bytes(in_.raw(in_.u32())); break;
      case FieldType::kUtf: {
        const auto text = readText(dialect_, in_);
        f.null = !text;
        if (text) f.bytes = *text;
        break;
      }
      case FieldType::kPortable: {
        f.null = in_.u8() != 0;
        if (!isA(dialect_)) {
          field.factoryId = in_.i32();
          field.classId = in_.i32();
        }
        if (f.null) break;
        ClassDefinition found{field.factoryId, field.classId, 0, {}, {}};
        if (isA(dialect_)) {
          const ClassDefinition* known = owner.find(field.factoryId, field.classId);
          if (known == nullptr) {
            in_.fail();
            break;
          }
          found = *known;
        } else {
          found.version = in_.i32();
        }
        f.items.push_back(record(found, nullptr, nullptr, depth + 1));
        if (!isA(dialect_)) owner.nested.push_back(std::move(found));
        break;
      }
      default: in_.fail();
    }
    return f;
  }
  Protocol dialect_;
  ByteReader in_;
};

class RecordWriter {
 public:
  explicit RecordWriter(Protocol dialect) : dialect_(dialect) {}

  void record(const ClassDefinition& type, const Fields& values, const Bytes* raw) {
    OX_CHECK(values.size() == type.fields.size());
    const std::size_t end = out.size();
    out.u32(0);
    if (!isA(dialect_)) out.u32(static_cast<std::uint32_t>(values.size()));
    const std::size_t offsets = out.size();
    for (std::size_t i = 0; i <= values.size(); ++i) out.u32(0);
    for (std::size_t i = 0; i < values.size(); ++i) {
      patch(offsets + 4 * i);
      value(type, type.fields[i], values[i]);
    }
    if (raw != nullptr) {
      patch(offsets + 4 * values.size());
      out.raw(*raw);
    }
    patch(end);
  }
  ByteWriter out;

 private:
  void patch(std::size_t at) {
    out.patchU32(at, static_cast<std::uint32_t>(out.size() + baseOf(dialect_)));
  }
  void value(const ClassDefinition& owner, const FieldDefinition& field, const Field& f) {
    if (!isA(dialect_)) {
      out.u16(static_cast<std::uint16_t>(field.name.size()));
      out.raw(field.name);
      out.u8(static_cast<std::uint8_t>(field.type));
    }
    switch (field.type) {
      case FieldType::kByte:
      case FieldType::kBoolean: out.u8(static_cast<std::uint8_t>(f.number)); break;
      case FieldType::kShort: out.i16(static_cast<std::int16_t>(f.number)); break;
      case FieldType::kInt: out.i32(static_cast<std::int32_t>(f.number)); break;
      case FieldType::kLong: out.i64(f.number); break;
      case FieldType::kByteArray: out.blob(f.bytes); break;
      case FieldType::kUtf:
        writeText(dialect_, out, f.null ? std::nullopt : std::optional(f.bytes));
        break;
      case FieldType::kPortable: {
        out.boolean(f.null);
        if (!isA(dialect_)) {
          out.i32(field.factoryId);
          out.i32(field.classId);
        }
        if (f.null) break;
        const ClassDefinition* type = owner.find(field.factoryId, field.classId);
        OX_CHECK(type != nullptr);
        if (!isA(dialect_)) out.i32(type->version);
        record(*type, f.items.front(), nullptr);
        break;
      }
    }
  }
  Protocol dialect_;
};

}  // namespace

const ClassDefinition* ClassDefinition::find(std::int32_t factory, std::int32_t number) const {
  for (const ClassDefinition& n : nested)
    if (n.factoryId == factory && n.classId == number) return &n;
  return nullptr;
}

std::int32_t fnvHash(BytesView payload) {
  std::uint32_t hash = 0x811C9DC5u;
  for (std::size_t i = payload.size(); i-- > 0;)
    hash = (hash ^ static_cast<std::uint32_t>(static_cast<std::int8_t>(payload[i]))) * 0x01000193u;
  return static_cast<std::int32_t>(hash);
}

Result<Data> readData(Protocol dialect, ByteReader& in) {
  Data d;
  d.type = in.i32();
  if (!isA(dialect)) {
    const bool hashed = in.u8() != 0;
    const std::size_t tail = hashed ? 4 : 0;
    if (in.remaining() < tail) in.fail();
    d.payload = Bytes(in.raw(in.ok() ? in.remaining() - tail : 0));
    if (hashed) d.hash = in.i32();
    if (!in.ok()) return badMessage("a cut object");
    return d;
  }
  const std::int32_t classId = in.i32();
  if (classId != 0) {
    const std::int32_t factoryId = in.i32();
    const std::int32_t version = in.i32();
    const BytesView definition = in.blob();
    if (!in.ok()) return badMessage("a cut object");
    auto found = inflated(factoryId, classId, definition);
    if (!found) return found.error();
    d.definition = std::move(*found);
    if (d.definition.version != version) return badMessage("a class definition of another version");
  }
  d.payload = Bytes(in.blob());
  d.hash = in.i32();
  if (!in.ok()) return badMessage("a cut object");
  return d;
}

Bytes writeData(Protocol dialect, const Data& d) {
  ByteWriter out;
  out.i32(d.type);
  if (!isA(dialect)) {
    out.boolean(d.hash.has_value());
    out.raw(d.payload);
    if (d.hash) out.i32(*d.hash);
    return out.take();
  }
  out.i32(d.definition.classId);
  if (d.definition.classId != 0) {
    out.i32(d.definition.factoryId);
    out.i32(d.definition.version);
    out.blob(deflated(d.definition));
  }
  out.blob(d.payload);
  out.i32(d.hash.value_or(0));
  return out.take();
}

Result<Record> readRecord(Protocol dialect, const Data& data) {
  Record r;
  if (data.type != kTypeRecord) return badMessage("an object of type " + std::to_string(data.type) +
                                                " where a record belongs");
  RecordReader reader(dialect, data.payload);
  if (isA(dialect)) {
    r.type = data.definition;
  } else {
    r.type.factoryId = reader.in().i32();
    r.type.classId = reader.in().i32();
    r.type.version = reader.in().i32();
  }
  r.values = reader.record(r.type, &r.raw, &r.hasRaw, 0);
  if (!reader.ok() || !reader.in().atEnd()) return badMessage("a record that is cut off");
  return r;
}

Data writeRecord(Protocol dialect, const Record& r) {
  RecordWriter writer(dialect);
  if (!isA(dialect)) {
    writer.out.i32(r.type.factoryId);
    writer.out.i32(r.type.classId);
    writer.out.i32(r.type.version);
  }
  writer.record(r.type, r.values, r.hasRaw ? &r.raw : nullptr);
  Data d;
  d.type = kTypeRecord;
  d.payload = writer.out.take();
  if (isA(dialect)) {
    d.definition = r.type;
    d.hash = fnvHash(d.payload);
  }
  return d;
}

Result<Packet> decode(Protocol dialect, BytesView unit) {
  Packet p;
  ByteReader in(unit);
  if (!isA(dialect)) {
    const int version = in.u8();
    p.bits = in.u16();
    p.partition = in.i32();
    const std::uint32_t length = in.u32();
    if (!in.ok() || version != kPacketVersion || length != in.remaining())
      return badMessage("a cut packet");
  }
  auto data = readData(dialect, in);
  if (!data) return data.error();
  if (!in.atEnd()) return badMessage("bytes behind the object");
  p.data = std::move(*data);
  return p;
}

Bytes encode(Protocol dialect, const Packet& p) {
  const Bytes data = writeData(dialect, p.data);
  if (isA(dialect)) return data;
  ByteWriter out;
  out.u8(kPacketVersion);
  out.u16(p.bits);
  out.i32(p.partition);
  out.blob(data);
  return out.take();
}

Result<Response> readResponse(Protocol dialect, const Data& data) {
  Response r;
  ByteReader in(data.payload);
  const bool identified = in.u8() == 1;
  const std::int32_t factory = in.i32(), number = in.i32();
  if (data.type != kTypeIdentified || !identified || factory != kClientFactory ||
      number != kResponseClass)
    return badMessage("something else than a response");
  r.call = in.i32();
  if (isA(dialect)) r.event = in.boolean();
  r.error = in.boolean();
  auto inner = readInner(dialect, in, r.empty);
  if (!inner) return inner.error();
  r.data = std::move(*inner);
  if (!in.ok() || !in.atEnd()) return badMessage("a cut response");
  return r;
}

Data writeResponse(Protocol dialect, const Response& r, std::optional<std::int32_t> hash) {
  ByteWriter out;
  out.u8(1);
  out.i32(kClientFactory);
  out.i32(kResponseClass);
  out.i32(r.call);
  if (isA(dialect)) out.boolean(r.event);
  out.boolean(r.error);
  writeInner(dialect, out, r.data ? &*r.data : nullptr, r.empty);
  Data d;
  d.type = kTypeIdentified;
  d.payload = out.take();
  d.hash = hash;
  return d;
}

Result<std::optional<Data>> readInner(Protocol dialect, ByteReader& in, bool& empty) {
  empty = false;
  if (isA(dialect)) {
    auto data = readData(dialect, in);
    if (!data) return data.error();
    return std::optional(std::move(*data));
  }
  if (in.boolean()) return std::optional<Data>();
  const BytesView bytes = in.blob();
  if (!in.ok()) return badMessage("a cut object");
  empty = bytes.empty();
  if (empty) return std::optional<Data>();
  ByteReader inner(bytes);
  auto data = readData(dialect, inner);
  if (!data) return data.error();
  return std::optional(std::move(*data));
}

void writeInner(Protocol dialect, ByteWriter& out, const Data* data, bool empty) {
  if (isA(dialect)) {
    OX_CHECK(data != nullptr);
    out.raw(writeData(dialect, *data));
    return;
  }
  out.boolean(data == nullptr && !empty);
  if (data != nullptr) out.blob(writeData(dialect, *data));
  else if (empty) out.u32(0);
}

void writeText(Protocol dialect, ByteWriter& out, const std::optional<std::string>& text) {
  out.boolean(!text);
  if (!text) return;
  const std::u16string units = utf16(*text);
  const auto count = static_cast<std::uint32_t>(units.size());
  out.u32(count);
  if (!isA(dialect)) out.u32(count);
  if (count == 0) return;
  for (std::size_t k = 0; k <= count / kChunkUnits; ++k) {
    const std::size_t begin = k == 0 ? 0 : kChunkUnits * k - 1;
    const std::size_t end = std::min<std::size_t>(kChunkUnits * (k + 1) - 1, count);
    Bytes chunk;
    appendUnits(chunk, std::u16string_view(units).substr(begin, end - begin), true);
    out.u16(static_cast<std::uint16_t>(chunk.size()));
    out.raw(chunk);
  }
}

std::optional<std::string> readText(Protocol dialect, ByteReader& in) {
  if (in.boolean()) return std::nullopt;
  const std::uint32_t count = in.u32();
  if (!isA(dialect) && in.u32() != count) in.fail();
  if (!in.ok() || count > in.remaining()) {
    in.fail();
    return std::nullopt;
  }
  std::u16string units;
  for (std::size_t k = 0; count > 0 && in.ok() && k <= count / kChunkUnits; ++k) {
    const std::size_t begin = k == 0 ? 0 : kChunkUnits * k - 1;
    const std::size_t end = std::min<std::size_t>(kChunkUnits * (k + 1) - 1, count);
    BytesView chunk = in.raw(in.u16());
    const auto some = takeUnits(chunk, end - begin);
    if (!some || !chunk.empty()) {
      in.fail();
      return std::nullopt;
    }
    units += *some;
  }
  if (!in.ok()) return std::nullopt;
  return utf8(units);
}

}  // namespace ox::hzclient::cb1

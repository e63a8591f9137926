#include "serialization/portable.h"

#include <algorithm>

#include "base/check.h"
#include "serialization/data.h"

namespace ox::serialization {
namespace {
constexpr std::int32_t kNullLength = -1;

std::uint32_t position(const ByteWriter& out) { return static_cast<std::uint32_t>(out.size()); }
}  // namespace

void writeUtf(ByteWriter& out, const std::optional<std::string_view>& value) {
  if (!value) out.i32(kNullLength);
  else out.blob(*value);
}

std::optional<std::string> readUtf(ByteReader& in) {
  const std::int32_t length = in.i32();
  if (length == kNullLength) return std::nullopt;
  if (length < 0) in.fail();
  return std::string(in.raw(static_cast<std::size_t>(std::max(length, 0))));
}

PortableWriter::PortableWriter(ByteWriter& out, std::int32_t version, std::size_t fieldCount)
    : out_(out), count_(fieldCount) {
  OX_CHECK(fieldCount <= kMaxFields);
  out_.i32(version);
  begin_ = out_.size();
  out_.u32(0);  // final offset, patched by end()
  out_.u32(static_cast<std::uint32_t>(fieldCount));
  offsets_ = out_.size();
  for (std::size_t i = 0; i <= fieldCount; ++i) out_.u32(0);
}

void PortableWriter::field(std::string_view name, FieldType type) {
  OX_CHECK(next_ < count_);
  out_.patchU32(offsets_ + 4 * next_++, position(out_));
  out_.u16(static_cast<std::uint16_t>(name.size()));
  out_.raw(name);
  out_.u8(static_cast<std::uint8_t>(type));
}

void PortableWriter::utf(std::string_view name, const std::optional<std::string_view>& value) {
  field(name, FieldType::kUtf);
  writeUtf(out_, value);
}
void PortableWriter::i32(std::string_view name, std::int32_t value) {
  field(name, FieldType::kInt);
  out_.i32(value);
}
void PortableWriter::i64(std::string_view name, std::int64_t value) {
  field(name, FieldType::kLong);
  out_.i64(value);
}
void PortableWriter::boolean(std::string_view name, bool value) {
  field(name, FieldType::kBoolean);
  out_.boolean(value);
}
void PortableWriter::i32Array(std::string_view name, const std::vector<std::int32_t>& values) {
  field(name, FieldType::kIntArray);
  out_.u32(static_cast<std::uint32_t>(values.size()));
  for (const auto v : values) out_.i32(v);
}
void PortableWriter::utfArray(std::string_view name, const std::vector<std::string>& values) {
  field(name, FieldType::kUtfArray);
  out_.u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& v : values) writeUtf(out_, v);
}
void PortableWriter::portableArray(std::string_view name, const PortableClass& type,
                                   std::size_t count, const Body& element) {
  field(name, FieldType::kPortableArray);
  out_.u32(static_cast<std::uint32_t>(count));
  out_.i32(type.factoryId);
  out_.i32(type.classId);
  const std::size_t table = out_.size();
  for (std::size_t i = 0; i < count; ++i) out_.u32(0);
  for (std::size_t i = 0; i < count; ++i) {
    out_.patchU32(table + 4 * i, position(out_));
    element(i, out_);
  }
}
ByteWriter& PortableWriter::raw() {
  OX_CHECK(next_ == count_);
  out_.patchU32(offsets_ + 4 * count_, position(out_));
  return out_;
}
void PortableWriter::end() {
  OX_CHECK(next_ == count_);
  out_.patchU32(begin_, position(out_));
}

void writePortableObject(ByteWriter& out, const PortableClass& type, std::size_t fieldCount,
                         const std::function<void(PortableWriter&)>& write) {
  out.i32(static_cast<std::int32_t>(TypeId::kPortable));
  out.i32(type.factoryId);
  out.i32(type.classId);
  PortableWriter writer(out, type.version, fieldCount);
  write(writer);
  writer.end();
}

Bytes portableToData(const PortableClass& type, std::size_t fieldCount,
                     const std::function<void(PortableWriter&)>& write) {
  ByteWriter out;
  out.u32(0);
  writePortableObject(out, type, fieldCount, write);
  return out.take();
}

namespace {
Error broken(const std::string& what) { return Error(Code::kInvalid, "Portable record: " + what); }
}  // namespace

Result<PortableReader> PortableReader::open(BytesView data) {
  if (typeOf(data) != static_cast<std::int32_t>(TypeId::kPortable))
    return broken("the blob is of another type");
  ByteReader in(data);
  in.seek(kDataHeaderBytes);
  const std::int32_t factoryId = in.i32();
  const std::int32_t classId = in.i32();
  if (!in.ok()) return broken("cut off in its header");
  return at(data, in.position(), factoryId, classId, 0);
}

Result<PortableReader> PortableReader::at(BytesView data, std::size_t position,
                                          std::int32_t factoryId, std::int32_t classId,
                                          int nesting) {
  if (nesting > kMaxNesting) return broken("nested too deep");
  PortableReader reader;
  reader.data_ = data;
  reader.nesting_ = nesting;
  ByteReader in(data);
  in.seek(position);
  reader.type_.factoryId = factoryId;
  reader.type_.classId = classId;
  reader.type_.version = in.i32();
  reader.end_ = in.u32();
  const std::uint32_t count = in.count(4);
  if (!in.ok() || count > kMaxFields) return broken("field count is impossible");
  std::vector<std::size_t> offsets(count);
  for (auto& offset : offsets) offset = in.u32();
  reader.rawAt_ = in.u32();
  if (!in.ok()) return broken("cut off in its offsets");
  const std::size_t first = in.position();
  if (reader.end_ < first || reader.end_ > data.size()) return broken("final offset is outside");
  for (const std::size_t offset : offsets) {
    if (offset < first || offset >= reader.end_) return broken("field offset is outside");
    in.seek(offset);
    Field field;
    field.name = std::string(in.raw(in.u16()));
    field.type = static_cast<FieldType>(in.u8());
    field.position = in.position();
    if (!in.ok() || field.position > reader.end_) return broken("cut off in a field");
    reader.fields_.push_back(std::move(field));
  }
  if (reader.rawAt_ != 0 && (reader.rawAt_ < first || reader.rawAt_ > reader.end_))
    return broken("raw section is outside");
  return reader;
}

bool PortableReader::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const Field& f) { return f.name == name; });
}
std::vector<std::string> PortableReader::fieldNames() const {
  std::vector<std::string> names;
  for (const auto& f : fields_) names.push_back(f.name);
  return names;
}

Result<ByteReader> PortableReader::value(std::string_view name, FieldType type) const {
  for (const auto& field : fields_) {
    if (field.name != name) continue;
    if (field.type != type) return broken("field " + field.name + " has another type");
    ByteReader in(data_.substr(0, end_));
    in.seek(field.position);
    return in;
  }
  return broken("field " + std::string(name) + " is missing");
}

namespace {
template <typename T, typename Read>
Result<T> read(Result<ByteReader> in, Read get) {
  if (!in) return in.error();
  T v = get(*in);
  if (!in->ok()) return broken("cut off in a value");
  return v;
}
}  // namespace

Result<std::optional<std::string>> PortableReader::utf(std::string_view name) const {
  return read<std::optional<std::string>>(value(name, FieldType::kUtf), readUtf);
}
Result<std::int32_t> PortableReader::i32(std::string_view name) const {
  return read<std::int32_t>(value(name, FieldType::kInt), [](ByteReader& in) { return in.i32(); });
}
Result<std::int64_t> PortableReader::i64(std::string_view name) const {
  return read<std::int64_t>(value(name, FieldType::kLong), [](ByteReader& in) { return in.i64(); });
}
Result<bool> PortableReader::boolean(std::string_view name) const {
  return read<bool>(value(name, FieldType::kBoolean), [](ByteReader& in) { return in.boolean(); });
}
Result<std::vector<std::int32_t>> PortableReader::i32Array(std::string_view name) const {
  return read<std::vector<std::int32_t>>(value(name, FieldType::kIntArray), [](ByteReader& in) {
    std::vector<std::int32_t> all;
    if (const auto n = in.i32(); n > 0) {
      if (static_cast<std::size_t>(n) > in.remaining() / 4) in.fail();
      for (std::int32_t i = 0; in.ok() && i < n; ++i) all.push_back(in.i32());
    }
    return all;
  });
}
Result<std::vector<std::string>> PortableReader::utfArray(std::string_view name) const {
  return read<std::vector<std::string>>(value(name, FieldType::kUtfArray), [](ByteReader& in) {
    std::vector<std::string> all;
    if (const auto n = in.i32(); n > 0) {
      if (static_cast<std::size_t>(n) > in.remaining() / 4) in.fail();
      for (std::int32_t i = 0; in.ok() && i < n; ++i) all.push_back(readUtf(in).value_or(""));
    }
    return all;
  });
}

Result<std::vector<PortableReader>> PortableReader::portableArray(std::string_view name) const {
  auto found = value(name, FieldType::kPortableArray);
  if (!found) return found.error();
  ByteReader& in = *found;
  std::vector<PortableReader> all;
  const std::int32_t n = in.i32();
  const std::int32_t factoryId = in.i32();
  const std::int32_t classId = in.i32();
  if (!in.ok() || n < kNullLength) return broken("array is cut off");
  if (n > 0 && static_cast<std::size_t>(n) > in.remaining() / 4)
    return broken("array length is impossible");
  for (std::int32_t i = 0; i < n; ++i) {
    auto element = at(data_.substr(0, end_), in.u32(), factoryId, classId, nesting_ + 1);
    if (!element) return element.error();
    all.push_back(std::move(*element));
  }
  return all;
}

ByteReader PortableReader::raw() const {
  ByteReader in(data_.substr(0, end_));
  if (rawAt_ == 0) in.fail();
  else in.seek(rawAt_);
  return in;
}

Result<PortableReader> PortableReader::object(ByteReader& in) const {
  const std::int32_t typeId = in.i32();
  const std::int32_t factoryId = in.i32();
  const std::int32_t classId = in.i32();
  if (!in.ok() || typeId != static_cast<std::int32_t>(TypeId::kPortable))
    return broken("object is not a portable");
  auto nested = at(data_.substr(0, end_), in.position(), factoryId, classId, nesting_ + 1);
  if (nested) in.seek(nested->end());
  return nested;
}

}  // namespace ox::serialization

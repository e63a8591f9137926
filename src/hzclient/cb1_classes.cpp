// Class definitions of CB1: in dialect A they travel deflated before each record.
#include <zlib.h>

#include "base/check.h"
#include "hzclient/cb1.h"

namespace ox::hzclient::cb1 {
namespace {
constexpr int kLevel = 6;

void write(ByteWriter& out, const ClassDefinition& d) {
  out.i32(d.factoryId);
  out.i32(d.classId);
  out.i32(d.version);
  out.i32(static_cast<std::int32_t>(d.fields.size()));
  for (std::size_t i = 0; i < d.fields.size(); ++i) {
    const FieldDefinition& f = d.fields[i];
    out.i32(static_cast<std::int32_t>(i));
    writeText(Protocol::kCb1A, out, f.name);
    out.u8(static_cast<std::uint8_t>(f.type));
    out.i32(f.factoryId);
    out.i32(f.classId);
  }
  out.i32(static_cast<std::int32_t>(d.nested.size()));
  for (const ClassDefinition& n : d.nested) write(out, n);
}

ClassDefinition read(ByteReader& in, int depth) {
  ClassDefinition d;
  d.factoryId = in.i32();
  d.classId = in.i32();
  d.version = in.i32();
  const std::uint32_t count = in.count(19);
  if (count > kMaxFields || depth > kMaxDepth) in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    FieldDefinition f;
    if (in.u32() != i) in.fail();
    f.name = readText(Protocol::kCb1A, in).value_or("");
    f.type = static_cast<FieldType>(in.u8());
    f.factoryId = in.i32();
    f.classId = in.i32();
    d.fields.push_back(std::move(f));
  }
  const std::uint32_t nested = in.count(20);
  if (nested > kMaxFields) in.fail();
  for (std::uint32_t i = 0; i < nested && in.ok(); ++i) d.nested.push_back(read(in, depth + 1));
  return d;
}

FieldDefinition field(const char* name, FieldType type, std::int32_t factory = 0,
                      std::int32_t number = 0) {
  return {name, type, factory, number};
}
}  // namespace

// Level and strategy of the original's clients, so that the bytes are theirs.
Bytes deflated(const ClassDefinition& definition) {
  ByteWriter plain;
  write(plain, definition);
  Bytes source = plain.take();
  Bytes out(source.size() + 256, '\0');
  z_stream z{};
  OX_CHECK(deflateInit2(&z, kLevel, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL - 1, Z_FILTERED) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(source.data());
  z.avail_in = static_cast<uInt>(source.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  OX_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

Result<ClassDefinition> inflated(std::int32_t factoryId, std::int32_t classId, BytesView bytes) {
  Bytes source(bytes), plain(kMaxDefinitionBytes, '\0');
  z_stream z{};
  OX_CHECK(inflateInit(&z) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(source.data());
  z.avail_in = static_cast<uInt>(source.size());
  z.next_out = reinterpret_cast<Bytef*>(plain.data());
  z.avail_out = static_cast<uInt>(plain.size());
  const int end = inflate(&z, Z_FINISH);
  const bool whole = end == Z_STREAM_END && z.avail_in == 0;
  plain.resize(z.total_out);
  inflateEnd(&z);
  if (!whole) return badMessage("a class definition that cannot be inflated");
  ByteReader in(plain);
  ClassDefinition d = read(in, 0);
  if (!in.ok() || !in.atEnd() || d.factoryId != factoryId || d.classId != classId)
    return badMessage("an undecodable class definition");
  return d;
}

const ClassDefinition& authentication(Protocol dialect) {
  using enum FieldType;
  static const ClassDefinition credentials{
      -1, 1, 0,
      {field("principal", kUtf), field("endpoint", kUtf), field("pwd", kByteArray)}, {}};
  static const ClassDefinition principal{
      -3, 3, 0, {field("uuid", kUtf), field("ownerUuid", kUtf)}, {}};
  const FieldDefinition inner[] = {field("credentials", kPortable, -1, 1),
                                   field("principal", kPortable, -3, 3)};
  static const ClassDefinition a{-3, 2, 0,
                                 {field("cId", kInt), inner[0], inner[1], field("reAuth", kBoolean),
                                  field("firstConnection", kBoolean)},
                                 {principal, credentials}};  // in this order, as recorded
  static const ClassDefinition b{
      -3, 2, 1,
      {field("cId", kInt), inner[0], inner[1], field("firstConnection", kBoolean)},
      {credentials, principal}};
  return dialect == Protocol::kCb1A ? a : b;
}

const ClassDefinition& genericError() {
  static const ClassDefinition error{
      -3, 1, 0,
      {field("n", FieldType::kUtf), field("m", FieldType::kUtf), field("d", FieldType::kUtf),
       field("t", FieldType::kInt)}, {}};
  return error;
}

ClassDefinition request(Protocol dialect, std::int32_t factoryId, std::int32_t classId,
                        std::vector<FieldDefinition> afterCallId) {
  ClassDefinition d{factoryId, classId, dialect == Protocol::kCb1A ? 0 : 1, {}, {}};
  d.fields.push_back(field("cId", FieldType::kInt));
  for (auto& f : afterCallId) d.fields.push_back(std::move(f));
  return d;
}

}  // namespace ox::hzclient::cb1

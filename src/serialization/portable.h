// Portable: the self-describing record format of Hazelcast 3.6 - 5.x (type id -1).
//
// Layout: factoryId, classId, version, finalOffset, fieldCount, (fieldCount + 1) x offset (last =
// start of the raw section, 0 when none), then per field: u16 name length, name, u8 type, value.
// All positions count from the start of the outermost Data blob, header included.
// Source: Hazelcast's DefaultPortableWriter; page: docs/formats/data.md.
//
// Threads:   plain values. A reader views the blob it was opened on, which must outlive it.
// Bounds:    kMaxFields fields, kMaxNesting levels; every position is checked before it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::serialization {

inline constexpr std::size_t kMaxFields = 1024;
inline constexpr int kMaxNesting = 8;

enum class FieldType : std::uint8_t {
  kPortable = 0, kByte = 1, kBoolean = 2, kChar = 3, kShort = 4, kInt = 5, kLong = 6, kFloat = 7,
  kDouble = 8, kUtf = 9, kPortableArray = 10, kByteArray = 11, kIntArray = 15, kUtfArray = 19,
};

struct PortableClass {
  std::int32_t factoryId = 0;
  std::int32_t classId = 0;
  std::int32_t version = 0;
  bool operator==(const PortableClass&) const = default;
};

class PortableWriter {
 public:
  // `fieldCount` named fields will follow, in this order of calls.
  PortableWriter(ByteWriter& out, std::int32_t version, std::size_t fieldCount);

  void utf(std::string_view name, const std::optional<std::string_view>& value);
  void i32(std::string_view name, std::int32_t value);
  void i64(std::string_view name, std::int64_t value);
  void boolean(std::string_view name, bool value);
  void i32Array(std::string_view name, const std::vector<std::int32_t>& values);
  void utfArray(std::string_view name, const std::vector<std::string>& values);
  using Body = std::function<void(std::size_t index, ByteWriter& out)>;
  // `element` writes one record with its own PortableWriter on the same `out`.
  void portableArray(std::string_view name, const PortableClass& type, std::size_t count,
                     const Body& element);
  // Begins the raw section; after it no named field.
  ByteWriter& raw();
  void end();

 private:
  void field(std::string_view name, FieldType type);
  ByteWriter& out_;
  std::size_t begin_;
  std::size_t offsets_;
  std::size_t count_;
  std::size_t next_ = 0;
};

// A whole Data blob around one record.
Bytes portableToData(const PortableClass& type, std::size_t fieldCount,
                     const std::function<void(PortableWriter&)>& write);
// As an object inside a raw section: type id -1, factory, class, then the record.
void writePortableObject(ByteWriter& out, const PortableClass& type, std::size_t fieldCount,
                         const std::function<void(PortableWriter&)>& write);

class PortableReader {
 public:
  static Result<PortableReader> open(BytesView data);
  // A record at `position` of the blob, which stands at its version number.
  static Result<PortableReader> at(BytesView data, std::size_t position, std::int32_t factoryId,
                                   std::int32_t classId, int nesting);

  const PortableClass& type() const { return type_; }
  bool has(std::string_view name) const;
  std::vector<std::string> fieldNames() const;
  // Each fails when the field is missing or of another type.
  Result<std::optional<std::string>> utf(std::string_view name) const;
  Result<std::int32_t> i32(std::string_view name) const;
  Result<std::int64_t> i64(std::string_view name) const;
  Result<bool> boolean(std::string_view name) const;
  Result<std::vector<std::int32_t>> i32Array(std::string_view name) const;
  Result<std::vector<std::string>> utfArray(std::string_view name) const;
  Result<std::vector<PortableReader>> portableArray(std::string_view name) const;
  // Reader at the raw section (positions are those of the blob); failed when there is none.
  ByteReader raw() const;
  // A portable object in a raw section; moves `in` behind it.
  Result<PortableReader> object(ByteReader& in) const;
  std::size_t end() const { return end_; }

 private:
  struct Field {
    std::string name;
    FieldType type;
    std::size_t position;  // of the value
  };
  Result<ByteReader> value(std::string_view name, FieldType type) const;
  BytesView data_;
  PortableClass type_;
  std::vector<Field> fields_;
  std::size_t rawAt_ = 0;
  std::size_t end_ = 0;
  int nesting_ = 0;
};

// Strings as fields and raw sections hold them: i32 UTF-8 length (-1 = null), bytes.
void writeUtf(ByteWriter& out, const std::optional<std::string_view>& value);
std::optional<std::string> readUtf(ByteReader& in);

}  // namespace ox::serialization

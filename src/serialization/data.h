// Data blobs: how keys and values look in the grid and to Hazelcast clients.
//
// Layout (Hazelcast 3.6 - 5.x HeapData, big-endian): partition hash i32 (0 = not set), type id
// i32, payload. Strings in the payload: i32 UTF-8 byte length, bytes (the 4.x form).
// One page: docs/formats/data.md. Plain functions, no threads.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::serialization {

inline constexpr std::size_t kDataHeaderBytes = 8;

// Built-in type ids. Source: Hazelcast's SerializationConstants.
enum class TypeId : std::int32_t {
  kNull = 0, kPortable = -1, kIdentified = -2, kByte = -3, kBoolean = -4, kShort = -6,
  kInteger = -7, kLong = -8, kDouble = -10, kString = -11, kByteArray = -12, kJson = -130,
};

Bytes toData(std::string_view text);
inline Bytes toData(const char* text) { return toData(std::string_view(text)); }
inline Bytes toData(const std::string& text) { return toData(std::string_view(text)); }
Bytes toData(std::int32_t number);
Bytes toData(std::int64_t number);
Bytes toData(bool flag);
Bytes bytesToData(BytesView bytes);  // byte[]

// kNull for a blob shorter than its header.
std::int32_t typeOf(BytesView data);
BytesView payloadOf(BytesView data);
// Same type and payload; the hash field does not count (source: Hazelcast's HeapData.equals).
bool sameData(BytesView a, BytesView b);

// Errors RUN-0004 when the blob holds something else or is cut off.
Result<std::string> stringFrom(BytesView data);
Result<std::int32_t> intFrom(BytesView data);
Result<std::int64_t> longFrom(BytesView data);
Result<bool> boolFrom(BytesView data);
Result<Bytes> bytesFrom(BytesView data);

}  // namespace ox::serialization

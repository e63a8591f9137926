// CB1: the old client protocol (Hazelcast 3.0 - 3.5), in the dialects of 3.2 (A) and 3.5 (B).
//
// Unit:      A: a Data with the deflated class definition of its record; B: u8 version 4, u16 bits,
//            i32 partition, i32 length, Data, whose records carry names and types. Big-endian.
// Requests:  records (type -1) with a call id, further fields and a raw part. Answers and events:
//            type -2, 01, factory -3, class 1, call id, [A: event], error, Data.
// Threads:   plain values and functions. Errors: NET-0004.
// Bounds:    wire.h; kMaxFields fields of a record, kMaxDepth levels, kMaxDefinitionBytes inflated.
// Danger:    a member keeps the first definition of a class that it sees: the tables in
//            cb1_classes.cpp have exactly the order of the original's clients.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hzclient/fields.h"

namespace ox::hzclient::cb1 {

inline constexpr std::size_t kMaxFields = 256;
inline constexpr std::size_t kMaxDefinitionBytes = 64u << 10;
// Type ids of objects.
inline constexpr std::int32_t kTypeRecord = -1, kTypeIdentified = -2;
inline constexpr std::uint16_t kEventBits = 0x0004;

enum class FieldType : std::uint8_t {
  kPortable = 0, kByte = 1, kBoolean = 2, kShort = 4, kInt = 5, kLong = 6, kUtf = 9, kByteArray = 11
};
struct FieldDefinition {
  std::string name;
  FieldType type = FieldType::kInt;
  std::int32_t factoryId = 0, classId = 0;  // kPortable
  bool operator==(const FieldDefinition&) const = default;
};
struct ClassDefinition {
  std::int32_t factoryId = 0, classId = 0, version = 0;
  std::vector<FieldDefinition> fields;
  std::vector<ClassDefinition> nested;
  bool operator==(const ClassDefinition&) const = default;
  const ClassDefinition* find(std::int32_t factory, std::int32_t number) const;
};

struct Data {
  std::int32_t type = 0;
  ClassDefinition definition;  // A, of records; factoryId, classId 0 = none
  Bytes payload;
  std::optional<std::int32_t> hash;  // A: always written (0 when there is none)
};

// A record: its class, its values in the order of the class, and what follows them.
struct Record {
  ClassDefinition type;
  Fields values;  // kUtf: UTF-8 in bytes; kPortable: a group
  bool hasRaw = false;
  Bytes raw;
};

Result<Data> readData(Protocol dialect, ByteReader& in);  // B: all there is
Bytes writeData(Protocol dialect, const Data& data);
Result<Record> readRecord(Protocol dialect, const Data& data);
Data writeRecord(Protocol dialect, const Record& record);

struct Packet {  // A has the data only
  std::uint16_t bits = 0;
  std::int32_t partition = -1;
  Data data;
};
Result<Packet> decode(Protocol dialect, BytesView unit);
Bytes encode(Protocol dialect, const Packet& packet);

struct Response {
  std::int32_t call = 0;
  bool event = false;  // A; in B the packet says it
  bool error = false;
  std::optional<Data> data;  // B: null = nothing
  bool empty = false;        // B: a Data of no bytes
};
Result<Response> readResponse(Protocol dialect, const Data& data);
Data writeResponse(Protocol dialect, const Response& response, std::optional<std::int32_t> hash);

// A Data inside a raw part or a collection.
Result<std::optional<Data>> readInner(Protocol dialect, ByteReader& in, bool& empty);
void writeInner(Protocol dialect, ByteWriter& out, const Data* data, bool empty);

// Texts: A has their length once, B twice, then chunks of modified UTF-8.
void writeText(Protocol dialect, ByteWriter& out, const std::optional<std::string>& text);
std::optional<std::string> readText(Protocol dialect, ByteReader& in);  // fails the reader

std::int32_t fnvHash(BytesView payload);

// cb1_classes.cpp
Bytes deflated(const ClassDefinition& definition);
Result<ClassDefinition> inflated(std::int32_t factoryId, std::int32_t classId, BytesView bytes);
// The classes of requests: the version is 0 in A and 1 in B. Null = not one of this client's.
const ClassDefinition& authentication(Protocol dialect);
const ClassDefinition& genericError();
ClassDefinition request(Protocol dialect, std::int32_t factoryId, std::int32_t classId,
                        std::vector<FieldDefinition> afterCallId);

}  // namespace ox::hzclient::cb1

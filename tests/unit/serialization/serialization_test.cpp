// Data blobs, partition ids (vectors computed by Hazelcast's own hash code), Portable records.
#include <doctest/doctest.h>

#include "base/random.h"
#include "serialization/data.h"
#include "serialization/murmur.h"
#include "serialization/partition.h"
#include "serialization/portable.h"

using namespace ox;
using namespace ox::serialization;

TEST_CASE("keys go to the partitions where Hazelcast puts them") {
  CHECK(murmur3("") == -1585187909);
  CHECK(murmur3(payloadOf(toData("a"))) == 2099876635);
  CHECK(murmur3(payloadOf(toData("t1"))) == 494573782);
  const std::pair<const char*, int> strings[] = {{"a", 73},      {"b", 124},     {"t1", 137},
                                                 {"topic", 78},  {"hello", 270}, {"é", 260},
                                                 {"😀", 161}};
  for (const auto& [text, partition] : strings) CHECK(partitionOf(toData(text), 271) == partition);
  const std::pair<std::int32_t, int> ints[] = {{0, 11}, {1, 31}, {42, 175}};
  for (const auto& [n, partition] : ints) CHECK(partitionOf(toData(n), 271) == partition);
  const std::pair<std::int64_t, int> longs[] = {{0, 109}, {1, 110}, {42, 145}};
  for (const auto& [n, partition] : longs) CHECK(partitionOf(toData(n), 271) == partition);
  CHECK(partitionOfHash(INT32_MIN, 271) == 0);
  CHECK(partitionOfName("map@b", 271) == 124);
}

TEST_CASE("a partition hash in the blob wins and does not count for equality") {
  Bytes key = toData("a");
  Bytes routed = key;
  routed[3] = 5;
  CHECK(partitionOf(routed, 271) == 5);
  CHECK(sameData(key, routed));
  CHECK_FALSE(sameData(key, toData("b")));
}

TEST_CASE("blobs give back what went in and refuse another type") {
  CHECK(*stringFrom(toData("grüße")) == "grüße");
  CHECK(*intFrom(toData(std::int32_t{-7})) == -7);
  CHECK(*longFrom(toData(std::int64_t{1} << 40)) == std::int64_t{1} << 40);
  CHECK(*boolFrom(toData(true)));
  CHECK(*bytesFrom(bytesToData("\x01\x02")) == "\x01\x02");
  CHECK_FALSE(intFrom(toData("7")).ok());
  CHECK_FALSE(stringFrom("").ok());
  const Bytes whole = toData("hello");
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK_FALSE(stringFrom(BytesView(whole).substr(0, n)).ok());
  CHECK_FALSE(stringFrom(whole + "x").ok());
}

namespace {
constexpr PortableClass kOuter{873, 4, 0};
constexpr PortableClass kInner{873, 17, 0};

Bytes sample() {
  return portableToData(kOuter, 5, [](PortableWriter& w) {
    w.utf("r", "Context");
    w.utf("g", std::nullopt);
    w.i64("t", 1234567890123);
    w.boolean("hk", true);
    w.portableArray("k", kInner, 2, [](std::size_t i, ByteWriter& out) {
      PortableWriter inner(out, 0, 1);
      inner.i32("c", static_cast<std::int32_t>(i) + 10);
      writeUtf(inner.raw(), "key" + std::to_string(i));
      inner.end();
    });
  });
}
}  // namespace

TEST_CASE("a portable record is read back by name, nested records and raw section included") {
  const Bytes data = sample();
  auto record = PortableReader::open(data);
  REQUIRE(record.ok());
  CHECK(record->type() == kOuter);
  CHECK(record->utf("r")->value() == "Context");
  CHECK_FALSE(record->utf("g")->has_value());
  CHECK(*record->i64("t") == 1234567890123);
  CHECK(*record->boolean("hk"));
  CHECK_FALSE(record->i32("t").ok());
  CHECK_FALSE(record->utf("nothing").ok());
  auto inner = record->portableArray("k");
  REQUIRE(inner.ok());
  REQUIRE(inner->size() == 2);
  CHECK(*(*inner)[1].i32("c") == 11);
  ByteReader raw = (*inner)[1].raw();
  CHECK(readUtf(raw) == "key1");
  CHECK_FALSE(record->raw().ok());
}

TEST_CASE("the layout is Hazelcast's: offsets count from the start of the blob") {
  const Bytes data = portableToData({1, 2, 3}, 1, [](PortableWriter& w) { w.i32("n", 42); });
  ByteWriter expected;
  expected.u32(0);
  expected.i32(-1);
  for (const std::uint32_t v : {1u, 2u, 3u, 44u /*final*/, 1u /*fields*/, 36u /*offset*/, 0u})
    expected.u32(v);
  expected.u16(1);
  expected.raw("n");
  expected.u8(5);
  expected.i32(42);
  CHECK(data == expected.bytes());
}

TEST_CASE("objects inside a raw section follow each other") {
  const Bytes data = portableToData({873, 3, 0}, 0, [](PortableWriter& w) {
    ByteWriter& raw = w.raw();
    for (int i = 0; i < 2; ++i)
      writePortableObject(raw, kInner, 1, [i](PortableWriter& inner) { inner.i32("c", i); });
  });
  auto record = PortableReader::open(data);
  REQUIRE(record.ok());
  ByteReader raw = record->raw();
  for (int i = 0; i < 2; ++i) {
    auto object = record->object(raw);
    REQUIRE(object.ok());
    CHECK(*object->i32("c") == i);
  }
  CHECK(raw.atEnd());
}

TEST_CASE("cut or altered records are errors, never a crash") {
  const Bytes whole = sample();
  const auto touch = [](const Bytes& data) {
    auto record = PortableReader::open(data);
    if (!record) return;
    for (const auto& name : record->fieldNames()) {
      (void)record->utf(name).ok();
      (void)record->i32(name).ok();
      (void)record->utfArray(name).ok();
      (void)record->i32Array(name).ok();
      (void)record->portableArray(name).ok();
    }
    ByteReader raw = record->raw();
    (void)record->object(raw).ok();
  };
  for (std::size_t n = 0; n < whole.size(); ++n) touch(whole.substr(0, n));
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) {
    Bytes altered = whole;
    for (std::uint64_t k = random.below(4) + 1; k > 0; --k)
      altered[random.below(altered.size())] = static_cast<char>(random.next());
    touch(altered);
  }
}

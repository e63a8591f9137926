// Error table, bytes, gate, random.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "base/bytes.h"
#include "base/error.h"
#include "base/gate.h"
#include "base/one_shot.h"
#include "base/random.h"

using namespace ox;

TEST_CASE("every code has a unique name and is found by it") {
  std::set<std::string_view> names;
#define OX_CODE(id, name, retryable, exit, meaning) \
  CHECK(names.insert(name).second);                 \
  CHECK(codeByName(name) == Code::id);
#include "base/codes.def"
#undef OX_CODE
  CHECK(codeByName("NO-0000") == Code::kInternal);
}

TEST_CASE("a reader past its end stays failed and returns zeros") {
  ByteWriter w;
  w.u16(7);
  w.blob("abc");
  ByteReader r(w.bytes());
  CHECK(r.u16() == 7);
  CHECK(r.blob() == "abc");
  CHECK(r.ok());
  CHECK(r.atEnd());
  CHECK(r.u32() == 0);
  CHECK_FALSE(r.ok());
  CHECK(r.raw(0).empty());
}

TEST_CASE("a count that cannot fit fails instead of allocating") {
  ByteWriter w;
  w.u32(1'000'000);
  w.u64(0);
  ByteReader r(w.bytes());
  CHECK(r.count(8) == 0);
  CHECK_FALSE(r.ok());
}

TEST_CASE("numbers are big-endian") {
  ByteWriter w;
  w.u32(0x01020304);
  w.i64(-2);
  CHECK(w.bytes() == std::string("\x01\x02\x03\x04\xff\xff\xff\xff\xff\xff\xff\xfe", 12));
}

TEST_CASE("a gate refuses new visitors and waits for those inside") {
  Gate gate;
  REQUIRE(gate.enter());
  std::thread closer([&] { gate.close(); });
  while (!gate.closed()) std::this_thread::yield();
  CHECK_FALSE(gate.enter());
  gate.leave();
  closer.join();
}

TEST_CASE("a seed repeats its numbers") {
  SeededRandom a(42), b(42);
  for (int i = 0; i < 100; ++i) CHECK(a.next() == b.next());
  CHECK(secureHex(16).size() == 32);
  CHECK(secureHex(16) != secureHex(16));
}

TEST_CASE("one shot: said before or after somebody waits, from another thread") {
  for (int i = 0; i < 2000; ++i) {
    ox::OneShot shot;
    int value = 0;
    std::thread other([&] {
      if (i % 2 == 0) std::this_thread::yield();
      value = i + 1;
      shot.done();
    });
    if (i % 3 == 0) std::this_thread::yield();
    shot.wait();
    CHECK(value == i + 1);
    other.join();
  }
}

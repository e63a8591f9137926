// Cache events: the wire form and hostile messages.
#include <doctest/doctest.h>

#include "announcement.h"
#include "base/random.h"
#include "serialization/data.h"
#include "serialization/portable.h"
#include "wire.h"

using namespace ox;
using namespace ox::caching;
using services::CacheEvent;
using services::CacheKey;

namespace {

CacheEvent event(const std::string& region, std::vector<CacheKey> keys = {}) {
  CacheEvent e;
  e.region = region;
  e.keys = std::move(keys);
  return e;
}

Bytes messageOf(const CacheEvent& e) { return encodeMessage({"somebody", {e}}); }

}  // namespace

TEST_CASE("events come back whole: all operations, all kinds of keys") {
  Message m;
  m.senderId = "abc";
  m.events.push_back(event("OXDBPoolCache", {{5, {"oxdatabase_6"}}}));
  m.events.push_back(event("Context", {{42, {}}, {-1, {"example.org"}}}));
  m.events.push_back(event("User", {{42, {"3"}}, {-1, {"a", "b"}}}));
  m.events.push_back(event("Context"));
  m.events.back().operation = CacheEvent::Operation::kClear;
  m.events.push_back(event("X"));
  m.events.back().operation = CacheEvent::Operation::kInvalidateGroup;
  m.events.back().group = "g";
  const auto back = decodeMessage(encodeMessage(m));
  REQUIRE(back.ok());
  CHECK(back->senderId == "abc");
  REQUIRE(back->events.size() == m.events.size());
  for (std::size_t i = 0; i < m.events.size(); ++i) {
    CHECK(back->events[i].region == m.events[i].region);
    CHECK(back->events[i].operation == m.events[i].operation);
    CHECK(back->events[i].group == m.events[i].group);
    CHECK(back->events[i].keys == m.events[i].keys);
  }
}

TEST_CASE("classes, fields and key kinds are those of the original") {
  const Bytes data = messageOf(event("Context", {{42, {}}, {7, {"s"}}}));
  const auto message = serialization::PortableReader::open(data);
  REQUIRE(message.ok());
  CHECK(message->type() == serialization::PortableClass{873, 3, 0});
  CHECK(message->fieldNames().empty());
  ByteReader raw = message->raw();
  CHECK(serialization::readUtf(raw) == "somebody");
  CHECK(raw.boolean());
  CHECK(raw.i32() == 1);
  const auto object = message->object(raw);
  REQUIRE(object.ok());
  CHECK(object->type().classId == 4);
  CHECK(object->fieldNames() == std::vector<std::string>{"r", "g", "o", "hk", "k"});
  CHECK(object->utf("o")->value() == "invalidate");
  const auto keys = object->portableArray("k");
  REQUIRE(keys.ok());
  CHECK((*keys)[0].type().classId == 17);
  CHECK(*(*keys)[0].i32("k") == 2);  // a context id travels as Integer
  CHECK(*(*keys)[1].i32("k") == 1);
  CHECK(*(*keys)[1].i32("c") == 7);
  CHECK(*(*keys)[1].i32("s") == 1);

  const Bytes none = messageOf(event("Context"));
  const auto without = serialization::PortableReader::open(none);
  ByteReader rest = without->raw();
  serialization::readUtf(rest);
  rest.boolean();
  rest.i32();
  CHECK(without->object(rest)->fieldNames() == std::vector<std::string>{"r", "g", "o", "hk"});
}

TEST_CASE("cut off and changed messages are errors or valid, never a crash") {
  const Bytes data = messageOf(event("OXDBPoolCache", {{5, {"schema"}}, {6, {}}}));
  for (std::size_t n = 0; n < data.size(); ++n) CHECK_FALSE(decodeMessage(data.substr(0, n)).ok());
  SeededRandom random(3);
  for (int i = 0; i < 5000; ++i) {
    Bytes changed = data;
    for (int k = 0; k < 2; ++k)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    static_cast<void>(decodeMessage(changed));
  }
  CHECK_FALSE(decodeMessage(serialization::toData("text")).ok());
  CHECK_FALSE(decodeMessage(messageOf(event(std::string(kMaxTextBytes + 1, 'r')))).ok());
  CHECK_FALSE(decodeMessage(messageOf(event("r", std::vector<CacheKey>(kMaxKeys + 1)))).ok());
  Message many;
  many.events.resize(kMaxEvents + 1, event("r"));
  CHECK_FALSE(decodeMessage(encodeMessage(many)).ok());
}

TEST_CASE("announcements come back whole; changed ones are errors or valid") {
  Announcement a;
  a.process = 0x0123456789abcdef;
  a.losses = 3;
  a.topicCount = 5;
  a.lateral = true;
  a.last = {{kSingleTopic, 9}, {0, 1}, {4, 1ULL << 60}};
  const Bytes bytes = a.encode();
  const auto back = Announcement::decode(bytes);
  REQUIRE(back.ok());
  CHECK(back->process == a.process);
  CHECK(back->losses == 3);
  CHECK(back->topicCount == 5);
  CHECK(back->lateral);
  CHECK_FALSE(back->ended);
  CHECK(back->last == a.last);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_FALSE(Announcement::decode(bytes.substr(0, n)).ok());
  CHECK_FALSE(Announcement::decode(bytes + "x").ok());
  a.last.clear();
  for (int i = 0; i <= static_cast<int>(kMaxAnnounced); ++i) a.last[i] = 1;
  CHECK_FALSE(Announcement::decode(a.encode()).ok());
}

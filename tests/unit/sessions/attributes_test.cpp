// Attributes, marks and notices: their records, the processor, hostile bytes, and the service on top.
#include <doctest/doctest.h>

#include "base/random.h"
#include "ending_record.h"
#include "fake_cluster.h"
#include "remote_parameters.h"
#include "serialization/data.h"
#include "serialization/partition.h"

using namespace ox;
using namespace ox::sessionstorage;
using services::AttributeWrite;
using services::SessionEnding;
using services::SessionNotice;
using test::login;
using test::SessionCluster;
using Node = SessionCluster::Node;

namespace {
AttributeCommand command(const std::string& value, std::int64_t now) {
  AttributeCommand c;
  c.sessionId = std::string(32, 'a');
  c.write = {"name", value, {}};
  c.nowMillis = now;
  c.maxIdleMillis = 5;
  return c;
}
}  // namespace

TEST_CASE("attributes and marks of a session are in the session's partition") {
  for (int i = 0; i < 200; ++i) {
    const std::string id = secureHex(16);
    const int home = serialization::partitionOf(serialization::toData(id), 271);
    CHECK(serialization::partitionOf(attributeKey(id, "n" + std::to_string(i)), 271) == home);
    CHECK(serialization::partitionOf(sessionEndingKey(id), 271) == home);
  }
  CHECK_FALSE(serialization::sameData(attributeKey("a", "b"), attributeKey("a", "c")));
}

TEST_CASE("the processor gives each write the next version, and compares the expected one") {
  const Bytes key = attributeKey(std::string(32, 'a'), "name");
  auto change = runAttributeCommand({key, std::nullopt}, encodeCommand(command("one", 1000)));
  REQUIRE(change.action == services::EntryChange::Action::kSet);
  CHECK(change.maxIdleMillis == 5);
  CHECK(change.ttlMillis == 0);
  CHECK(decodeAttributeReply(change.reply)->version == 1000);
  const Bytes first = change.value;
  CHECK(decodeAttribute(first)->attribute.value == "one");

  // a writer whose clock is behind
  change = runAttributeCommand({key, first}, encodeCommand(command("two", 10)));
  CHECK(decodeAttributeReply(change.reply)->version == 1001);
  const Bytes second = change.value;

  AttributeCommand guarded = command("three", 2000);
  guarded.write.expectedVersion = 1000;
  change = runAttributeCommand({key, second}, encodeCommand(guarded));
  CHECK(change.action == services::EntryChange::Action::kKeep);
  CHECK_FALSE(decodeAttributeReply(change.reply)->applied);
  CHECK(decodeAttributeReply(change.reply)->version == 1001);
  guarded.write.expectedVersion = 1001;
  CHECK(decodeAttributeReply(runAttributeCommand({key, second}, encodeCommand(guarded)).reply)
            ->version == 2000);
  guarded.write.expectedVersion = 0;  // only when it is not there
  CHECK_FALSE(decodeAttributeReply(runAttributeCommand({key, second}, encodeCommand(guarded)).reply)
                  ->applied);
  guarded.write.value.reset();
  guarded.write.expectedVersion.reset();
  change = runAttributeCommand({key, second}, encodeCommand(guarded));
  CHECK(change.action == services::EntryChange::Action::kRemove);
}

TEST_CASE("hostile records, commands, marks and notices are errors, never a crash") {
  const Bytes key = attributeKey(std::string(32, 'a'), "name");
  const Bytes good = encodeCommand(command("value", 7));
  const Bytes record = runAttributeCommand({key, std::nullopt}, good).value;
  SessionEnding ending;
  ending.kind = SessionEnding::Kind::kUser;
  ending.contextId = 4;
  ending.userId = 5;
  ending.endedMillis = 6;
  ending.except = "x";
  const Bytes mark = encodeEnding(ending);
  REQUIRE(decodeEnding(mark).ok());
  CHECK(decodeEnding(mark)->except == "x");
  CHECK(decodeEnding(mark)->endedMillis == 6);
  SessionNotice notice;
  notice.kind = SessionNotice::Kind::kEnded;
  notice.ending = ending;
  const Bytes word = encodeNotice(notice);
  REQUIRE(decodeNotice(word).ok());
  CHECK(decodeNotice(word)->ending.userId == 5);
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(
        decodeAttributeReply(runAttributeCommand({key, std::nullopt}, good.substr(0, n)).reply).ok());
  for (std::size_t n = 0; n < record.size(); ++n)
    CHECK_FALSE(decodeAttribute(record.substr(0, n)).ok());
  for (std::size_t n = 0; n < mark.size(); ++n) CHECK_FALSE(decodeEnding(mark.substr(0, n)).ok());
  for (std::size_t n = 0; n < word.size(); ++n) CHECK_FALSE(decodeNotice(word.substr(0, n)).ok());
  SeededRandom random(3);
  for (int i = 0; i < 3000; ++i) {
    Bytes changed = i % 2 == 0 ? record : word;
    for (int k = 0; k < 3; ++k)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    static_cast<void>(decodeAttribute(changed));
    static_cast<void>(decodeNotice(changed));
    static_cast<void>(runAttributeCommand({key, changed}, good));
  }
}

TEST_CASE("attributes: written by many, read by all, gone with the session") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  for (int i = 0; i < 20; ++i) {
    auto& node = i % 2 == 0 ? one : two;
    REQUIRE(node.service.set(s->sessionId, {"n" + std::to_string(i), std::to_string(i), {}}).ok());
  }
  const auto all = one.service.all(s->sessionId);
  REQUIRE(all.ok());
  CHECK(all->size() == 20);
  CHECK((*two.service.get(s->sessionId, "n7"))->value == "7");
  CHECK_FALSE(two.service.get(s->sessionId, "none")->has_value());
  CHECK(one.service.set(s->sessionId, {"n7", std::nullopt, {}})->applied);
  CHECK_FALSE(two.service.get(s->sessionId, "n7")->has_value());
  REQUIRE(two.service.remove(s->sessionId).ok());
  CHECK(one.service.get(s->sessionId, "n1").error().code == Code::kSesExpired);
  CHECK(c.maps.attributes->values.empty());
}

TEST_CASE("attributes: bounds of name, value and number") {
  SessionCluster c;
  Node node(c, "1");
  const auto s = *node.service.create(login());
  const auto code = [&](AttributeWrite w) {
    const auto r = node.service.set(s->sessionId, std::move(w));
    return r.ok() ? Code::kInternal : r.error().code;
  };
  CHECK(code({"", "v", {}}) == Code::kInvalid);
  CHECK(code({"a/b", "v", {}}) == Code::kInvalid);
  CHECK(code({std::string(129, 'a'), "v", {}}) == Code::kInvalid);
  CHECK(code({"a", std::string(64 * 1024 + 1, 'v'), {}}) == Code::kInvalid);
  for (std::size_t i = 0; i < services::kMaxAttributesPerSession; ++i)
    REQUIRE(node.service.set(s->sessionId, {"n" + std::to_string(i), "v", {}}).ok());
  CHECK(code({"one-more", "v", {}}) == Code::kBusy);
  CHECK(node.service.set(s->sessionId, {"n3", "again", {}}).ok());
}

TEST_CASE("attributes of a used session are kept awake, with few touches") {
  SessionCluster c;
  Node node(c, "1");
  const auto s = *node.service.create(login());
  REQUIRE(node.service.set(s->sessionId, {"a", "v", {}}).ok());
  const auto& value = c.maps.attributes->values.begin()->second;
  CHECK(value.maxIdleMillis == 2 * 604'800'000LL);
  const auto use = [&] {
    node.clock.advance(sessiond::kShortSlotMillis);
    node.service.tick();
    REQUIRE(node.service.find(s->sessionId, nullptr).ok());
  };
  use();
  CHECK(value.touches == 1);
  for (int i = 0; i < 100; ++i) use();
  CHECK(value.touches == 1);
  for (int i = 0; i < 320; ++i) use();  // a quarter of a week
  CHECK(value.touches == 2);
}

TEST_CASE("parameters of a session: only named ones travel, with their types") {
  const auto names = remoteNames("a: b :c");
  REQUIRE(names.ok());
  CHECK(names->contains("b"));
  CHECK(*remoteParameters("", *names) == "");
  CHECK(*remoteParameters(R"({"a":1,"b":true,"c":"x","d":"no"})", *names) ==
        R"({"a":1,"b":true,"c":"x"})");
  CHECK(*remoteParameters(R"({"a":1.5,"b":null,"c":{}})", *names) == R"({"a":"1.5"})");
  CHECK(*remoteParameters(R"({"d":1})", *names) == "");
  CHECK_FALSE(remoteParameters("[1]", *names).ok());
  CHECK_FALSE(remoteParameters("{", *names).ok());
  CHECK_FALSE(remoteParameters(std::string(kMaxRemoteBytes + 1, 'x'), *names).ok());
  std::string many;
  for (int i = 0; i < 100; ++i) many += "n" + std::to_string(i) + ":";
  CHECK_FALSE(remoteNames(many).ok());
}

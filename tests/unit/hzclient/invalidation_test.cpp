// What older nodes of App Suite are told, byte for byte as their own kind says it.
#include "hzclient/invalidation.h"

#include "hzclient/client_fixture.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

TEST_CASE("a cache event as nodes of each line publish it, and as their listeners get it") {
  services::CacheEvent event;
  event.region = "OXDBPoolCache";
  event.operation = services::CacheEvent::Operation::kInvalidate;
  event.keys.push_back({3, {"oxdb_5"}});
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript t = scripted(version, "minimal-publish");
    const auto data = cacheEventData(t.protocol, "0123456789abcdef0123456789abcdef", event);
    REQUIRE(data);
    CHECK(hex(*data) == hex(published(t).at(2)));
    // 3.2 hands it to its listeners without definition and hash, serialized anew.
    if (t.protocol != Protocol::kCb1A) CHECK(*data == t.received.at(2));
    else CHECK(data->find(t.received.at(2).substr(12)) != Bytes::npos);
  }
}

TEST_CASE("keys that are an id or a text alone; what a line cannot be told") {
  services::CacheEvent event;
  event.region = "Context";
  event.keys = {{7, {}}, {-1, {"anna\xc3\xa9"}}};
  for (const auto protocol : {Protocol::kCb1A, Protocol::kCb1B, Protocol::kCb2, Protocol::kCp2}) {
    const auto data = cacheEventData(protocol, "s", event);
    REQUIRE(data);
    CHECK(data->find("anna\xc3\xa9") != Bytes::npos);
  }
  event.keys.clear();
  CHECK_FALSE(cacheEventData(Protocol::kCb1A, "s", event));
  CHECK(cacheEventData(Protocol::kCb1B, "s", event));
  event.region.clear();
  CHECK_FALSE(cacheEventData(Protocol::kCp2, "s", event));
  CHECK_FALSE(invalidationCallable(Protocol::kCb1B, {{1, "a"}}));
  CHECK_FALSE(invalidationCallable(Protocol::kCb2, {}));
}

TEST_CASE("the callable that drops schemas, as recorded") {
  for (const auto& version : kVersions) {
    if (version == "3.2.4" || version == "3.5.5") continue;
    CAPTURE(version);
    const Transcript t = java(version, "executor");
    const bool cb2 = t.protocol == Protocol::kCb2;
    const std::vector<std::vector<std::pair<std::int32_t, std::string>>> tasks = {
        {{3, "oxdb_5"}}, {{4, "oxdb_6"}}, {{5, "oxdb_7"}}, {{3, "oxdb_5"}, {9, "oxdb_11"}}};
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Bytes request = exchange(t, cb2 ? "0906" : "080600", i).request;
      const auto data = invalidationCallable(t.protocol, tasks[i]);
      REQUIRE(data);
      CHECK(request.find(*data) != Bytes::npos);
    }
  }
}

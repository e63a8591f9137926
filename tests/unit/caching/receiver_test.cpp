// The receiving side's decisions, and the sending side's topics and batches, by a clock of the test.
#include <doctest/doctest.h>

#include "event_receiver.h"
#include "event_sender.h"

using namespace ox;
using namespace ox::caching;
using services::CacheEvent;

namespace {

Announcement said(std::map<int, std::uint64_t> last, std::uint64_t process = 1) {
  Announcement a;
  a.process = process;
  a.last = std::move(last);
  return a;
}

ReceiverSettings quick() {
  ReceiverSettings s;
  s.repairMillis = 8'000;  // silent after 4000, awaited for 2000
  s.forgetMillis = 100'000;
  return s;
}

CacheEvent event(std::vector<services::CacheKey> keys) {
  CacheEvent e;
  e.region = "R";
  e.keys = std::move(keys);
  return e;
}

}  // namespace

TEST_CASE("numbers without a gap need no flush; a gap does, at once and once") {
  EventReceiver r(quick());
  CHECK_FALSE(r.message("a", 0, 1, 0));
  CHECK_FALSE(r.message("a", 0, 2, 0));
  CHECK_FALSE(r.message("a", 1, 1, 0));
  CHECK_FALSE(r.message("b", 0, 1, 0));
  CHECK(r.message("a", 0, 5, 0));
  CHECK(r.gaps() == 2);
  CHECK_FALSE(r.message("a", 0, 6, 0));
  CHECK(r.message("c", 0, 7, 0));  // who was not heard before may have said more
}

TEST_CASE("announced numbers must arrive within the grace") {
  EventReceiver r(quick());
  CHECK_FALSE(r.announced("a", said({}), 0));
  CHECK_FALSE(r.announced("a", said({{0, 1}, {1, 1}}), 100));
  CHECK_FALSE(r.message("a", 0, 1, 200));
  CHECK_FALSE(r.tick(2'099));
  CHECK(r.tick(2'100));
  CHECK(r.gaps() == 1);
  CHECK_FALSE(r.tick(2'200));
  CHECK_FALSE(r.message("a", 1, 1, 2'300));  // late: what was flushed does not count again
  CHECK_FALSE(r.announced("a", said({{0, 1}, {1, 1}}), 2'400));
  CHECK_FALSE(r.message("a", 1, 2, 2'500));
}

TEST_CASE("what is behind an announcement that is behind another is awaited from its own time") {
  EventReceiver r(quick());
  CHECK_FALSE(r.announced("a", said({}), 0));
  CHECK_FALSE(r.announced("a", said({{0, 1}}), 1'000));
  CHECK_FALSE(r.announced("a", said({{0, 2}}), 2'500));
  CHECK_FALSE(r.message("a", 0, 1, 2'600));
  CHECK_FALSE(r.tick(3'100));
  CHECK_FALSE(r.tick(4'499));
  CHECK(r.tick(4'500));
}

TEST_CASE("the first announcement of one that has numbers already means a flush") {
  EventReceiver r(quick());
  CHECK(r.announced("a", said({{0, 7}, {3, 2}}), 0));
  CHECK_FALSE(r.message("a", 0, 8, 10));
  CHECK_FALSE(r.message("a", 3, 3, 10));
  CHECK_FALSE(r.announced("b", said({}), 0));
  CHECK(r.announced("b", said({{0, 4}}, 2), 10));  // another process under the same name
}

TEST_CASE("losses that a source tells of itself mean a flush") {
  EventReceiver r(quick());
  auto a = said({});
  CHECK_FALSE(r.announced("a", a, 0));
  a.losses = 1;
  CHECK(r.announced("a", a, 100));
  CHECK_FALSE(r.announced("a", a, 200));
}

TEST_CASE("silence: a flush when it is noticed, one in each half interval, none after it ends") {
  EventReceiver r(quick());
  CHECK_FALSE(r.announced("a", said({}), 0));
  CHECK_FALSE(r.tick(3'999));
  CHECK(r.trustedUntil() == 3'999 + 2'000);
  CHECK(r.tick(4'000));
  CHECK(r.silences() == 1);
  CHECK_FALSE(r.tick(7'999));
  CHECK(r.tick(8'000));
  CHECK(r.tick(12'000));
  CHECK(r.silences() == 1);
  CHECK_FALSE(r.announced("a", said({}), 13'000));
  CHECK_FALSE(r.tick(16'500));
  CHECK(r.tick(17'000));
  CHECK(r.silences() == 2);
}

TEST_CASE("who said its end is not missed, unless its last messages are") {
  EventReceiver r(quick());
  r.members({{"a", "h:1"}, {"b", "h:2"}}, 0);
  for (const char* id : {"a", "b"}) CHECK_FALSE(r.announced(id, said({}), 0));
  CHECK_FALSE(r.message("a", 0, 1, 10));
  auto end = said({{0, 1}});
  end.ended = true;
  CHECK_FALSE(r.announced("a", end, 20));
  CHECK(r.announced("b", end, 20));
  r.members({}, 30);
  CHECK_FALSE(r.tick(50'000));
  CHECK(r.sources() == 0);
}

TEST_CASE("who left without a word is silent until forgotten, or until another has its address") {
  EventReceiver r(quick());
  r.members({{"a", "h:1"}, {"b", "h:2"}}, 0);
  for (const char* id : {"a", "b"}) CHECK_FALSE(r.announced(id, said({}), 0));
  r.members({{"b", "h:2"}}, 1'000);
  CHECK_FALSE(r.announced("b", said({}), 90'000));
  CHECK(r.tick(92'000));
  CHECK_FALSE(r.announced("b", said({}), 100'000));
  CHECK_FALSE(r.tick(100'000));  // forgotten
  CHECK(r.sources() == 1);
  r.members({}, 100'000);
  r.members({{"c", "h:2"}}, 101'000);  // a new process there
  CHECK(r.sources() == 1);
  CHECK_FALSE(r.announced("c", said({}), 101'000));
  CHECK_FALSE(r.tick(104'500));
}

TEST_CASE("a member that never announces is missed for a while only") {
  EventReceiver r(quick());
  r.members({{"a", "h:1"}}, 0);
  CHECK(r.tick(4'000));
  CHECK(r.tick(8'000));
  CHECK_FALSE(r.tick(kProbation * 8'000));
  CHECK(r.sources() == 1);
  r.members({}, kProbation * 8'000);
  CHECK_FALSE(r.tick(kProbation * 8'000));
  CHECK(r.sources() == 0);
}

TEST_CASE("sources are bounded") {
  EventReceiver r(quick());
  for (std::size_t i = 0; i < kMaxSources + 10; ++i)
    CHECK_FALSE(r.announced("s" + std::to_string(i), said({}), static_cast<std::int64_t>(i)));
  CHECK(r.sources() == kMaxSources);
}

TEST_CASE("sender: the topic by key, one event per topic, keys bounded") {
  EventSender s("me", 5, 0, 1);
  s.offer(event({{7, {}}, {12, {}}, {-1, {"info"}}, {3, {"x"}}}), 0);
  auto out = s.take(0);
  REQUIRE(out.size() == 3);
  CHECK(out[0].topic == 0);
  CHECK(out[1].topic == 2);
  CHECK(out[2].topic == 3);
  CHECK(decodeMessage(out[1].payload)->events[0].keys.size() == 2);
  CHECK(s.take(0).empty());
  s.offer(event(std::vector<services::CacheKey>(kMaxKeys + 1, {5, {}})), 0);
  out = s.take(0);
  REQUIRE(out.size() == 2);
  for (const auto& one : out) CHECK(decodeMessage(one.payload).ok());
}

TEST_CASE("sender: the delay, batches of ten, duplicates merged, the bound is a loss") {
  EventSender s("me", 1, 50, 1);
  for (int round = 0; round < 2; ++round)
    for (std::int32_t i = 0; i < 23; ++i) CHECK(s.offer(event({{i, {}}}), 100));
  CHECK(s.merged() == 23);
  CHECK(s.take(149).empty());
  const auto out = s.take(150);
  REQUIRE(out.size() == 3);
  CHECK(out[2].events == 3);
  CHECK(s.offer(event({{1, {}}}), 150));  // sent is not waiting
  CHECK(s.merged() == 23);
  for (std::int32_t i = 100; i < 99 + static_cast<std::int32_t>(kMaxPending); ++i)
    CHECK(s.offer(event({{i, {}}}), 150));
  CHECK_FALSE(s.offer(event({{99, {}}}), 150));
  CHECK(s.announcement().losses == 1);
  s.numbered(0, 3);
  s.numbered(0, 2);
  CHECK(s.announcement().last == std::map<int, std::uint64_t>{{0, 3}});
}

// The judge of reliable topics must find each kind of fault.
#include <doctest/doctest.h>

#include "topic_load.h"

using namespace ox::sim;
using Seen = TopicLoad::Seen;
using Published = TopicLoad::Published;
using Subscriber = TopicLoad::Subscriber;

namespace {
const MemberId kA{0, 1}, kB{0, 2};
Seen got(const MemberId& source, std::int64_t number, std::int64_t sequence) {
  return {false, 0, source, number, number, sequence};
}
Seen gap(int reason, std::int64_t from, std::int64_t to, const MemberId& source = {}) {
  return {true, reason, source, from, to, 0};
}
const std::vector<Published> kTwo = {{kA, 1, 0, 10}, {kB, 1, 1, 20}};
std::string judge(std::vector<Seen> one, std::vector<Seen> two, bool complete = false) {
  return TopicLoad::judge(kTwo, {{kA, 0, std::move(one)}, {kB, 0, std::move(two)}}, complete);
}
const std::vector<Seen> kAll = {got(kA, 1, 0), got(kB, 1, 1)};
}  // namespace

TEST_CASE("topic judge: all delivered alike") {
  CHECK(judge(kAll, kAll) == "");
  CHECK(judge(kAll, kAll, true) == "");
}
TEST_CASE("topic judge: silence") {
  CHECK(judge(kAll, {got(kA, 1, 0)}).ends_with("is missing in silence"));
  CHECK(judge(kAll, {got(kA, 1, 0), gap(2, 2, 9, kB)}).ends_with("is missing in silence"));
  CHECK(judge(kAll, {got(kA, 1, 0), gap(0, 5, 9)}).ends_with("is missing in silence"));
}
TEST_CASE("topic judge: a gap that names the message is enough, unless nothing may be lost") {
  for (const Seen& told : {gap(2, 1, 1, kB), gap(0, 1, 1), gap(1, 0, 3)})
    CHECK(judge(kAll, {got(kA, 1, 0), told}) == "");
  CHECK_FALSE(judge(kAll, {got(kA, 1, 0), gap(0, 1, 1)}, true).empty());
  CHECK_FALSE(judge(kAll, {got(kA, 1, 0), gap(2, 1, 1, kB)}, true).empty());
}
TEST_CASE("topic judge: twice, out of order, different places") {
  CHECK_FALSE(judge({got(kA, 1, 0), got(kA, 1, 1), got(kB, 1, 2)}, kAll).empty());
  CHECK_FALSE(judge({got(kB, 1, 1), got(kA, 1, 0)}, kAll).empty());
  CHECK_FALSE(judge({got(kB, 1, 0), got(kA, 1, 1)}, kAll).empty());
}
TEST_CASE("topic judge: published before a subscriber began, or never acknowledged") {
  CHECK(TopicLoad::judge(kTwo, {{kA, 15, {got(kB, 1, 1)}}}, true) == "");
  CHECK(TopicLoad::judge({{kA, 1, -1, 10}}, {{kA, 0, {}}}, true) == "");
}

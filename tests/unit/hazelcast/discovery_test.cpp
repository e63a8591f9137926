// The decisions of discovery, without a socket.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "discovery/candidates.h"
#include "discovery/dns_book.h"
#include "discovery/multicast_plan.h"
#include "member_protocol/handshake.h"

using namespace ox;
using namespace ox::grid;

namespace {
Announcement from(const std::string& host, bool looking, std::uint64_t id = 7) {
  Announcement a;
  a.looking = looking;
  a.clusterName = "test-10.1";
  a.member = Member{{id, id}, {host, 5711}, false};
  return a;
}
}  // namespace

TEST_CASE("candidates: addresses that nobody can dial are left out and named") {
  const std::vector<config::HostPort> nodes = {
      {"10.0.0.1", 0, true}, {"fe80::1", 5711, true}, {"n", 5800, false}, {"10.0.0.1", 5712, true}};
  std::map<std::string, std::string> failed;
  const auto list = candidateAddresses(
      nodes, 5711,
      [](const std::string&) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{"2001:db8::1", "fe80::2%eth0"};
      },
      failed);
  CHECK(list == std::vector<Address>{{"10.0.0.1", 5711}, {"10.0.0.1", 5712}, {"10.0.0.1", 5713},
                                     {"2001:db8::1", 5800}});
  CHECK(failed.count("fe80::1") == 1);
  CHECK(failed.count("n") == 1);
  for (const char* bad : {"0.0.0.0", "224.1.1.1", "255.255.255.255", "::", "ff02::1", "x", ""})
    CHECK(!dialable(bad));
  for (const char* good : {"127.0.0.1", "::1", "10.0.0.1"}) CHECK(dialable(good));
}

TEST_CASE("candidates: each change is told once, with what is new and gone") {
  CandidateList list;
  CHECK(list.update({}));
  CHECK(list.known());
  CHECK(!list.update({}));
  CHECK(list.update({{"10.0.0.2", 1}, {"10.0.0.1", 1}}));
  CHECK(list.text() == "2 addresses; new 10.0.0.1:1 10.0.0.2:1");
  CHECK(!list.update({{"10.0.0.1", 1}, {"10.0.0.2", 1}, {"10.0.0.1", 1}}));
  CHECK(list.update({{"10.0.0.2", 1}, {"10.0.0.3", 1}}));
  CHECK(list.text() == "2 addresses; new 10.0.0.3:1; gone 10.0.0.1:1");
  const Member two{{1, 1}, {"10.0.0.2", 9}, false}, three{{2, 2}, {"10.0.0.3", 1}, false};
  CHECK(!list.covered({two}));
  CHECK(list.covered({two, three}));
  CHECK(list.joined({two, three}) == 1);
  std::vector<Address> many;
  for (int i = 0; i < 4000; ++i) many.push_back({"10.0." + std::to_string(i / 250) + ".1",
                                                 static_cast<std::uint16_t>(1 + i % 250)});
  CHECK(list.update(many));
  CHECK(list.all().size() == kMaxCandidates);
  CHECK(list.text().find("1000 left out") != std::string::npos);
}

TEST_CASE("names that fail are said once, and once again when they work") {
  FailureList list;
  CHECK(list.update({{"a", "a is gone"}}) == std::vector<std::string>{"a is gone"});
  CHECK(list.update({{"a", "a is gone"}}).empty());
  CHECK(list.update({{"a", "late"}}).size() == 1);
  CHECK(list.any());
  CHECK(list.update({}) == std::vector<std::string>{"a no longer fails"});
  CHECK(!list.any());
}

TEST_CASE("multicast packets: another name, password or nonsense is told apart") {
  const Bytes key = deriveLinkKey("secret", "test-10.1"), other = deriveLinkKey("x", "test-10.1");
  const Announcement a = from("10.0.0.1", true);
  Announcement out;
  CHECK(decodeAnnouncement(encodeAnnouncement(a, {}), "test-10.1", {}, out) == Heard::kOurs);
  CHECK(out.looking);
  CHECK(out.member == a.member);
  const Bytes proven = encodeAnnouncement(a, key);
  CHECK(decodeAnnouncement(proven, "test-10.1", key, out) == Heard::kOurs);
  CHECK(decodeAnnouncement(proven, "test-10.1", other, out) == Heard::kUnproven);
  CHECK(decodeAnnouncement(proven, "test-10.1", {}, out) == Heard::kUnproven);
  CHECK(decodeAnnouncement(encodeAnnouncement(a, {}), "test-10.1", key, out) == Heard::kUnproven);
  CHECK(decodeAnnouncement(proven, "else-10.1", key, out) == Heard::kForeign);
  // Any changed byte is noticed, any missing one as well.
  for (std::size_t i = 0; i < proven.size(); ++i) {
    Bytes changed = proven;
    changed[i] = static_cast<char>(changed[i] ^ 0x40);
    CHECK(decodeAnnouncement(changed, "test-10.1", key, out) != Heard::kOurs);
    CHECK(decodeAnnouncement(BytesView(proven).substr(0, i), "test-10.1", key, out) == Heard::kBad);
  }
  Bytes later = encodeAnnouncement(a, {});
  later[4] = 2;
  CHECK(decodeAnnouncement(later, "test-10.1", {}, out) == Heard::kForeign);
  for (const char* host : {"0.0.0.0", "224.0.0.1", "name", "fe80::1"}) {
    const Announcement bad = from(host, false);
    CHECK(decodeAnnouncement(encodeAnnouncement(bad, {}), "test-10.1", {}, out) == Heard::kBad);
  }
}

TEST_CASE("multicast plan: growing steps while looking, sparse when settled, answers are spread") {
  SeededRandom random(1);
  MulticastPlan plan(from("10.0.0.1", false, 1).member, random, 0);
  std::vector<std::int64_t> sent;
  for (std::int64_t t = 0; t < 10'000; ++t)
    if (plan.send(t)) sent.push_back(t);
  REQUIRE(sent.size() >= 10);
  CHECK(sent[0] == 0);
  CHECK(sent[4] < 1000);                       // four quick ones
  CHECK(sent.back() - sent[sent.size() - 2] >= 1000);
  plan.members(3, 10'000);
  sent.clear();
  for (std::int64_t t = 10'000; t < 40'000; ++t)
    if (plan.send(t)) sent.push_back(t);
  CHECK(sent.size() >= 4);
  CHECK(sent.size() <= 8);
  // Somebody looks: an answer within kAnswerMillis, but not one for each packet of a flood.
  int answers = 0;
  for (std::int64_t t = 40'000; t < 45'000; ++t) {
    plan.heard(from("10.0.0.9", true), t);
    answers += plan.send(t) ? 1 : 0;
  }
  CHECK(answers >= 2);
  CHECK(answers <= 5000 / MulticastPlan::kQuietMillis + 1);
  // Alone again: at once.
  plan.members(1, 50'000);
  CHECK(plan.send(50'000));
}

TEST_CASE("multicast plan: who was heard is a candidate until it is silent for long") {
  SeededRandom random(1);
  MulticastPlan plan(from("10.0.0.1", false, 1).member, random, 0);
  CHECK(!plan.looked(0));
  CHECK(plan.looked(MulticastPlan::kFirstLookMillis));
  CHECK(!plan.heard(from("10.0.0.1", true, 1), 5));   // ourselves
  CHECK(plan.heard(from("10.0.0.2", true), 10));
  CHECK(!plan.heard(from("10.0.0.2", true), 20));
  CHECK(!plan.looked(100));
  CHECK(plan.looked(10 + MulticastPlan::kGatherMillis));
  CHECK(plan.candidates(1000) == std::vector<Address>{{"10.0.0.2", 5711}});
  CHECK(plan.candidates(21 + MulticastPlan::kForgetMillis).empty());
  for (int i = 0; i < 2000; ++i)
    plan.heard(from("10.1." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1), false),
               100'000);
  CHECK(plan.candidates(100'000).size() == MulticastPlan::kMaxHeard);
}

TEST_CASE("dns: a silent name server makes nobody forget, a removed name does") {
  DnsBook book;
  const DnsSettings settings{{"a", "b"}, "", 53, 60'000};
  using Answers = std::map<std::string, DnsBook::Answer>;
  const std::vector<Address> one{{"10.0.0.1", 5711}}, two{{"10.0.0.2", 5711}};
  book.answered(Answers{{"a", one}, {"b", two}});
  CHECK(book.candidates().size() == 2);
  CHECK(book.pause(settings, false) == 60'000);
  CHECK(book.pause(settings, true) == kEagerDnsMillis);
  book.answered(Answers{{"a", Error(Code::kNetTimeout, "late")}, {"b", two}});
  CHECK(book.candidates().size() == 2);
  CHECK(book.failed().at("a").find("stay") != std::string::npos);
  CHECK(book.pause(settings, false) == kEagerDnsMillis);
  book.answered(Answers{{"a", Error(Code::kNotFound, "none")}, {"b", two}});
  CHECK(book.candidates() == two);
  book.answered(Answers{{"a", Error(Code::kNetTimeout, "late")}});  // b is not configured any more
  CHECK(book.candidates().empty());
  CHECK(serviceDnsName("grid", "mail") == "grid.mail.svc");
  CHECK(serviceDnsName("grid", "") == "grid");
  CHECK(serviceDnsName("grid.mail.svc.cluster.local", "x") == "grid.mail.svc.cluster.local");
  CHECK(isServiceName("_hz._tcp.grid"));
}

TEST_CASE("multicast plan: members started together find each other in spite of loss, and again after a split") {
  constexpr int kMembers = 20;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    std::vector<Member> members;
    std::vector<std::unique_ptr<MulticastPlan>> plans;
    for (int i = 0; i < kMembers; ++i) {
      members.push_back(from("10.0.0." + std::to_string(i + 1), false, 100u + static_cast<unsigned>(i)).member);
      plans.push_back(std::make_unique<MulticastPlan>(members.back(), random, 0));
    }
    std::size_t sent = 0;
    std::int64_t now = 0;
    // Each sends to those on its side; three of ten packets are lost.
    const auto run = [&](std::int64_t until, bool split) {
      for (; now < until; ++now)
        for (int i = 0; i < kMembers; ++i) {
          if (!plans[static_cast<std::size_t>(i)]->send(now)) continue;
          ++sent;
          Announcement a;
          a.looking = plans[static_cast<std::size_t>(i)]->looking();
          a.member = members[static_cast<std::size_t>(i)];
          for (int k = 0; k < kMembers; ++k)
            if (k != i && !random.chance(3, 10) && (!split || (k < 10) == (i < 10)))
              plans[static_cast<std::size_t>(k)]->heard(a, now);
        }
    };
    const auto all = [&](std::size_t n) {
      return std::all_of(plans.begin(), plans.end(),
                         [&](auto& p) { return p->candidates(now).size() == n; });
    };
    run(2000, false);
    CHECK(all(kMembers - 1));
    CHECK(sent <= kMembers * 12u);
    for (auto& p : plans) p->members(kMembers, now);
    // Apart for longer than an address is remembered, then whole again.
    for (auto& p : plans) p->members(kMembers / 2, now);
    run(now + MulticastPlan::kForgetMillis + 30'000, true);
    CHECK(all(kMembers / 2 - 1));
    run(now + 8 * MulticastPlan::kSettledMillis, false);
    CHECK(all(kMembers - 1));
  }
}

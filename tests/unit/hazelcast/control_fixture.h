// One real ControlCore among members that the test plays by hand: frames in, frames out.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "member_protocol/control_messages.h"
#include "membership/control_core.h"

namespace ox::test {

using namespace ox::grid;

inline constexpr const char* kCluster = "c-10.1";
inline Member played(std::uint64_t n) {
  return {{n, n}, {"10.0.0." + std::to_string(n), 5711}, false};
}

struct StepClock final : Clock {
  std::int64_t millis = 1000;
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000 + millis; }
};

struct ControlFixture final : ControlHost {
  struct Sent {
    LinkId link;
    Bytes frame;
    Kind kind() const { return static_cast<Kind>(static_cast<std::uint8_t>(frame[0])); }
  };
  StepClock clock;
  SeededRandom random{1};
  Member self = played(2);
  std::unique_ptr<ControlCore> core;
  std::vector<Sent> sent;
  std::vector<std::pair<LinkId, Address>> dials;
  std::vector<LinkId> closed;
  std::vector<std::string> infos, warnings, errors;
  int confirmations = 0;
  std::vector<std::uint64_t> fences;  // of the last one
  int installs = 0;
  bool hasLeft = false;
  std::uint64_t entries = 0;
  LinkId nextLink = 1000;

  LinkId dial(const Address& a) override {
    dials.emplace_back(nextLink, a);
    return nextLink++;
  }
  void send(LinkId link, Bytes frame) override { sent.push_back({link, std::move(frame)}); }
  void close(LinkId link) override { closed.push_back(link); }
  void installed(const ViewPtr&) override { ++installs; }
  void keepEntriesForMerge() override {}
  std::uint64_t ownedEntries() const override { return entries; }
  void confirmed(const std::vector<std::uint64_t>& list) override {
    ++confirmations;
    fences = list;
  }
  void left() override { hasLeft = true; }
  void log(int level, const std::string& text) override {
    (level == 0 ? infos : level == 1 ? warnings : errors).push_back(text);
  }

  explicit ControlFixture(ControlSettings settings = {}) {
    settings.clusterName = kCluster;
    if (!settings.self.id.valid()) settings.self = self;
    self = settings.self;
    if (settings.partitionCount == kDefaultPartitionCount) settings.partitionCount = 4;
    core = std::make_unique<ControlCore>(settings, clock, random, *this);
    core->start();
  }

  // Link number = member number.
  void up(const Member& m, std::uint16_t protocol = kProtocolMax) {
    core->linkUp(m.id.lo, {m.id, m.address, m.lite, true, protocol});
  }
  void tick(std::int64_t millis = 50) {
    clock.millis += millis;
    core->tick();
  }
  Heartbeat heartbeatOf(const Member& m, const ViewId& view, const Address& master,
                        bool youAreMember) {
    Heartbeat h;
    h.state = view.epoch != 0 ? MemberState::kJoined : MemberState::kLooking;
    h.clusterName = kCluster;
    h.view = view;
    h.master = master;
    h.members = 1;
    h.youAreMember = youAreMember;
    (void)m;
    return h;
  }
  void beat(const Member& m, const ViewId& view, const Address& master, bool youAreMember) {
    core->received(m.id.lo, encodeFrame(heartbeatOf(m, view, master, youAreMember)));
  }
  template <typename Message>
  void give(const Member& m, const Message& message) {
    core->received(m.id.lo, encodeFrame(message));
  }
  std::size_t count(Kind kind, LinkId link) const {
    std::size_t n = 0;
    for (const Sent& s : sent) n += s.kind() == kind && s.link == link ? 1 : 0;
    return n;
  }
  template <typename Message>
  std::vector<Message> messages(LinkId link) const {
    std::vector<Message> list;
    for (const Sent& s : sent)
      if (s.kind() == Message::kKind && s.link == link)
        if (auto m = decodeBody<Message>(BytesView(s.frame).substr(1))) list.push_back(*m);
    return list;
  }
  static bool said(const std::vector<std::string>& lines, const std::string& part) {
    for (const auto& line : lines)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }

  static ClusterView viewOf(const std::vector<Member>& members, std::uint64_t counter,
                            std::uint16_t protocol = kProtocolMax, int partitions = 4) {
    ClusterView v;
    v.id = {1, counter, members.front().id};
    v.clusterName = kCluster;
    v.members = members;
    v.partitions.resize(static_cast<std::size_t>(partitions));
    v.protocol = protocol;
    for (std::size_t p = 0; p < v.partitions.size(); ++p) {
      v.partitions[p].at[0] = members[p % members.size()].id;
      v.partitions[p].count = 1;
    }
    return v;
  }
  // Asks the master (first of the view) for admission and installs its view.
  void join(const ClusterView& view, std::uint16_t protocol = kProtocolMax) {
    const Member master = view.members.front();
    up(master, protocol);
    for (int i = 0; i < 100 && count(Kind::kJoinRequest, master.id.lo) == 0; ++i) {
      beat(master, {1, 1, master.id}, master.address, false);
      tick();
    }
    REQUIRE(count(Kind::kJoinRequest, master.id.lo) > 0);
    core->received(master.id.lo, encodeViewFrame(view));
    REQUIRE(core->joined());
    for (const Member& m : view.members)
      if (m.id != self.id && m.id != master.id) up(m, protocol);
    for (const Member& m : view.members)
      if (m.id != self.id) beat(m, view.id, master.address, true);
    sent.clear();
  }
  // Founds its own cluster.
  void found() {
    for (int i = 0; i < 400 && !core->joined(); ++i) tick();
    REQUIRE(core->master());
    sent.clear();
  }
};

}  // namespace ox::test

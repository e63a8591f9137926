// Members announce themselves to a multicast group and hear the others.
#include <algorithm>

#include "discovery/discovery_base.h"
#include "discovery/multicast_plan.h"
#include "member_protocol/message.h"
#include "net/multicast.h"

namespace ox::grid {
namespace {

// How often the plan is asked: during the first look, and at least.
constexpr std::int64_t kFirstStepMillis = 20, kStepMillis = 1000;

class MulticastDiscovery final : public DiscoveryBase {
 public:
  explicit MulticastDiscovery(DiscoverySetup setup)
      : DiscoveryBase(std::move(setup)), random_(secureRandom().next()),
        plan_(setup_.self, random_, now()) {}

  Status start(Changed changed) override {
    const MulticastSettings& m = setup_.settings.multicast;
    auto opened = net::Multicast::open(
        *setup_.shard, {m.group, m.port, m.timeToLive, m.loopback, setup_.interfaces},
        [weak = weak_from_this()](BytesView packet) {
          if (const auto self = weak.lock())
            static_cast<MulticastDiscovery&>(*self).received(packet);
        });
    if (!opened) return opened.error();
    changed_ = std::move(changed);
    socket_ = std::move(opened.value());
    look();
    return {};
  }
  void members(const std::vector<Member>& members) override {
    DiscoveryBase::members(members);
    plan_.members(members.size(), now());
  }
  void reload(const DiscoverySettings&) override {}  // its keys need a restart
  void stop() override {
    DiscoveryBase::stop();
    socket_.reset();
  }

 private:
  std::int64_t now() const { return setup_.clock->steadyMillis(); }

  void look() override {
    if (plan_.send(now())) {
      Announcement a;
      a.looking = plan_.looking();
      a.clusterName = setup_.clusterName;
      a.protocolMin = kProtocolMin;
      a.protocolMax = kProtocolMax;
      a.member = setup_.self;
      a.members = static_cast<std::uint32_t>(members_.size());
      const std::string problem = socket_->send(encodeAnnouncement(a, setup_.key));
      ++counters_.looks;
      if (problem.empty()) ++counters_.packetsSent;
      failed(problem.empty() ? std::map<std::string, std::string>()
                             : std::map<std::string, std::string>{{"sending", "no announcement goes out " + problem}});
    }
    counters_.packetsDropped = socket_->dropped();
    if (list_.known() || plan_.looked(now())) found(plan_.candidates(now()));
    lookSoon();
  }
  void lookSoon() {
    lookAfter(std::clamp<std::int64_t>(plan_.nextAt() - now(), 1,
                                       list_.known() ? kStepMillis : kFirstStepMillis));
  }

  void received(BytesView packet) {
    if (stopped_) return;
    Announcement a;
    switch (decodeAnnouncement(packet, setup_.clusterName, setup_.key, a)) {
      case Heard::kOurs: break;
      case Heard::kForeign: ++counters_.packetsForeign; return;
      case Heard::kBad: ++counters_.packetsBad; return;
      case Heard::kUnproven:
        ++counters_.packetsUnproven;
        if (unprovenLogged_) return;
        unprovenLogged_ = true;
        return warn("a member of a cluster with our name announces itself with another group "
                    "password, or without one: " + a.member.address.toString());
    }
    if (a.member.id == setup_.self.id) return;
    ++counters_.packetsHeard;
    if (plan_.heard(a, now()) && list_.known()) found(plan_.candidates(now()));
    lookSoon();
  }

  SeededRandom random_;
  MulticastPlan plan_;
  std::unique_ptr<net::Multicast> socket_;
  bool unprovenLogged_ = false;
};

}  // namespace

std::shared_ptr<Discovery> makeMulticastDiscovery(DiscoverySetup setup) {
  return std::make_shared<MulticastDiscovery>(std::move(setup));
}

}  // namespace ox::grid

// What a member tells every other one all the time, and what it learns from that.
#include <algorithm>

#include "membership/control_impl.h"

namespace ox::grid {

Heartbeat ControlCore::Impl::commonHeartbeat() const {
  Heartbeat h;
  h.clusterName = settings_.clusterName;
  h.ownedEntries = host_.ownedEntries();
  h.promisedEpoch = promised_;
  h.wallMillis = clock_.wallMillis();
  if (last_ || left_) {
    h.state = MemberState::kLeft;
  } else if (view_) {
    h.state = MemberState::kJoined;
    h.view = view_->id;
    if (const Member* master = view_->find(view_->id.master)) h.master = master->address;
    h.members = static_cast<std::uint32_t>(view_->members.size());
    h.settled = view_->migrations.empty() && view_->leaving.empty();
    h.unheard = unheard();
    h.strangers = strangers();
    if (isMaster()) h.clusterEntries = clusterEntries();
    for (const MemberId& id : outsiders_) {
      const Peer& other = peers_.at(id);
      if (h.foreignMasters.size() < kMaxAddressesTold && foreign(other))
        h.foreignMasters.push_back(other.said->master);
    }
  } else {
    h.waitsFor = waitsFor_;
  }
  return h;
}

// The rest is for one peer only.
void ControlCore::Impl::address(Heartbeat& h, const Peer& peer) {
  const bool ours = view_ && inView(peer.info.id);
  h.youAreMember = ours && !last_ && !left_;
  h.protocol = peer.info.protocol;
  h.hearsYou = fresh(peer);
  h.refusesYou = view_ && !ours && isMaster() && !admissible(peer.info.id, peer.info.address);
}

// Members of our view know its addresses.
void ControlCore::Impl::tellAddresses(Heartbeat& h, bool ours) const {
  h.seen.clear();
  for (const Address& a : ours ? outside_ : seen_) {
    if (h.seen.size() >= kMaxAddressesTold) break;
    h.seen.push_back(a);
  }
}

void ControlCore::Impl::heartbeatTo(Peer& peer) {
  Heartbeat h = commonHeartbeat();
  address(h, peer);
  tellAddresses(h, view_ && inView(peer.info.id));
  sendTo(peer, h);
}

void ControlCore::Impl::heartbeatAll() {
  Heartbeat h = commonHeartbeat();
  std::optional<bool> told;  // to whom the addresses in h are
  for (auto& [id, peer] : peers_) {
    if (peer.link == 0) continue;
    address(h, peer);
    const bool ours = view_ && inView(id);
    if (std::exchange(told, ours) != ours) tellAddresses(h, ours);
    sendTo(peer, h);
    if (!view_ || peer.info.id != view_->id.master) continue;
    for (const MigrationDone& report : reports_) sendTo(peer, report);
    if (leaving_) sendTo(peer, LeaveRequest{self().id});
  }
}

void ControlCore::Impl::heartbeat(Peer& peer, Heartbeat h) {
  if (h.clusterName != settings_.clusterName)
    return badFrame(peer.link, "cluster name differs: theirs is " + h.clusterName);
  detector_.beat(peer.info.id, now());
  for (const Address& a : h.seen) addSeen(a);
  if (isMaster())
    for (const Address& a : h.foreignMasters)
      if (!inView(a) && peerAt(a) == nullptr) dial(a);
  const bool newsForLooker =
      h.state == MemberState::kJoined && (!peer.said || peer.said->state != h.state);
  peer.said = std::move(h);
  peer.saidAt = now();
  watchSkew(peer);
  if (!view_) {
    // A cluster is in sight: ask at once, but not again for each of its members.
    if (newsForLooker && started_ && !left_ && requested_.count(peer.said->view.master) == 0) {
      lookAt_ = now();
      look();
    }
    return;
  }
  if (peer.said->state == MemberState::kJoined && peer.said->youAreMember &&
      peer.said->view.master == view_->id.master)
    peer.acked = peer.said->view;
  if (isMaster() && !query_ && inView(peer.info.id) && peer.said->view != view_->id &&
      !elsewhere(peer.info.id) && now() - peer.viewSentAt >= settings_.heartbeatMillis / 2)
    sendView(peer);
  watchExpulsion(peer);
}

// Not a reason to refuse: each member applies its own, which the administrator should know.
void ControlCore::Impl::compareMaps(Peer& peer, const MapList& list) {
  if (std::exchange(peer.mapsTold, true)) return;
  for (const std::string& text :
       differences(settings_.maps, self().address.toString(), list.maps,
                   peer.info.address.toString()))
    warn("map configurations differ: " + text);
}

void ControlCore::Impl::hintSuspects() {
  Peer* master = linkedPeer(view_->id.master);
  if (master == nullptr ||
      !detector_.anySilent(FailureDetector::leastSilence(settings_.silenceMillis,
                                                         settings_.heartbeatMillis),
                           now()))
    return;
  for (const Member& m : view_->members)
    if (m.id != self().id && detector_.suspected(m.id, now())) sendTo(*master, Suspect{m.id});
}

void ControlCore::Impl::addSeen(const Address& address) {
  if (address.host.empty() || address.port == 0 || ownAddress(address)) return;
  if (seen_.count(address) != 0) return;
  if (seen_.size() >= kMaxSeenAddresses) {
    if (outside_.empty()) return;
    // Of those that did not answer the one that was tried longest ago.
    const Address oldest = nextOutside();
    seen_.erase(oldest);
    outside_.erase(oldest);
  }
  seen_.insert(address);
  if (!inView(address)) outside_.insert(address);
}

std::uint64_t ControlCore::Impl::clusterEntries() const {
  std::uint64_t sum = host_.ownedEntries();
  for (const Member& m : view_->members)
    if (const auto it = peers_.find(m.id); it != peers_.end() && it->second.said)
      sum += it->second.said->ownedEntries;
  return sum;
}

}  // namespace ox::grid

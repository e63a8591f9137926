// Other clusters of our name: every member looks for them all the time; the masters unite them.
// Also the case that our own cluster has gone on without us.
#include "membership/control_impl.h"

namespace ox::grid {

const Address& ControlCore::Impl::nextOutside() const {
  const auto next = outside_.upper_bound(searched_);
  return next != outside_.end() ? *next : *outside_.begin();
}

// Where addresses come and go, most that were only seen are gone for good: some at a time.
void ControlCore::Impl::search() {
  std::set<Address> all;
  for (const Address& a : settings_.candidates)
    if (!inView(a)) all.insert(a);
  for (std::size_t i = 0; i < kSeenPerSearch && i < outside_.size(); ++i) {
    searched_ = nextOutside();
    all.insert(searched_);
  }
  for (const MemberId& id : outsiders_)
    if (const Peer& peer = peers_.at(id); peer.link != 0) all.erase(peer.info.address);
  for (const Address& a : all) dial(a);
}

bool ControlCore::Impl::foreign(const Peer& peer) const {
  return view_ && peer.link != 0 && fresh(peer) && peer.said->state == MemberState::kJoined &&
         !peer.said->youAreMember && !inView(peer.info.id) && !inView(peer.said->view.master);
}

// Only masters decide, and only after two heartbeats, so that both have heard who is really left
// on either side.
void ControlCore::Impl::relatives() {
  if (!isMaster() || query_ || leaving_) return;
  bool waiting = false;
  for (const MemberId& id : outsiders_) {
    Peer& peer = peers_.at(id);
    if (!foreign(peer)) {
      peer.foreignSince = 0;
      continue;
    }
    if (peer.said->view.master != peer.info.id) {
      if (peerAt(peer.said->master) == nullptr && now() - peer.dialledAt >= kLookMillis) {
        peer.dialledAt = now();
        const Address master = peer.said->master;
        dial(master);
      }
      continue;
    }
    waiting = true;
    if (peer.foreignSince == 0) peer.foreignSince = now();
    if (now() - peer.foreignSince < 2 * settings_.heartbeatMillis) continue;
    unite(peer);
    if (!view_) return;
  }
  // A look that found nobody is over; the next one is due after the interval.
  if (now() >= mergeAt_ && !waiting) mergeAt_ = now() + settings_.mergeNextMillis;
}

// Two sides with data unite only at the times of the merge keys, and not while partitions move on
// either side. True when that is not now.
bool ControlCore::Impl::mergeLater(Peer& other, const std::string& who) {
  const bool moving = !view_->migrations.empty() || !view_->leaving.empty() ||
                      (other.info.protocol >= 2 && !other.said->settled);
  const std::int64_t left = mergeAt_ - now();
  if (left <= 0 && !moving) return false;
  if (left > 0 && std::exchange(other.mergeTold, other.foreignSince) != other.foreignSince)
    info("found " + who + "; both sides hold data, they are merged in " +
         std::to_string(left / 1000) + " s (merge.firstRunDelay, merge.runDelay)");
  return true;
}

void ControlCore::Impl::unite(Peer& other) {
  const Heartbeat& said = *other.said;
  const std::uint64_t mine = clusterEntries();
  const auto members = static_cast<std::uint32_t>(view_->members.size());
  const std::string who = "the other cluster of our name at " + other.info.address.toString() +
                          " (" + std::to_string(said.members) + " members, " +
                          std::to_string(said.clusterEntries) + " entries)";
  if (said.refusesYou) return;  // cut off from some of its members: it would not take us
  const bool theyWinTie = other.info.address < self().address;
  if ((mine == 0) != (said.clusterEntries == 0)) {
    if (mine == 0) dissolveInto(other.info.address, "we hold no entries; joining " + who);
  } else if (mine == 0) {
    if (theyWinTie) dissolveInto(other.info.address, "neither holds entries; joining " + who);
  } else if (mergeLater(other, who)) {
    return;
  } else if (said.members > members || (said.members == members && theyWinTie)) {
    dissolveInto(other.info.address,
                 "both hold data; our side is the smaller or the higher address: our " +
                     std::to_string(mine) + " entries will be merged into " + who);
  }
}

void ControlCore::Impl::dissolveInto(const Address& target, const std::string& why) {
  warn("leaving this cluster for another one: " + why);
  if (isMaster())
    for (const Member& m : view_->members)
      if (Peer* peer = linkedPeer(m.id)) sendTo(*peer, Dissolve{target});
  if (leaving_) return finishLeave("the cluster dissolved while leaving", ownedPartitions());
  forgetCluster();
  joinTarget_ = target;
  if (peerAt(target) == nullptr) dial(target);
}

// A member of our view tells of a newer view without us. From our master that is the truth at
// once; from others after two heartbeats (our copy of the newer view may be on its way).
void ControlCore::Impl::watchExpulsion(Peer& peer) {
  const Heartbeat& said = *peer.said;
  const bool lacksUs =
      said.state == MemberState::kJoined && !said.youAreMember && inView(peer.info.id);
  const bool strayed =
      lacksUs && said.view <= view_->id && said.view.master != view_->id.master;
  if (!strayed) peer.strayedSince = 0;
  else if (peer.strayedSince == 0) peer.strayedSince = now();
  const bool without = lacksUs && said.view > view_->id;
  if (!without) {
    peer.expelsSince = 0;
    return;
  }
  // A cluster that knew of the leave goes on without us when it has everything; else we were
  // taken for dead.
  if (leaving_ && !isMaster())
    return isLeaving(*view_, self().id)
               ? finishLeave("everything handed over", 0)
               : finishLeave("the cluster has gone on without this member", ownedPartitions());
  if (isMaster()) {  // masterTick() removes who has gone elsewhere
    overtaken();
    return;
  }
  if (peer.expelsSince == 0) peer.expelsSince = now();
  if (peer.info.id != view_->id.master &&
      now() - peer.expelsSince < 2 * settings_.heartbeatMillis)
    return;
  warn("the cluster has gone on without this member (view " + std::to_string(said.view.epoch) +
       "." + std::to_string(said.view.counter) + "); joining it again");
  const Address master = said.master;
  forgetCluster();
  joinTarget_ = master;
}

}  // namespace ox::grid

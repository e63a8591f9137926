// Who hears whom. Every heartbeat tells which members its sender does not hear; the master (which
// also counts its own ears) keeps the largest set of members that all reach each other.
//
// A member that nobody hears is dead and goes at once. One that the master does not hear but
// somebody else does is cut off from some only: then the pairs decide (full_mesh.h), after two
// heartbeats without change. If the master is the badly connected one it resigns: it forgets the
// cluster, and the members that hear it say so take over. Who was excluded is admitted again only
// when every member says that both hear each other, and not before a time that doubles.
#include <algorithm>

#include "membership/control_impl.h"
#include "membership/full_mesh.h"

namespace ox::grid {

bool ControlCore::Impl::fresh(const Peer& peer) const {
  return peer.said && now() - peer.saidAt <= 3 * settings_.heartbeatMillis;
}

// Both directions work between us and the peer.
bool ControlCore::Impl::mutual(const Peer& peer) const {
  return peer.link != 0 && fresh(peer) && (peer.info.protocol < 2 || peer.said->hearsYou);
}

std::vector<Unheard> ControlCore::Impl::unheard() const {
  std::vector<Unheard> list;
  const std::int64_t least = std::min(
      5 * settings_.heartbeatMillis / 2,
      FailureDetector::leastSilence(settings_.silenceMillis, settings_.heartbeatMillis));
  if (!detector_.anySilent(least, now())) return list;
  for (const Member& m : view_->members) {
    if (m.id == self().id || list.size() >= kMaxUnheardTold) continue;
    if (detector_.suspected(m.id, now())) list.push_back({m.id, true});
    else if (silently(m.id)) list.push_back({m.id, false});
  }
  return list;
}

bool ControlCore::Impl::silently(const MemberId& id) const {
  return detector_.silentFor(id, now()) > 5 * settings_.heartbeatMillis / 2;
}

std::vector<MemberId> ControlCore::Impl::strangers() const {
  std::vector<MemberId> list;
  for (const MemberId& id : outsiders_)
    if (list.size() < kMaxUnheardTold && mutual(peers_.at(id))) list.push_back(id);
  return list;
}

// Some member that we hear hears this one.
bool ControlCore::Impl::heardByOthers(const MemberId& id) const {
  for (const auto& [other, peer] : peers_) {
    if (other == id || peer.info.protocol < 2 || !fresh(peer) || !inView(other) ||
        detector_.suspected(other, now()) || peer.said->state != MemberState::kJoined ||
        peer.said->view.epoch != view_->id.epoch || peer.said->unheard.size() >= kMaxUnheardTold)
      continue;
    const auto& list = peer.said->unheard;
    if (std::none_of(list.begin(), list.end(), [&](const Unheard& u) { return u.member == id; }))
      return true;
  }
  return false;
}

// `dead`: members that go anyway. `doubtful`: not heard here, but elsewhere. Adds who must go.
// False: this master has resigned.
bool ControlCore::Impl::keepLargestMesh(std::vector<MemberId>& dead,
                                        const std::vector<MemberId>& doubtful) {
  std::map<MemberId, std::size_t> place;
  std::vector<const Member*> alive;
  for (const Member& m : view_->members)
    if (std::find(dead.begin(), dead.end(), m.id) == dead.end()) {
      place[m.id] = alive.size();
      alive.push_back(&m);
    }
  std::vector<std::pair<std::size_t, std::size_t>> broken;
  const std::size_t me = place.at(self().id);
  for (const MemberId& id : doubtful) broken.emplace_back(me, place.at(id));
  for (const Member* m : alive) {
    const auto it = peers_.find(m->id);
    if (it == peers_.end() || !fresh(it->second) || it->second.said->unheard.empty()) continue;
    for (const Unheard& u : it->second.said->unheard) {
      const auto other = place.find(u.member);
      // Who is silent here, too, may be dead: our own detector decides first.
      if (!u.suspected || other == place.end() ||
          (u.member != self().id && silently(u.member)))
        continue;
      broken.emplace_back(place.at(m->id), other->second);
    }
  }
  if (broken.empty()) {
    meshOut_.clear();
    return true;
  }
  const std::vector<bool> stays = largestFullMesh(alive.size(), broken);
  std::vector<MemberId> out;
  std::string names;
  for (std::size_t i = 0; i < alive.size(); ++i)
    if (!stays[i]) {
      out.push_back(alive[i]->id);
      names += " " + alive[i]->address.toString();
    }
  if (out != meshOut_) {
    meshOut_ = out;
    meshSince_ = now();
  }
  if (now() - meshSince_ < 2 * settings_.heartbeatMillis) return true;
  const std::string pairs = std::to_string(broken.size()) + " pairs of members, e.g. " +
                            alive[broken[0].first]->address.toString() + " and " +
                            alive[broken[0].second]->address.toString() +
                            ", do not reach each other";
  meshOut_.clear();
  if (!stays[me]) {
    resign(pairs);
    return false;
  }
  warn("the network is cut in part: " + pairs + "; the largest part in which all do goes on, without" +
       names);
  for (const MemberId& id : out) {
    exclude(view_->find(id)->address);
    dead.push_back(id);
  }
  return true;
}

void ControlCore::Impl::resign(const std::string& why) {
  warn("this master is the badly connected one: " + why +
       "; it leaves the cluster to the others and joins again when all reach it");
  forgetCluster();
}

void ControlCore::Impl::exclude(const Address& address) {
  if (excluded_.size() >= kMaxSeenAddresses) excluded_.erase(excluded_.begin());
  Excluded& e = excluded_[address];
  const bool again = e.wait > 0 && now() - e.until < kExclusionForgotten * e.wait;
  e.wait = again ? std::min(2 * e.wait, kMaxExclusionMillis) : settings_.silenceMillis / 2;
  e.until = now() + e.wait;
  e.healed = false;
  e.logged = false;
}

// Everybody hears it and is heard by it, as far as they can say.
bool ControlCore::Impl::admissible(const MemberId& id, const Address& address) {
  const auto it = excluded_.find(address);
  if (it == excluded_.end() || it->second.healed) return true;
  std::string missing;
  const auto own = peers_.find(id);
  if (own == peers_.end() || !mutual(own->second)) missing += " " + self().address.toString();
  for (const Member& m : view_->members) {
    if (m.id == self().id || m.id == id) continue;
    const auto peer = peers_.find(m.id);
    if (peer == peers_.end() || peer->second.info.protocol < 2) continue;
    const bool hears = fresh(peer->second) &&
                       (std::find(peer->second.said->strangers.begin(),
                                  peer->second.said->strangers.end(),
                                  id) != peer->second.said->strangers.end() ||
                        peer->second.said->strangers.size() >= kMaxUnheardTold);
    if (!hears && missing.size() < kMaxNamesLogged) missing += " " + m.address.toString();
  }
  if (missing.empty() && now() >= it->second.until) {
    info("member " + address.toString() + " reaches all members again");
    it->second.healed = true;
    return true;
  }
  if (!std::exchange(it->second.logged, true))
    warn("member " + address.toString() + " is not admitted for " +
         std::to_string(it->second.wait) + " ms and until all reach it" +
         (missing.empty() ? "" : "; missing are" + missing));
  return false;
}

// Clocks that differ decide wrongly which of two writes was the later one.
void ControlCore::Impl::watchSkew(Peer& peer) {
  const std::int64_t off = peer.said->wallMillis - clock_.wallMillis();
  if (peer.said->wallMillis == 0 || (off <= kSkewWarnMillis && off >= -kSkewWarnMillis)) {
    peer.skewed = 0;
    return;
  }
  if (++peer.skewed == kSkewBeats)
    warn("the clock of " + peer.info.address.toString() + " is " + std::to_string(off) +
         " ms off ours: set both by one time server, or the later of two writes may lose");
  peer.skewed = std::min(peer.skewed, kSkewBeats);
}

}  // namespace ox::grid

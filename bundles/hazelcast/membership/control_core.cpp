#include <algorithm>

#include "base/check.h"
#include "membership/control_impl.h"

namespace ox::grid {

ControlCore::Impl::Impl(ControlSettings settings, Clock& clock, Random& random, ControlHost& host)
    : settings_(std::move(settings)),
      clock_(clock),
      random_(random),
      host_(host),
      detector_(settings_.silenceMillis, settings_.heartbeatMillis) {
  OX_CHECK(self().id.valid() && self().address.port != 0);
  OX_CHECK(settings_.partitionCount > 0 && !settings_.clusterName.empty());
}

void ControlCore::Impl::start() {
  started_ = true;
  lookingSince_ = now();
  mergeAt_ = now() + settings_.mergeFirstMillis;
  // Members started by one script do not tick in step.
  lookAt_ = now() + static_cast<std::int64_t>(random_.below(20));
}

void ControlCore::Impl::tick() {
  if (!started_ || left_) return;
  noticePause();
  const std::int64_t t = now();
  if (t >= linksAt_) expireDials();
  if (last_) return departTick();
  if (t >= heartbeatAt_) {
    heartbeatAll();
    heartbeatAt_ = t + (view_ ? settings_.heartbeatMillis : kLookMillis);
  }
  if (!view_) {
    look();
    return;
  }
  if (t >= linksAt_) {
    linksAt_ = t + kLookMillis / 2;
    keepLinks();
  }
  if (t >= searchAt_) {
    searchAt_ = t + settings_.searchMillis;
    search();
    hintSuspects();
  }
  relatives();
  if (!view_ || overtaken()) return;
  if (query_) queryTick();
  else if (isMaster()) masterTick();
  else considerMastership();
  confirmTick();
  if (view_) leaveTick();
}

bool ControlCore::Impl::ownAddress(const Address& a) const {
  return a == self().address || ownAliases_.count(a) != 0;
}

// What cannot wait for the next tick: somebody is gone, or wants to come in.
void ControlCore::Impl::react() {
  if (!started_ || left_ || last_ || !view_ || overtaken()) return;
  answerHeld();
  if (query_) queryTick();
  else if (isMaster()) masterTick();
  else considerMastership();
}

void ControlCore::Impl::dial(const Address& address) {
  if (ownAddress(address) || dialling_.count(address) != 0 || links_.size() >= kMaxLinks) return;
  const LinkId id = host_.dial(address);
  Link& link = links_[id];
  link.dialled = address;
  dialling_.insert(address);
  link.since = link.heard = now();
}

ControlCore::Impl::Peer* ControlCore::Impl::peerAt(const Address& address) {
  for (auto& [_, peer] : peers_)
    if (peer.link != 0 && peer.info.address == address) return &peer;
  return nullptr;
}

ControlCore::Impl::Peer* ControlCore::Impl::linkedPeer(const MemberId& id) {
  const auto it = peers_.find(id);
  return it != peers_.end() && it->second.link != 0 ? &it->second : nullptr;
}

void ControlCore::Impl::closeLink(LinkId id) {
  const auto it = links_.find(id);
  if (it == links_.end()) return;
  const Link link = it->second;
  links_.erase(it);
  if (!link.up) dialling_.erase(link.dialled);
  host_.close(id);
  if (link.up) lostUpLink(link, id);
}

// Another link of the same pair may still be there.
void ControlCore::Impl::lostUpLink(const Link& link, LinkId id) {
  const auto peer = peers_.find(link.peer);
  if (peer == peers_.end() || peer->second.link != id) return;
  peer->second.link = 0;
  for (const auto& [otherId, other] : links_)
    if (other.up && other.peer == link.peer) peer->second.link = otherId;
  if (peer->second.link == 0 && (!view_ || !inView(link.peer))) erasePeer(peer);
}

void ControlCore::Impl::erasePeer(std::map<MemberId, Peer>::iterator peer) {
  outsiders_.erase(peer->first);
  peers_.erase(peer);
}

void ControlCore::Impl::probeAnswered(const Address& address) { probed_.insert(address); }

void ControlCore::Impl::expireDials() {
  std::vector<LinkId> late;
  for (const auto& [id, link] : links_)
    if (!link.up && now() - link.since > kDialLimitMillis) late.push_back(id);
  for (const LinkId id : late) {
    probeAnswered(links_[id].dialled);
    closeLink(id);
  }
  late.clear();
  for (const auto& [id, link] : links_)
    if (link.up && now() - link.heard > settings_.silenceMillis) late.push_back(id);
  for (const LinkId id : late) closeLink(id);
}

void ControlCore::Impl::linkUp(LinkId id, const PeerInfo& peer) {
  if (left_) return host_.close(id);
  noticePause();
  auto it = links_.find(id);
  if (it == links_.end()) {
    if (!peer.incoming || links_.size() >= kMaxLinks) return host_.close(id);
    it = links_.emplace(id, Link{}).first;
    it->second.incoming = true;
    it->second.since = now();
  } else {
    probeAnswered(it->second.dialled);
    dialling_.erase(it->second.dialled);
  }
  Link& link = it->second;
  if (peer.id == self().id) {  // our own address under another name
    if (!link.incoming) ownAliases_.insert(link.dialled);
    links_.erase(it);
    return host_.close(id);
  }
  link.up = true;
  link.peer = peer.id;
  link.heard = now();
  bool replaced = false;
  // Somebody else lives at the address of a member: that member's process has ended.
  if (view_)
    if (const Member* former = memberAt(peer.address);
        former != nullptr && former->id != peer.id && !detector_.isGone(former->id)) {
      info("a new process at " + peer.address.toString() + ": the member that was there is gone");
      detector_.gone(former->id);
      replaced = true;
    }
  addSeen(peer.address);
  Peer& known = peers_[peer.id];
  if (!inView(peer.id)) outsiders_.insert(peer.id);
  known.info = peer;
  detector_.heard(peer.id, now());
  if (!settleDuplicate(known, id)) return;
  heartbeatTo(known);
  if (peer.protocol >= 2 && peer.mapsDigest != settings_.mapsDigest)
    sendTo(known, MapList{settings_.maps});
  if (replaced) react();
}

// Of two links of one pair the one dialled by the lower id stays. Only the dialler of a surplus
// link closes it, so that both ends agree. False when the fresh link was closed.
bool ControlCore::Impl::settleDuplicate(Peer& peer, LinkId fresh) {
  const LinkId old = peer.link;
  const auto oldLink = links_.find(old);
  if (old == 0 || oldLink == links_.end()) {
    peer.link = fresh;
    return true;
  }
  const bool oldSilent = now() - oldLink->second.heard > 3 * settings_.heartbeatMillis;
  const bool oldOurs = !oldLink->second.incoming;
  const bool freshOurs = !links_[fresh].incoming;
  const bool weAreLower = self().id < peer.info.id;
  if (oldSilent || oldOurs == freshOurs) {
    peer.link = fresh;
    if (oldSilent || oldOurs) closeLink(old);
    return true;
  }
  if (weAreLower) {  // ours stays, the peer will close its own
    peer.link = oldOurs ? old : fresh;
    return true;
  }
  if (freshOurs) {
    closeLink(fresh);
    return false;
  }
  peer.link = fresh;
  closeLink(old);
  return true;
}

void ControlCore::Impl::linkLost(LinkId id, LinkLoss why) {
  const auto it = links_.find(id);
  if (it == links_.end()) return;
  noticePause();
  const Link link = it->second;
  links_.erase(it);
  if (!link.up) {
    dialling_.erase(link.dialled);
    probeAnswered(link.dialled);
    if (why != LinkLoss::kRefused || !view_) return;
    const Member* member = memberAt(link.dialled);
    if (member == nullptr) return;
    // Its word came after we knocked: it may have been starting then. Knock again.
    if (linkedPeer(member->id) == nullptr &&
        detector_.silentFor(member->id, now()) < now() - link.since)
      return dial(member->address);
    // Nobody listens there. With a link that still talks this is a puzzle, not a proof.
    if (linkedPeer(member->id) == nullptr ||
        detector_.silentFor(member->id, now()) > 2 * settings_.heartbeatMillis)
      detector_.gone(member->id);
    return react();
  }
  lostUpLink(link, id);
  if (left_ || linkedPeer(link.peer) != nullptr || !view_) return;
  if (const Member* member = view_->find(link.peer)) dial(member->address);
}

void ControlCore::Impl::badFrame(LinkId id, const std::string& why) {
  ++badFrames_;
  warn("control link closed: " + why);
  closeLink(id);
}

void ControlCore::Impl::received(LinkId id, BytesView frame) {
  const auto it = links_.find(id);
  if (it == links_.end() || !it->second.up || left_) return;
  noticePause();
  it->second.heard = now();
  detector_.heard(it->second.peer, now());
  const auto peer = peers_.find(it->second.peer);
  if (peer == peers_.end()) return;
  if (frame.empty()) return badFrame(id, "empty frame");
  // What was said on a surplus link may be older than what came on the one that stays.
  if (peer->second.link != 0 && peer->second.link != id &&
      static_cast<Kind>(frame[0]) == Kind::kHeartbeat)
    return;
  dispatch(peer->second, frame);
}

void ControlCore::Impl::dispatch(Peer& peer, BytesView frame) {
  const auto kind = static_cast<Kind>(frame[0]);
  const BytesView body = frame.substr(1);
  const LinkId link = peer.link;
  const auto from = [&] { return " from " + peer.info.address.toString(); };
  const auto with = [&](auto decoded, auto use) {
    if (!decoded) return badFrame(link, decoded.error().message + from());
    use(std::move(*decoded));
  };
  switch (kind) {
    case Kind::kHeartbeat:
      return with(decodeBody<Heartbeat>(body),
                  [&](Heartbeat h) { heartbeat(peer, std::move(h)); });
    case Kind::kJoinRequest:
      return with(decodeBody<JoinRequest>(body),
                  [&](const JoinRequest& r) { joinRequest(peer, r); });
    case Kind::kView:
      return gotView(peer, body);
    case Kind::kViewAck:
      return with(decodeBody<ViewAck>(body), [&](const ViewAck& a) {
        peer.acked = a.view;
        // Its heartbeat may come much later than its acknowledgement: it looks no longer.
        if (view_ && a.view.master == view_->id.master && peer.said &&
            peer.said->state == MemberState::kLooking) {
          peer.said->state = MemberState::kJoined;
          peer.said->view = a.view;
          peer.said->youAreMember = true;
        }
      });
    case Kind::kViewQuery:
      return with(decodeBody<ViewQuery>(body), [&](const ViewQuery& q) { viewQuery(peer, q); });
    case Kind::kViewAnswer:
      return with(decodeBody<ViewAnswer>(body),
                  [&](ViewAnswer a) { viewAnswer(peer, std::move(a)); });
    case Kind::kLeaveRequest:
      return with(decodeBody<LeaveRequest>(body), [&](const LeaveRequest& r) {
        if (isMaster() && r.member == peer.info.id && view_->find(r.member) != nullptr)
          leaveRequests_.insert(r.member);
      });
    case Kind::kMigrationDone:
      return with(decodeBody<MigrationDone>(body),
                  [&](const MigrationDone& d) { doneReport(&peer, d); });
    case Kind::kSuspect:
      return with(decodeBody<Suspect>(body), [&](const Suspect& s) {
        const Member* member = isMaster() ? view_->find(s.member) : nullptr;
        if (member != nullptr && member->id != self().id) dial(member->address);  // see ourselves
      });
    case Kind::kDissolve:
      return with(decodeBody<Dissolve>(body), [&](const Dissolve& d) {
        if (view_ && view_->id.master == peer.info.id)
          dissolveInto(d.target, "our master unites the clusters");
      });
    case Kind::kConfirm:
      return with(decodeBody<Confirm>(body), [&](const Confirm& c) { confirmAsked(peer, c); });
    case Kind::kConfirmed:
      return with(decodeBody<Confirmed>(body), [&](const Confirmed& c) {
        if (confirming_ && c.nonce == confirming_->nonce)
          confirmAnswered(peer, c.view, c.promisedEpoch);
      });
    case Kind::kMapList:
      return with(decodeBody<MapList>(body), [&](const MapList& l) { compareMaps(peer, l); });
    default:
      return badFrame(
          link, "unexpected frame kind " + std::to_string(static_cast<int>(kind)) + from());
  }
}

// Members without a link are dialled again; a silent link gets a second one to see whether the
// member or only the link is dead.
void ControlCore::Impl::keepLinks() {
  std::erase_if(outsiders_, [&](const MemberId& id) {
    const auto peer = peers_.find(id);
    if (peer->second.link != 0) return false;
    peers_.erase(peer);
    return true;
  });
  for (const Member& m : view_->members) {
    if (m.id == self().id) continue;
    Peer& peer = peers_[m.id];
    if (!peer.info.id.valid()) 
      peer.info = PeerInfo{m.id, m.address, m.lite, false, view_->protocol};
    const std::int64_t silent = detector_.silentFor(m.id, now());
    // The lower id dials at once, the other only if that does not help.
    const std::int64_t patience = self().id < m.id ? kLookMillis : 2 * kLookMillis + 100;
    const bool due = peer.link == 0 ? now() - peer.dialledAt >= patience
                                    : silent > 3 * settings_.heartbeatMillis &&
                                          now() - peer.dialledAt >= settings_.heartbeatMillis;
    if (!due) continue;
    peer.dialledAt = now();
    dial(m.address);
  }
}

void ControlCore::Impl::install(ViewPtr view) {
  const bool wasJoined = view_ != nullptr;
  const ViewPtr before = std::exchange(view_, std::move(view));
  const bool sameMembers = before && before->members == view_->members;
  idle_.reset();
  if (!sameMembers) indexView();
  promised_ = std::max(promised_, view_->id.epoch);
  if (!wasJoined) {
    requested_.clear();
    joinTarget_.reset();
    waitsFor_.reset();
    givenUp_.clear();
  }
  if (before && !sameMembers)
    for (const Member& m : before->members)
      if (!inView(m.id)) {
        detector_.forget(m.id);
        joins_.erase(m.id);
        leaveRequests_.erase(m.id);
      }
  if (!sameMembers)
    for (const Member& m : view_->members)
      if (m.id != self().id) {
        detector_.watch(m.id, now());
        addSeen(m.address);
      }
  std::erase_if(reports_, [&](const MigrationDone& r) {
    return std::find(view_->migrations.begin(), view_->migrations.end(), r.migration) ==
           view_->migrations.end();
  });
  if (!sameMembers || before->leaving != view_->leaving) tellMissingCopies(before.get());
  if (!sameMembers) {
    std::string names;
    for (const Member& m : view_->members) names += " " + m.address.toString();
    info("members of " + view_->clusterName + " (" + std::to_string(view_->members.size()) +
         "), view " + std::to_string(view_->id.epoch) + "." + std::to_string(view_->id.counter) +
         ":" + names);
  }
  host_.installed(view_);
  confirmAgain(!wasJoined);
  if (isMaster()) return;
  if (Peer* master = linkedPeer(view_->id.master)) sendTo(*master, ViewAck{view_->id});
  if (!wasJoined) heartbeatAll();
}

void ControlCore::Impl::indexView() {
  inView_.clear();
  viewAddresses_.clear();
  outsiders_.clear();
  outside_.clear();
  idle_.reset();
  if (view_)
    for (std::size_t i = 0; i < view_->members.size(); ++i) {
      const Member& m = view_->members[i];
      inView_.insert(m.id);
      viewAddresses_[m.address] = i;
    }
  for (auto& [id, peer] : peers_) {
    if (inView(id)) peer.foreignSince = 0;
    else outsiders_.insert(outsiders_.end(), id);
  }
  for (const Address& a : seen_)
    if (!inView(a)) outside_.insert(outside_.end(), a);
}

const Member* ControlCore::Impl::memberAt(const Address& address) const {
  const auto it = viewAddresses_.find(address);
  return view_ && it != viewAddresses_.end() ? &view_->members[it->second] : nullptr;
}

// Not a member any more: everything that belonged to the old cluster is dropped, except what the
// host keeps to offer it to the next one.
void ControlCore::Impl::forgetCluster() {
  host_.keepEntriesForMerge();
  for (const Member& m : view_->members) detector_.forget(m.id);
  view_ = nullptr;
  indexView();
  held_.reset();
  meshOut_.clear();
  promised_ = 0;
  query_.reset();
  joins_.clear();
  leaveRequests_.clear();
  done_.clear();
  orderedIn_.clear();
  reports_.clear();
  requested_.clear();
  givenUp_.clear();
  waitsFor_.reset();
  probed_.clear();
  lookingSince_ = now();
  lookAt_ = now();
  for (auto it = peers_.begin(); it != peers_.end();) {
    it->second.acked = ViewId{};
    it->second.foreignSince = it->second.expelsSince = it->second.strayedSince = 0;
    const auto peer = it++;
    if (peer->second.link == 0) erasePeer(peer);
  }
  host_.installed(nullptr);
  heartbeatAll();
}

void ControlCore::Impl::setCandidates(std::vector<Address> candidates) {
  settings_.candidates = std::move(candidates);
}

ControlCore::ControlCore(ControlSettings settings, Clock& clock, Random& random, ControlHost& host)
    : impl_(std::make_unique<Impl>(std::move(settings), clock, random, host)) {}
ControlCore::~ControlCore() = default;
void ControlCore::start() { impl_->start(); }
void ControlCore::tick() { impl_->tick(); }
void ControlCore::linkUp(LinkId link, const PeerInfo& peer) { impl_->linkUp(link, peer); }
void ControlCore::linkLost(LinkId link, LinkLoss why) { impl_->linkLost(link, why); }
void ControlCore::received(LinkId link, BytesView frame) { impl_->received(link, frame); }
void ControlCore::migrationDone(const ViewId& view, const Migration& migration) {
  impl_->migrationDone(view, migration);
}
void ControlCore::leave(bool waitSafe) { impl_->leave(waitSafe); }
void ControlCore::setCandidates(std::vector<Address> candidates) {
  impl_->setCandidates(std::move(candidates));
}
void ControlCore::confirmView(std::uint64_t fence) { impl_->confirmView(fence); }
const ViewPtr& ControlCore::view() const { return impl_->view(); }
bool ControlCore::joined() const { return impl_->view() != nullptr; }
bool ControlCore::master() const { return impl_->isMaster(); }

}  // namespace ox::grid

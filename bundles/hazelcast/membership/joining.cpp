// Not a member yet: find the others, ask a master for admission, or found the cluster.
//
// Founding needs no luck: a member founds only when every candidate has answered or refused, no
// member of a cluster is in sight, it has the lowest address of those that look, and each of them
// says that it waits for this one. Who waits founds nothing, so two that see each other never
// both found. All waiting is bounded; clusters founded by members that could not see each other
// unite later (relatives.cpp).
#include "membership/control_impl.h"

namespace ox::grid {

void ControlCore::Impl::look() {
  if (now() < lookAt_) return;
  lookAt_ = now() + kLookMillis;
  dialAround();
  if (askToJoin() && now() - lookingSince_ < 3 * settings_.silenceMillis) return;
  considerFounding();
}

void ControlCore::Impl::dialAround() {
  std::set<Address> linked;
  for (const auto& [_, peer] : peers_)
    if (peer.link != 0) linked.insert(peer.info.address);
  const auto tryOne = [&](const Address& a) {
    if (linked.count(a) == 0) dial(a);
    else probeAnswered(a);
  };
  for (const Address& a : settings_.candidates) tryOne(a);
  for (const Address& a : seen_) tryOne(a);
  if (joinTarget_) tryOne(*joinTarget_);
}

// True while a cluster is in sight, so that none must be founded.
bool ControlCore::Impl::askToJoin() {
  bool inSight = false;
  Peer* best = nullptr;
  std::vector<Address> masters;
  for (auto& [_, peer] : peers_) {
    if (peer.link == 0 || !peer.said || peer.said->state != MemberState::kJoined) continue;
    if (peer.said->refusesYou && fresh(peer)) continue;  // cut off from some of its members
    inSight = true;
    if (peer.said->view.master != peer.info.id) {
      // All members of a cluster name the same one.
      const Peer* master = linkedPeer(peer.said->view.master);
      const bool known = (master != nullptr && master->info.address == peer.said->master) ||
                         (!masters.empty() && masters.back() == peer.said->master) ||
                         peerAt(peer.said->master) != nullptr;
      if (!known) masters.push_back(peer.said->master);
      continue;
    }
    const bool isTarget = joinTarget_ && peer.info.address == *joinTarget_;
    const bool better = best == nullptr || peer.said->members > best->said->members ||
                        (peer.said->members == best->said->members &&
                         peer.info.address < best->info.address);
    if (isTarget || (better && !(best != nullptr && joinTarget_ &&
                                 best->info.address == *joinTarget_)))
      best = &peer;
  }
  for (const Address& a : masters) dial(a);
  if (best != nullptr) {
    requested_.insert(best->info.id);
    sendTo(*best, JoinRequest{self(), static_cast<std::uint32_t>(settings_.partitionCount)});
  }
  return inSight;
}

void ControlCore::Impl::considerFounding() {
  // One complete round first: whoever is there has been heard.
  for (const Address& a : settings_.candidates)
    if (!ownAddress(a) && probed_.count(a) == 0) return;
  for (const auto& [_, peer] : peers_)
    if (peer.link != 0 && !peer.said && now() - lookingSince_ < kFoundFallbackMillis) return;

  // Members that hold data found rather than lite ones; then the lowest address.
  const auto rank = [](bool lite, const Address& a) { return std::pair(lite, a); };
  auto lowest = rank(self().lite, self().address);
  for (const auto& [_, peer] : peers_)
    if (peer.link != 0 && peer.said && peer.said->state == MemberState::kLooking &&
        givenUp_.count(peer.info.address) == 0)
      lowest = std::min(lowest, rank(peer.info.lite, peer.info.address));

  if (waitsFor_ != lowest.second) {
    waitsFor_ = lowest.second;
    waitsSince_ = now();
    heartbeatAll();
  }
  const bool patient = now() - waitsSince_ < kFoundFallbackMillis;
  if (lowest.second != self().address) {
    if (!patient) givenUp_.insert(lowest.second);
    return;
  }
  bool allWait = true;
  for (const auto& [_, peer] : peers_)
    if (peer.link != 0 && peer.said && peer.said->state == MemberState::kLooking &&
        givenUp_.count(peer.info.address) == 0 && peer.said->waitsFor != self().address)
      allWait = false;
  if (allWait || !patient) found();
}

void ControlCore::Impl::found() {
  auto view = std::make_shared<ClusterView>();
  view->id = ViewId{promised_ + 1, 1, self().id};
  view->clusterName = settings_.clusterName;
  view->protocol = settings_.protocolMax;
  view->members = {self()};
  view->partitions.resize(static_cast<std::size_t>(settings_.partitionCount));
  fillOrphans(*view, planSettings());
  info("no cluster " + settings_.clusterName + " found: founding it");
  joinTarget_.reset();
  publishedAt_ = now();
  install(std::move(view));
}

void ControlCore::Impl::gotView(Peer& peer, BytesView body) {
  ByteReader in(body);
  auto decoded = ClusterView::decode(in);
  if (!decoded || !in.atEnd())
    return badFrame(peer.link, decoded ? "trailing bytes after a view" : decoded.error().message);
  ClusterView& next = *decoded;
  if (next.clusterName != settings_.clusterName || next.id.master != peer.info.id) return;
  if (next.protocol > settings_.protocolMax)
    return badFrame(peer.link, "a view of member protocol " + std::to_string(next.protocol) +
                                   ", this member speaks " +
                                   std::to_string(settings_.protocolMax));
  const bool contained = next.find(self().id) != nullptr;
  if (!view_) {
    if (contained && requested_.count(peer.info.id) != 0 && next.id.epoch >= promised_)
      install(std::make_shared<const ClusterView>(std::move(next)));
    return;
  }
  if (!contained) {
    if (next.id > view_->id && view_->find(peer.info.id) != nullptr && leaving_)
      letGo(next);
    return;  // else: watchExpulsion decides
  }
  // Only our own cluster's masters: another cluster is joined by dissolving, never by a view.
  if (next.id > view_->id && next.id.epoch >= promised_ && view_->find(peer.info.id) != nullptr) {
    query_.reset();
    install(std::make_shared<const ClusterView>(std::move(next)));
  } else {
    sendTo(peer, ViewAck{view_->id});
  }
}

}  // namespace ox::grid

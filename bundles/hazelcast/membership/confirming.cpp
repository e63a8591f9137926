// After a pause of our own: is the installed view still the newest? The others may have gone on
// without us, so what lies unread in our sockets proves nothing; only an answer to a question
// asked after the pause does.
//
// Asked is the master, who knows the newest view; without a master in reach (or being it) every
// member that is not suspected, because any of them may have agreed to a takeover. With nobody
// left this member is the half of a split and serves as such. A newer view without us is the
// business of watchExpulsion(): the first view after joining again is confirmed by itself.
//
// A master that was replaced meanwhile must not take the others for members that went elsewhere:
// it would be alone, confirmed by nobody's objection, and serve what was true before the pause.
// It joins them instead (overtaken()), and until it is confirmed it confirms nobody.
#include "membership/control_impl.h"

namespace ox::grid {

// Before anything else at each entry: what is read now may be what came before the pause.
void ControlCore::Impl::noticePause() {
  const std::int64_t t = now();
  const std::int64_t time = clock_.wallMillis();
  const std::int64_t jump = lastWall_ == 0 ? 0 : time - lastWall_;  // a suspended machine
  lastWall_ = time;
  const std::int64_t pause = detector_.tick(t);
  if (pause > 0) {
    warn("this process stood still for " + std::to_string(pause) +
         " ms; silence of other members meanwhile is not held against them");
    for (auto& [_, link] : links_) link.heard = t;
  }
  if ((pause > 0 || jump > detector_.ownPause()) && view_ && !left_)
    confirming_ = Confirming{random_.next(), 0, {}};
}

void ControlCore::Impl::confirmView(std::uint64_t fence) {
  if (left_) return;
  // Only what is asked from now on counts for it; the older ones may wait for the same answers.
  // Shards repeat what got lost by the bound.
  if (fences_.size() < kMaxFences) fences_.insert(fence);
  if (!view_) return confirmedNow();  // nothing that could be out of date
  noticePause();
  confirming_ = Confirming{random_.next(), 0, {}};
  confirmTick();
}

// This master stood still and members of its view have a newer one without it.
bool ControlCore::Impl::overtaken() {
  if (!confirming_ || !isMaster() || last_) return false;
  for (const Member& m : view_->members) {
    const Peer* peer = linkedPeer(m.id);
    if (peer == nullptr || !fresh(*peer)) continue;
    const Heartbeat& said = *peer->said;
    if (said.state != MemberState::kJoined || said.youAreMember ||
        said.view.epoch <= view_->id.epoch)
      continue;
    if (leaving_) {
      finishLeave("the cluster has gone on without this member", ownedPartitions());
      return true;
    }
    warn("the cluster has gone on without this master, which stood still (view " +
         std::to_string(said.view.epoch) + "." + std::to_string(said.view.counter) +
         "); joining it again");
    const Address master = said.master;
    forgetCluster();
    joinTarget_ = master;
    return true;
  }
  return false;
}

// Whose word is needed.
std::vector<MemberId> ControlCore::Impl::confirmers() const {
  const MemberId& master = view_->id.master;
  if (master != self().id && !detector_.suspected(master, now()) &&
      view_->find(master) != nullptr)
    return {master};
  std::vector<MemberId> list;
  for (const Member& m : view_->members)
    if (m.id != self().id && !detector_.suspected(m.id, now())) list.push_back(m.id);
  return list;
}

void ControlCore::Impl::confirmTick() {
  if (!confirming_ || !view_) return;
  const bool ask = now() - confirming_->askedAt >= settings_.heartbeatMillis / 2;
  if (ask) confirming_->askedAt = now();
  const std::vector<MemberId> needed = confirmers();
  bool all = true;
  for (const MemberId& id : needed) {
    if (confirming_->same.count(id) != 0) continue;
    all = false;
    Peer* peer = ask ? linkedPeer(id) : nullptr;
    if (peer == nullptr) continue;
    if (peer->info.protocol >= 2) {
      sendTo(*peer, Confirm{confirming_->nonce});
    } else {  // a question of epoch 0 changes nothing; answers come in the order of questions
      if (std::exchange(peer->confirmLink, peer->link) != peer->link) peer->confirmsOut = 0;
      ++peer->confirmsOut;
      sendTo(*peer, ViewQuery{0});
    }
  }
  if (!all) return;
  if (needed.empty() && view_->members.size() > 1)
    warn("after a pause no other member can be reached; serving as the half of a split cluster");
  else
    info("after a pause the member list of version " + std::to_string(view_->id.epoch) + "." +
         std::to_string(view_->id.counter) + " is confirmed");
  confirmedNow();
}

void ControlCore::Impl::confirmAsked(Peer& peer, const Confirm& question) {
  if (confirming_ && isMaster()) return;  // asked again when we know
  Confirmed answer;
  answer.nonce = question.nonce;
  answer.promisedEpoch = promised_;
  if (view_) answer.view = view_->id;
  sendTo(peer, answer);
}

void ControlCore::Impl::confirmAnswered(Peer& peer, const ViewId& view, std::uint64_t promised) {
  if (!confirming_ || !view_ || view != view_->id || promised > view_->id.epoch) return;
  confirming_->same.insert(peer.info.id);
  confirmTick();
}

// Another view is in force: what was said of the former one is worth nothing.
void ControlCore::Impl::confirmAgain(bool justJoined) {
  if (!confirming_) return;
  if (!justJoined) {
    confirming_ = Confirming{random_.next(), 0, {}};
    return;
  }
  confirmedNow();
}

void ControlCore::Impl::confirmedNow() {
  confirming_.reset();
  host_.confirmed({fences_.begin(), fences_.end()});
  fences_.clear();
}

}  // namespace ox::grid

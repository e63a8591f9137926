// Who may make views. The first member of the view all of whose elders are suspected asks all
// others for their view and a promise to install no older epoch, takes the greatest view it
// finds, removes the dead and goes on with its own epoch. The old master does the same when it
// learns that somebody was promised to (its views would be refused).
#include <algorithm>

#include "membership/control_impl.h"

namespace ox::grid {

bool ControlCore::Impl::eldersAlive() const {
  for (const Member& m : view_->members) {
    if (m.id == self().id) return false;
    if (!detector_.suspected(m.id, now())) return true;
  }
  return false;
}

// An elder that has forgotten our cluster, or has joined another one since.
bool ControlCore::Impl::cannotLead(const MemberId& elder) const {
  const auto it = peers_.find(elder);
  if (it == peers_.end() || it->second.link == 0 || !it->second.said) return false;
  const Peer& peer = it->second;
  if (elder == view_->id.master && peer.said->state == MemberState::kLooking) return true;
  return peer.strayedSince != 0 && now() - peer.strayedSince >= 2 * settings_.heartbeatMillis;
}

void ControlCore::Impl::considerMastership() {
  for (const Member& m : view_->members) {
    if (m.id == self().id) break;
    if (cannotLead(m.id)) detector_.gone(m.id);
    if (!detector_.suspected(m.id, now())) break;  // one that lives is enough
  }
  answerHeld();
  if (eldersAlive() || now() < queryAt_) return;
  beginQuery(std::max(view_->id.epoch, promised_) + 1);
}

void ControlCore::Impl::beginQuery(std::uint64_t epoch) {
  promised_ = epoch;
  Query query;
  query.epoch = epoch;
  query.best = *view_;
  for (const Member& m : view_->members)
    if (m.id != self().id) query.waiting.insert(m.id);
  // Members that a view we have not seen admitted.
  for (const auto& [id, peer] : peers_)
    if (peer.link != 0 && peer.said && peer.said->state == MemberState::kJoined &&
        peer.said->view.master == view_->id.master)
      query.waiting.insert(id);
  query_ = std::move(query);
  info("asking the members for their views to become master with epoch " + std::to_string(epoch));
  queryTick();
}

void ControlCore::Impl::queryTick() {
  if (eldersAlive()) {
    query_.reset();
    askLater();
    return;
  }
  const bool resend = now() - query_->sentAt >= settings_.heartbeatMillis / 2;
  if (resend) query_->sentAt = now();
  for (auto it = query_->waiting.begin(); it != query_->waiting.end();) {
    Peer* peer = linkedPeer(*it);
    const bool member = view_->find(*it) != nullptr;
    if (detector_.suspected(*it, now()) || (!member && peer == nullptr)) {
      it = query_->waiting.erase(it);
      continue;
    }
    if (resend && peer != nullptr) sendTo(*peer, ViewQuery{query_->epoch});
    ++it;
  }
  if (query_->waiting.empty()) takeOver();
}

void ControlCore::Impl::askLater() {
  queryPause_ = std::clamp(2 * queryPause_, kAgainMillis, settings_.heartbeatMillis);
  queryAt_ = now() + queryPause_;
}

// Whoever was asked before it noticed itself that the elder is gone answers when it does.
void ControlCore::Impl::answerHeld() {
  if (!held_ || !view_) return;
  const auto& [asker, query] = *held_;
  for (const Member& m : view_->members) {
    if (m.id == asker) break;
    if (m.id == self().id || !detector_.suspected(m.id, now())) return;
  }
  const auto [id, question] = *std::exchange(held_, std::nullopt);
  if (Peer* peer = linkedPeer(id)) viewQuery(*peer, question);
}

void ControlCore::Impl::viewQuery(Peer& peer, const ViewQuery& query) {
  // An elder that seems alive: perhaps not any more in a moment. Asked again, the answer is no.
  const bool again = held_ && held_->first == peer.info.id && held_->second.epoch == query.epoch;
  if (query.epoch != 0 && view_ && !again && inView(peer.info.id)) {
    for (const Member& m : view_->members) {
      if (m.id == peer.info.id) break;
      if (m.id == self().id || detector_.suspected(m.id, now())) continue;
      held_ = {peer.info.id, query};
      if (linkedPeer(m.id) == nullptr) dial(m.address);
      return;
    }
  }
  if (again) held_.reset();
  ViewAnswer answer;
  answer.epoch = query.epoch;
  answer.agreed = true;
  if (view_) {
    for (const Member& m : view_->members) {
      if (m.id == peer.info.id) break;
      if (m.id == self().id || !detector_.suspected(m.id, now())) {
        answer.agreed = false;  // an elder is alive as seen from here
        break;
      }
    }
    // Two askers cannot both have the promise of one epoch.
    if (query.epoch <= promised_ && query.epoch <= view_->id.epoch) answer.agreed = false;
    if (query.epoch < promised_) answer.agreed = false;
    if (answer.agreed) promised_ = query.epoch;
    answer.promisedEpoch = promised_;
    answer.view = *view_;
  }
  sendTo(peer, answer);
}

void ControlCore::Impl::viewAnswer(Peer& peer, ViewAnswer answer) {
  if (answer.epoch == 0 && answer.view && peer.confirmsOut > 0 && peer.confirmLink == peer.link &&
      --peer.confirmsOut == 0)
    return confirmAnswered(peer, answer.view->id, answer.promisedEpoch);
  if (!query_ || answer.epoch != query_->epoch) return;
  if (!answer.agreed) {
    const std::uint64_t promised = answer.promisedEpoch;
    query_.reset();
    askLater();
    promised_ = std::max(promised_, promised);
    return;
  }
  if (answer.view && answer.view->clusterName == settings_.clusterName &&
      answer.view->id > query_->best.id && answer.view->find(self().id) != nullptr)
    query_->best = std::move(*answer.view);
  query_->waiting.erase(peer.info.id);
  if (query_->waiting.empty()) takeOver();
}

void ControlCore::Impl::takeOver() {
  ClusterView next = std::move(query_->best);
  const std::uint64_t epoch = query_->epoch;
  query_.reset();
  queryPause_ = 0;
  std::vector<MemberId> removed;
  for (const Member& m : next.members)
    if (m.id != self().id && (detector_.suspected(m.id, now()) ||
                              (view_->find(m.id) == nullptr && linkedPeer(m.id) == nullptr)))
      removed.push_back(m.id);
  // Cut off from us only, not dead: it comes back when everybody reaches it.
  for (const MemberId& id : removed)
    if (!detector_.isGone(id) && heardByOthers(id)) exclude(next.find(id)->address);
  for (const MemberId& id : removed)
    warn("member " + next.find(id)->address.toString() + " (" + id.toString() + ") is gone");
  removeMembers(next, removed);
  next.migrations.clear();  // planned anew
  orderedIn_.clear();
  done_.clear();
  if (const std::size_t orphans = fillOrphans(next, planSettings()); orphans > 0 && !removed.empty())
    warn(std::to_string(orphans) + " partitions lost all their copies and start empty");
  next.id = ViewId{epoch, 1, self().id};
  info("now master of " + next.clusterName + ", epoch " + std::to_string(epoch));
  publish(std::move(next));
}

}  // namespace ox::grid

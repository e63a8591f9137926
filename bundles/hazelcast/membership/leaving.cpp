// Graceful leave: the master lists the leaver, the planner moves everything away from it, the
// view without it lets it go. Bounded by leaveMillis.
#include <algorithm>

#include "membership/control_impl.h"

namespace ox::grid {

void ControlCore::Impl::leave(bool waitSafe) {
  if (left_ || (leaving_ && (waitSafe || !waitSafe_))) return;
  waitSafe_ = waitSafe;
  if (waitSafe) return waitUntilSafe();
  beginLeave(now() + settings_.leaveMillis);
}

// Copies of each partition (owner included) that the members staying without us can hold.
int ControlCore::Impl::copiesWithoutUs() const {
  ClusterView without = *view_;
  if (!isLeaving(without, self().id)) without.leaving.push_back(self().id);
  return copiesPossible(without, planSettings());
}

void ControlCore::Impl::waitUntilSafe() {
  if (!view_) return;  // joins first: its data, if any, is in the cluster then
  const int wanted = settings_.backupCopies + 1;
  const int possible = copiesWithoutUs();
  if (self().lite || possible >= wanted) return beginLeave(INT64_MAX);
  if (now() < waitToldAt_) return;
  waitToldAt_ = now() + kWaitTellMillis;
  warn("waiting to stop until it is safe: the other members can hold " +
       std::to_string(possible) + " of " + std::to_string(wanted) +
       " copies of each partition; start another full member, or stop without waiting");
}

void ControlCore::Impl::beginLeave(std::int64_t until) {
  leaveUntil_ = until;
  if (std::exchange(leaving_, true)) return;
  if (!started_ || !view_) return finishLeave("not in a cluster", 0);
  if (view_->members.size() == 1) return finishLeave("the only member", ownedPartitions());
  const int wanted = settings_.backupCopies + 1;
  if (const int possible = copiesWithoutUs(); !self().lite && possible < wanted) {
    const std::uint64_t entries = host_.ownedEntries();
    if (possible == 0)
      warn("this is the last full member: with it go its " + std::to_string(entries) + " entries");
    else
      info("without this member the cluster can hold " + std::to_string(possible) + " of " +
           std::to_string(wanted) + " copies of each partition; the " + std::to_string(entries) +
           " entries owned here are handed over and have fewer copies then");
  }
  if (isMaster()) leaveRequests_.insert(self().id);
  else if (Peer* master = linkedPeer(view_->id.master)) sendTo(*master, LeaveRequest{self().id});
}

std::size_t ControlCore::Impl::ownedPartitions() const {
  if (!view_) return 0;
  return static_cast<std::size_t>(
      std::count_if(view_->partitions.begin(), view_->partitions.end(), [&](const Replicas& r) {
        return r.count > 0 && r.at[0] == self().id;
      }));
}

void ControlCore::Impl::leaveTick() {
  if (waitSafe_ && !leaving_) waitUntilSafe();
  if (!leaving_ || left_) return;
  if (isMaster()) leaveRequests_.insert(self().id);  // also after becoming master meanwhile
  // Everybody else has gone meanwhile: who waits for safety waits for somebody new.
  if (view_->members.size() == 1 && !waitSafe_)
    return finishLeave("the only member", ownedPartitions());
  if (now() >= leaveUntil_) finishLeave("its time is over", ownedPartitions());
}

// Called on a view being made. Removes those who may go; `released` are told by that view.
bool ControlCore::Impl::releaseLeavers(ClusterView& next, std::vector<MemberId>& released) {
  bool changed = false;
  for (const MemberId& id : leaveRequests_)
    if (next.find(id) != nullptr && !isLeaving(next, id)) {
      next.leaving.push_back(id);
      changed = true;
    }
  leaveRequests_.clear();
  if (next.leaving.empty()) return changed;
  pruneMigrations(next);
  trim(next, planSettings());
  const bool nobodyStays = holders(next, planSettings()).empty();
  for (const MemberId& id : std::vector<MemberId>(next.leaving)) {
    const bool empty = holdsNothing(next, id);
    // Without anybody to hand over to the others go first; the master last, by itself.
    if (!empty && !(nobodyStays && id != self().id)) continue;
    if (!empty)
      warn("nobody is left to take over from " + next.find(id)->address.toString());
    released.push_back(id);
  }
  if (released.empty()) return changed;
  removeMembers(next, released);
  return true;
}

// The last view of a master is one without itself; the next one takes over with its own epoch.
void ControlCore::Impl::departAsMaster(ClusterView last) {
  if (const std::string wrong = last.validate(); !wrong.empty())
    return finishLeave("its last view is unsound: " + wrong, ownedPartitions());
  last_ = std::move(last);
  for (const Member& m : last_->members)
    if (Peer* peer = linkedPeer(m.id)) sendView(*peer);
}

void ControlCore::Impl::departTick() {
  bool all = true;
  for (const Member& m : last_->members) {
    const auto it = peers_.find(m.id);
    if (it == peers_.end() || detector_.suspected(m.id, now())) continue;
    Peer& peer = it->second;
    const bool knows = !(peer.acked < last_->id) ||
                       (peer.said && peer.said->state == MemberState::kJoined &&
                        !(peer.said->view < last_->id));
    if (knows) continue;
    all = false;
    if (peer.link == 0) dial(m.address);
    else if (now() - peer.viewSentAt >= settings_.heartbeatMillis / 2) sendView(peer);
  }
  if (all || now() >= leaveUntil_) letGo(*last_);
}

// A view without this member is the end of its leave. What it owned in its own last view is no
// measure of a loss: the view that lets it go may make the targets of the last moves owners. Lost
// is a partition whose next owner has neither a copy of it nor was getting one.
void ControlCore::Impl::letGo(const ClusterView& next) {
  std::size_t lost = 0;
  for (std::size_t p = 0; p < view_->partitions.size() && p < next.partitions.size(); ++p) {
    const Replicas& mine = view_->partitions[p];
    if (mine.count == 0 || mine.at[0] != self().id) continue;
    const MemberId owner = next.partitions[p].at[0];
    const bool copied =
        owner.valid() &&
        (mine.indexOf(owner) >= 0 ||
         std::any_of(view_->migrations.begin(), view_->migrations.end(), [&](const Migration& m) {
           return m.partition == p && m.target == owner;
         }));
    if (!copied) ++lost;
  }
  finishLeave(lost == 0 ? "everything handed over" : "nobody was there to take over", lost);
}

void ControlCore::Impl::finishLeave(const std::string& how, std::size_t notHandedOver) {
  if (left_) return;
  const std::uint64_t entries = host_.ownedEntries();
  if (notHandedOver > 0 && entries > 0)
    warn("left the cluster (" + how + ") with " + std::to_string(notHandedOver) +
         " partitions not handed over; up to " + std::to_string(entries) +
         " entries are lost unless a backup holds them");
  else
    info("left the cluster: " + how);
  left_ = true;
  view_ = nullptr;
  last_.reset();
  query_.reset();
  for (auto& [_, peer] : peers_)
    if (peer.link != 0) heartbeatTo(peer);
  for (const auto& [id, _] : std::exchange(links_, {})) host_.close(id);
  peers_.clear();
  outsiders_.clear();
  host_.left();
}

}  // namespace ox::grid

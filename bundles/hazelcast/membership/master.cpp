// The master makes views: removes the dead, admits, lets go, applies migrations, orders new ones.
//
// Removals are published at once. Everything else waits until all living members have installed
// the view before (bounded), so that a new master finds at most one view it did not know of.
#include <algorithm>

#include "base/check.h"
#include "membership/control_impl.h"

namespace ox::grid {

void ControlCore::Impl::masterTick() {
  // Somebody was promised to a newer epoch (a takeover that was given up): ask everybody again.
  std::uint64_t promised = promised_;
  for (const Member& m : view_->members)
    if (const auto it = peers_.find(m.id); it != peers_.end() && it->second.said)
      promised = std::max(promised, it->second.said->promisedEpoch);
  if (promised > view_->id.epoch && now() >= queryAt_) return beginQuery(promised + 1);

  const auto gone = dead();
  if (!gone) return;  // not master any more
  const std::vector<MemberId>& removed = *gone;
  if (removed.empty() && !allAcked()) return;
  // The same view with nothing new has nothing to plan.
  if (removed.empty() && idle_ == view_->id && joins_.empty() && leaveRequests_.empty() &&
      done_.empty() && commonProtocol(*view_) == view_->protocol)
    return;

  ClusterView next = *view_;
  bool changed = !removed.empty();
  for (const MemberId& id : removed) {
    const Member* m = next.find(id);
    warn("member " + m->address.toString() + " (" + id.toString() + ") is gone");
  }
  removeMembers(next, removed);
  const bool urgent = !removed.empty();
  std::vector<MemberId> released;
  if (!urgent || allAcked()) {
    changed = applyDone(next) || changed;
    changed = admit(next) || changed;
  }
  changed = releaseLeavers(next, released) || changed;
  if (next.members.empty()) return;
  changed = pruneMigrations(next) || changed;
  if (const std::size_t orphans = fillOrphans(next, planSettings()); orphans > 0) {
    changed = true;
    if (urgent)
      warn(std::to_string(orphans) + " partitions lost all their copies and start empty");
  }
  changed = trim(next, planSettings()) || changed;
  if (!urgent) {
    const std::vector<Migration> orders = plan(next, planSettings());
    for (const Migration& m : orders) next.migrations.push_back(m);
    changed = changed || !orders.empty();
  }
  const std::uint16_t spoken = commonProtocol(next);
  changed = changed || spoken != next.protocol;
  if (!changed) {
    idle_ = view_->id;
    return;
  }
  const bool selfReleased = next.find(self().id) == nullptr;
  std::vector<Peer*> farewell;
  for (const MemberId& id : released)
    if (Peer* peer = linkedPeer(id)) farewell.push_back(peer);
  if (selfReleased) {
    next.id.counter++;
    next.protocol = view_->protocol;
    for (Peer* peer : farewell) host_.send(peer->link, encodeViewFrame(next));
    return departAsMaster(std::move(next));
  }
  publish(std::move(next));
  // The view without them tells leavers that they may go.
  for (const MemberId& id : released)
    if (Peer* peer = linkedPeer(id)) sendView(*peer);
}

bool ControlCore::Impl::allAcked() const {
  if (now() - publishedAt_ > settings_.silenceMillis) return true;
  for (const Member& m : view_->members) {
    if (m.id == self().id || detector_.suspected(m.id, now())) continue;
    const auto it = peers_.find(m.id);
    if (it == peers_.end() || it->second.acked != view_->id) return false;
  }
  return true;
}

// In our view, but by its own word in another cluster or in none.
bool ControlCore::Impl::elsewhere(const MemberId& id) const {
  const auto it = peers_.find(id);
  if (it == peers_.end() || !it->second.said) return false;
  const Heartbeat& said = *it->second.said;
  if (said.state == MemberState::kJoined)
    return said.view.master != self().id && !said.youAreMember;
  // A joiner looks until its first view arrives; whoever had one before has left us.
  return it->second.acked.epoch != 0;
}

// Who must go now; none = this master has resigned.
std::optional<std::vector<MemberId>> ControlCore::Impl::dead() {
  std::vector<MemberId> list;
  std::vector<MemberId> doubtful;  // not heard here, but by another member
  bool reports = false;
  std::set<MemberId> former;  // whose process was started anew: that life is over at once
  for (const auto& [id, joiner] : joins_)
    if (const Member* m = memberAt(joiner.address); m != nullptr && m->id != id)
      former.insert(m->id);
  for (const Member& m : view_->members) {
    if (m.id == self().id) continue;
    if (detector_.isGone(m.id) || elsewhere(m.id)) {
      list.push_back(m.id);
      continue;
    }
    if (detector_.suspected(m.id, now())) {
      (heardByOthers(m.id) ? doubtful : list).push_back(m.id);
      continue;
    }
    if (const auto it = peers_.find(m.id); it != peers_.end() && it->second.said)
      reports = reports || !it->second.said->unheard.empty();
    if (former.count(m.id) != 0) list.push_back(m.id);
  }
  if (doubtful.empty() && !reports) {
    meshOut_.clear();
    return list;
  }
  if (!keepLargestMesh(list, doubtful)) return std::nullopt;
  return list;
}

bool ControlCore::Impl::admit(ClusterView& next) {
  bool changed = false;
  for (auto& [id, member] : std::exchange(joins_, {})) {
    if (next.find(id) != nullptr) continue;
    if (next.findAddress(member.address) != nullptr) {
      joins_[id] = member;  // the former life goes first (dead())
      continue;
    }
    if (next.members.size() >= ClusterView::kMaxMembers) {
      warn("member " + member.address.toString() + " refused: the cluster has its " +
           std::to_string(ClusterView::kMaxMembers) + " members");
      continue;
    }
    if (linkedPeer(id) == nullptr || !admissible(id, member.address)) continue;
    detector_.forget(id);
    peers_[id].acked = ViewId{};
    next.members.push_back(member);
    changed = true;
  }
  return changed;
}

bool ControlCore::Impl::applyDone(ClusterView& next) {
  bool changed = false;
  for (const MigrationDone& d : std::exchange(done_, {})) {
    const auto since = orderedIn_.find(d.migration.partition);
    if (since == orderedIn_.end() || d.view < since->second) continue;  // ordered anew meanwhile
    changed = applyMigration(next, d.migration, planSettings()) || changed;
  }
  return changed;
}

// Once per change, by the master; the others know what was told, should they become master. The
// first member of a cluster is no surprise; it is told when others come or have been there.
void ControlCore::Impl::tellMissingCopies(const ClusterView* before) {
  if (view_->members.size() == 1 && (before == nullptr || before->members.size() == 1)) return;
  const int wanted = settings_.backupCopies + 1;
  const int possible = copiesPossible(*view_, planSettings());
  const int told = possible >= wanted ? 0 : std::max(possible, 1);
  if (std::exchange(copiesTold_, told) == told || told == 0 || !isMaster()) return;
  std::set<std::string> groups;
  std::size_t full = 0;
  for (const Member& m : view_->members) {
    full += m.lite ? 0 : 1;
    if (const auto group = groupOf(m, planSettings())) groups.insert(*group);
  }
  warn(std::to_string(wanted) + " copies of each partition are configured, the " +
       std::to_string(full) + " full members in " + std::to_string(groups.size()) +
       " groups can hold " + std::to_string(possible));
}

// The highest protocol that every member of the view speaks, as far as links have told.
std::uint16_t ControlCore::Impl::commonProtocol(const ClusterView& view) const {
  std::uint16_t common = settings_.protocolMax;
  for (const Member& m : view.members) {
    if (m.id == self().id) continue;
    const auto it = peers_.find(m.id);
    common = std::min(common, it != peers_.end() ? it->second.info.protocol : view.protocol);
  }
  return common;
}

void ControlCore::Impl::publish(ClusterView next) {
  if (next.id == view_->id) next.id.counter++;
  next.protocol = commonProtocol(next);
  if (next.protocol != view_->protocol)
    host_.log(next.protocol < view_->protocol ? 1 : 0,
              "the cluster speaks member protocol " + std::to_string(next.protocol) +
                  " from now on, " + std::to_string(view_->protocol) + " before");
  std::map<std::uint16_t, ViewId> ordered;
  for (const Migration& m : next.migrations) {
    const auto before = std::find(view_->migrations.begin(), view_->migrations.end(), m);
    const auto since = orderedIn_.find(m.partition);
    const bool running = before != view_->migrations.end() && since != orderedIn_.end();
    ordered[m.partition] = running ? since->second : next.id;
  }
  orderedIn_ = std::move(ordered);
  const std::string wrong = next.validate();
  if (!wrong.empty()) host_.log(2, "refusing to publish an unsound view: " + wrong);
  OX_CHECK(wrong.empty());
  publishedAt_ = now();
  auto view = std::make_shared<const ClusterView>(std::move(next));
  const Bytes frame = encodeViewFrame(*view);
  for (const Member& m : view->members)
    if (Peer* peer = linkedPeer(m.id)) {
      peer->viewSentAt = now();
      host_.send(peer->link, frame);
    }
  install(std::move(view));
}

void ControlCore::Impl::sendView(Peer& peer) {
  if (peer.link == 0) return;
  peer.viewSentAt = now();
  host_.send(peer.link, encodeViewFrame(last_ ? *last_ : *view_));
}

void ControlCore::Impl::joinRequest(Peer& peer, const JoinRequest& request) {
  if (!isMaster() || query_ || last_) return;
  if (request.member.id != peer.info.id) return badFrame(peer.link, "join request of another id");
  if (request.partitionCount != static_cast<std::uint32_t>(settings_.partitionCount)) {
    warn("member " + request.member.address.toString() + " refused: its partition count is " +
         std::to_string(request.partitionCount) + ", ours is " +
         std::to_string(settings_.partitionCount));
    return;
  }
  if (view_->find(request.member.id) != nullptr) {
    // Asks again although we count it: either our view got lost or it was dissolved meanwhile.
    if (peer.acked.epoch == 0) return sendView(peer);
    return;  // elsewhere() removes it, then it is admitted anew
  }
  if (joins_.size() >= kMaxPending) return;
  joins_[request.member.id] = request.member;
  react();
}

void ControlCore::Impl::doneReport(Peer* from, const MigrationDone& report) {
  if (!isMaster() || query_ || done_.size() >= kMaxPending) return;
  const MemberId& reporter = from != nullptr ? from->info.id : self().id;
  if (report.migration.partition >= view_->partitions.size()) return;
  const auto since = orderedIn_.find(report.migration.partition);
  const bool ordered =
      since != orderedIn_.end() && !(report.view < since->second) &&
      std::find(view_->migrations.begin(), view_->migrations.end(), report.migration) !=
          view_->migrations.end();
  if (!ordered || view_->partitions[report.migration.partition].at[0] != reporter) return;
  done_.push_back(report);
}

void ControlCore::Impl::migrationDone(const ViewId& view, const Migration& migration) {
  if (!view_ || left_) return;
  const bool current = std::find(view_->migrations.begin(), view_->migrations.end(), migration) !=
                       view_->migrations.end();
  if (!current || reports_.size() >= kMaxPending) return;
  for (const MigrationDone& r : reports_)
    if (r.migration == migration) return;
  const MigrationDone report{view, migration};
  reports_.push_back(report);
  if (isMaster()) doneReport(nullptr, report);
  else if (Peer* master = linkedPeer(view_->id.master)) sendTo(*master, report);
}

}  // namespace ox::grid

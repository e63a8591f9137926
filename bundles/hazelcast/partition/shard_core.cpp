#include "partition/shard_core.h"

#include "base/check.h"
#include "partition/shard_impl.h"

namespace ox::grid {

ShardCore::ShardCore(ShardSettings settings, std::shared_ptr<const MapConfigs> maps, Clock& clock,
                     Random& random, ShardHost& host)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(maps), clock, random, host)) {}
ShardCore::~ShardCore() = default;
void ShardCore::tick() { impl_->tick(); }
void ShardCore::viewInstalled(const ViewPtr& view) { impl_->viewInstalled(view); }
void ShardCore::peerUp(const MemberId& member) { impl_->peerUp(member); }
void ShardCore::peerDown(const MemberId& member) { impl_->peerDown(member); }
void ShardCore::received(const MemberId& from, BytesView frame) { impl_->received(from, frame); }
void ShardCore::execute(const std::string& map, int partition, services::MapRequest request,
                        services::Completion<services::MapReply> done) {
  impl_->execute(map, partition, std::move(request), std::move(done));
}
void ShardCore::size(const std::string& map, services::Completion<std::uint64_t> done) {
  impl_->size(map, std::move(done));
}
void ShardCore::entries(const std::string& map, bool withValues,
                        services::Completion<std::vector<services::MapEntry>> done) {
  impl_->entries(map, withValues, std::move(done));
}
void ShardCore::clear(const std::string& map, services::Completion<std::uint64_t> done) {
  impl_->clear(map, std::move(done));
}
void ShardCore::setContainers(std::shared_ptr<const ContainerRegistry> registry) {
  OX_CHECK(registry != nullptr);
  impl_->registry_ = std::move(registry);
}
void ShardCore::invoke(const std::string& container, int partition, Bytes request,
                       std::int64_t waitMillis, services::Completion<Bytes> done) {
  impl_->invoke(container, partition, std::move(request), waitMillis, std::move(done));
}
void ShardCore::setTaskRun(TaskRun run) { impl_->tasks_.setRun(std::move(run)); }
void ShardCore::submitTask(const MemberId& to, int slot, const std::string& name, Bytes argument,
                           std::int64_t timeoutMillis, services::Completion<Bytes> done) {
  impl_->submitTask(to, slot, name, std::move(argument), timeoutMillis, std::move(done));
}
std::uint64_t ShardCore::containerBytes() const { return impl_->containerBytes(); }
services::MapStats ShardCore::localStats(const std::string& map) const {
  return impl_->localStats(map);
}
std::vector<std::string> ShardCore::mapNames() const { return impl_->mapNames(); }
void ShardCore::setTopicSinks(TopicSinkOf of) { impl_->topics_.setSinks(std::move(of)); }
void ShardCore::publish(const std::string& topic, int slot, Bytes payload) {
  impl_->publish(topic, slot, std::move(payload));
}
services::TopicStats ShardCore::topicStats(const std::string& topic) const {
  return impl_->topics_.stats(topic);
}
std::uint64_t ShardCore::badMessages() const { return impl_->badMessages_; }
std::uint64_t ShardCore::ownedEntries() const { return impl_->ownedEntries(); }
std::uint64_t ShardCore::unsyncedReplicas() const { return impl_->unsyncedReplicas(); }
void ShardCore::confirmed(const std::vector<std::uint64_t>& fences) { impl_->confirmed(fences); }
void ShardCore::keepEntriesForMerge() { impl_->keepEntriesForMerge(); }
void ShardCore::query(const std::string& map, Bytes query, bool paged,
                      services::Completion<QueryPart> done) {
  impl_->query(map, std::move(query), paged, std::move(done));
}
void ShardCore::process(const std::string& map, int partition, services::MapRequest request,
                        services::Completion<services::MapReply> done) {
  impl_->process(map, partition, std::move(request), std::move(done));
}
void ShardCore::setProcessors(std::shared_ptr<const EntryProcessors> processors) {
  impl_->processors_ = std::move(processors);
}
void ShardCore::setEntryEvents(EntryDeliver deliver) { impl_->entryDeliver_ = std::move(deliver); }
void ShardCore::listen(std::uint64_t id, const std::string& map, std::uint8_t flags,
                       Bytes predicate, services::Completion<bool> done) {
  impl_->listen(id, map, flags, std::move(predicate), std::move(done));
}
void ShardCore::unlisten(std::uint64_t id) { impl_->unlisten(id); }
std::uint64_t ShardCore::mergeBacklog() const { return impl_->mergeBacklog(); }
std::map<std::string, services::MergeStats> ShardCore::mergeStats() const {
  return impl_->mergedTotal_;
}
ShardFigures ShardCore::figures() const { return impl_->figures(); }
ShardFigures& ShardFigures::operator+=(const ShardFigures& o) {
  fences += o.fences;
  memoryRefused += o.memoryRefused;
  protectionRefused += o.protectionRefused;
  fewerCopies += o.fewerCopies;
  repairs += o.repairs;
  indeterminateRetries += o.indeterminateRetries;
  tombstones += o.tombstones;
  tombstonesDropped += o.tombstonesDropped;
  mergeKept += o.mergeKept;
  mergeDropped += o.mergeDropped;
  mergeReports += o.mergeReports;
  bytes += o.bytes;
  return *this;
}

using Impl = ShardCore::Impl;

Impl::Impl(ShardSettings settings, std::shared_ptr<const MapConfigs> maps, Clock& clock,
           Random& random, ShardHost& host)
    : tasks_(settings.self,
             [this](const MemberId& to, Bytes frame) { post(to, std::move(frame)); }),
      settings_(std::move(settings)),
      configs_(std::move(maps)),
      clock_(clock),
      random_(random),
      host_(host),
      hybrid_(settings_.self.hi ^ (settings_.self.lo * 0x9e3779b97f4a7c15ULL)),
      pace_(settings_.copyBytesPerSecond) {
  OX_CHECK(settings_.shardCount > 0 && settings_.shardIndex >= 0 &&
           settings_.shardIndex < settings_.shardCount);
  OX_CHECK(configs_ != nullptr);
  lastEntry_ = steady();
  lastEntryWall_ = wall();
}

Impl::~Impl() {
  if (!settings_.memory) return;
  settings_.memory->add(MemoryPool::kKept, -reported_[0]);
  settings_.memory->add(MemoryPool::kDiscardable, -reported_[1]);
}

ShardFigures Impl::figures() const {
  ShardFigures f = figures_;
  f.tombstones = tombstoneLog_.size();
  f.tombstonesDropped = tombstoneLog_.dropped();
  f.bytes = use_[0].bytes + use_[1].bytes + static_cast<std::int64_t>(tombstoneLog_.bytes());
  for (const auto& [_, s] : mergedTotal_) {
    f.mergeKept += s.kept();
    f.mergeDropped += s.dropped();
  }
  return f;
}

ShardCore::Impl::MapInfo* Impl::map(BytesView name) {
  const auto it = byName_.find(name);
  if (it != byName_.end()) return it->second.get();
  if (maps_.size() >= kMaxMaps) return nullptr;
  auto info = std::make_unique<MapInfo>();
  info->index = maps_.size();
  info->name = std::string(name);
  info->config = configs_->of(info->name);
  info->sync = std::clamp(info->config.backupCount, 0, kMaxReplicas - 1);
  info->copies = std::clamp(info->sync + info->config.asyncBackupCount, 0, kMaxReplicas - 1);
  MapInfo* raw = info.get();
  maps_.push_back(raw);
  byName_.emplace(raw->name, std::move(info));
  linkCompanions(*raw);
  return raw;
}

RecordStore& Impl::store(Replica& replica, std::size_t index) {
  if (replica.stores.size() <= index) replica.stores.resize(maps_.size());
  auto& slot = replica.stores[index];
  if (!slot)
    slot = std::make_unique<RecordStore>(
        &use_[static_cast<std::size_t>(poolOf(*maps_[index]))]);
  return *slot;
}

void Impl::post(const MemberId& to, Bytes frame) {
  if (up(to)) {
    host_.send(to, std::move(frame));
    return;
  }
  if (!view_ || view_->find(to) == nullptr) return;
  Parked& parked = parked_[to];
  if (parked.frames.size() >= kMaxParkedFrames || parked.bytes + frame.size() > kMaxParkedBytes)
    return;  // as lost with a link: callers send again, owners compare
  parked.bytes += frame.size();
  parked.frames.push_back(std::move(frame));
}

void Impl::emitReports() {
  auto reports = std::move(reports_);
  reports_.clear();
  for (const auto& [view, migration] : reports) host_.migrationDone(view, migration);
}

void Impl::bad(const MemberId& from, const std::string& why) {
  ++badMessages_;
  // One line per power of two, so that a flood of damage does not flood the log.
  if ((badMessages_ & (badMessages_ - 1)) == 0)
    host_.log(1, "refused message of member " + from.toString() + " (number " +
                     std::to_string(badMessages_) + "): " + why);
}

// --- views

void Impl::forgetPartitions(int newCount) {
  for (auto& p : partitions_) {
    if (!p) continue;
    if (p->owner) demote(*p, false);
  }
  partitions_.clear();
  partitionCount_ = newCount;
  const auto slots =
      static_cast<std::size_t>((newCount + settings_.shardCount - 1) / settings_.shardCount);
  partitions_.resize(slots);
  for (int n = settings_.shardIndex; n < newCount; n += settings_.shardCount) {
    auto p = std::make_unique<Partition>();
    p->number = n;
    partitions_[static_cast<std::size_t>(n / settings_.shardCount)] = std::move(p);
  }
}

void Impl::viewInstalled(const ViewPtr& view) {
  const Reporting reporting(*this);
  enter();
  formerView_ = view_ ? view_->id : ViewId{};
  view_ = view;
  fullMembers_ = 0;
  if (view_)
    for (const Member& member : view_->members) fullMembers_ += member.lite ? 0 : 1;
  const bool owned = !view_ || std::any_of(view_->partitions.begin(), view_->partitions.end(),
                                           [](const Replicas& r) { return r.count > 0; });
  if (owned) unownedSince_ = 0;
  else if (unownedSince_ == 0) unownedSince_ = steady();
  listenersView();
  if (!view_) {
    fenced_ = false;  // nothing is owned; the next view is a new one
    parkCalls([](const Call& c) { return c.inFlight; }, 0);
    parked_.clear();
    early_.clear();
    earlyBytes_ = 0;
    for (auto& p : partitions_) {
      if (!p) continue;
      if (p->owner) demote(*p, false);
      p->staged.reset();
      p->data.forget();
    }
    return;
  }
  if (view_->partitionCount() != partitionCount_) {
    parkCalls([](const Call& c) { return c.inFlight; }, 0);
    forgetPartitions(view_->partitionCount());
    // Calls of before the first view wait in no partition yet.
    for (auto& [counter, call] : calls_)
      if (Partition* p = partition(call->partition)) p->calls.waiting.push_back(counter);
  }
  absl::erase_if(parked_, [&](const auto& e) { return view_->find(e.first) == nullptr; });
  topics_.membersChanged([&](const MemberId& id) { return view_->find(id) != nullptr; });
  tasks_.membersChanged([&](const MemberId& id) { return view_->find(id) != nullptr; });
  for (auto& p : partitions_)
    if (p) applyView(*p, *view_);
  parkCalls(
      [&](const Call& c) {
        if (!c.inFlight) return false;
        const Replicas& r = view_->partitions[static_cast<std::size_t>(c.partition)];
        return r.count == 0 || r.at[0] != c.target;
      },
      0);
  replayEarly();
  for (auto& p : partitions_)
    if (p && !p->calls.waiting.empty()) flush(*p);
}

void Impl::applyView(Partition& p, const ClusterView& view) {
  const Replicas& replicas = view.partitions[static_cast<std::size_t>(p.number)];
  const bool owns = replicas.count > 0 && replicas.at[0] == settings_.self;
  bool listed = replicas.indexOf(settings_.self) >= 0;
  for (const Migration& m : view.migrations)
    if (m.partition == p.number && m.target == settings_.self) listed = true;
  if (p.staged && (replicas.count == 0 || replicas.at[0] != p.staged->from)) p.staged.reset();
  if (!owns) {
    if (p.refused.size() > view.members.size())
      absl::erase_if(p.refused, [&](const auto& e) { return view.find(e.first) == nullptr; });
    if (p.owner) demote(p, listed);
    if (!listed) {
      p.staged.reset();
      p.data.forget();
    }
    return;
  }
  absl::erase_if(p.refused, [&](const auto& e) { return view.find(e.first) == nullptr; });
  p.data.recent.dropCallers([&](const MemberId& id) { return view.find(id) == nullptr; });
  if (!p.owner) becomeOwner(p, view);
  refreshFollowers(p, view);
  p.membersChanged = true;
  // Only a view unfreezes: one that still orders the move keeps the partition frozen.
  if (p.frozen) {
    bool still = false;
    for (const auto& f : p.followers) still = still || (f.target && f.becomesOwner);
    if (!still) unfreeze(p);
  }
  settle(p);
}

void Impl::becomeOwner(Partition& p, const ClusterView& view) {
  const bool told = formerView_.counter != 0 && p.toldUnder == formerView_;
  p.toldUnder = {};
  p.staged.reset();
  p.owner = true;
  p.frozen = p.reported = false;
  // Writes that did not come along here make the lowest level incomplete.
  if (p.data.versions[0] < p.data.seqSeen)
    p.data.validFrom = std::max<std::uint8_t>(p.data.validFrom, 1);
  p.baseTerm = p.data.term;
  p.baseValidFrom = p.data.validFrom;
  Versions& v = p.data.versions;
  for (std::size_t level = 0; level < p.data.validFrom; ++level)
    v[level] = std::max(p.data.seqSeen, v[p.data.validFrom]);
  v[0] = std::max(v[0], p.data.seqSeen);
  p.baseVersions = v;
  p.data.term = view.id;
  p.data.termOwner = settings_.self;
  p.data.validFrom = 0;
  p.followers.clear();
  // p.refused stays: what follows an operation refused a moment ago must not overtake it.
  // Reads that the former owner did not tell of: nothing may expire earlier than there.
  for (auto& records : p.data.stores) {
    if (!records) continue;
    if (told) records->moveIdle(p.clockAhead);
    else records->restartIdle(wall());
  }
  containersOwned(p);
}

// No owner any more. Undrained writes are those of an ownership that was taken away, not handed
// over: other members' callers ask the new owner (same operation id), local ones cannot know.
void Impl::demote(Partition& p, bool listed) {
  if (p.owner) endFeatures(p);
  p.owner = false;
  p.frozen = p.reported = false;
  p.followers.clear();
  p.data.seqSeen = std::max(p.data.seqSeen, p.data.versions[0]);
  if (!listed) p.data.forget();
  std::vector<PendingWrite> writes;
  for (auto& queue : p.pending) {
    for (auto& w : queue) writes.push_back(std::move(w));
    queue.clear();
  }
  auto frozen = std::move(p.frozenQueue);
  p.frozenQueue.clear();
  for (auto& w : writes) {
    if (w.caller.valid())
      answer(p, std::move(w), Error(Code::kGridWrongTarget));
    else
      answer(p, std::move(w), Error(Code::kGridIndeterminate));
  }
  for (auto& [from, frame] : frozen) {
    ByteReader in(BytesView(frame).substr(kDataHeadBytes));
    if (auto message = OperationMessage::decode(in)) refuse(from, p, *message);
  }
  parkedElsewhere(p);
}

void Impl::replayEarly() {
  if (early_.empty()) return;
  auto frames = std::move(early_);
  early_.clear();
  earlyBytes_ = 0;
  for (auto& [from, frame] : frames) received(from, frame);
}

// --- links

void Impl::peerUp(const MemberId& member) {
  const Reporting reporting(*this);
  enter();
  up_.insert(member);
  if (const auto it = parked_.find(member); it != parked_.end()) {
    auto frames = std::move(it->second.frames);
    parked_.erase(it);
    for (auto& frame : frames) host_.send(member, std::move(frame));
  }
  for (auto& p : partitions_) {
    if (!p) continue;
    if (p->owner) {
      if (Follower* f = p->follower(member)) {
        f->untold = true;
        startCompare(*p, *f);
      }
      announceAgain(*p, member);
    }
    if (!p->calls.waiting.empty()) flush(*p);
  }
}

void Impl::peerDown(const MemberId& member) {
  const Reporting reporting(*this);
  enter();
  up_.erase(member);
  parked_.erase(member);
  tasks_.lost(member);
  for (auto& p : partitions_) {
    if (!p) continue;
    if (p->staged && p->staged->from == member) p->staged.reset();
    Follower* f = p->owner ? p->follower(member) : nullptr;
    if (f == nullptr) continue;
    f->endCopy();
    f->sync = Follower::Sync::kDown;
    f->round = ++p->rounds;
    f->progressAt = steady();
    settle(*p);
  }
  parkCalls([&](const Call& c) { return c.inFlight && c.target == member; }, 0);
}

void Impl::tick() {
  const Reporting reporting(*this);
  enter();
  const std::int64_t now = steady();
  reportMemory(true);
  pace_.tick(now);
  for (auto& p : partitions_)
    if (p && p->owner) ownerTick(*p, now);
  if (!fenced_) sweep(wall());
  touchesTick(now);
  containersTick(now);
  tombstoneLog_.sweep(now, settings_.tombstoneMillis);
  tasks_.tick(now);
  listenersTick(now);
  callsTick(now);
  pumpMerge();
  pumpContainerMerge();
}

void Impl::received(const MemberId& from, BytesView frame) {
  const Reporting reporting(*this);
  enter();
  if (frame.size() < kDataHeadBytes || frame.size() > kMaxFrameBytes)
    return bad(from, "frame size " + std::to_string(frame.size()));
  const auto kind = static_cast<Kind>(frame[0]);
  const int slot = (static_cast<std::uint8_t>(frame[1]) << 8) | static_cast<std::uint8_t>(frame[2]);
  if (!mine(slot)) return bad(from, "slot " + std::to_string(slot) + " is not of this shard");
  if (kind == Kind::kTopicMessage) {
    ByteReader in(frame.substr(kDataHeadBytes));
    auto message = TopicFrame::decode(in);
    if (!message) return bad(from, message.error().message);
    if (!topics_.received(from, *message)) bad(from, "topic message out of order or too many topics");
    return;
  }
  if (kind == Kind::kTask || kind == Kind::kTaskReply) return onTask(kind, from, slot, frame);
  Partition* p = partition(slot);
  if (p == nullptr) {
    // Before the first view; anything else is a lie about the partition count.
    if (view_) return bad(from, "partition " + std::to_string(slot) + " does not exist");
    if (kind == Kind::kOperation) {
      ByteReader in(frame.substr(kDataHeadBytes));
      auto message = OperationMessage::decode(in);
      if (!message) return bad(from, message.error().message);
      ReplyMessage r;
      r.counter = message->id.counter;
      r.stream = message->stream;
      r.status = ReplyStatus::kWrongTarget;
      host_.send(from, r.encode(static_cast<std::uint16_t>(slot)));
      return;
    }
    // Replication by an owner that knows a view which is still on its way to us.
    if (kind == Kind::kTouch) return;  // holds nothing that could have been read
    if (kind >= Kind::kBackup && kind <= Kind::kCopyChunk && kind != Kind::kBackupAck &&
        kind != Kind::kCompareReply) {
      early(from, ViewId{UINT64_MAX, 0, {}}, frame);
    }
    return;
  }
  switch (kind) {
    case Kind::kOperation: return onOperation(from, *p, frame);
    case Kind::kEntryEvent: return onEntryEvent(from, *p, frame);
    case Kind::kOperationReply: return onReply(from, *p, frame);
    case Kind::kBackup: return onBackup(from, *p, frame);
    case Kind::kTouch: return onTouch(from, *p, frame);
    case Kind::kCompare: return onCompare(from, *p, frame);
    case Kind::kCopyChunk: return onCopyChunk(from, *p, frame);
    case Kind::kBackupAck:
    case Kind::kCompareReply:
    case Kind::kCopyAck: return onAck(kind, from, *p, frame);
    default: return bad(from, "unknown kind " + std::to_string(static_cast<int>(kind)));
  }
}

void Impl::publish(const std::string& topic, int slot, Bytes payload) {
  Bytes frame = topics_.publish(settings_.self, topic, static_cast<std::uint16_t>(slot),
                                std::move(payload), wall());
  if (frame.empty()) {
    host_.log(1, "topic '" + topic.substr(0, 80) + "' refused: more than " +
                     std::to_string(Topics::kMaxTopics) + " topics");
    return;
  }
  if (!view_) return;
  const Member* before = nullptr;  // the last one takes the frame itself
  for (const Member& member : view_->members) {
    if (member.id == settings_.self) continue;
    if (before != nullptr) post(before->id, frame);
    before = &member;
  }
  if (before != nullptr) post(before->id, std::move(frame));
}

}  // namespace ox::grid

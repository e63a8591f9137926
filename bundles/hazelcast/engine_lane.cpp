#include "engine_lane.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"
#include "engine.h"

namespace ox::grid {

void logGrid(int level, const std::string& text) {
  if (level < 0) log::debug(text);
  else if (level == 0) log::info(text);
  else if (level == 1) log::warn(text);
  else log::error(text);
}

Lane::Lane(net::Shard& shard, ShardSettings settings, std::shared_ptr<const MapConfigs> maps,
           std::shared_ptr<const LinkContext> context, Clock& clock, Hooks hooks)
    : shard_(shard), settings_(settings), hooks_(std::move(hooks)),
      random_(secureRandom().next()) {
  core_ = std::make_unique<ShardCore>(settings, std::move(maps), clock, random_, *this);
  core_->setTopicSinks(hooks_.topicSink);
  core_->setEntryEvents(hooks_.entryEvent);
  if (hooks_.processors) core_->setProcessors(hooks_.processors);
  LaneLinks::Events events;
  events.peerUp = [this](const MemberId& id) {
    if (core_) core_->peerUp(id);
  };
  events.peerDown = [this](const MemberId& id) {
    if (core_) core_->peerDown(id);
  };
  events.frame = [this](const MemberId& from, BytesView f) { frame(from, f); };
  events.broken = hooks_.broken;
  links_ = std::make_shared<LaneLinks>(shard, settings.shardIndex, std::move(context),
                                       std::move(events));
}

void Lane::start(std::vector<std::weak_ptr<Lane>> all) {
  all_ = std::move(all);
  tick();
}

void Lane::tick() {
  if (!core_) return;
  core_->tick();
  backlog_ = links_->mostQueued();
  refreshFigures();
  shard_.runAfter(kLaneTickMillis, [self = shared_from_this()] { self->tick(); });
}

void Lane::refreshFigures() {
  owned_ = core_->ownedEntries();
  unsynced_ = core_->unsyncedReplicas();
  bad_ = core_->badMessages();
  std::lock_guard lock(figuresMutex_);
  const std::uint64_t reports = figures_.mergeReports;
  figures_ = core_->figures();
  if (figures_.mergeReports != reports) merges_ = core_->mergeStats();
}

void Lane::close(bool abruptly) {
  closed_ = true;
  links_->closeAll(abruptly);
  core_.reset();
  all_.clear();
}

bool Lane::run(std::function<void(ShardCore*)> work) {
  if (closed_) return false;
  if (shard_.onThisThread()) {
    work(core_.get());
    return true;
  }
  Posted posted;
  posted.work = std::move(work);
  return put(std::move(posted));
}

bool Lane::put(Posted posted) {
  if (posted_.fetch_add(1) >= kMaxPosted) {
    --posted_;
    return false;
  }
  bool wake = false;
  {
    std::lock_guard lock(inboxMutex_);
    inbox_.push_back(std::move(posted));
    wake = !std::exchange(draining_, true);
  }
  if (wake) shard_.post([self = shared_from_this()] { self->drain(); });
  return true;
}

void Lane::drain() {
  if (batchAt_ == batch_.size()) {
    batch_.clear();
    batchAt_ = 0;
    std::lock_guard lock(inboxMutex_);
    batch_.swap(inbox_);
  }
  const std::size_t end = std::min(batch_.size(), batchAt_ + kRunAtOnce);
  posted_ -= end - batchAt_;
  for (; batchAt_ < end; ++batchAt_) take(batch_[batchAt_]);
  backlog_ = links_->mostQueued();
  if (batchAt_ == batch_.size()) {
    std::lock_guard lock(inboxMutex_);
    if (inbox_.empty()) {
      draining_ = false;
      return;
    }
  }
  // The links come in between.
  shard_.post([self = shared_from_this()] { self->drain(); });
}

void Lane::take(Posted& posted) {
  if (posted.work) {
    posted.work(core_.get());
    posted.work = nullptr;
    return;
  }
  topicBytes_ -= posted.payload.size();
  if (core_) core_->publish(*posted.topic, posted.slot, std::move(posted.payload));
}

bool Lane::publish(const std::string* topic, int slot, Bytes payload) {
  if (closed_) return false;
  const std::size_t bytes = payload.size();
  const std::size_t waiting = topicBytes_ + backlog_;
  if (waiting != 0 && waiting + bytes > kMaxTopicBytes) return false;
  topicBytes_ += bytes;
  Posted posted;
  posted.topic = topic;
  posted.slot = slot;
  posted.payload = std::move(payload);
  if (shard_.onThisThread()) {
    take(posted);
    return true;
  }
  if (topicBytes_ > kGiveWayBytes || backlog_ > kGiveWayBacklog)
    std::this_thread::sleep_for(std::chrono::microseconds(kGiveWayMicros));
  const bool taken = put(std::move(posted));
  if (!taken) topicBytes_ -= bytes;
  return taken;
}

void Lane::post(std::function<void(Lane&)> work) {
  shard_.post([self = shared_from_this(), work = std::move(work)] {
    if (self->core_) work(*self);
  });
}

void Lane::send(const MemberId& to, Bytes frame) { links_->send(to, frame); }

void Lane::migrationDone(const ViewId& view, const Migration& migration) {
  hooks_.migrationDone(view, migration);
}

void Lane::log(int level, const std::string& text) { logGrid(level, text); }

void Lane::frame(const MemberId& from, BytesView frame) {
  const std::size_t slot = (std::size_t{static_cast<std::uint8_t>(frame[1])} << 8) |
                           static_cast<std::uint8_t>(frame[2]);
  const auto target = slot % static_cast<std::size_t>(settings_.shardCount);
  if (target == static_cast<std::size_t>(settings_.shardIndex)) return deliver(from, frame);
  // Another shard of ours: members may have different numbers of shards.
  if (target >= all_.size()) return;
  const auto lane = all_[target].lock();
  if (!lane) return;
  const std::size_t size = frame.size();
  if (lane->forwarded_.fetch_add(size) + size > kMaxForwardedBytes) pause();
  lane->shard_.post([lane, from, copy = Bytes(frame)] {
    lane->forwarded_ -= copy.size();
    lane->deliver(from, copy);
  });
}

void Lane::pause() {
  links_->pauseReading();
  if (paused_) return;
  paused_ = true;
  shard_.runAfter(kResumeMillis, [self = shared_from_this()] { self->resumeWhenRoom(); });
}

void Lane::resumeWhenRoom() {
  if (!core_) return;
  for (const auto& weak : all_) {
    const auto lane = weak.lock();
    if (!lane || lane->forwarded_ <= kMaxForwardedBytes / 2) continue;
    shard_.runAfter(kResumeMillis, [self = shared_from_this()] { self->resumeWhenRoom(); });
    return;
  }
  paused_ = false;
  links_->resumeReading();
}

void Lane::deliver(const MemberId& from, BytesView frame) {
  if (core_) core_->received(from, frame);
}

}  // namespace ox::grid

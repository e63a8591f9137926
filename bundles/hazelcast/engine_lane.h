// Lane: what the engine runs on one data shard: a ShardCore and the shard's data links.
//
// Threads:   start(), close() and everything marked so on the shard; post-like methods anywhere.
// Ownership: shared; tasks on the shard hold it, so that late ones find it closed, not gone.
// Bounds:    kMaxPosted operations posted by local callers; kMaxForwardedBytes between lanes;
//            kMaxTopicBytes of topic messages.
// Speed:     what callers post is collected; one wake-up of the shard takes all that waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "links_data.h"
#include "net/shard.h"
#include "partition/shard_core.h"

namespace ox::grid {

inline constexpr std::size_t kMaxForwardedBytes = std::size_t{64} << 20;
inline constexpr std::int64_t kResumeMillis = 2;  // how often a paused lane looks again
inline constexpr std::size_t kRunAtOnce = 1024;   // posted work between two looks at the links
// Topic messages that wait to be taken by the shard or by the slowest peer; below what a link
// queues (beyond that it would be closed), and above what a migration has on its way.
inline constexpr std::size_t kMaxTopicBytes = std::size_t{40} << 20;
// With more than this given and not yet taken by the shard, or written and not yet taken by the
// slowest peer, a publisher sleeps a little before it gives more: what waits stays in the processor's
// cache, is young when it arrives, and a shard on the same processor gets on.
inline constexpr std::size_t kGiveWayBytes = std::size_t{1} << 20;
inline constexpr std::size_t kGiveWayBacklog = std::size_t{4} << 20;
inline constexpr std::int64_t kGiveWayMicros = 50;

class Lane final : public ShardHost, public std::enable_shared_from_this<Lane> {
 public:
  struct Hooks {
    std::function<void(const ViewId&, const Migration&)> migrationDone;  // posts to control
    std::function<void(const MemberId&, std::uint64_t session)> broken;  // posts to control
    std::function<void(std::uint64_t fence)> paused;                     // posts to control
    ShardCore::TopicSinkOf topicSink;
    ShardCore::EntryDeliver entryEvent;
    std::shared_ptr<const EntryProcessors> processors;
  };
  Lane(net::Shard& shard, ShardSettings settings, std::shared_ptr<const MapConfigs> maps,
       std::shared_ptr<const LinkContext> context, Clock& clock, Hooks hooks);

  void start(std::vector<std::weak_ptr<Lane>> all);  // on the shard
  void close(bool abruptly);                         // on the shard; waiting callers are answered

  // Runs `work` with the core on the shard, at once when already there. False when too much
  // waits already or the lane is closed: then nothing runs and nothing is answered.
  bool run(std::function<void(ShardCore*)> work);   // core null = closed meanwhile
  // As run(), for a topic message; false also when too many bytes wait for peers.
  // `topic` lives until the lane is closed. A caller that is far ahead of the shard gives way first.
  bool publish(const std::string* topic, int slot, Bytes payload);
  // Links and views, from the control thread, never refused.
  void post(std::function<void(Lane&)> work);

  net::Shard& shard() { return shard_; }
  ShardCore* core() { return core_.get(); }         // on the shard
  LaneLinks& links() { return *links_; }            // on the shard
  std::uint64_t ownedEntries() const { return owned_; }
  std::uint64_t unsynced() const { return unsynced_; }
  std::uint64_t badMessages() const { return bad_; }
  ShardFigures figures() const {
    std::lock_guard lock(figuresMutex_);
    return figures_;
  }
  std::map<std::string, services::MergeStats> mergeStats() const {
    std::lock_guard lock(figuresMutex_);
    return merges_;
  }

  // ShardHost
  void send(const MemberId& to, Bytes frame) override;
  void migrationDone(const ViewId& view, const Migration& migration) override;
  void log(int level, const std::string& text) override;
  void paused(std::uint64_t fence) override { hooks_.paused(fence); }

 private:
  void tick();
  struct Posted {
    std::function<void(ShardCore*)> work;      // or
    const std::string* topic = nullptr;        // a message
    int slot = 0;
    Bytes payload;
  };
  bool put(Posted posted);
  void take(Posted& posted);
  void drain();
  void frame(const MemberId& from, BytesView frame);
  void deliver(const MemberId& from, BytesView frame);
  void refreshFigures();
  void pause();
  void resumeWhenRoom();

  net::Shard& shard_;
  const ShardSettings settings_;
  Hooks hooks_;
  SeededRandom random_;
  std::unique_ptr<ShardCore> core_;
  std::shared_ptr<LaneLinks> links_;
  std::vector<std::weak_ptr<Lane>> all_;
  std::atomic<bool> closed_{false};
  std::mutex inboxMutex_;
  std::vector<Posted> inbox_;  // under the mutex
  bool draining_ = false;      // under the mutex: a drain is posted
  std::vector<Posted> batch_;  // on the shard
  std::size_t batchAt_ = 0;
  std::atomic<std::size_t> posted_{0};
  std::atomic<std::size_t> topicBytes_{0};  // given and not yet taken by the shard
  std::atomic<std::size_t> backlog_{0};     // waits for the slowest peer, as last seen
  std::atomic<std::size_t> forwarded_{0};  // bytes other lanes have given us and we have not read
  bool paused_ = false;
  mutable std::mutex figuresMutex_;
  ShardFigures figures_;  // of the last tick
  std::map<std::string, services::MergeStats> merges_;
  std::atomic<std::uint64_t> owned_{0}, unsynced_{0}, bad_{0};
};

void logGrid(int level, const std::string& text);

}  // namespace ox::grid

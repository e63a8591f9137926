// Bridge: hears what changes on this node and has the older cluster told.
//
// Purpose:   events that come within windowMillis travel together; one visit at a time; a visit that
//            fails is repeated after a pause that grows, at most BridgeSettings::attempts in all. What
//            could not be delivered is an ERROR that names schemas and contexts, and is kept for the
//            report of the update run.
// Threads:   publish side (heard()), check(), settle(), counters() from any; visits on the shard.
//            stop() not on the shard; afterwards nothing of it runs.
// Bounds:    kMaxBatchKeys keys wait (batch.h), kMaxKept sentences are kept.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/gate.h"
#include "delivery.h"
#include "services/upgrade_bridge.h"

namespace ox::upgrade {

inline constexpr std::size_t kMaxKept = 1000;
inline constexpr std::int64_t kFirstPauseMillis = 500;  // then twice as long each time
inline constexpr std::int64_t kMaxPauseMillis = 10'000;

struct BridgeCounters {
  std::uint64_t visits = 0, delivered = 0, undelivered = 0, retries = 0, skipped = 0;
  std::int64_t lastMillis = -1;  // what the last successful visit took
};

class Bridge final : public services::UpgradeBridge, public std::enable_shared_from_this<Bridge> {
 public:
  // `answered` is called on the shard each time an older member has answered; `sender`: as whom
  // cache events are published, the same for the life of the bridge.
  static std::shared_ptr<Bridge> make(const LegacyLine& line, BridgeSettings settings,
                                      Surroundings around, std::string sender,
                                      std::function<void()> answered);

  void heard(const services::CacheEvent& event, bool fromRemote);
  // Connects, logs in, lists the members, leaves; nothing is published. Blocks.
  Outcome check();
  void stop();
  BridgeCounters counters() const;

  // services::UpgradeBridge
  std::string name() const override { return line_.package(); }
  std::uint64_t mark() const override;
  std::vector<std::string> settle(std::uint64_t mark, std::int64_t maxMillis) override;

 private:
  Bridge(const LegacyLine& line, BridgeSettings settings, Surroundings around, std::string sender,
         std::function<void()> answered);
  Surroundings guarded(Surroundings around);
  void next();                      // on the shard
  void visit();
  void visited(const Outcome& outcome);
  void ended();
  void giveUp(const Batch& batch, const std::string& why);

  const LegacyLine line_;
  const BridgeSettings settings_;
  Gate background_;  // tasks of ours on the workers
  const Surroundings around_;
  const std::function<void()> answered_;
  const std::string sender_;
  // On the shard.
  Batch current_;  // under way, or waiting for its next attempt
  int attempt_ = 0;
  std::shared_ptr<Delivery> delivery_, look_;
  std::size_t group_ = 0;  // that was taken last
  std::uint64_t pause_ = 0;
  std::atomic<bool> stopped_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Collector collector_;
  bool scheduled_ = false, visiting_ = false;
  std::string underWay_;
  std::deque<std::string> kept_;
  std::uint64_t firstKept_ = 0;  // number of kept_.front()
  BridgeCounters counters_;
};

}  // namespace ox::upgrade

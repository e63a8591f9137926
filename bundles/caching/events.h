// CacheEventsService: invalidations on this node and across the cluster.
//
// Purpose:   service "cache-events": local listeners at once, those of other nodes through a topic.
// Threads:   publish() and subscribe() from any. Local listeners run in the publisher's thread before
//            publish() returns; events of other nodes run on one thread of this service, in order.
// Ownership: a subscription ends when its object is destroyed; not from inside its own listener.
// Bounds:    kQueueLimit messages wait. Lost messages (queue full, gap in a publisher's sequence,
//            undecodable) are answered by clearing every region: a cache may be empty, never wrong.
// Source:    the original's cache event service and its topic handler (single topic).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "net/workers.h"
#include "services/cache_events.h"

namespace ox::caching {

inline constexpr const char* kTopicName = "cacheEvents-3";
inline constexpr std::size_t kQueueLimit = 10'000;
inline constexpr std::size_t kMaxSources = 1'000;  // publishers whose sequence is remembered

struct EventCounters {
  std::uint64_t published = 0;
  std::uint64_t publishFailures = 0;
  std::uint64_t received = 0;       // events of other nodes
  std::uint64_t undecodable = 0;
  std::uint64_t lostMessages = 0;   // gaps and full queue
  std::uint64_t clearedAll = 0;
};

class CacheEventsService final : public services::CacheEvents {
 public:
  // `topic` null = this node only.
  CacheEventsService(std::shared_ptr<services::GridTopic> topic, std::string senderId);
  ~CacheEventsService() override;

  void publish(const services::CacheEvent& event) override;
  [[nodiscard]] std::unique_ptr<services::Subscription> subscribe(
      const std::string& region, services::CacheListener listener) override;

  // Ends the subscription to the topic and delivers what waits.
  void stop();
  EventCounters counters() const;

 private:
  struct Entry;
  struct Listeners;  // shared with subscriptions, which may outlive the service
  class Ending;
  void onMessage(const services::TopicMessage& message);
  bool gapBefore(const services::TopicMessage& message);
  void handle(const services::TopicMessage& message, bool gap);
  void dispatch(const services::CacheEvent& event, bool fromRemote);
  void clearEverything();

  const std::shared_ptr<services::GridTopic> topic_;
  const std::string senderId_;
  const std::shared_ptr<Listeners> listeners_;
  std::mutex sequenceMutex_;
  std::map<std::string, std::uint64_t> lastSequence_;
  std::atomic<bool> queueWasFull_{false};
  std::atomic<std::uint64_t> published_{0}, publishFailures_{0}, received_{0}, undecodable_{0},
      lostMessages_{0}, clearedAll_{0};
  net::Workers remote_;
  std::unique_ptr<services::Subscription> subscription_;
};

}  // namespace ox::caching

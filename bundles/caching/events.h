// CacheEventsService: invalidations on this node and across the cluster.
//
// Purpose:   service "cache-events": local listeners at once, those of other nodes by a transport, and a
//            flush of all cluster-wide regions when something may have been missed.
// Threads:   publish() and subscribe() from any. Local listeners run in the publisher's thread before
//            publish() returns; events of other nodes run on one thread of this service, in order. A
//            ticker announces, and has that thread look for losses: while it is stuck, what is cached
//            is not trusted (trust).
// Ownership: a subscription ends when its object is destroyed; not from inside its own listener.
// Bounds:    kQueueLimit messages wait. A full queue and what cannot be decoded count as losses.
// Source:    the original's cache event service and its topic handler.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "event_receiver.h"
#include "event_sender.h"
#include "net/workers.h"
#include "services/cache_events.h"
#include "ticker.h"
#include "transport.h"

namespace ox::caching {

inline constexpr std::size_t kQueueLimit = 10'000;

struct EventCounters {
  std::uint64_t offered = 0;        // events for the other nodes, per topic
  std::uint64_t merged = 0;         // of them equal to one that waited
  std::uint64_t published = 0;      // messages
  std::uint64_t publishFailures = 0;
  std::uint64_t received = 0;       // events of other nodes
  std::uint64_t undecodable = 0;
  std::uint64_t lostMessages = 0;   // gaps and full queue
  std::uint64_t silent = 0;         // times a node's announcements were missed
  std::uint64_t clearedAll = 0;
};

struct EventSettings {
  std::string senderId;             // of PortableMessage
  std::uint64_t process = 1;        // of announcements
  int topicCount = 5;
  std::int64_t delayMillis = 0;
  std::int64_t announceMillis = 1'000;
  ReceiverSettings receiver;
  // Regions that are told to others; empty = all. What the flush clears beside subscribed regions.
  std::function<bool(const std::string& region)> clusterWide;
  std::function<std::vector<std::string>()> regions;
  // Until when cached values may be read (steady milliseconds).
  std::function<void(std::int64_t untilMillis)> trust;
};

class CacheEventsService final : public services::CacheEvents {
 public:
  // `transport` null = this node only.
  CacheEventsService(std::shared_ptr<EventTransport> transport, EventSettings settings,
                     Clock& clock = systemClock());
  ~CacheEventsService() override;

  void publish(const services::CacheEvent& event) override;
  [[nodiscard]] std::unique_ptr<services::Subscription> subscribe(
      const std::string& region, services::CacheListener listener) override;

  // To the listeners of this node only.
  void tellHere(const services::CacheEvent& event) { dispatch(event, false); }
  // Tells the others that this node ends, ends the transport and delivers what waits.
  void stop();
  EventCounters counters() const;
  // What the ticker does each time (tests call it).
  void tick();

 private:
  struct Entry;
  struct Listeners;  // shared with subscriptions, which may outlive the service
  class Ending;
  void send();
  void announce(bool ended);
  void queue(std::function<void()> work);
  void onMessage(const std::string& source, int topic, std::uint64_t number, const Bytes& payload);
  void onAnnouncement(const std::string& source, const Bytes& payload);
  void look();
  void dispatch(const services::CacheEvent& event, bool fromRemote);
  void flush(const std::string& why);

  const std::shared_ptr<EventTransport> transport_;
  const EventSettings settings_;
  Clock& clock_;
  const std::shared_ptr<Listeners> listeners_;

  mutable std::mutex sendMutex_;  // of the sender and the three below
  EventSender sender_;
  bool sending_ = false;  // somebody takes what is due; others only leave theirs
  std::int64_t announcedMillis_;
  std::uint64_t saidLosses_ = 0;

  EventReceiver receiver_;            // of the worker
  std::set<std::string> warnedOf_;    // sources with other settings; of the worker
  std::atomic<bool> queueWasFull_{false}, lookQueued_{false}, stopped_{false};
  std::atomic<std::uint64_t> published_{0}, publishFailures_{0}, received_{0}, undecodable_{0},
      lostMessages_{0}, clearedAll_{0}, gaps_{0}, silences_{0};
  net::Workers remote_;
  std::unique_ptr<Ticker> ticker_;
};

}  // namespace ox::caching

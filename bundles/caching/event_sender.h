// EventSender: the events of this node on their way out: which topic, merged, batched, numbered.
//
// Purpose:   pure logic of the sending side; the caller publishes what take() gives.
// Threads:   none of its own (a mutex of the caller).
// Topics:    per key: number of the context (or pool) modulo topicCount; without one, topic 0. An event
//            with keys of several topics becomes one event per topic.
// Batches:   what waits longer than the delay is due; up to two events of a topic are sent alone, more of
//            them in messages of up to kBatch. An event equal to a waiting one is not queued again.
// Bounds:    kMaxPending events wait; one more is a loss, which the next announcement tells.
// Source:    the original's cache event publisher (its delay is 5000 ms).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "announcement.h"
#include "wire.h"

namespace ox::caching {

inline constexpr std::size_t kMaxPending = 10'000;
inline constexpr std::size_t kBatch = 10;
inline constexpr std::size_t kSentAlone = 2;

struct Outgoing {
  int topic = 0;
  std::size_t events = 0;
  Bytes payload;
};

class EventSender {
 public:
  EventSender(std::string senderId, int topicCount, std::int64_t delayMillis, std::uint64_t process);

  // False = there was no room (a loss).
  bool offer(const services::CacheEvent& event, std::int64_t nowMillis);
  std::vector<Outgoing> take(std::int64_t nowMillis);
  bool empty() const { return waiting_.empty(); }
  // A message that take() gave reached nobody.
  void lost() { ++losses_; }
  // The number that our own message got in the topic's envelope.
  void numbered(int topic, std::uint64_t number);
  Announcement announcement() const;
  std::uint64_t merged() const { return merged_; }
  std::uint64_t offered() const { return offered_; }

 private:
  struct Waiting {
    int topic = 0;
    std::int64_t sinceMillis = 0;
    std::string identity;
    services::CacheEvent event;
  };
  bool queue(int topic, services::CacheEvent event, std::int64_t nowMillis);
  int topicOf(const services::CacheKey& key) const;

  const std::string senderId_;
  const int topicCount_;
  const std::int64_t delayMillis_;
  const std::uint64_t process_;
  std::deque<Waiting> waiting_;  // oldest first
  std::unordered_set<std::string> identities_;
  std::map<int, std::uint64_t> numbers_;
  std::uint64_t losses_ = 0, merged_ = 0, offered_ = 0;
};

}  // namespace ox::caching

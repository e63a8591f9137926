// HttpSessions: the HTTP sessions of this node, that is, the JSESSIONIDs it has handed out and that
// are still in use. Nothing is kept under an id but the time of its last use: it carries the route.
//
// Purpose: an id that this node has not issued (a former life of the node, an invented one) is not
//          carried on; the number of ids is bounded.
// Threads: any; striped locks.
// Units:   milliseconds of the steady clock.
// Bounds:  maxActive ids; beyond it the one unused longest is forgotten. Its client gets a new id
//          with the same route, so that nobody is refused and nothing is lost.
// Source:  com.openexchange.servlet.maxActiveSessions and .maxInactiveInterval of the original.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"

namespace ox::http {

class HttpSessions {
 public:
  // maxActive 0 = no limit; maxInactiveMillis < 0 = they never end by time.
  HttpSessions(std::size_t maxActive, std::int64_t maxInactiveMillis, Clock& clock);

  void add(std::uint64_t id);
  // True when the id is known; it counts as used now.
  bool use(std::uint64_t id);
  void remove(std::uint64_t id);

  std::size_t active() const;
  std::uint64_t created() const { return created_; }
  std::uint64_t dropped() const { return dropped_; }  // because of the limit

 private:
  static constexpr std::size_t kStripes = 16;
  struct Entry {
    std::uint64_t id;
    std::int64_t usedAt;
  };
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::list<Entry> byUse;  // the newest in front
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> byId;
  };
  Stripe& stripe(std::uint64_t id) { return stripes_[id % used_]; }
  bool tooOld(const Entry& entry, std::int64_t now) const;
  void dropLast(Stripe& s);

  const std::size_t used_;        // stripes; one when the limit is small, so that it is exact
  const std::size_t limit_;       // of one stripe; 0 = none
  const std::int64_t maxInactive_;
  Clock& clock_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::uint64_t> created_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace ox::http

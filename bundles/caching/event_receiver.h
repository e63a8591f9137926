// EventReceiver: decides when this node may have missed events of others, and must flush.
//
// Purpose:   pure logic; time and what was heard come in, a sentence comes out: why everything that is
//            cluster-wide must be flushed now. Nothing = nothing is missing.
// Threads:   none of its own (one thread of the caller).
// Promise:   when each answer is followed by a flush before anything is read again, and tick() is called
//            every kTickPart of the repair interval or reading stops (trustedUntil), then no value is
//            read later than the repair interval after a change of another node was published.
// How:       a gap in a source's numbers; numbers announced that do not arrive within a quarter of the
//            interval; announcements missing for half of it, then again in each half, because what
//            is loaded meanwhile may become stale as well; losses that a source tells of itself; a source
//            that is heard for the first time and has numbers already.
// Silence:   a source that said its end is forgotten at once, one whose address a new member has when
//            that one appears, one that left without a word after forgetMillis (a split that is longer
//            than this ends the promise), one that never announced anything after kProbation intervals.
// Bounds:    kMaxSources; beyond it the one that is silent longest is forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "announcement.h"

namespace ox::caching {

inline constexpr std::size_t kMaxSources = 1'000;
inline constexpr int kProbation = 6;
inline constexpr std::int64_t kTickPart = 4;

struct ReceiverSettings {
  std::int64_t repairMillis = 10'000;
  std::int64_t forgetMillis = 3'600'000;  // 0 = never
  std::int64_t silenceMillis() const { return repairMillis / 2; }
  std::int64_t graceMillis() const { return repairMillis / 4; }
};

struct EventSource {
  std::string id;
  std::string address;  // host:port, may be empty
};

class EventReceiver {
 public:
  using Reason = std::optional<std::string>;
  explicit EventReceiver(ReceiverSettings settings) : settings_(settings) {}

  // A message of another node, numbered by its source in this topic.
  Reason message(const std::string& source, int topic, std::uint64_t number, std::int64_t nowMillis);
  Reason announced(const std::string& source, const Announcement& said, std::int64_t nowMillis);
  // The other members of the cluster now.
  void members(const std::vector<EventSource>& others, std::int64_t nowMillis);
  Reason tick(std::int64_t nowMillis);
  // What is cached may be read until then, by the steady clock; ticks move it on.
  std::int64_t trustedUntil() const { return trustedUntil_; }

  std::uint64_t gaps() const { return gaps_; }
  std::uint64_t silences() const { return silences_; }
  std::size_t sources() const { return sources_.size(); }

 private:
  struct Topic {
    std::uint64_t heard = 0;
    std::uint64_t announced = 0;
    std::uint64_t awaited = 0;        // announced, not heard yet; 0 = nothing
    std::int64_t awaitedSince = 0;
  };
  struct Source {
    std::string address;
    std::map<int, Topic> topics;
    std::uint64_t process = 0;
    std::uint64_t losses = 0;
    bool spoken = false;     // has announced something
    bool ended = false;
    bool present = true;     // in the member list
    bool silent = false;
    std::int64_t sinceMillis = 0;      // first known
    std::int64_t announcedMillis = 0;  // last announcement, or sinceMillis
  };
  Source& source(const std::string& id, std::int64_t nowMillis);
  Reason lost(std::string why, std::int64_t nowMillis);
  bool forgotten(const Source& source, std::int64_t nowMillis) const;

  const ReceiverSettings settings_;
  std::map<std::string, Source> sources_;
  std::int64_t flushedMillis_ = INT64_MIN / 2;
  std::int64_t trustedUntil_ = INT64_MAX;
  std::uint64_t gaps_ = 0, silences_ = 0;
};

}  // namespace ox::caching

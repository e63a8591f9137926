// FailureDetector: who is believed dead, told the time.
//
// Picture:   a roll call. Everybody heard from lately is alive; long silence makes suspected; a
//            refused knock at the door ("nobody listens there") makes gone at once.
// How long:  learnt from the member's own heartbeats: mean and mean deviation of the time between
//            two of them (an accrual detector with a running estimate instead of a window).
//            Suspected after mean + kDeviations * deviation + kSpareBeats heartbeats, at least
//            kLeastBeats of them, at most `silenceMillis` (hazelcast.max.no.heartbeat.seconds),
//            which also holds until kLeastSamples have been seen. So a steady network notices
//            in less than half of the limit, and a slow one does not accuse.
// Own pause: when tick() itself comes much too late, this process stood still. Nobody else is
//            blamed: all clocks start anew, what was learnt stays, and the pause is reported.
// Threads:   one. Units: milliseconds of one monotonic clock.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>

#include "types.h"

namespace ox::grid {

class FailureDetector {
 public:
  static constexpr std::int64_t kDeviations = 8;
  static constexpr std::int64_t kSpareBeats = 3;
  static constexpr std::int64_t kLeastBeats = 4;
  static constexpr int kLeastSamples = 8;

  // Without `heartbeatMillis` nothing is learnt and silence alone decides.
  explicit FailureDetector(std::int64_t silenceMillis, std::int64_t heartbeatMillis = 0)
      : silence_(silenceMillis), heartbeat_(heartbeatMillis) {}

  // Nobody is suspected sooner than that after its last frame: a member that stood still for less
  // than half of it has lost nothing (ShardSettings::fenceMillis).
  static std::int64_t leastSilence(std::int64_t silenceMillis, std::int64_t heartbeatMillis) {
    return heartbeatMillis > 0 ? std::min(silenceMillis, kLeastBeats * heartbeatMillis)
                               : silenceMillis;
  }

  void watch(const MemberId& id, std::int64_t now) {
    oldest_ = watched_.empty() ? now : std::min(oldest_, now);
    watched_.try_emplace(id, Watch{now});
  }
  void forget(const MemberId& id) { watched_.erase(id); }
  // A frame came from the member. Takes back suspicion and "gone".
  void heard(const MemberId& id, std::int64_t now) {
    if (const auto it = watched_.find(id); it != watched_.end()) {
      it->second.lastHeard = now;
      it->second.gone = false;
    }
  }
  // ... and it was a heartbeat.
  void beat(const MemberId& id, std::int64_t now) {
    const auto it = watched_.find(id);
    if (it == watched_.end()) return;
    Watch& w = it->second;
    const std::int64_t gap = now - w.lastBeat;
    if (w.lastBeat >= 0 && gap >= heartbeat_ / 2) {  // answers out of turn teach nothing
      const auto sample = static_cast<double>(std::min(gap, silence_));
      const double off = w.samples == 0 ? 0 : sample - w.mean;
      w.mean = w.samples == 0 ? sample : w.mean + off / 8;
      w.deviation += ((off < 0 ? -off : off) - w.deviation) / 4;
      w.samples = std::min(w.samples + 1, kLeastSamples);
    }
    if (w.lastBeat < 0 || gap >= heartbeat_ / 2) w.lastBeat = now;
  }
  // Nobody listens at its address any more, or somebody else does.
  void gone(const MemberId& id) {
    if (const auto it = watched_.find(id); it != watched_.end()) it->second.gone = someGone_ = true;
  }
  // Whether any member is gone or was silent for longer than that. Cheap while none is: asked for
  // each heartbeat sent, it looks at everybody only as often as `silence` passes.
  bool anySilent(std::int64_t silence, std::int64_t now) const {
    if (!someGone_ && now - oldest_ <= silence) return false;
    someGone_ = false;
    oldest_ = now;
    for (const auto& [_, watch] : watched_) {
      oldest_ = std::min(oldest_, watch.lastHeard);
      someGone_ = someGone_ || watch.gone;
    }
    return someGone_ || now - oldest_ > silence;
  }
  bool isGone(const MemberId& id) const {
    const auto it = watched_.find(id);
    return it != watched_.end() && it->second.gone;
  }
  bool suspected(const MemberId& id, std::int64_t now) const {
    const auto it = watched_.find(id);
    return it != watched_.end() &&
           (it->second.gone || now - it->second.lastHeard > limit(it->second));
  }
  // Silence after which the member is suspected.
  std::int64_t limitOf(const MemberId& id) const {
    const auto it = watched_.find(id);
    return it == watched_.end() ? silence_ : limit(it->second);
  }
  std::int64_t silentFor(const MemberId& id, std::int64_t now) const {
    const auto it = watched_.find(id);
    return it == watched_.end() ? 0 : now - it->second.lastHeard;
  }
  // Standing still longer than that is a pause.
  std::int64_t ownPause() const {
    return heartbeat_ > 0 ? std::min(silence_ / 2, 2 * heartbeat_) : silence_ / 2;
  }
  // Call regularly. Returns the length of a pause of our own, else 0.
  std::int64_t tick(std::int64_t now) {
    const std::int64_t gap = ticked_ ? now - lastTick_ : 0;
    ticked_ = true;
    lastTick_ = now;
    if (gap <= ownPause()) return 0;
    for (auto& [_, watch] : watched_) {
      watch.lastHeard = now;
      watch.lastBeat = -1;
    }
    return gap;
  }

 private:
  struct Watch {
    std::int64_t lastHeard = 0;
    std::int64_t lastBeat = -1;  // -1 = none yet, or a pause of ours lies between
    double mean = 0;
    double deviation = 0;
    int samples = 0;
    bool gone = false;
  };
  std::int64_t limit(const Watch& w) const {
    if (heartbeat_ <= 0 || w.samples < kLeastSamples) return silence_;
    const auto learnt = static_cast<std::int64_t>(w.mean + kDeviations * w.deviation);
    return std::min(silence_,
                    std::max(kLeastBeats * heartbeat_, learnt + kSpareBeats * heartbeat_));
  }

  std::int64_t silence_;
  std::int64_t heartbeat_;
  std::int64_t lastTick_ = 0;
  bool ticked_ = false;
  mutable std::int64_t oldest_ = 0;  // nobody was last heard before that
  mutable bool someGone_ = false;    // perhaps
  absl::flat_hash_map<MemberId, Watch, std::hash<MemberId>> watched_;
};

}  // namespace ox::grid

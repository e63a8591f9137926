// FailureDetector: who is believed dead, told the time.
//
// Picture:   a roll call. Everybody heard from lately is alive; long silence makes suspected; a
//            refused knock at the door ("nobody listens there") makes gone at once.
// Own pause: when tick() itself comes much too late, this process stood still. Nobody else is
//            blamed: all clocks start anew and the pause is reported.
// Threads:   one. Units: milliseconds of one monotonic clock.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "types.h"

namespace ox::grid {

class FailureDetector {
 public:
  explicit FailureDetector(std::int64_t silenceMillis) : silence_(silenceMillis) {}

  void watch(const MemberId& id, std::int64_t now) { watched_.try_emplace(id, Watch{now, false}); }
  void forget(const MemberId& id) { watched_.erase(id); }
  // A frame came from the member. Takes back suspicion and "gone".
  void heard(const MemberId& id, std::int64_t now) {
    if (const auto it = watched_.find(id); it != watched_.end()) it->second = Watch{now, false};
  }
  // Nobody listens at its address any more, or somebody else does.
  void gone(const MemberId& id) {
    if (const auto it = watched_.find(id); it != watched_.end()) it->second.gone = true;
  }
  bool isGone(const MemberId& id) const {
    const auto it = watched_.find(id);
    return it != watched_.end() && it->second.gone;
  }
  bool suspected(const MemberId& id, std::int64_t now) const {
    const auto it = watched_.find(id);
    return it != watched_.end() && (it->second.gone || now - it->second.lastHeard > silence_);
  }
  std::int64_t silentFor(const MemberId& id, std::int64_t now) const {
    const auto it = watched_.find(id);
    return it == watched_.end() ? 0 : now - it->second.lastHeard;
  }
  // Call regularly. Returns the length of a pause of our own, else 0.
  std::int64_t tick(std::int64_t now) {
    const std::int64_t gap = ticked_ ? now - lastTick_ : 0;
    ticked_ = true;
    lastTick_ = now;
    if (gap <= silence_ / 2) return 0;
    for (auto& [_, watch] : watched_) watch.lastHeard = now;
    return gap;
  }

 private:
  struct Watch {
    std::int64_t lastHeard = 0;
    bool gone = false;
  };
  std::int64_t silence_;
  std::int64_t lastTick_ = 0;
  bool ticked_ = false;
  std::unordered_map<MemberId, Watch> watched_;
};

}  // namespace ox::grid

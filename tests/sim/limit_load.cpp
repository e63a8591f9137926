// Limits: what is refused is refused with its error, what was acknowledged stays.
//
// Commands: protected fill (whole cluster) | protected check (each cluster by itself: one below the
//           map's minimum refuses everything, another serves) | protected judge (settled: what was
//           acknowledged last is there) | memory fill (write until members refuse) | memory check
//           (all that was acknowledged is there, and can be replaced by as much) | memory free
//           (removals work, and make room)
#include <algorithm>
#include <optional>

#include "side_load.h"

namespace ox::sim {
namespace {

using services::MapOp;
constexpr int kProtectedKeys = 10;
constexpr std::size_t kValueBytes = 1000;
constexpr int kRefusals = 20;
constexpr int kMostWrites = 5000;
constexpr Micros kRestLimit = 600 * kSecond;
constexpr const char* kMemoryMap = "work";

class Limits final : public SideLoad {
 public:
  Limits(World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  std::string command(const Words& words) override {
    const std::string what =
        words.size() < 2 ? std::string() : words[0] + " " + words[1];
    if (what == "protected fill") return fillProtected();
    if (what == "protected check") return checkProtected();
    if (what == "protected judge") return judgeProtected();
    if (what == "memory fill") return fill();
    if (what == "memory check") return check();
    if (what == "memory free") return free();
    return "limits protected fill|check|judge or limits memory fill|check|free";
  }

 private:
  SimMember& anybody() {
    const auto living = world_.living();
    return *living[random_.below(living.size())];
  }
  std::string fresh() { return "v" + std::to_string(++next_) + "-"; }

  std::string fillProtected() {
    for (int k = 0; k < kProtectedKeys; ++k)
      if (std::string wrong = setProtected(anybody(), "p-" + std::to_string(k)); !wrong.empty())
        return wrong;
    return {};
  }
  std::string setProtected(SimMember& member, const std::string& key) {
    const std::string value = fresh();
    const MapAnswer r = askNow(world_, member, kProtectedMap, MapOp::kSet, key, value);
    if (!r) return "protected: " + key + ": " + r.error().toString();
    protected_[key] = value;
    return {};
  }
  static std::string wantRefusal(const MapAnswer& r, const std::string& what) {
    if (r) return "protected: " + what + " succeeded below the map's minimum cluster size";
    if (r.error().code != Code::kGridTooFewMembers)
      return "protected: " + what + " failed with " + r.error().toString();
    return {};
  }

  std::string checkProtected() {
    if (!world_.run(kRestLimit, [&] { return atRest(world_); }))
      return "protected: the halves do not come to rest";
    bool small = false, large = false;
    for (const auto& [master, members] : clusters(world_)) {
      const bool serves = static_cast<int>(members.size()) >= world_.tunables.minClusterSize;
      (serves ? large : small) = true;
      for (SimMember* m : members)
        for (int k = 0; k < kProtectedKeys; ++k) {
          const std::string key = "p-" + std::to_string(k);
          std::string wrong;
          if (serves) {
            wrong = setProtected(*m, key);
          } else {
            wrong = wantRefusal(askNow(world_, *m, kProtectedMap, MapOp::kSet, key, fresh()),
                                "a write");
            if (wrong.empty())
              wrong = wantRefusal(askNow(world_, *m, kProtectedMap, MapOp::kGet, key), "a read");
          }
          if (!wrong.empty()) return wrong + " at " + m->address.toString();
          // A map without a minimum works in every half.
          const MapAnswer r = askNow(world_, *m, kMemoryMap, MapOp::kGet, key);
          if (!r) return "an unprotected map: " + r.error().toString();
        }
    }
    return small && large ? std::string() : "protected: not one half on each side of the minimum";
  }

  std::string judgeProtected() {
    for (const auto& [key, value] : protected_) {
      const MapAnswer r = askNow(world_, anybody(), kProtectedMap, MapOp::kGet, key);
      if (!r) return "protected: " + key + ": " + r.error().toString();
      if (r->value != value)
        return "protected: " + key + " is " + r->value.value_or("gone") + " instead of " + value;
    }
    return {};
  }

  std::string value() { return fresh() + std::string(kValueBytes, 'x'); }

  std::string fill() {
    int refused = 0;
    for (int n = 0; n < kMostWrites && refused < kRefusals; ++n) {
      const std::string key = "m-" + std::to_string(++lastKey_);
      const std::string v = value();
      const MapAnswer r = askNow(world_, anybody(), kMemoryMap, MapOp::kSet, key, v);
      if (r) {
        kept_[key] = v;
        continue;
      }
      if (r.error().code != Code::kGridMemory)
        return "memory: " + key + " failed with " + r.error().toString();
      ++refused;
      // A refused write has left nothing behind.
      const MapAnswer there = askNow(world_, anybody(), kMemoryMap, MapOp::kGet, key);
      if (!there || there->value) return "memory: the refused " + key + " is there";
    }
    if (refused < kRefusals)
      return "memory: " + std::to_string(kept_.size()) + " entries and hardly a refusal";
    return kept_.size() < 20 ? "memory: hardly anything was taken" : std::string();
  }

  std::string check() {
    int n = 0;
    for (auto& [key, v] : kept_) {
      const MapAnswer r = askNow(world_, anybody(), kMemoryMap, MapOp::kGet, key);
      if (!r) return "memory: " + key + ": " + r.error().toString();
      if (r->value != v)
        return "memory: the acknowledged " + key + (r->value ? " is another" : " is gone");
      if (++n % 10 != 0) continue;
      std::string again = value();  // as long, give or take its number
      again.resize(v.size(), 'x');
      const MapAnswer w = askNow(world_, anybody(), kMemoryMap, MapOp::kSet, key, again);
      if (!w) return "memory: as much in place of " + key + ": " + w.error().toString();
      v = again;
    }
    return {};
  }

  std::string free() {
    for (auto it = kept_.begin(); it != kept_.end();) {
      if (random_.below(2) == 0) {
        ++it;
        continue;
      }
      const MapAnswer r = askNow(world_, anybody(), kMemoryMap, MapOp::kRemove, it->first);
      if (!r || !r->applied)
        return "memory: removing " + it->first + ": " + (r ? "it was gone" : r.error().toString());
      it = kept_.erase(it);
    }
    const std::size_t before = kept_.size();
    if (std::string wrong = fill(); !wrong.empty()) return wrong;
    return kept_.size() < before + 10 ? "memory: removals made no room" : std::string();
  }

  World& world_;
  SeededRandom random_;
  std::uint64_t next_ = 0, lastKey_ = 0;
  std::map<std::string, std::string> protected_, kept_;
};

}  // namespace

std::unique_ptr<SideLoad> makeLimits(World& world, std::uint64_t seed) {
  return std::make_unique<Limits>(world, seed);
}

}  // namespace ox::sim

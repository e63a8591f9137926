// Discovery whose answers change, as names with one address per member do: who starts and who ends
// shows late, an answer may be a part only, tell of somebody gone, or fail.
//
// Commands: on (every member, also later ones, asks now and then) | off | forget (the living know no
//           address any more but those they have seen)
#include <algorithm>

#include "side_load.h"

namespace ox::sim {
namespace {

constexpr std::uint64_t kSlowestAnswer = 3000;  // ms between two questions of a member, at most

struct Names : std::enable_shared_from_this<Names> {
  Names(World& w, std::uint64_t seed) : world(w), random(seed) {
    everyMillis = 200 + static_cast<std::int64_t>(random.below(kSlowestAnswer - 200));
  }
  World& world;
  SeededRandom random;
  bool running = false;
  std::int64_t everyMillis = 0;
  std::map<MemberId, Micros> due;
  std::vector<Address> former;  // the answer of the last round: what a stale cache gives

  void round() {
    if (!running) return;
    std::vector<Address> now;
    for (SimMember* m : world.living()) now.push_back(m->address);
    for (SimMember* m : world.living()) {
      Micros& at = due[m->id];
      if (at == 0)
        at = world.now() + static_cast<Micros>(random.below(
                               static_cast<std::uint64_t>(everyMillis))) * kMillisecond;
      if (world.now() < at) continue;
      at = world.now() + everyMillis * kMillisecond;
      answer(*m, now);
    }
    if (random.below(10) == 0) former = now;
    world.after(50 * kMillisecond, [self = shared_from_this()] { self->round(); });
  }
  void answer(SimMember& m, std::vector<Address> list) {
    switch (random.below(5)) {
      case 0:
        return;  // no answer: what is known stays
      case 1:
        list = former;
        break;
      case 2:  // as many as fit one packet
        for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random.below(i)]);
        list.resize((list.size() + 1) / 2);
        break;
      default:
        break;
    }
    m.control().setCandidates(std::move(list));
  }
};

class DiscoveryLoad final : public SideLoad {
 public:
  DiscoveryLoad(World& world, std::uint64_t seed)
      : names_(std::make_shared<Names>(world, seed)) {}
  std::string command(const Words& words) override {
    const std::string what = words.empty() ? std::string() : words[0];
    if (what == "forget") {
      names_->running = false;
      for (SimMember* m : names_->world.living()) m->control().setCandidates({});
      return {};
    }
    if (what != "on" && what != "off") return "discovery on|off|forget";
    const bool on = what == "on";
    if (std::exchange(names_->running, on) != on && on) names_->round();
    return {};
  }

 private:
  std::shared_ptr<Names> names_;
};

}  // namespace

std::unique_ptr<SideLoad> makeDiscovery(World& world, std::uint64_t seed) {
  return std::make_unique<DiscoveryLoad>(world, seed);
}

}  // namespace ox::sim

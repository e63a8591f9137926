// Entry listeners as caches use them: each member keeps a copy of a map from its events and reads
// the keys of a partition anew when it is told of a gap. Such a copy must be what the member reads.
//
// Commands: on | off | judge (nothing is on its way any more: whole cluster, or each half by itself)
#include <algorithm>
#include <optional>

#include "side_load.h"

namespace ox::sim {
namespace {

using services::EntryEventType;
using services::MapOp;
constexpr int kKeys = 16;
constexpr int kClients = 4;
constexpr std::uint64_t kListener = 2;
constexpr Micros kDrain = 120 * kSecond;
constexpr Micros kQuiet = 6 * kSecond;  // marks of the owners, and what they lead to
constexpr const char* kMap = "listened";

struct State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}
  struct Copy {
    std::map<std::string, std::optional<Bytes>> values;
    std::map<std::string, std::uint64_t> changed;  // number of the event that came last
    std::uint64_t events = 0, gaps = 0;
  };

  World& world;
  SeededRandom random;
  bool running = false;
  std::size_t outstanding = 0;
  std::uint64_t next = 0, written = 0;
  std::map<MemberId, Copy> copies;

  static std::string key(std::uint64_t i) { return "listened-" + std::to_string(i); }
  int partition(const std::string& name) const {
    return partitionOf(name, world.tunables.partitions);
  }

  void start() {
    if (std::exchange(running, true)) return;
    world.onEntry = [weak = weak_from_this()](SimMember& m, std::uint64_t id,
                                              const services::EntryEvent& e) {
      if (const auto self = weak.lock(); self && id == kListener) self->hear(m, e);
    };
    for (SimMember* m : world.living())
      if (copies.emplace(m->id, Copy()).second) {
        m->data().listen(kListener, kMap);
        readAnew(*m, -1);
      }
    for (int i = 0; i < kClients; ++i) later();
  }
  void later() {
    world.after(static_cast<Micros>(random.below(60 * kMillisecond)) + 1,
                [self = shared_from_this()] { self->client(); });
  }
  // An answer, or the end of the process that was asked; `end` is called once.
  void watch(const MemberId& member, const std::shared_ptr<bool>& over) {
    world.after(100 * kMillisecond, [self = shared_from_this(), member, over] {
      if (*over) return;
      if (SimMember* m = self->world.find(member); m == nullptr || !m->alive) {
        *over = true;
        --self->outstanding;
        return;
      }
      self->watch(member, over);
    });
  }
  void ask(SimMember& m, MapOp op, const std::string& name,
           std::function<void(const MapAnswer&)> then) {
    services::MapRequest request;
    request.op = op;
    request.key = name;
    if (op == MapOp::kSet) request.value = "v" + std::to_string(++next);
    ++outstanding;
    auto over = std::make_shared<bool>(false);
    watch(m.id, over);
    m.data().execute(kMap, std::move(request),
                     [self = shared_from_this(), over, then = std::move(then)](const MapAnswer& r) {
                       if (std::exchange(*over, true)) return;
                       --self->outstanding;
                       then(r);
                     });
  }
  void client() {
    if (!running) return;
    later();
    std::vector<SimMember*> joined;
    for (SimMember* m : world.living())
      if (m->view()) joined.push_back(m);
    if (joined.empty()) return;
    const MapOp op = random.below(5) == 0 ? MapOp::kRemove : MapOp::kSet;
    ask(*joined[random.below(joined.size())], op, key(random.below(kKeys)),
        [this](const MapAnswer& r) { written += r ? 1 : 0; });
  }

  void hear(SimMember& m, const services::EntryEvent& e) {
    Copy& copy = copies[m.id];
    if (e.type == EntryEventType::kGap) {
      ++copy.gaps;
      // Not from within the core that tells.
      world.post(m.id, 1, [self = shared_from_this(), p = e.partition](SimMember& member) {
        self->readAnew(member, p);
      });
      return;
    }
    copy.changed[e.key] = ++copy.events;
    const bool there = e.type == EntryEventType::kAdded || e.type == EntryEventType::kUpdated ||
                       e.type == EntryEventType::kMerged;
    copy.values[e.key] = there ? e.value : std::nullopt;
  }
  // What an event has told meanwhile is newer. -1 = all partitions. What cannot be read now is
  // read again.
  void readAnew(SimMember& m, int which) {
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const std::string name = key(i);
      if (which >= 0 && partition(name) != which) continue;
      readKey(m, name);
    }
  }
  void readKey(SimMember& m, const std::string& name) {
    const std::uint64_t before = copies[m.id].changed[name];
    ask(m, MapOp::kGet, name, [this, id = m.id, name, before](const MapAnswer& r) {
      Copy& copy = copies[id];
      if (copy.changed[name] != before) return;
      if (r) {
        copy.values[name] = r->value;
        return;
      }
      ++outstanding;
      world.after(100 * kMillisecond, [self = shared_from_this(), id, name] {
        --self->outstanding;
        SimMember* again = self->world.find(id);
        if (again != nullptr && again->alive) self->readKey(*again, name);
      });
    });
  }

  bool drained() {
    return world.run(kDrain, [&] { return outstanding == 0; });
  }
  std::string judge() {
    world.run(kQuiet, [] { return false; });
    if (!drained()) return "listeners: reads are never answered";
    if (written < 20) return "listeners: hardly anything was written";
    for (SimMember* m : world.living()) {
      const auto it = copies.find(m->id);
      if (it == copies.end()) continue;
      if (it->second.events == 0) return "listeners: " + m->address.toString() + " hears nothing";
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        const std::string name = key(i);
        const MapAnswer r = askNow(world, *m, kMap, MapOp::kGet, name);
        if (!r) return "listeners: " + name + ": " + r.error().toString();
        const auto& known = it->second.values[name];
        if (r->value != known)
          return "listeners: " + m->address.toString() + " believes that " + name + " is " +
                 known.value_or("nothing") + ", it is " + r->value.value_or("nothing") +
                 " (partition " + std::to_string(partition(name)) + "), and was told of no gap";
      }
    }
    return {};
  }
};

class Listeners final : public SideLoad {
 public:
  Listeners(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}
  std::string command(const Words& words) override {
    const std::string what = words.empty() ? std::string() : words[0];
    if (what == "on") {
      state_->start();
    } else if (what == "off") {
      state_->running = false;
      if (!state_->drained()) return "listeners: operations are never answered";
    } else if (what == "judge") {
      return state_->judge();
    } else {
      return "listeners on|off|judge";
    }
    return {};
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makeListeners(World& world, std::uint64_t seed) {
  return std::make_unique<Listeners>(world, seed);
}

}  // namespace ox::sim

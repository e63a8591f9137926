#include "cache_load.h"

#include <algorithm>

#include "cache_node.h"

namespace ox::sim {

std::string judgeAge(const std::vector<Micros>& changes, std::uint64_t read, Micros now, Micros most) {
  if (read > changes.size() || (read > 0 && changes[read - 1] > now))
    return "value " + std::to_string(read) + " was never made";
  if (read == changes.size()) return {};
  const Micros age = now - changes[read];  // since the next value was made
  if (age <= most) return {};
  return "value " + std::to_string(read) + " was read " + std::to_string(age / 1000) +
         " ms after it had been changed";
}

namespace {

constexpr std::int32_t kKeys = 40;
constexpr Micros kReadPause = 20 * kMillisecond;    // at most, per member
constexpr Micros kChangePause = 200 * kMillisecond;  // at most, of all together
constexpr Micros kOldest = kSimRepairMillis * kMillisecond;
constexpr Micros kQuietOldest = kSecond;

struct State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  World& world;
  SeededRandom random;
  bool running = false;
  bool hooked = false;
  std::uint64_t dropPercent = 0;
  std::map<MemberId, std::unique_ptr<CacheNode>> nodes;
  std::vector<std::vector<Micros>> database{static_cast<std::size_t>(kKeys)};
  std::string failed;
  Micros oldest = 0;
  std::size_t reads = 0, hits = 0, changes = 0, dropped = 0;

  // Other loads listen to the world as well.
  void hook() {
    if (std::exchange(hooked, true)) return;
    world.onTopic = [before = world.onTopic, weak = weak_from_this()](
                        SimMember& m, const std::string& topic, const services::TopicMessage& message) {
      if (before) before(m, topic, message);
      const auto self = weak.lock();
      if (!self || !CacheNode::listens(topic)) return;
      if (!message.local && self->random.below(100) < self->dropPercent) {
        ++self->dropped;
        return;
      }
      if (CacheNode* const node = self->node(m)) node->onTopic(topic, message);
    };
    world.onInstalled = [before = world.onInstalled, weak = weak_from_this()](SimMember& m,
                                                                             const ViewPtr& view) {
      if (before) before(m, view);
      const auto self = weak.lock();
      if (!self || !self->running) return;
      if (CacheNode* const node = self->node(m)) node->membersChanged();
    };
  }
  CacheNode* node(SimMember& m) {
    if (!running && !nodes.contains(m.id)) return nullptr;
    auto& slot = nodes[m.id];
    if (!slot) {
      slot = std::make_unique<CacheNode>(world, m, random.next());
      slot->start();
      readLater(m.id);
    }
    return slot.get();
  }
  void on(std::uint64_t percent) {
    dropPercent = percent;
    hook();
    running = true;
    for (SimMember* m : world.living()) node(*m);
    changeLater();
  }
  void readLater(const MemberId& id) {
    world.post(id, static_cast<Micros>(random.below(kReadPause)) + 1,
               [weak = weak_from_this(), id](SimMember& m) {
                 const auto self = weak.lock();
                 if (!self) return;
                 if (self->running) self->read(m);
                 self->readLater(id);
               });
  }
  void read(SimMember& m) {
    const auto key = static_cast<std::int32_t>(random.below(kKeys));
    const auto& made = database[static_cast<std::size_t>(key)];
    bool loaded = false;
    const auto value = nodes[m.id]->region().getOrLoad(services::flatKey(key + 1), [&] {
      loaded = true;
      return Result<Bytes>(std::to_string(made.size()));
    });
    ++reads;
    if (!loaded) ++hits;
    const std::uint64_t number = std::stoull(value.value());
    if (number < made.size()) oldest = std::max(oldest, world.now() - made[number]);
    const std::string wrong = judgeAge(made, number, world.now(), kOldest);
    if (!wrong.empty() && failed.empty())
      failed = m.address.toString() + ": key " + std::to_string(key) + ": " + wrong + " at " +
               std::to_string(world.now() / 1000) + " ms";
  }
  void changeLater() {
    world.after(static_cast<Micros>(random.below(kChangePause)) + 1, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self || !self->running) return;
      self->change();
      self->changeLater();
    });
  }
  void change() {
    const auto living = world.living();
    if (living.empty()) return;
    SimMember& m = *living[random.below(living.size())];
    CacheNode* const here = node(m);
    const auto key = static_cast<std::int32_t>(random.below(kKeys));
    database[static_cast<std::size_t>(key)].push_back(world.now());
    here->changed(key + 1);
    ++changes;
  }
  std::uint64_t flushes() const {
    std::uint64_t all = 0;
    for (const auto& [_, node] : nodes) all += node->flushes();
    return all;
  }
  std::string judge(const std::string& how) {
    if (!failed.empty()) return failed;
    const std::string figures = std::to_string(reads) + " reads, " + std::to_string(hits) + " hits, " +
                                std::to_string(changes) + " changes, " + std::to_string(dropped) +
                                " messages dropped, " + std::to_string(flushes()) +
                                " flushes, oldest read " + std::to_string(oldest / 1000) + " ms";
    world.note("caches: " + figures);
    if (reads == 0 || changes == 0 || hits * 5 < reads) return "the caches were hardly used: " + figures;
    if (how == "flushed" && flushes() == 0) return "nothing was flushed: " + figures;
    if (how == "quiet" && (flushes() != 0 || oldest > kQuietOldest))
      return "flushed or old without need: " + figures;
    return {};
  }
};

class CacheLoad final : public SideLoad {
 public:
  CacheLoad(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}

  std::string command(const Words& words) override {
    State& s = *state_;
    const std::string word = words.empty() ? std::string() : words[0];
    if (word == "on") {
      s.on(words.size() == 3 && words[1] == "drop" ? std::stoull(words[2]) : 0);
    } else if (word == "off") {
      s.running = false;
    } else if (word == "judge") {
      return s.judge(words.size() > 1 ? words[1] : std::string());
    } else {
      return "caches on [drop P]|off|judge [flushed|quiet]";
    }
    return s.failed;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makeCaches(World& world, std::uint64_t seed) {
  return std::make_unique<CacheLoad>(world, seed);
}

}  // namespace ox::sim

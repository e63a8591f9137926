#include "feature_load.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "data_side.h"
#include "map/locks.h"

namespace ox::sim {
namespace {
constexpr int kKeys = 12;
constexpr int kClients = 6;
constexpr std::uint64_t kListener = 1;
constexpr Micros kDrain = 120 * kSecond;
constexpr const char* kMap = "work";
constexpr const char* kLocks = "@lock:work";
}  // namespace

struct FeatureLoad::State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  struct Run {  // one use of the processor
    std::string key, mark;
    Micros begun = 0;
    bool acknowledged = false;
  };
  struct Heard {
    Micros since = 0;  // registered everywhere
    std::map<std::string, std::vector<std::string>> values;  // by key, in order
    std::map<int, Micros> lastGap;                           // by partition
  };
  struct Holder {
    MemberId member;
    std::uint32_t token = 0;
  };

  World& world;
  SeededRandom random;
  bool running = false;
  bool judgeLocks = true;
  std::size_t outstanding = 0;
  std::uint64_t next = 0;
  std::vector<Run> runs;
  std::map<std::string, std::optional<Bytes>> final;
  std::map<MemberId, Heard> heard;
  std::map<std::string, Holder> holders;
  std::size_t granted = 0;
  std::size_t outside = 0;  // writes without the lock that were acknowledged
  std::string failed;

  static std::string key(std::uint64_t i) { return "feature-" + std::to_string(i); }
  SimMember* anybody() {
    std::vector<SimMember*> joined;
    for (SimMember* m : world.living())
      if (m->view()) joined.push_back(m);
    return joined.empty() ? nullptr : joined[random.below(joined.size())];
  }
  void later(Micros most, void (State::*what)()) {
    world.after(static_cast<Micros>(random.below(static_cast<std::uint64_t>(most))) + 1,
                [self = shared_from_this(), what] { (self.get()->*what)(); });
  }
  // An answer, or the end of the process that was asked; `end` is called once.
  void watch(const MemberId& member, const std::shared_ptr<bool>& over, std::function<void()> end) {
    world.after(100 * kMillisecond, [self = shared_from_this(), member, over, end] {
      if (*over) return;
      if (SimMember* m = self->world.find(member); m == nullptr || !m->alive) {
        *over = true;
        return end();
      }
      self->watch(member, over, end);
    });
  }

  void client() {
    if (!running) return;
    SimMember* m = anybody();
    if (m == nullptr) return later(20 * kMillisecond, &State::client);
    if (random.below(3) == 0) return lock(*m);
    if (random.below(4) == 0) return writeLocked(*m);
    const std::size_t number = runs.size();
    Run run;
    run.key = key(random.below(kKeys));
    run.mark = "<" + std::to_string(++next) + ">";
    run.begun = world.now();
    runs.push_back(run);
    ++outstanding;
    auto over = std::make_shared<bool>(false);
    const auto end = [self = shared_from_this(), number](bool ok) {
      --self->outstanding;
      self->runs[number].acknowledged = ok;
      self->later(20 * kMillisecond, &State::client);
    };
    watch(m->id, over, [end] { end(false); });
    m->data().process(kMap, run.key, run.mark, [over, end](const Result<services::MapReply>& r) {
      if (!std::exchange(*over, true)) end(r.ok());
    });
  }

  std::string lockName() { return "lock-" + std::to_string(random.below(3)); }
  // A write without the lock: it waits for whoever holds it.
  void writeLocked(SimMember& m) {
    ++outstanding;
    auto over = std::make_shared<bool>(false);
    const auto end = [self = shared_from_this()](bool ok) {
      --self->outstanding;
      self->outside += ok ? 1 : 0;
      self->later(20 * kMillisecond, &State::client);
    };
    watch(m.id, over, [end] { end(false); });
    services::MapRequest request;
    request.op = services::MapOp::kSet;
    request.key = lockName();
    request.value = "outside";
    m.data().execute(kMap, std::move(request), [over, end](const Result<services::MapReply>& r) {
      if (!std::exchange(*over, true)) end(r.ok());
    });
  }

  void lock(SimMember& m) {
    const std::string name = lockName();
    const auto token = static_cast<std::uint32_t>(++next);
    ++outstanding;
    auto over = std::make_shared<bool>(false);
    const MemberId id = m.id;
    const auto end = [self = shared_from_this(), name, token, id](bool ok) {
      --self->outstanding;
      if (ok) self->hold(name, {id, token});
      self->later(20 * kMillisecond, &State::client);
    };
    watch(id, over, [end] { end(false); });
    m.data().invoke(kLocks, partitionOf(name, world.tunables.partitions),
                    grid::encodeLock(grid::LockOp::kLock, name, token, 0), 500,
                    [over, end](const Result<Bytes>& r) {
                      if (!std::exchange(*over, true)) end(r.ok());
                    });
  }
  void hold(const std::string& name, Holder mine) {
    const auto it = holders.find(name);
    if (judgeLocks && it != holders.end()) {
      const SimMember* other = world.find(it->second.member);
      // A member that the others hold for dead has lost its locks, and learns it later.
      const bool counted = other != nullptr && other->alive && other->view() &&
                           everybodySees(it->second.member);
      if (counted && failed.empty())
        failed = name + " is held twice at " + std::to_string(world.now() / 1000) + " ms";
    }
    holders[name] = mine;
    ++granted;
    useLock(name, mine);
  }
  // Writes under the lock, looks a while later whether that still stands, gives the lock back.
  void useLock(const std::string& name, const Holder& mine) {
    const auto back = [self = shared_from_this(), name, mine] { self->release(name, mine); };
    SimMember* m = world.find(mine.member);
    if (m == nullptr || !m->alive) return;
    services::MapRequest request;
    request.op = services::MapOp::kSet;
    request.key = name;
    request.value = "token " + std::to_string(mine.token);
    request.lockToken = mine.token;
    m->data().execute(
        kMap, request, [self = shared_from_this(), name, mine, back](const auto& written) {
          if (!written) return back();
          self->world.after(static_cast<Micros>(self->random.below(30 * kMillisecond)) + 1,
                            [self, name, mine, back] { self->lookAtLocked(name, mine, back); });
        });
  }
  void lookAtLocked(const std::string& name, const Holder& mine, std::function<void()> back) {
    SimMember* m = world.find(mine.member);
    if (m == nullptr || !m->alive) return;
    services::MapRequest request;
    request.key = name;
    m->data().execute(kMap, request,
                      [self = shared_from_this(), name, mine, back](const auto& read) {
                        const std::string wanted = "token " + std::to_string(mine.token);
                        if (read && read->value != wanted && self->judgeLocks &&
                            self->everybodySees(mine.member) && self->failed.empty())
                          self->failed = name + ": '" + read->value.value_or("nothing") +
                                         "' was written while " + wanted + " held it";
                        back();
                      });
  }
  bool everybodySees(const MemberId& id) {
    for (SimMember* m : world.living())
      if (!m->view() || m->view()->find(id) == nullptr) return false;
    return true;
  }
  void release(const std::string& name, const Holder& mine) {
    // From the moment it asks it holds nothing any more.
    if (const auto it = holders.find(name);
        it != holders.end() && it->second.member == mine.member && it->second.token == mine.token)
      holders.erase(it);
    SimMember* m = world.find(mine.member);
    if (m == nullptr || !m->alive) return;
    m->data().invoke(kLocks, partitionOf(name, world.tunables.partitions),
                     grid::encodeLock(grid::LockOp::kUnlock, name, mine.token, 0), 0,
                     [self = shared_from_this(), name, mine](const Result<Bytes>& r) {
                       if (!r && r.error().retryable && self->running)
                         self->release(name, mine);
                     });
  }

  void start() {
    if (std::exchange(running, true)) return;
    world.onEntry = [weak = weak_from_this()](SimMember& m, std::uint64_t,
                                              const services::EntryEvent& e) {
      if (const auto self = weak.lock()) self->hear(m, e);
    };
    for (SimMember* m : world.living()) {
      m->data().listen(kListener, kMap);
      heard[m->id].since = world.now() + 3 * kSecond;
    }
    for (int i = 0; i < kClients; ++i) later(20 * kMillisecond, &State::client);
  }
  void hear(SimMember& m, const services::EntryEvent& e) {
    Heard& h = heard[m.id];
    if (e.type == services::EntryEventType::kGap) h.lastGap[e.partition] = world.now();
    else if (e.key.starts_with("feature-") && e.value) h.values[e.key].push_back(*e.value);
  }

  void readAll() {
    for (int i = 0; i < kKeys; ++i) {
      const std::string name = key(static_cast<std::uint64_t>(i));
      SimMember* m = anybody();
      if (m == nullptr) continue;
      ++outstanding;
      services::MapRequest request;
      request.key = name;
      m->data().execute(kMap, std::move(request),
                        [self = shared_from_this(), name](Result<services::MapReply> r) {
                          --self->outstanding;
                          if (r) self->final[name] = r->value;
                          else if (self->failed.empty())
                            self->failed = "the last read of " + name + " failed";
                        });
    }
  }

  static std::string tail(const std::string& text) {
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 24));
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  }
  std::string judge() {
    if (!failed.empty()) return failed;
    std::size_t good = 0;
    for (const Run& run : runs) {
      good += run.acknowledged ? 1 : 0;
      const std::size_t times = count(final[run.key].value_or(""), run.mark);
      if (times > 1 || (times == 0 && run.acknowledged))
        return "the processor's run " + run.mark + " on " + run.key + " is there " +
               std::to_string(times) + " times" + (run.acknowledged ? ", acknowledged" : "");
    }
    if (good < 20 || granted < 5 || outside < 5) return "the features were nearly not used";
    for (SimMember* m : world.living()) {
      const auto it = heard.find(m->id);
      if (it == heard.end()) continue;
      if (std::string wrong = judgeHeard(it->second); !wrong.empty())
        return m->address.toString() + ": " + wrong;
    }
    return {};
  }
  std::string judgeHeard(const Heard& h) const {
    std::size_t told = 0;
    for (const Run& run : runs) {
      const auto values = h.values.find(run.key);
      const auto gap = h.lastGap.find(partitionOf(run.key, world.tunables.partitions));
      bool seen = false;
      if (values != h.values.end())
        for (const auto& v : values->second) seen = seen || v.ends_with(run.mark);
      told += seen ? 1 : 0;
      if (seen || !run.acknowledged || run.begun < h.since) continue;
      if (gap == h.lastGap.end() || gap->second < run.begun)
        return "never heard of " + run.mark + " on " + run.key + " of " +
               std::to_string(run.begun / 1000) + " ms, and of no gap";
    }
    // Values only grow: one that is no beginning of the next came late, or a crash undid what it
    // told. A gap excuses neither, because a copy is left of all that was told.
    for (const auto& [name, list] : h.values) {
      for (std::size_t i = 1; i < list.size(); ++i)
        if (list[i].size() <= list[i - 1].size() || !list[i].starts_with(list[i - 1]))
          return name + " was heard out of order: ..." + tail(list[i - 1]) + ", then ..." +
                 tail(list[i]);
      if (const auto last = final.find(name);
          last == final.end() || !last->second.value_or("").starts_with(list.back()))
        return name + " was heard to be ..." + tail(list.back()) + ", which did not stay";
    }
    return told > 0 ? std::string() : "heard nothing at all";
  }
};

FeatureLoad::FeatureLoad(World& world, std::uint64_t seed)
    : state_(std::make_shared<State>(world, seed)) {}
FeatureLoad::~FeatureLoad() = default;

std::string FeatureLoad::command(const std::string& word) {
  State& s = *state_;
  const auto drained = [&] {
    return s.world.run(kDrain, [&] { return s.outstanding == 0; });
  };
  if (word == "on") s.start();
  else if (word == "locks-loose") s.judgeLocks = false;
  else if (word == "off") {
    s.running = false;
    if (!drained()) return "features: operations are never answered";
  } else if (word == "judge") {
    s.world.run(3 * kSecond, [] { return false; });  // what is on the way, and marks
    s.readAll();
    if (!drained()) return "features: the last reads are never answered";
    return s.judge();
  } else {
    return "features " + word + "?";
  }
  return {};
}

}  // namespace ox::sim

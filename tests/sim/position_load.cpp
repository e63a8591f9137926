// Contexts written through any member and read through any other from a replica that is behind, stopped or
// quick, by the daemon's own ReplicaPositions.
//
// Judged:   who takes the replica gets all that was answered before its read began. A change whose number not
//           every member can have heard of waits for the replica, as in the daemon; what was answered
//           without (the replica was too far behind) is counted, not judged.
// Commands: on | off | writes on|off | rest | replica quick|slow|stopped | judge [strict]; strict: nothing was
//           answered that way; rest: until the members trust the grid again.
#include "position_load.h"

#include <deque>

#include "replica_positions.h"
#include "side_load.h"
#include "sim_map.h"

namespace ox::sim {

std::string judgeReplica(std::int64_t replica, std::int64_t answered) {
  if (replica >= answered) return {};
  return "a replica at " + std::to_string(replica) + " was read after change " +
         std::to_string(answered) + " had been answered";
}

namespace {

using database::ReplicaPositions;
using database::Wanted;

constexpr std::int32_t kContexts = 12;
constexpr int kWriters = 5;
constexpr int kReaders = 12;
constexpr Micros kWritePause = 600 * kMillisecond;  // at most
constexpr Micros kReadPause = 120 * kMillisecond;
constexpr Micros kStatement = 2 * kMillisecond;     // at most, of a database
constexpr Micros kTick = 200 * kMillisecond;
constexpr Micros kDrain = 200 * kSecond;
// As in replication_monitor.h.
constexpr Micros kAsk = 250 * kMillisecond;
constexpr Micros kAnnounce = kSecond;
constexpr Micros kCatchUp = 2 * kSecond;
constexpr Micros kLook = 10 * kMillisecond;

// One master and one replica that applies its changes in order, later.
class Databases {
 public:
  std::int64_t raise(std::int32_t context, Micros now) {
    const std::int64_t number = ++master_[context];
    const Micros earliest = log_.empty() ? now : log_.back().at;
    log_.push_back({std::max(earliest, now + lag), context, number});
    return number;
  }
  std::int64_t master(std::int32_t context) { return master_[context]; }
  std::int64_t replica(std::int32_t context, Micros now) {
    while (!stopped && !log_.empty() && log_.front().at <= now) {
      replica_[log_.front().context] = log_.front().number;
      log_.pop_front();
    }
    return replica_[context];
  }
  Micros lag = kMillisecond;
  bool stopped = false;

 private:
  struct Change {
    Micros at;
    std::int32_t context;
    std::int64_t number;
  };
  std::deque<Change> log_;
  std::map<std::int32_t, std::int64_t> master_, replica_;
};

struct State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  World& world;
  SeededRandom random;
  bool running = false;
  bool writing = true;
  int clients = 0;
  Databases databases;
  std::map<MemberId, std::shared_ptr<ReplicaPositions>> nodes;
  std::map<std::int32_t, std::int64_t> answered;
  std::string failed;
  std::size_t writes = 0, unsure = 0, unconfirmed = 0, byGrid = 0, byMaster = 0, behind = 0;

  Micros below(Micros most) {
    return static_cast<Micros>(random.below(static_cast<std::uint64_t>(most))) + 1;
  }
  std::int32_t someContext() { return static_cast<std::int32_t>(random.below(kContexts)); }
  SimMember* somebody() {
    const auto living = world.living();
    return living.empty() ? nullptr : living[random.below(living.size())];
  }
  ReplicaPositions& node(SimMember& m) {
    auto& slot = nodes[m.id];
    if (!slot) {
      database::PositionSettings settings;
      settings.settleMillis = settleMillis();
      slot = std::make_shared<ReplicaPositions>(makeSimMap(world, m.id, database::kPositionsMap),
                                                m.clock, settings);
      tick(m.id);
    }
    return *slot;
  }
  std::int64_t settleMillis() const { return 4 * world.tunables.silenceMillis + 5'000; }
  // As PositionLink does it.
  void tick(const MemberId& member) {
    world.post(member, kTick, [self = shared_from_this()](SimMember& m) {
      self->tell(m);
      self->node(m).tick();
      self->tick(m.id);
    });
  }
  void tell(SimMember& m) {
    std::map<std::string, std::string> members;
    bool safe = false;
    if (const auto& view = m.view()) {
      for (const auto& one : view->members) members[one.address.toString()] = one.id.toString();
      safe = view->migrations.empty() && m.data().unsynced() == 0;
    }
    node(m).membersAre(m.view() != nullptr, members, safe);
  }
  void hook() {
    world.onInstalled = [before = world.onInstalled, weak = weak_from_this()](SimMember& m,
                                                                             const ViewPtr& view) {
      if (before) before(m, view);
      if (const auto self = weak.lock(); self && self->nodes.contains(m.id))
        self->world.post(m.id, 1, [self](SimMember& now) { self->tell(now); });
    };
  }

  // A client goes on, whatever becomes of the member that it uses.
  struct Client {
    bool writes = false;
    bool busy = false;
    std::uint64_t round = 0;
  };
  void next(const std::shared_ptr<Client>& c) {
    c->busy = false;
    ++c->round;
    world.after(below(c->writes ? kWritePause : kReadPause), [self = shared_from_this(), c] {
      if (!self->running) {
        --self->clients;
        return;
      }
      SimMember* m = self->somebody();
      if (m == nullptr) return self->next(c);
      c->busy = true;
      self->watch(c, c->round, m->id);
      if (c->writes && !self->writing) return self->next(c);
      if (c->writes) self->write(c, *m);
      else self->read(c, *m);
    });
  }
  void watch(const std::shared_ptr<Client>& c, std::uint64_t round, const MemberId& member) {
    world.after(500 * kMillisecond, [self = shared_from_this(), c, round, member] {
      if (c->round != round) return;
      const SimMember* m = self->world.find(member);
      if (m != nullptr && m->alive) return self->watch(c, round, member);
      self->next(c);  // the process has gone, nothing was answered
    });
  }

  // --- a change
  void write(const std::shared_ptr<Client>& c, SimMember& m) {
    world.post(m.id, below(kStatement), [self = shared_from_this(), c,
                                         context = someContext()](SimMember& at) {
      const std::int64_t number = self->databases.raise(context, self->world.now());
      const auto over = std::make_shared<bool>(false);
      const auto heard = [self, c, id = at.id, context, number, over](bool sure) {
        if (std::exchange(*over, true)) return;
        ++self->writes;
        if (sure) return self->answer(c, context, number);
        ++self->unsure;
        self->catchUp(c, id, context, number, self->world.now() + kCatchUp);
      };
      self->node(at).announce(context, number, [heard, world = &self->world,
                                                id = at.id](const Result<bool>& sure) {
        world->post(id, 1, [heard, ok = sure.ok() && *sure](SimMember&) { heard(ok); });
      });
      self->world.post(at.id, kAnnounce, [heard](SimMember&) { heard(false); });
    });
  }
  void catchUp(const std::shared_ptr<Client>& c, const MemberId& member, std::int32_t context,
               std::int64_t number, Micros until) {
    world.post(member, kLook, [self = shared_from_this(), c, context, number, until](SimMember& m) {
      if (self->databases.replica(context, self->world.now()) >= number)
        return self->answer(c, context, number);
      if (self->world.now() < until) return self->catchUp(c, m.id, context, number, until);
      ++self->unconfirmed;
      self->next(c);
    });
  }
  void answer(const std::shared_ptr<Client>& c, std::int32_t context, std::int64_t number) {
    answered[context] = std::max(answered[context], number);
    next(c);
  }

  // --- a read
  struct Read {
    std::int32_t context = 0;
    std::int64_t must = 0;  // was answered before it began
    std::optional<Wanted> wanted;
    std::optional<std::int64_t> replica;
  };
  void read(const std::shared_ptr<Client>& c, SimMember& m) {
    const auto r = std::make_shared<Read>();
    r->context = someContext();
    r->must = answered[r->context];
    world.post(m.id, 1, [self = shared_from_this(), c, r](SimMember& at) {
      self->node(at).wanted(r->context, [self, c, r, id = at.id](const Result<Wanted>& wanted) {
        self->world.post(id, 1, [self, c, r, wanted](SimMember& now) {
          if (std::exchange(r->wanted, r->wanted ? r->wanted : *wanted)) return;
          self->compare(c, *r, now);
        });
      });
      self->world.post(at.id, self->below(kStatement), [self, c, r](SimMember& now) {
        r->replica = self->databases.replica(r->context, self->world.now());
        self->compare(c, *r, now);
      });
      self->world.post(at.id, kAsk, [self, c, r](SimMember& now) {
        if (r->wanted) return;
        self->node(now).noAnswer();
        r->wanted = Wanted();
        self->compare(c, *r, now);
      });
    });
  }
  void compare(const std::shared_ptr<Client>& c, const Read& r, SimMember& m) {
    if (!r.wanted || !r.replica) return;
    if (database::serves(*r.wanted, r.replica)) return take(c, r, byGrid);
    world.post(m.id, below(kStatement), [self = shared_from_this(), c, r](SimMember& at) {
      const std::int64_t number = self->databases.master(r.context);
      if (!r.wanted->known) {
        self->node(at).told(r.context, number);
        if (database::serves({true, std::max(number, r.wanted->least)}, r.replica))
          return self->take(c, r, self->byMaster);
      }
      if (number < r.wanted->least) self->failed = "a number above the master's was wanted";
      ++self->behind;
      self->next(c);
    });
  }
  void take(const std::shared_ptr<Client>& c, const Read& r, std::size_t& count) {
    ++count;
    const std::string wrong = judgeReplica(*r.replica, r.must);
    if (!wrong.empty() && failed.empty())
      failed = wrong + " (context " + std::to_string(r.context) + ", at " +
               std::to_string(world.now() / 1000) + " ms, " +
               (r.wanted->known ? "told by the grid" : "told by the master") + ")";
    next(c);
  }

  void start() {
    if (std::exchange(running, true)) return;
    hook();
    for (int i = 0; i < kWriters + kReaders; ++i) {
      const auto c = std::make_shared<Client>();
      c->writes = i < kWriters;
      ++clients;
      next(c);
    }
  }
  std::string replicaIs(const std::string& how) {
    databases.stopped = how == "stopped";
    if (how == "quick") databases.lag = below(5 * kMillisecond);
    else if (how == "slow") databases.lag = 200 * kMillisecond + below(1'200 * kMillisecond);
    else if (how != "stopped") return "positions replica quick|slow|stopped";
    return {};
  }
  std::string judge(bool strict) const {
    if (!failed.empty()) return failed;
    const auto n = [](std::size_t v) { return std::to_string(v); };
    const std::string seen = n(writes) + " changes, " + n(unsure) + " of them not sure, " +
                             n(unconfirmed) + " unconfirmed; replica read " + n(byGrid) +
                             " times by the grid, " + n(byMaster) + " by the master, " +
                             n(behind) + " times not";
    if (writes < 50 || byGrid < 100 || behind < 20)
      return "positions were nearly not used: " + seen;
    if (strict && unconfirmed > 0) return "changes were answered unconfirmed: " + seen;
    return {};
  }
};

class PositionLoad final : public SideLoad {
 public:
  PositionLoad(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}

  std::string command(const Words& words) override {
    State& s = *state_;
    const std::string word = words.empty() ? std::string() : words[0];
    const std::string arg = words.size() > 1 ? words[1] : std::string();
    if (word == "judge") return s.judge(arg == "strict");
    if (word == "replica") return s.replicaIs(arg);
    if (word == "writes") {
      s.writing = arg != "off";
    } else if (word == "rest") {  // until entries may be trusted again
      s.world.run((s.settleMillis() + 2'000) * kMillisecond, [] { return false; });
    } else if (word == "on") {
      s.start();
    } else if (word == "off") {
      s.running = false;
      if (!s.world.run(kDrain, [&] { return s.clients == 0; }))
        return "positions: operations are never answered";
    } else {
      return "positions on|off|writes on|off|rest|replica|judge";
    }
    return s.failed;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makePositions(World& world, std::uint64_t seed) {
  return std::make_unique<PositionLoad>(world, seed);
}

}  // namespace ox::sim

#include "session_load.h"

#include <optional>
#include <set>

#include "session_node.h"

namespace ox::sim {
namespace {

using services::SessionPtr;

constexpr int kUsers = 5;
constexpr int kClientsPerUser = 2;
constexpr int kAttributes = 3;
constexpr Micros kPause = 600 * kMillisecond;
constexpr Micros kDrain = 200 * kSecond;
constexpr Micros kGiveUp = 90 * kSecond;   // an operation that is not answered by then
// A session counts as used when its last good answer is not older than this.
constexpr Micros kUsed = (kSimLifeMillis - 3 * kSimSlotMillis) * kMillisecond;

struct State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  struct Life {  // one session from login to logout
    std::string id;
    int user = 0;
    bool stored = false;
    Micros lastGood = 0;
    Micros logoutBegun = -1, logoutEnded = -1;
    std::map<std::string, std::vector<SessionWrite>> attributes;
    std::vector<SessionWrite> addresses;  // of the session's localIp
  };
  using LifePtr = std::shared_ptr<Life>;
  struct User {
    LifePtr now;
    bool loggingIn = false;
    std::optional<Address> sticky;
  };

  World& world;
  SeededRandom random;
  bool running = false;
  bool loose = false;
  Micros strictSince = 0;
  std::size_t outstanding = 0;
  std::uint64_t next = 0;
  std::vector<User> users{kUsers};
  std::vector<LifePtr> ended;
  std::map<MemberId, std::unique_ptr<SessionNode>> nodes;
  std::string failed;
  std::size_t logins = 0, finds = 0, takeovers = 0, writes = 0, changes = 0, logouts = 0;

  void fail(const std::string& what) {
    if (failed.empty()) failed = what + " at " + std::to_string(world.now() / 1000) + " ms";
  }
  SessionNode& node(SimMember& m) {
    auto& slot = nodes[m.id];
    if (!slot) {
      slot = std::make_unique<SessionNode>(world, m, [this] {
        static constexpr char kHex[] = "0123456789abcdef";
        std::string id;
        for (int i = 0; i < 32; ++i) id.push_back(kHex[random.below(16)]);
        return id;
      });
      slot->start();
    }
    return *slot;
  }
  std::vector<SimMember*> joined() {
    std::vector<SimMember*> out;
    for (SimMember* m : world.living())
      if (m->view()) out.push_back(m);
    return out;
  }
  // Where a balancer sends the user: where it went before, mostly.
  SimMember* memberFor(User& user) {
    const auto all = joined();
    if (all.empty()) return nullptr;
    if (user.sticky && random.below(5) != 0)
      for (SimMember* m : all)
        if (m->address == *user.sticky) return m;
    SimMember* m = all[random.below(all.size())];
    user.sticky = m->address;
    return m;
  }
  void later(int user) {
    world.after(static_cast<Micros>(random.below(kPause)) + 1,
                [self = shared_from_this(), user] { self->click(user); });
  }
  // Ends `over` when the member has gone or never answers.
  void watch(const MemberId& member, const std::shared_ptr<bool>& over, Micros until,
             std::function<void()> end) {
    world.after(200 * kMillisecond, [self = shared_from_this(), member, over, until, end] {
      if (*over) return;
      SimMember* m = self->world.find(member);
      if (m == nullptr || !m->alive || self->world.now() > until) {
        *over = true;
        return end();
      }
      self->watch(member, over, until, end);
    });
  }
  // An operation at a member: `end` is called once, with the answer or nothing.
  template <typename T>
  services::Completion<T> begin(SimMember& m, std::function<void(const Result<T>*)> end) {
    ++outstanding;
    auto over = std::make_shared<bool>(false);
    auto finish = [self = shared_from_this(), end](const Result<T>* r) {
      --self->outstanding;
      end(r);
    };
    watch(m.id, over, world.now() + kGiveUp, [finish] { finish(nullptr); });
    return [over, finish](Result<T> r) {
      if (!std::exchange(*over, true)) finish(&r);
    };
  }

  void click(int number) {
    if (!running) return;
    User& user = users[static_cast<std::size_t>(number)];
    SimMember* m = memberFor(user);
    if (m == nullptr) return later(number);
    if (!user.now) return login(number, *m);
    switch (random.below(20)) {
      case 0: return logout(number, *m);
      case 1: case 2: return change(number, *m);
      case 3: case 4: case 5: case 6: case 7: return write(number, *m);
      default: return find(number, *m);
    }
  }

  void login(int number, SimMember& m) {
    User& user = users[static_cast<std::size_t>(number)];
    if (std::exchange(user.loggingIn, true)) return later(number);
    services::Session fresh;
    fresh.contextId = 1;
    fresh.userId = number;
    fresh.client = "web";
    auto life = std::make_shared<Life>();
    life->user = number;
    auto done = begin<bool>(m, [this, number, life](const Result<bool>* stored) {
      User& u = users[static_cast<std::size_t>(number)];
      u.loggingIn = false;
      if (!life->id.empty()) {
        life->stored = stored != nullptr && stored->ok() && **stored;
        life->lastGood = world.now();
        u.now = life;
        ++logins;
      }
      later(number);
    });
    SessionNode& at = node(m);
    at.core().facts(fresh, [&at, fresh, life, done](const Result<services::LoginFacts>& facts) {
      const auto session =
          at.core().admit(fresh, facts.ok() ? *facts : services::LoginFacts());
      if (!session) return done(session.error());
      life->id = (*session)->sessionId;
      at.core().store(life->id, done);
    });
  }

  void find(int number, SimMember& m) {
    const LifePtr life = users[static_cast<std::size_t>(number)].now;
    const Micros begun = world.now();
    auto done = begin<sessiond::FoundSession>(
        m, [this, number, life, begun](const Result<sessiond::FoundSession>* r) {
          if (r != nullptr) judgeFind(*life, *r, begun);
          later(number);
        });
    node(m).core().find(life->id, done);
  }
  void judgeFind(Life& life, const Result<sessiond::FoundSession>& r, Micros begun) {
    const bool strict = !loose && begun >= strictSince;
    if (r.ok()) {
      ++finds;
      takeovers += r->tookOver ? 1 : 0;
      life.stored = life.stored || r->tookOver;
      if (strict && life.logoutEnded >= 0 && begun > life.logoutEnded)
        fail("session " + life.id + " answers after its logout");
      if (life.logoutBegun < 0) life.lastGood = world.now();
      if (!strict) return;
      const std::string wrong =
          explainRead(life.addresses, r->session->localIp, begun, world.now());
      if (!wrong.empty()) fail("session " + life.id + ": " + wrong);
      return;
    }
    if (r.error().code != Code::kSesExpired || !strict) return;
    if (life.logoutBegun < 0 && life.stored && begun - life.lastGood < kUsed)
      fail("session " + life.id + ", last used at " + std::to_string(life.lastGood / 1000) +
           " ms, is answered as expired");
    // Its user logs in again.
    User& user = users[static_cast<std::size_t>(life.user)];
    if (user.now.get() == &life && life.logoutBegun < 0) {
      life.logoutBegun = begun;
      user.now = nullptr;
    }
  }

  void write(int number, SimMember& m) {
    const LifePtr life = users[static_cast<std::size_t>(number)].now;
    const std::string name = "a" + std::to_string(random.below(kAttributes));
    const std::size_t at = life->attributes[name].size();
    life->attributes[name].push_back({"w" + std::to_string(++next), world.now(), -1});
    const std::string value = life->attributes[name].back().value;
    const Micros begun = world.now();
    auto done = begin<services::AttributeWritten>(
        m, [this, number, life, name, at](const Result<services::AttributeWritten>* r) {
          if (r != nullptr && r->ok() && (*r)->applied) {
            life->attributes[name][at].ended = world.now();
            ++writes;
          }
          later(number);
        });
    SessionNode& here = node(m);
    here.core().find(life->id, [this, &here, life, name, value, begun,
                                done](const Result<sessiond::FoundSession>& found) {
      judgeFind(*life, found, begun);
      if (!found) return done(found.error());
      here.records().writeAttribute(found->session, {name, value, {}}, done);
    });
  }

  void change(int number, SimMember& m) {
    const LifePtr life = users[static_cast<std::size_t>(number)].now;
    const std::size_t at = life->addresses.size();
    const std::string value = "ip" + std::to_string(++next);
    life->addresses.push_back({value, world.now(), -1});
    auto done = begin<SessionPtr>(m, [this, number, life, at](const Result<SessionPtr>* r) {
      if (r != nullptr && r->ok()) {
        life->addresses[at].ended = world.now();
        ++changes;
      }
      later(number);
    });
    node(m).core().update(life->id, [value](services::Session& s) { s.localIp = value; }, done);
  }

  void logout(int number, SimMember& m) {
    User& user = users[static_cast<std::size_t>(number)];
    const LifePtr life = std::exchange(user.now, nullptr);
    life->logoutBegun = world.now();
    ended.push_back(life);
    auto done = begin<std::uint64_t>(m, [this, number, life](const Result<std::uint64_t>* r) {
      if (r != nullptr && r->ok()) {
        life->logoutEnded = world.now();
        ++logouts;
      }
      later(number);
    });
    node(m).core().end(life->id, done);
    // Somebody who has kept the cookies.
    world.after(static_cast<Micros>(random.below(20 * kSecond)),
                [self = shared_from_this(), life] { self->haunt(life); });
  }
  void haunt(const LifePtr& life) {
    const auto all = joined();
    if (!running || all.empty()) return;
    SimMember& m = *all[random.below(all.size())];
    const Micros begun = world.now();
    auto done = begin<sessiond::FoundSession>(
        m, [this, life, begun](const Result<sessiond::FoundSession>* r) {
          if (r != nullptr && r->ok()) judgeFind(*life, *r, begun);
        });
    node(m).core().find(life->id, done);
  }

  void start() {
    if (std::exchange(running, true)) return;
    const std::weak_ptr<State> weak = weak_from_this();
    world.onEntry = [weak](SimMember& m, std::uint64_t id, const services::EntryEvent& e) {
      const auto self = weak.lock();
      if (!self || id != kEndingListener) return;
      // Outside of the shard core, as the engine does it.
      self->world.post(m.id, 1, [weak, e](SimMember& at) {
        if (const auto s = weak.lock()) s->node(at).records().endingHeard(e);
      });
    };
    world.onTask = [weak](SimMember& m, const std::string& task, const Bytes& bytes,
                          services::Completion<Bytes> done) {
      const auto self = weak.lock();
      if (!self || task != kSessionTask) return done(Error(Code::kGridUnknownTask));
      // The answer goes back by an event, as in the engine.
      self->world.post(m.id, 1, [done, r = self->node(m).records().noticed(bytes)](SimMember&) {
        done(r);
      });
    };
    world.onInstalled = [weak](SimMember& m, const ViewPtr& view) {
      const auto self = weak.lock();
      if (!self || !view) return;
      self->world.post(m.id, 1, [weak](SimMember& at) {
        if (const auto s = weak.lock()) s->node(at).membersChanged();
      });
    };
    for (SimMember* m : world.living()) node(*m);
    for (int u = 0; u < kUsers; ++u)
      for (int c = 0; c < kClientsPerUser; ++c) later(u);
  }

  bool drained() {
    return world.run(kDrain, [this] { return outstanding == 0; });
  }

  // Every session and attribute is read once more, at random members.
  std::string judge() {
    if (!failed.empty()) return failed;
    if (logins < kUsers || finds < 30 || takeovers < 2 || writes < 10)
      return "the sessions were nearly not used: " + std::to_string(logins) + " logins, " +
             std::to_string(finds) + " requests, " + std::to_string(takeovers) + " taken over, " +
             std::to_string(writes) + " writes";
    const auto all = joined();
    if (all.empty()) return "no member is left";
    const auto somebody = [&]() -> SimMember& { return *all[random.below(all.size())]; };
    for (User& user : users)
      if (const LifePtr life = user.now) readBack(life, somebody());
    for (const LifePtr& life : ended) haunt2(life, somebody());
    if (!drained()) return "sessions: the last reads are never answered";
    return failed;
  }
  void readBack(const LifePtr& life, SimMember& m) {
    const Micros begun = world.now();
    SessionNode& here = node(m);
    const bool used = life->stored && begun - life->lastGood < kUsed;
    auto done = begin<sessiond::FoundSession>(
        m, [this, life, begun, used, &here, &m](const Result<sessiond::FoundSession>* r) {
          if (r == nullptr || !r->ok()) {
            if (used) fail("session " + life->id + " is not there in the end");
            return;
          }
          judgeFind(*life, *r, begun);
          for (int i = 0; i < kAttributes; ++i) readAttribute(life, "a" + std::to_string(i), here, m);
        });
    here.core().find(life->id, done);
  }
  void readAttribute(const LifePtr& life, const std::string& name, SessionNode& here,
                     SimMember& m) {
    using Read = std::optional<services::SessionAttribute>;
    const Micros begun = world.now();
    auto done = begin<Read>(m, [this, life, name, begun](const Result<Read>* r) {
      if (r == nullptr || !r->ok()) return fail("attribute " + name + " cannot be read");
      const std::string value = **r ? (**r)->value : std::string();
      const std::string wrong = explainRead(life->attributes[name], value, begun, world.now());
      if (!wrong.empty()) fail("attribute " + name + " of " + life->id + ": " + wrong);
    });
    here.records().attribute(life->id, name, done);
  }
  void haunt2(const LifePtr& life, SimMember& m) {
    if (life->logoutEnded < 0) return;
    auto done = begin<sessiond::FoundSession>(
        m, [this, life](const Result<sessiond::FoundSession>* r) {
          if (r != nullptr && r->ok()) fail("session " + life->id + " has come back");
        });
    node(m).core().find(life->id, done);
  }

  // Nobody uses anything: all is gone in the end, here and in the maps.
  std::string expire() {
    const Micros most = 6 * kSimLifeMillis * kMillisecond;
    const bool gone = world.run(most, [this] {
      for (SimMember* m : world.living())
        if (node(*m).core().figures().counts.active > 0) return false;
      return true;
    });
    if (!gone) return "sessions that nobody uses are still held";
    std::string wrong = "the size of the map is not known";
    world.run(2 * kSimLifeMillis * kMillisecond, [] { return false; });
    const auto all = joined();
    if (all.empty()) return "no member is left";
    auto done = begin<std::uint64_t>(*all.front(), [&wrong](const Result<std::uint64_t>* size) {
      if (size == nullptr || !size->ok()) return;
      wrong = **size == 0 ? std::string()
                          : std::to_string(**size) + " records idle longer than they may";
    });
    node(*all.front()).records().size(done);
    if (!drained()) return "sessions: the map is never answered";
    return wrong;
  }
};

class SessionLoad final : public SideLoad {
 public:
  SessionLoad(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}

  std::string command(const Words& words) override {
    State& s = *state_;
    const std::string word = words.empty() ? std::string() : words[0];
    if (word == "judge") return s.judge();
    if (word == "expire") return s.expire();
    if (word == "on") {
      s.start();
    } else if (word == "loose") {
      s.loose = true;
    } else if (word == "strict") {
      // Word of what ended in the other half is on its way for a moment.
      s.world.run(5 * kSecond, [] { return false; });
      s.loose = false;
      s.strictSince = s.world.now();
    } else if (word == "off") {
      s.running = false;
      if (!s.drained()) return "sessions: operations are never answered";
    } else {
      return "sessions on|off|loose|strict|judge|expire";
    }
    return s.failed;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makeSessions(World& world, std::uint64_t seed) {
  return std::make_unique<SessionLoad>(world, seed);
}

}  // namespace ox::sim

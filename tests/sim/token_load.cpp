// One-time tokens of logins: handed out by one member, taken at any, by the daemon's own TokenStore.
//
// Judged:   a token is taken at most once, and leads to what it was made for; it is never taken after
//           its life time; the first who asks for it within its life time, after it was handed out, gets it;
//           what a member says of tokens that nobody took is so. Every other token is one that its maker
//           forgets (random tokens of logins): nothing is ever said of it.
// Loose:    from `tokens loose` (before a cut) to `tokens strict` (healed and settled) each half may give
//           a token out once, or have none; whoever takes it then, nobody takes it afterwards.
// Commands: on | off | loose | strict | judge
#include <algorithm>
#include <set>

#include "side_load.h"
#include "sim_map.h"
#include "token_store.h"

namespace ox::sim {
namespace {

constexpr std::int64_t kLifeMillis = 8'000;
constexpr int kClients = 6;
constexpr Micros kPause = 1'500 * kMillisecond;  // of a client between two tokens
constexpr int kMostTakers = 3;
constexpr Micros kTick = kSecond;
constexpr Micros kDrain = 200 * kSecond;
constexpr Micros kGiveUp = 90 * kSecond;
constexpr Micros kGrain = 5 * kMillisecond;      // clocks count milliseconds

struct Take {
  Address at;
  Micros begun = 0, ended = -1;  // -1: never answered
  enum class Kind { kOpen, kTaken, kNothing, kError, kExpired } kind = Kind::kOpen;
  bool apart = false;            // while the members were not one cluster, or were not yet again
};

struct Token {
  std::string text, value;
  Address from;
  Micros begun = 0, ended = 0;
  bool apart = false;
  bool forgotten = false;
  std::vector<Take> takes;
};

struct State : std::enable_shared_from_this<State> {
  State(World& w, std::uint64_t seed) : world(w), random(seed) {}

  World& world;
  SeededRandom random;
  bool running = false;
  bool loose = false;
  std::size_t outstanding = 0;
  std::vector<std::shared_ptr<Token>> tokens;
  std::map<std::pair<MemberId, bool>, std::unique_ptr<login::TokenStore>> stores;
  std::map<std::string, std::shared_ptr<Token>> byValue;
  std::string failed;

  Micros below(Micros most) {
    return static_cast<Micros>(random.below(static_cast<std::uint64_t>(most))) + 1;
  }
  void fail(const Token& token, const std::string& what) {
    if (failed.empty())
      failed = "token of " + std::to_string(token.begun / 1000) + " ms " + what + " at " +
               std::to_string(world.now() / 1000) + " ms";
  }
  login::TokenStore& store(SimMember& m, bool forgotten = false) {
    using Abandoned = login::TokenStore::Abandoned;
    auto& slot = stores[{m.id, forgotten}];
    if (!slot) {
      slot = std::make_unique<login::TokenStore>(
          makeSimMap(world, m.id, kTokenMap), kLifeMillis, m.clock, [this] {
            static constexpr char kHex[] = "0123456789abcdef";
            std::string text;
            for (std::size_t i = 0; i < 2 * login::kTokenBytes; ++i)
              text.push_back(kHex[random.below(16)]);
            return text;
          },
          forgotten ? Abandoned::kForgotten : Abandoned::kTold);
      tick(m.id, forgotten);
    }
    return *slot;
  }
  SimMember* somebody() {
    std::vector<SimMember*> joined;
    for (SimMember* m : world.living())
      if (m->view()) joined.push_back(m);
    return joined.empty() ? nullptr : joined[random.below(joined.size())];
  }
  // Calls `end` when the member has gone or never answers.
  void watch(const MemberId& member, const std::shared_ptr<bool>& over, Micros until,
             std::function<void()> end) {
    world.after(200 * kMillisecond, [self = shared_from_this(), member, over, until, end] {
      if (*over) return;
      const SimMember* m = self->world.find(member);
      if (m != nullptr && m->alive && self->world.now() <= until)
        return self->watch(member, over, until, end);
      *over = true;
      end();
    });
  }
  template <typename T>
  services::Completion<T> begin(const SimMember& m, std::function<void(const Result<T>*)> end) {
    ++outstanding;
    const auto over = std::make_shared<bool>(false);
    const auto finish = [self = shared_from_this(), end](const Result<T>* r) {
      --self->outstanding;
      end(r);
    };
    watch(m.id, over, world.now() + kGiveUp, [finish] { finish(nullptr); });
    return [over, finish](Result<T> r) {
      if (!std::exchange(*over, true)) finish(&r);
    };
  }

  void later() {
    world.after(below(kPause), [self = shared_from_this()] { self->issue(); });
  }
  void issue() {
    SimMember* m = somebody();
    if (!running) return;
    if (m == nullptr) return later();
    const auto token = std::make_shared<Token>();
    token->value = "session " + std::to_string(byValue.size());
    token->from = m->address;
    token->begun = world.now();
    token->apart = loose;
    token->forgotten = byValue.size() % 2 == 1;
    byValue[token->value] = token;
    store(*m, token->forgotten).add(token->value, begin<std::string>(*m, [this, token](const Result<std::string>* r) {
                    later();
                    if (r == nullptr || !r->ok()) return;
                    token->text = **r;
                    token->ended = world.now();
                    tokens.push_back(token);
                    // Some are never asked for, some too late, some by several at once.
                    const Micros when = below(kLifeMillis * kMillisecond * 5 / 4);
                    const std::uint64_t takers = random.below(kMostTakers + 1);
                    for (std::uint64_t i = 0; i < takers; ++i)
                      world.after(i == 0 || random.below(2) == 0 ? when : when + below(kPause),
                                  [self = shared_from_this(), token] { self->take(token); });
                  }));
  }
  void take(const std::shared_ptr<Token>& token) {
    SimMember* m = somebody();
    if (m == nullptr) return;
    const std::size_t number = token->takes.size();
    token->takes.push_back({m->address, world.now(), -1, Take::Kind::kOpen, loose});
    using Value = std::optional<std::string>;
    store(*m, token->forgotten).take(token->text, begin<Value>(*m, [this, token, number](const Result<Value>* r) {
                     Take& mine = token->takes[number];
                     mine.apart = mine.apart || loose;
                     if (r == nullptr) return;
                     mine.ended = world.now();
                     mine.kind = !r->ok() ? Take::Kind::kError
                                 : **r    ? Take::Kind::kTaken
                                          : Take::Kind::kNothing;
                     if (mine.kind != Take::Kind::kTaken) return;
                     if (***r != token->value) fail(*token, "leads to " + ***r);
                     if (world.now() > token->begun + kLifeMillis * kMillisecond + kGrain)
                       fail(*token, "is taken after its life time");
                     for (std::size_t i = 0; i < token->takes.size(); ++i)
                       if (i != number) judgeSecond(*token, token->takes[i], mine);
                   }));
  }
  // Both have got the token?
  void judgeSecond(const Token& token, const Take& one, const Take& two) {
    if (one.kind != Take::Kind::kTaken && one.kind != Take::Kind::kExpired) return;
    if (!one.apart || !two.apart) return fail(token, "is taken twice");
    if (world.anyCut() && world.canDial(one.at, two.at))
      fail(token, "is taken twice in one half");
  }

  // As every login does it: who has handed tokens out looks for those that nobody took.
  void tick(const MemberId& member, bool forgotten) {
    world.post(member, kTick, [this, member, forgotten](SimMember& m) {
      store(m, forgotten).expired([this, at = m.address](Result<std::vector<std::string>> values) {
        if (!values) return;
        for (const std::string& value : *values) unused(*byValue.at(value), at);
      });
      tick(member, forgotten);
    });
  }
  void unused(Token& token, const Address& at) {
    if (token.forgotten) fail(token, "is missed although its maker forgets it");
    if (at != token.from) fail(token, "is missed by who has not made it");
    if (world.now() <= token.begun + kLifeMillis * kMillisecond)
      fail(token, "is said to be unused within its life time");
    const Take mine{at, world.now(), world.now(), Take::Kind::kExpired, loose};
    for (const Take& other : token.takes) judgeSecond(token, other, mine);
    token.takes.push_back(mine);
  }

  void start() {
    if (std::exchange(running, true)) return;
    for (int i = 0; i < kClients; ++i) later();
  }
  bool drained() {
    return world.run(kDrain, [this] { return outstanding == 0; });
  }

  // Somebody asked in time, and nobody before him: he must have got it.
  void judgeFirst(const Token& token) {
    if (token.apart || token.takes.empty()) return;
    const auto first = std::min_element(
        token.takes.begin(), token.takes.end(),
        [](const Take& a, const Take& b) { return a.begun < b.begun; });
    if (first->apart || first->kind != Take::Kind::kNothing || first->ended < 0) return;
    if (first->ended > token.begun + kLifeMillis * kMillisecond - kGrain) return;
    for (const Take& other : token.takes)
      if (&other != &*first && other.begun <= first->ended) return;
    fail(token, "is not known to " + first->at.toString() + ", who asked first");
  }
  std::string judge() {
    std::size_t taken = 0, elsewhere = 0, late = 0, unusedOnes = 0;
    for (const auto& token : tokens) {
      judgeFirst(*token);
      for (const Take& take : token->takes) {
        taken += take.kind == Take::Kind::kTaken;
        elsewhere += take.kind == Take::Kind::kTaken && take.at != token->from;
        late += take.kind == Take::Kind::kNothing;
        unusedOnes += take.kind == Take::Kind::kExpired;
      }
    }
    if (!failed.empty()) return failed;
    if (taken < 10 || elsewhere < 5 || late < 5 || unusedOnes < 3)
      return "the tokens were nearly not used: " + std::to_string(taken) + " taken, " +
             std::to_string(elsewhere) + " of them elsewhere, " + std::to_string(late) +
             " asked for in vain, " + std::to_string(unusedOnes) + " told as unused";
    return {};
  }
};

class TokenLoad final : public SideLoad {
 public:
  TokenLoad(World& world, std::uint64_t seed) : state_(std::make_shared<State>(world, seed)) {}

  std::string command(const Words& words) override {
    State& s = *state_;
    const std::string word = words.empty() ? std::string() : words[0];
    if (word == "judge") return s.judge();
    if (word == "on") {
      s.start();
    } else if (word == "loose" || word == "strict") {
      s.loose = word == "loose";
    } else if (word == "off") {
      s.running = false;
      // Also what is still to be asked for.
      s.world.run(3 * kLifeMillis * kMillisecond, [] { return false; });
      if (!s.drained()) return "tokens: operations are never answered";
    } else {
      return "tokens on|off|loose|strict|judge";
    }
    return s.failed;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<SideLoad> makeTokens(World& world, std::uint64_t seed) {
  return std::make_unique<TokenLoad>(world, seed);
}

}  // namespace ox::sim

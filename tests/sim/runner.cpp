// Runs one scenario with one seed.
#include <algorithm>
#include <optional>
#include <set>

#include "checks.h"
#include "scenario.h"
#include "workload.h"

namespace ox::sim {
namespace {

constexpr Micros kSettleLimit = 180 * kSecond;
constexpr Micros kDrainLimit = 120 * kSecond;
constexpr std::uint16_t kFirstPort = 5701;

class Run {
 public:
  Run(const Scenario& scenario, std::uint64_t seed)
      : scenario_(scenario), seed_(seed), random_(seed * 0x9e3779b97f4a7c15ULL + 1),
        tunables_(randomTunables(random_)) {}

  RunResult go() {
    for (const Command& c : scenario_.commands) {
      const std::string wrong = execute(c.words);
      if (!wrong.empty()) {
        result_.failure = scenario_.name + ".scenario:" + std::to_string(c.line) + ": " + wrong;
        break;
      }
      if (load_ && !load_->failed().empty()) {
        result_.failure = load_->failed();
        break;
      }
    }
    if (world_) {
      result_.log = world_->log();
      result_.simulatedMillis = world_->now() / 1000;
      result_.views = world_->viewsInstalled;
    }
    if (load_) result_.operations = load_->acknowledged();
    return std::move(result_);
  }

 private:
  // "3" or "1..8" (chosen by the seed)
  std::int64_t number(const std::string& word) {
    const auto dots = word.find("..");
    if (dots == std::string::npos) return std::stoll(word);
    const std::int64_t low = std::stoll(word.substr(0, dots));
    const std::int64_t high = std::stoll(word.substr(dots + 2));
    const auto choices = static_cast<std::uint64_t>(high - low + 1);
    return low + static_cast<std::int64_t>(random_.below(choices));
  }

  std::string execute(const std::vector<std::string>& w) {
    const std::string& what = w[0];
    const std::string arg = w.size() > 1 ? w[1] : "";
    if (what == "data") stub_ = arg == "stub";
    else if (what == "members") members_ = static_cast<int>(number(arg));
    else if (what == "backups") tunables_.backups = static_cast<int>(number(arg));
    else if (what == "keys") { if (arg == "home") options_.home = true;
                               else options_.keys = static_cast<int>(number(arg)); }
    else if (what == "removals") options_.removals = arg != "off";
    else if (what == "reads") options_.judgeReads = arg != "loose";
    else if (what == "net") return net(arg);
    else if (what == "start") return start(arg);
    else if (world_ == nullptr) return "'" + what + "' before 'start'";
    else if (what == "load") return load(arg);
    else if (what == "wait") world_->run(number(arg) * kMillisecond, [] { return false; });
    else if (what == "settle") return settle();
    else if (what == "crash") return crash(arg, w.size() > 2 && w[2] == "power");
    else if (what == "restart") return restart();
    else if (what == "join") return join(arg.empty() ? 1 : static_cast<int>(number(arg)));
    else if (what == "stop") return stop(arg, w.size() > 2 ? static_cast<int>(number(w[2])) : 1);
    else if (what == "gone") return gone();
    else if (what == "rolling") return rolling();
    else if (what == "reset") resetSome(arg.empty() ? 1 : static_cast<int>(number(arg)));
    else if (what == "resets") resets_ = arg == "on", periodicResets();
    else if (what == "cut") cutHalves(true);
    else if (what == "heal") cutHalves(false);
    else if (what == "freeze") return freeze(arg, number(w.at(2)));
    else if (what == "mark") marked_ = world_->living().front()->view();
    else if (what == "expect") return expect(arg);
    return {};
  }

  std::string net(const std::string& kind) {
    if (kind != "slow-lossy") return "unknown net " + kind;
    tunables_.latency = 5 * kMillisecond;
    tunables_.jitter = static_cast<Micros>(10 + random_.below(90)) * kMillisecond;
    tunables_.lossPercent = static_cast<int>(2 + random_.below(9));
    // Time-outs must suit the network, as an administrator would set them.
    tunables_.heartbeatMillis = 1000;
    tunables_.silenceMillis = 10000;
    return {};
  }

  Address address(int i) const {
    return {"10.0.0." + std::to_string(11 + i), static_cast<std::uint16_t>(kFirstPort + i)};
  }

  std::string start(const std::string& how) {
    world_ = std::make_unique<World>(seed_, tunables_, stub_ ? makeStub : makeShards);
    std::vector<Address> candidates;
    for (int i = 0; i < members_ + 2; ++i) candidates.push_back(address(i));
    world_->setCandidates(candidates);
    load_ = std::make_unique<Workload>(*world_, options_, seed_ + 77);
    if (how == "apart") cutHalves(true);
    for (int i = 0; i < members_; ++i) {
      world_->startMember(address(i));
      const Micros most = how == "staggered" ? 3 * kSecond : 30 * kMillisecond;
      world_->run(static_cast<Micros>(random_.below(static_cast<std::uint64_t>(most))),
                  [] { return false; });
    }
    next_ = members_;
    return {};
  }

  std::string load(const std::string& arg) {
    if (arg == "on") {
      load_->start();
      return {};
    }
    load_->stop();
    if (!world_->run(kDrainLimit, [&] { return load_->idle(); }))
      return "operations are never answered";
    return {};
  }

  std::string unsettled() {
    std::vector<SeenBy> seen;
    for (SimMember* m : world_->living()) seen.push_back({{m->id, m->address, false}, m->view()});
    if (std::string wrong = checkOneCluster(seen); !wrong.empty()) return wrong;
    if (std::string wrong = checkPartitions(*seen.front().view, std::max(1, tunables_.backups));
        !wrong.empty())
      return wrong;
    for (SimMember* m : world_->living())
      if (const auto n = m->data().unsynced(); n > 0)
        return m->address.toString() + " knows " + std::to_string(n) + " replicas behind";
    return {};
  }

  // Sound and staying so for a while.
  std::string settle() {
    std::string wrong = "never looked";
    Micros nextLook = 0;
    Micros soundSince = -1;
    const bool settled = world_->run(kSettleLimit, [&] {
      if (world_->now() < nextLook) return false;
      nextLook = world_->now() + 50 * kMillisecond;
      if (load_ && !load_->failed().empty()) return true;
      wrong = unsettled();
      if (!wrong.empty()) soundSince = -1;
      else if (soundSince < 0) soundSince = world_->now();
      return soundSince >= 0 && world_->now() - soundSince >= 300 * kMillisecond;
    });
    return settled ? std::string() : "does not settle: " + wrong;
  }

  SimMember* pick(const std::string& which) {
    const auto living = world_->living();
    if (living.empty()) return nullptr;
    if (which == "master")
      for (SimMember* m : living)
        if (m->control().master()) return m;
    return living[random_.below(living.size())];
  }

  std::string crash(const std::string& which, bool power) {
    SimMember* m = pick(which);
    if (m == nullptr) return "nobody to crash";
    crashed_ = m->address;
    world_->crash(*m, power);
    return {};
  }

  std::string restart() {
    if (!crashed_) return "nobody has crashed or stopped";
    world_->startMember(*crashed_);
    return {};
  }

  std::string join(int count) {
    for (int i = 0; i < count; ++i) world_->startMember(address(next_++));
    return {};
  }

  std::string stop(const std::string& which, int count) {
    for (int i = 0; i < count; ++i) {
      SimMember* m = pick(which);
      if (m == nullptr) return "nobody to stop";
      crashed_ = m->address;
      stopping_.push_back(m);
      world_->stop(*m);
    }
    return {};
  }

  std::string gone() {
    const bool all = world_->run(2 * tunables_.leaveMillis * kMillisecond, [&] {
      return std::all_of(stopping_.begin(), stopping_.end(),
                         [](SimMember* m) { return !m->alive; });
    });
    if (!all) return "a stopping member does not leave";
    stopping_.clear();
    return {};
  }

  std::string rolling() {
    for (SimMember* m : world_->living()) {
      crashed_ = m->address;
      stopping_.push_back(m);
      world_->stop(*m);
      if (std::string wrong = gone(); !wrong.empty()) return wrong;
      if (world_->lossesTold > 0) return "a leaver with takers tells of losses";
      if (std::string wrong = settle(); !wrong.empty()) return "after a stop: " + wrong;
      restart();
      if (std::string wrong = settle(); !wrong.empty()) return "after a start: " + wrong;
    }
    return {};
  }

  void resetSome(int count) {
    const auto living = world_->living();
    for (int i = 0; i < count && living.size() > 1; ++i) {
      SimMember* a = living[random_.below(living.size())];
      SimMember* b = living[random_.below(living.size())];
      if (a != b) world_->resetLinks(a->id, b->id);
    }
  }

  void periodicResets() {
    if (!resets_ || resetting_) return;
    resetting_ = true;
    world_->after(static_cast<Micros>(random_.below(2 * kSecond)), [this] {
      resetting_ = false;
      if (!resets_) return;
      resetSome(1);
      periodicResets();
    });
  }

  void cutHalves(bool on) {
    const int half = std::max(1, (members_ + (on ? static_cast<int>(random_.below(2)) : 0)) / 2);
    if (on) half_ = half;
    for (int a = 0; a < half_; ++a)
      for (int b = half_; b < members_ + 2; ++b) world_->cut(address(a), address(b), on);
  }

  std::string freeze(const std::string& which, std::int64_t millis) {
    SimMember* m = pick(which);
    if (m == nullptr) return "nobody to freeze";
    world_->freeze(*m, millis * kMillisecond);
    return {};
  }

  std::string expect(const std::string& what) {
    if (what == "acknowledged") {
      load_->readAll();
      if (!world_->run(kDrainLimit, [&] { return load_->idle(); })) return "reads hang";
      if (load_->acknowledged() < 20) return "the workload did nearly nothing";
      return load_->failed();
    }
    if (what == "every-op") {
      return load_->unsuccessful() == 0
                 ? std::string()
                 : std::to_string(load_->unsuccessful()) + " operations failed";
    }
    const auto living = world_->living();
    if (living.empty() || !living.front()->view()) return "nobody has a view";
    if (what == "balanced") return checkBalance(*living.front()->view());
    if (what == "fewest-moves")
      return marked_ ? checkFewestMoves(*marked_, *living.front()->view()) : "nothing was marked";
    if (what == "two-clusters") {
      std::set<MemberId> masters;
      for (SimMember* m : living)
        if (m->view()) masters.insert(m->view()->id.master);
      return masters.size() == 2 ? std::string()
                                 : std::to_string(masters.size()) + " clusters instead of two";
    }
    return "unknown expectation " + what;
  }

  const Scenario& scenario_;
  const std::uint64_t seed_;
  SeededRandom random_;
  Tunables tunables_;
  Workload::Options options_;
  bool stub_ = false;
  int members_ = 3;
  int next_ = 0;
  int half_ = 1;
  bool resets_ = false;
  bool resetting_ = false;
  std::optional<Address> crashed_;
  std::vector<SimMember*> stopping_;
  ViewPtr marked_;
  RunResult result_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Workload> load_;
};

}  // namespace

RunResult runScenario(const Scenario& scenario, std::uint64_t seed) {
  return Run(scenario, seed).go();
}

}  // namespace ox::sim

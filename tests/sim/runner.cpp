// Runs one scenario with one seed.
#include <algorithm>

#include "run.h"

namespace ox::sim {

Run::Run(const Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario), seed_(seed), random_(seed * 0x9e3779b97f4a7c15ULL + 1),
      tunables_(randomTunables(random_)) {}

RunResult Run::go() {
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

std::int64_t Run::number(const std::string& text) {
  const auto one = [&](const std::string& t) {
    return !t.empty() && t.back() == 'x' ? std::stoll(t) * tunables_.silenceMillis : std::stoll(t);
  };
  const auto dots = text.find("..");
  if (dots == std::string::npos) return one(text);
  const std::int64_t low = one(text.substr(0, dots));
  const std::int64_t high = one(text.substr(dots + 2));
  const auto choices = static_cast<std::uint64_t>(std::max<std::int64_t>(1, high - low + 1));
  return low + static_cast<std::int64_t>(random_.below(choices));
}

// What is said before `start`.
std::string Run::setting(const Words& w, bool& known) {
  const std::string& what = w[0];
  const std::string arg = word(w, 1);
  known = true;
  const auto whole = [&] { return static_cast<int>(number(arg)); };
  if (what == "data") stub_ = arg == "stub";
  else if (what == "members") members_ = whole();
  else if (what == "lite") lite_ = whole();
  else if (what == "topics") topicCount_ = whole();
  else if (what == "hosts") hosts_ = whole();
  else if (what == "groups") tunables_.hostGroups = arg == "host";
  else if (what == "protocol") protocol_ = whole();
  else if (what == "skew") skewMillis_ = number(arg);
  else if (what == "drift") driftPpm_ = number(arg);
  else if (what == "ring") tunables_.ringCapacity = static_cast<std::uint64_t>(number(arg));
  else if (what == "minimum") tunables_.minClusterSize = whole();
  else if (what == "memory") tunables_.memoryBytes = number(arg);
  else if (what == "backups") tunables_.backups = whole();
  else if (what == "async") tunables_.asyncBackups = whole();
  else if (what == "idle") options_.idleMillis = number(arg);
  else if (what == "clients") options_.clients = whole();
  else if (what == "keys" && arg == "home") options_.home = true;
  else if (what == "keys") options_.keys = whole();
  else if (what == "removals") options_.removals = arg != "off";
  else if (what == "reads") options_.judgeReads = arg != "loose";
  else if (what == "net") return net(arg);
  else known = false;
  return {};
}

// Many partitions of which few may move at a time over slow links need longer.
std::int64_t Run::settleMillis() const {
  const Tunables& t = world_->tunables;
  return kSettleMillis + kMoveMillis * t.partitions * (1 + t.backups) / t.migrationsPerMember;
}

std::string Run::execute(const Words& w) {
  const std::string& what = w[0];
  const std::string arg = word(w, 1);
  bool known = false;
  if (world_ == nullptr) {
    std::string wrong = setting(w, known);
    if (known) return wrong;
    return what == "start" ? start(arg) : "'" + what + "' before 'start'";
  }
  std::string wrong = fault(w, known);
  if (known) return wrong;
  if (what == "load") return load(arg);
  if (what == "topic") return topics_->command(arg);
  if (what == "features") return features_->command(arg);
  if (const auto load = sideLoads_.find(what); load != sideLoads_.end())
    return load->second->command({w.begin() + 1, w.end()});
  if (what == "wait" && arg == "merging") return waitMerging(word(w, 2));
  if (what == "wait" && arg == "uneven") return waitUneven(), std::string();
  if (what == "settle") return settle(arg.empty() ? settleMillis() : number(arg));
  if (what == "crash") return crash(arg, word(w, 2) == "power");
  if (what == "restart") return restart();
  if (what == "join") return join(w);
  if (what == "stop") return stop(arg, w.size() > 2 ? static_cast<int>(number(w[2])) : 1);
  if (what == "gone") return gone();
  if (what == "rolling") return rolling(arg == "upgrade");
  if (what == "expect") return arg == "topic" ? topics_->command(word(w, 2)) : expect(arg);
  if (what == "wait") world_->run(number(arg) * kMillisecond, [] { return false; });
  else if (what == "mark") marked_ = world_->living().front()->view();
  else return "'" + what + "' after 'start'";
  return {};
}

Address Run::address(int i) const {
  const auto port = static_cast<std::uint16_t>(kFirstPort + i);
  if (hosts_ == 0)
    return {"10." + std::to_string(i / 65536) + "." + std::to_string(i / 200 % 256) + "." +
                std::to_string(11 + i % 200), port};
  return {"10.0." + std::to_string(i % hosts_) + "." + std::to_string(11 + i / hosts_), port};
}

std::string Run::start(const std::string& how) {
  world_ = std::make_unique<World>(seed_, tunables_, stub_ ? makeStub : makeShards);
  std::vector<Address> candidates;
  for (int i = 0; i < members_ + 2; ++i) candidates.push_back(address(i));
  if (how != "alone") world_->setCandidates(candidates);
  load_ = std::make_unique<Workload>(*world_, options_, seed_ + 77);
  topics_ = std::make_unique<TopicLoad>(*world_, seed_ + 78);
  features_ = std::make_unique<FeatureLoad>(*world_, seed_ + 80);
  sideLoads_["policies"] = makePolicies(*world_, seed_ + 81);
  sideLoads_["limits"] = makeLimits(*world_, seed_ + 82);
  sideLoads_["tasks"] = makeTasks(*world_, seed_ + 83);
  sideLoads_["listeners"] = makeListeners(*world_, seed_ + 84);
  sideLoads_["discovery"] = makeDiscovery(*world_, seed_ + 85);
  sideLoads_["sessions"] = makeSessions(*world_, seed_ + 86);
  sideLoads_["caches"] = makeCaches(*world_, seed_ + 87);
  sideLoads_["tokens"] = makeTokens(*world_, seed_ + 88);
  sideLoads_["positions"] = makePositions(*world_, seed_ + 89);
  for (int i = 0; i < members_ + 40; ++i) world_->optionsOf(address(i)).protocolMax = static_cast<std::uint16_t>(protocol_);
  for (int i = members_ - lite_; i < members_; ++i) world_->optionsOf(address(i)).lite = true;
  if (skewMillis_ != 0 || driftPpm_ != 0) setClocks();
  if (topicCount_ > 0)
    plain_ = std::make_unique<PlainTopics>(*world_, topicCount_, seed_ + 79);
  if (how == "apart") {
    cutHalves(true, true);
    markCut(true);
  }
  for (int i = 0; i < members_; ++i) {
    world_->startMember(address(i));
    const Micros most = how == "staggered" ? 3 * kSecond : how == "instant" ? 1 : 30 * kMillisecond;
    world_->run(static_cast<Micros>(random_.below(static_cast<std::uint64_t>(most))),
                [] { return false; });
  }
  next_ = members_;
  return {};
}

// Sound and staying so for a while.
std::string Run::settle(std::int64_t limitMillis) {
  std::string wrong = "never looked";
  Micros nextLook = 0;
  Micros soundSince = -1;
  const bool settled = world_->run(limitMillis * kMillisecond, [&] {
    if (world_->now() < nextLook) return false;
    nextLook = world_->now() + 50 * kMillisecond;
    if (load_ && !load_->failed().empty()) return true;
    wrong = unsettled();
    if (!wrong.empty()) soundSince = -1;
    else if (soundSince < 0) soundSince = world_->now();
    return soundSince >= 0 && world_->now() - soundSince >= 300 * kMillisecond;
  });
  if (settled && load_ && !world_->anyCut()) {
    Mark mark;
    mark.kind = Mark::Kind::kSettled;
    load_->history().mark(std::move(mark), world_->now());
  }
  return settled ? std::string()
                 : "does not settle within " + std::to_string(limitMillis) + " ms: " + wrong;
}

std::string Run::judgeHistory() {
  if (!load_->failed().empty()) return load_->failed();
  JudgeSettings s;
  // Two clocks, each off by that much, and what they drift apart within the run.
  s.clockErrorMillis = 2 * (skewMillis_ + jumped_ + world_->now() / 1000 * driftPpm_ / 1'000'000);
  const Verdict verdict = judge(load_->history(), s);
  result_.undecided = verdict.undecided;
  return verdict.wrong;
}

// master, lite, full, or anybody; merging: who has entries to offer, or had some when they were waited
// for; receiver: who has none, and is in a cluster.
SimMember* Run::pick(const std::string& which) {
  std::vector<SimMember*> choice;
  for (SimMember* m : world_->living()) {
    if (which == "master" && m->control().master()) return m;
    if (which == "merging" && m->data().mergeBacklog() == 0) continue;
    if (which == "receiver" && (m->data().mergeBacklog() > 0 || !m->view())) continue;
    if ((which == "lite" && !m->options.lite) || (which == "full" && m->options.lite)) continue;
    choice.push_back(m);
  }
  if (choice.empty() && which == "merging" && merging_.valid()) {
    SimMember* m = world_->find(merging_);
    return m != nullptr && m->alive ? m : nullptr;
  }
  return choice.empty() ? nullptr : choice[random_.below(choice.size())];
}

std::string Run::join(const Words& w) {
  const bool lite = word(w, 1) == "lite";
  const std::string count = word(w, lite ? 2 : 1);
  for (int i = count.empty() ? 1 : static_cast<int>(number(count)); i > 0; --i) {
    world_->optionsOf(address(next_)).lite = lite;
    world_->startMember(address(next_++));
  }
  return {};
}

// Each member in turn: stopped, settled, started (with the newest protocol), settled.
std::string Run::rolling(bool upgrade) {
  for (SimMember* m : world_->living()) {
    crashed_ = m->address;
    stopping_.push_back(m);
    if (upgrade) world_->optionsOf(m->address).protocolMax = grid::kProtocolMax;
    world_->stop(*m);
    if (std::string wrong = gone(); !wrong.empty()) return wrong;
    if (world_->lossesTold > 0) return "a leaver with takers tells of losses";
    if (std::string wrong = settle(settleMillis()); !wrong.empty()) return "after a stop: " + wrong;
    restart();
    if (std::string wrong = settle(settleMillis()); !wrong.empty()) return "after a start: " + wrong;
  }
  return {};
}

std::string Run::net(const std::string& kind) {
  if (kind != "slow-lossy") return "unknown net " + kind;
  tunables_.latency = 5 * kMillisecond;
  tunables_.jitter = static_cast<Micros>(10 + random_.below(90)) * kMillisecond;
  tunables_.lossPercent = static_cast<int>(2 + random_.below(9));
  // Time-outs must suit the network, as an administrator would set them.
  tunables_.heartbeatMillis = 1000;
  tunables_.silenceMillis = 10000;
  return {};
}

std::string Run::load(const std::string& arg) {
  if (arg == "on") {
    load_->start();
    if (plain_) plain_->start();
    return {};
  }
  load_->stop();
  if (plain_) plain_->stop();
  if (!world_->run(kDrainLimit, [&] { return load_->idle(); }))
    return "operations are never answered";
  return {};
}

std::string Run::unsettled() {
  if (const SimMember* m = world_->frozen()) return m->address.toString() + " stands still";
  std::vector<SeenBy> seen;
  for (SimMember* m : world_->living()) seen.push_back({m->asMember(), m->view()});
  if (std::string wrong = checkOneCluster(seen); !wrong.empty()) return wrong;
  if (std::string wrong = checkPartitions(*seen.front().view, std::max(1, tunables_.backups + tunables_.asyncBackups),
                                         tunables_.hostGroups);
      !wrong.empty())
    return wrong;
  for (SimMember* m : world_->living()) {
    if (const auto n = m->data().unsynced(); n > 0)
      return m->address.toString() + " knows " + std::to_string(n) + " replicas behind";
    if (const auto n = m->data().mergeBacklog(); n > 0)
      return m->address.toString() + " still offers " + std::to_string(n) + " entries";
  }
  return {};
}

// Sound and staying so for a while.
std::string Run::crash(const std::string& which, bool power) {
  SimMember* m = pick(which);
  if (m == nullptr) return "nobody to crash";
  crashed_ = m->address;
  world_->crash(*m, power);
  return {};
}

std::string Run::restart() {
  if (!crashed_) return "nobody has crashed or stopped";
  world_->startMember(*crashed_);
  return {};
}

std::string Run::stop(const std::string& which, int count) {
  for (int i = 0; i < count; ++i) {
    SimMember* m = pick(which);
    if (m == nullptr) return "nobody to stop";
    crashed_ = m->address;
    stopping_.push_back(m);
    world_->stop(*m);
  }
  return {};
}

// Until a member that has joined another half offers its entries.
std::string Run::waitMerging(const std::string& limitMillis) {
  const std::int64_t limit = limitMillis.empty() ? settleMillis() : number(limitMillis);
  const bool merging = world_->run(limit * kMillisecond, [&] {
    for (SimMember* m : world_->living())
      if (m->view() && m->data().view() && m->data().mergeBacklog() > 0) {
        merging_ = m->id;
        return true;
      }
    return false;
  });
  return merging ? std::string()
                 : "nobody merges anything within " + std::to_string(limit) + " ms";
}

// Until a member has installed a list with other owners that the next master does not have yet;
// for a while at most, as nothing may have to move.
void Run::waitUneven() {
  world_->run(kUnevenLimit, [&] {
    SimMember* master = pick("master");
    if (master == nullptr || !master->view() || master->view()->members.size() < 3) return false;
    SimMember* next = world_->find(master->view()->members[1].id);
    if (next == nullptr || !next->view()) return false;
    for (SimMember* m : world_->living()) {
      if (m == master || m == next || !m->view() || !(m->view()->id > next->view()->id)) continue;
      for (std::size_t p = 0; p < m->view()->partitions.size(); ++p)
        if (m->view()->partitions[p].at[0] != next->view()->partitions[p].at[0]) return true;
    }
    return false;
  });
}

std::string Run::gone() {
  const bool all = world_->run(2 * tunables_.leaveMillis * kMillisecond, [&] {
    return std::all_of(stopping_.begin(), stopping_.end(),
                       [](SimMember* m) { return !m->alive; });
  });
  if (!all) return "a stopping member does not leave";
  stopping_.clear();
  return {};
}

std::string Run::expect(const std::string& what) {
  if (what == "acknowledged") {
    load_->readAll();
    if (!world_->run(kDrainLimit, [&] { return load_->idle(); })) return "reads hang";
    if (load_->acknowledged() < 20) return "the workload did nearly nothing";
    return judgeHistory();
  }
  if (what == "topics" || what == "gaps-told" || what == "every-message") {
    if (!plain_) return "no topics in this scenario";
    if (plain_->published() < 20) return "hardly anything was published";
    return plain_->judge(what == "gaps-told", what == "every-message");
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
  if (what.rfind("protocol-", 0) == 0)
    return living.front()->view()->protocol == std::stoi(what.substr(9))
               ? std::string()
               : "the cluster speaks protocol " + std::to_string(living.front()->view()->protocol);
  if (what == "lite-empty") {
    const auto& view = *living.front()->view();
    for (const grid::Replicas& r : view.partitions)
      for (std::size_t i = 0; i < r.count; ++i)
        if (const grid::Member* m = view.find(r.at[i]); m != nullptr && m->lite)
          return "lite member " + m->address.toString() + " holds a partition";
    return {};
  }
  if (what == "two-clusters") {
    std::set<MemberId> masters;
    for (SimMember* m : living)
      if (m->view()) masters.insert(m->view()->id.master);
    return masters.size() == 2 ? std::string()
                               : std::to_string(masters.size()) + " clusters instead of two";
  }
  return "unknown expectation " + what;
}

RunResult runScenario(const Scenario& scenario, std::uint64_t seed) {
  return Run(scenario, seed).go();
}

}  // namespace ox::sim

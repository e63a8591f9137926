// Run: one scenario with one seed: the commands (runner.cpp) and the faults (faults.cpp).
#pragma once

#include <optional>
#include <set>

#include "checks.h"
#include "judge.h"
#include "scenario.h"
#include "feature_load.h"
#include "plain_topics.h"
#include "side_load.h"
#include "topic_load.h"
#include "workload.h"

namespace ox::sim {

inline constexpr std::int64_t kSettleMillis = 180'000;
inline constexpr Micros kUnevenLimit = 20 * kSecond;
inline constexpr std::int64_t kMoveMillis = 1000;  // of one copy, at most, when the links are slow
inline constexpr Micros kDrainLimit = 120 * kSecond;
inline constexpr std::uint16_t kFirstPort = 5701;

class Run {
 public:
  Run(const Scenario& scenario, std::uint64_t seed);
  RunResult go();

 private:
  using Words = std::vector<std::string>;
  // "3", "1..8" (chosen by the seed), "2x" or "1x..5x" (times the failure time-out).
  std::int64_t number(const std::string& word);
  std::string word(const Words& words, std::size_t i) const {
    return i < words.size() ? words[i] : std::string();
  }
  std::string execute(const Words& words);
  std::string setting(const Words& words, bool& known);
  std::string fault(const Words& words, bool& known);

  // runner.cpp
  std::string net(const std::string& kind);
  Address address(int i) const;
  std::string start(const std::string& how);
  std::string load(const std::string& arg);
  std::string unsettled();
  std::string judgeHistory();
  std::int64_t settleMillis() const;
  std::string settle(std::int64_t limitMillis);
  SimMember* pick(const std::string& which);
  std::string crash(const std::string& which, bool power);
  std::string restart();
  std::string join(const Words& words);
  std::string stop(const std::string& which, int count);
  std::string gone();
  std::string waitMerging(const std::string& limitMillis);
  void waitUneven();
  std::string rolling(bool upgrade);
  std::string expect(const std::string& what);

  // faults.cpp
  struct Cut {
    bool oneWay = false;
    int pairs = 0;  // 0 = two halves
  };
  std::string readCut(const Words& words, std::size_t from, Cut& cut);
  void cutNow(const Cut& cut);
  void markCut(bool twoSides);
  void cutHalves(bool both, bool forward);
  void heal();
  std::string flap(const Words& words);
  void flapOnce();
  std::string freeze(const Words& words);
  void resetSome(int count);
  void periodicResets();
  void setClocks();

  const Scenario& scenario_;
  const std::uint64_t seed_;
  SeededRandom random_;
  Tunables tunables_;
  Workload::Options options_;
  bool stub_ = false;
  int members_ = 3;
  int topicCount_ = 0;
  int lite_ = 0;      // the last ones of the first members
  int hosts_ = 0;     // 0 = each member on a machine of its own
  int protocol_ = grid::kProtocolMax;  // of the members until a rolling upgrade
  std::int64_t skewMillis_ = 0;
  std::int64_t driftPpm_ = 0;
  std::int64_t jumped_ = 0;  // sum of the sizes of jumps
  int next_ = 0;
  int half_ = 1;
  bool resets_ = false;
  bool resetting_ = false;
  bool flapping_ = false;
  bool flapCut_ = false;
  Cut flapKind_;
  std::uint64_t flapRound_ = 0;
  std::optional<Address> crashed_;
  MemberId merging_;  // who offered entries when that was waited for
  std::vector<SimMember*> stopping_;
  ViewPtr marked_;
  RunResult result_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Workload> load_;
  std::unique_ptr<TopicLoad> topics_;
  std::unique_ptr<PlainTopics> plain_;
  std::unique_ptr<FeatureLoad> features_;
  std::map<std::string, std::unique_ptr<SideLoad>> sideLoads_;  // by their command
};

}  // namespace ox::sim

#include "judge.h"

#include <algorithm>
#include <set>

#include "linear.h"

namespace ox::sim {
namespace {

constexpr std::int64_t kClockGrainMicros = 2000;  // stamps count milliseconds
constexpr std::size_t kOpsShown = 14;

std::string show(const Value& v) { return v ? "'" + *v + "'" : std::string("nothing"); }

const char* nameOf(MapOp kind) {
  static const char* const kNames[] = {"get", "set", "put", "putIfAbsent", "replace",
                                       "replaceIfSame", "remove", "removeIfSame", "containsKey",
                                       "touch"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string show(const Op& op) {
  std::string text = std::to_string(op.beganAt / 1000) + ".." +
                     (op.ended == kNever ? "?" : std::to_string(op.endedAt / 1000)) + " ms " +
                     nameOf(op.kind);
  if (!op.expected.empty()) text += " if '" + op.expected + "'";
  if (!op.value.empty()) text += " '" + op.value + "'";
  text += " at member " + std::to_string(op.place);
  if (op.outcome == Outcome::kAcknowledged) {
    text += op.applied ? " -> done" : " -> not done";
    if (op.former || op.kind == MapOp::kGet) text += ", " + show(op.former);
  } else {
    text += op.outcome == Outcome::kRefused ? " -> refused" : " -> no answer";
  }
  return text;
}

// One key through its history.
class KeyJudge {
 public:
  KeyJudge(const History& history, const std::string& key, const std::vector<Op>& ops,
           const JudgeSettings& settings)
      : history_(history), key_(key), ops_(ops), settings_(settings), lines_(1, Linear(ops)) {
    for (const Op& op : ops)
      if (op.write() && !op.value.empty()) written_.emplace(op.value, op.began);
  }

  std::string run() {
    struct Event {
      std::uint64_t order;
      std::size_t op;  // SIZE_MAX = mark
      bool end;
      const Mark* mark;
    };
    std::vector<Event> events;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      events.push_back({ops_[i].began, i, false, nullptr});
      if (ops_[i].ended != kNever) events.push_back({ops_[i].ended, i, true, nullptr});
    }
    for (const Mark& m : history_.marks()) events.push_back({m.order, SIZE_MAX, false, &m});
    std::sort(events.begin(), events.end(),
              [](const Event& a, const Event& b) { return a.order < b.order; });
    for (const Event& e : events) {
      std::string wrong;
      if (e.mark != nullptr) marked(*e.mark);
      else if (e.end) wrong = ended(e.op);
      else began(e.op);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }
  bool undecided() const { return undecided_; }

 private:
  enum class Regime { kOne, kSides, kDisorder };

  int sideOf(std::size_t op) const { return ops_[op].place < half_ ? 0 : 1; }

  void began(std::size_t op) {
    under_.insert(op);
    if (regime_ == Regime::kOne) lines_[0].begin(op);
    else if (regime_ == Regime::kSides) lines_[static_cast<std::size_t>(sideOf(op))].begin(op);
  }

  std::string ended(std::size_t op) {
    under_.erase(op);
    const Op& o = ops_[op];
    if (o.former) {
      const auto source = written_.find(*o.former);
      if (source == written_.end()) return tell(op, "a value nobody wrote", {});
      if (source->second > o.ended) return tell(op, "a value that is written only later", {});
    }
    if (regime_ == Regime::kDisorder) return {};
    Linear& line = lines_[regime_ == Regime::kOne ? 0 : static_cast<std::size_t>(sideOf(op))];
    const std::vector<Value> before = line.values();
    if (line.end(op)) {
      undecided_ = undecided_ || line.undecided();
      return {};
    }
    return tell(op, regime_ == Regime::kOne ? "no order of the operations explains it"
                                            : "no order of this side's operations explains it",
                before);
  }

  void marked(const Mark& m) {
    switch (m.kind) {
      case Mark::Kind::kCut:
        if (regime_ != Regime::kOne) {
          regime_ = Regime::kDisorder;
          return;
        }
        regime_ = Regime::kSides;
        half_ = m.half;
        lines_.resize(2, lines_[0]);
        for (const int side : {0, 1}) {
          Linear& line = lines_[static_cast<std::size_t>(side)];
          const auto known = m.copies[side].find(key_);
          const auto holds = known == m.copies[side].end() ? std::optional(true) : known->second;
          // A side without a copy begins with nothing.
          std::vector<Value> values = line.values();
          if (!holds) values.push_back(std::nullopt);
          if (!holds) line.reset(values);
          else if (!*holds) line.reset({Value{}});
          if (!holds || !*holds)
            for (const std::size_t op : under_) line.begin(op);
          for (const std::size_t op : under_)
            if (sideOf(op) != side) line.abandon(op);
        }
        return;
      case Mark::Kind::kDisorder:
      case Mark::Kind::kHeal:
        regime_ = Regime::kDisorder;
        return;
      case Mark::Kind::kSettled:
        if (regime_ != Regime::kDisorder) return;
        regime_ = Regime::kOne;
        lines_.assign(1, Linear(ops_));
        lines_[0].reset(newest(ops_, m.order, settings_, history_));
        for (std::size_t i = 0; i < ops_.size(); ++i) {
          if (ops_[i].began > m.order || ops_[i].ended < m.order) continue;
          lines_[0].begin(i);
          lines_[0].abandon(i);
        }
        return;
    }
  }

  std::string tell(std::size_t op, const std::string& what, const std::vector<Value>& before) const {
    const Op& o = ops_[op];
    std::string text = "key " + key_ + ": " + show(o) + ": " + what;
    if (!before.empty()) {
      text += "; it held one of:";
      for (const Value& v : before) text += " " + show(v);
    }
    std::vector<const Op*> near;
    for (const Op& other : ops_)
      if (other.began < o.ended) near.push_back(&other);
    std::sort(near.begin(), near.end(), [](const Op* a, const Op* b) {
      return (a->ended == kNever ? a->began : a->ended) < (b->ended == kNever ? b->began : b->ended);
    });
    const std::size_t from = near.size() > kOpsShown ? near.size() - kOpsShown : 0;
    for (std::size_t i = from; i < near.size(); ++i) text += "\n    " + show(*near[i]);
    for (const Mark& m : history_.marks()) {
      static const char* const kNames[] = {"cut in two", "cut", "healed", "settled"};
      text += "\n    " + std::to_string(m.at / 1000) + " ms " +
              kNames[static_cast<std::size_t>(m.kind)];
    }
    return text;
  }

  const History& history_;
  const std::string& key_;
  const std::vector<Op>& ops_;
  const JudgeSettings& settings_;
  std::map<std::string, std::uint64_t> written_;  // value -> order of its write
  std::vector<Linear> lines_;                     // one, or one per side
  std::set<std::size_t> under_;                   // operations under way
  Regime regime_ = Regime::kOne;
  int half_ = 0;
  bool undecided_ = false;
};

}  // namespace

std::vector<Value> newest(const std::vector<Op>& ops, std::uint64_t order,
                          const JudgeSettings& settings, const History& history) {
  const std::int64_t error = settings.clockErrorMillis * 1000 + kClockGrainMicros;
  // With other policies a side's last write may win over a newer one of the other side.
  int half = 0;
  for (const Mark& m : history.marks())
    if (m.kind == Mark::Kind::kCut && m.order < order) half = m.half;
  const auto sideOf = [&](const Op& op) { return op.place < half ? 0 : 1; };
  // Asked again on another side, a write may be answered "not done" although the first side did it.
  const auto twoAnswers = [&](const Op& op) {
    if (!op.write() || op.outcome != Outcome::kAcknowledged || op.applied) return false;
    bool disorder = false;
    for (const Mark& m : history.marks()) {
      if (m.order >= order) break;
      if (m.kind == Mark::Kind::kSettled) disorder = false;
      else if (m.kind != Mark::Kind::kCut) disorder = true;
      if (op.began < m.order && op.ended > m.order && m.kind != Mark::Kind::kSettled) return true;
      if (disorder && op.began > m.order) {
        const Mark* next = &m + 1;
        const bool last = next == history.marks().data() + history.marks().size();
        if (last || op.began < next->order) return true;
      }
    }
    return false;
  };
  std::set<Value> values;
  bool acknowledged = false;
  for (const Op& w : ops) {
    if (w.began > order || (!w.effective() && !w.maybe() && !twoAnswers(w))) continue;
    acknowledged = acknowledged || w.effective();
    bool beaten = false;
    for (const Op& other : ops)
      beaten = beaten || (other.began < order && other.effective() && w.ended != kNever &&
                          other.ended < order && other.beganAt > w.endedAt + error &&
                          (!settings.anySideWins || sideOf(other) == sideOf(w)));
    if (!beaten) values.insert(w.after());
  }
  if (!acknowledged) values.insert(std::nullopt);
  return {values.begin(), values.end()};
}

Verdict judge(const History& history, const JudgeSettings& settings) {
  Verdict verdict;
  for (const auto& [key, ops] : history.all()) {
    KeyJudge one(history, key, ops, settings);
    verdict.wrong = one.run();
    if (!verdict.wrong.empty()) return verdict;
    verdict.undecided += one.undecided() ? 1 : 0;
  }
  return verdict;
}

}  // namespace ox::sim

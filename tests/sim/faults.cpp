// The faults of a scenario: cuts of all shapes, flapping, standing still, resets, clocks.
#include <algorithm>

#include "run.h"

namespace ox::sim {

// [one-way] [pairs N]; without pairs: two halves.
std::string Run::readCut(const Words& words, std::size_t from, Cut& cut) {
  for (std::size_t i = from; i < words.size(); ++i) {
    if (words[i] == "one-way") cut.oneWay = true;
    else if (words[i] == "pairs" && i + 1 < words.size())
      cut.pairs = std::max(1, static_cast<int>(number(words[++i])));
    else return "a cut is [one-way] [pairs N], not '" + words[i] + "'";
  }
  return {};
}

void Run::cutHalves(bool both, bool forward) {
  half_ = std::clamp((members_ + static_cast<int>(random_.below(2))) / 2, 1,
                     std::max(1, members_ - 1));
  const int all = std::max(members_ + 2, next_);
  for (int a = 0; a < half_; ++a)
    for (int b = half_; b < all; ++b) {
      if (both || forward) world_->cutOneWay(address(a), address(b), true);
      if (both || !forward) world_->cutOneWay(address(b), address(a), true);
    }
}

// For the judge: which sides hold copies of which keys.
void Run::markCut(bool twoSides) {
  if (!load_) return;
  Mark mark;
  mark.kind = twoSides && options_.judgeReads && !flapping_ ? Mark::Kind::kCut : Mark::Kind::kDisorder;
  mark.half = half_;
  for (const int side : {0, 1})
    for (int k = 0; k < options_.keys; ++k) {
      const auto p = static_cast<std::size_t>(partitionOf(load_->keyName(k), tunables_.partitions));
      std::size_t yes = 0, no = 0;
      for (SimMember* m : world_->living()) {
        if (!m->view()) continue;
        const grid::Replicas& r = m->view()->partitions[p];
        bool here = false;
        for (std::size_t i = 0; i < r.count; ++i)
          if (const grid::Member* holder = m->view()->find(r.at[i]))
            here = here || ((holder->address.port - kFirstPort < half_) == (side == 0));
        ++(here ? yes : no);
      }
      if (no > 0)
        mark.copies[side][load_->keyName(k)] = yes > 0 ? std::optional<bool>() : std::optional(false);
    }
  load_->history().mark(std::move(mark), world_->now());
}

void Run::cutNow(const Cut& cut) {
  const bool forward = random_.chance(1, 2);
  if (cut.pairs == 0) {
    cutHalves(!cut.oneWay, forward);
    markCut(!cut.oneWay);
    world_->note(std::string("the network is cut in two") + (cut.oneWay ? " in one direction" : ""));
    return;
  }
  markCut(false);
  const auto living = world_->living();
  for (int i = 0; i < cut.pairs && living.size() > 1; ++i) {
    const std::size_t a = random_.below(living.size());
    const std::size_t b = (a + 1 + random_.below(living.size() - 1)) % living.size();
    const Address& from = living[a]->address;
    const Address& to = living[b]->address;
    world_->note("cut: " + from.toString() + (cut.oneWay ? " -> " : " <-> ") + to.toString());
    world_->cutOneWay(from, to, true);
    if (!cut.oneWay) world_->cutOneWay(to, from, true);
  }
}

void Run::heal() {
  world_->healAll();
  world_->note("the network is whole");
  Mark mark;
  mark.kind = Mark::Kind::kHeal;
  if (load_) load_->history().mark(std::move(mark), world_->now());
}

std::string Run::flap(const Words& words) {
  if (word(words, 1) == "off") {
    flapping_ = false;
    ++flapRound_;
    heal();
    return {};
  }
  if (word(words, 1) != "on") return "flap on [one-way] [pairs N], or flap off";
  if (std::string wrong = readCut(words, 2, flapKind_); !wrong.empty()) return wrong;
  flapping_ = true;
  flapCut_ = false;
  ++flapRound_;
  flapOnce();
  return {};
}

// Cut and whole in turn, each for up to one and a half times the failure time-out.
void Run::flapOnce() {
  flapCut_ = !flapCut_;
  if (flapCut_) cutNow(flapKind_);
  else heal();
  const auto most = static_cast<std::uint64_t>(tunables_.silenceMillis * 3 / 2);
  const auto length = static_cast<Micros>(50 + random_.below(most)) * kMillisecond;
  world_->after(length, [this, round = flapRound_] {
    if (flapping_ && round == flapRound_) flapOnce();
  });
}

std::string Run::freeze(const Words& words) {
  if (words.size() < 3) return "freeze random|master MS";
  SimMember* m = pick(words[1]);
  if (m == nullptr) return "nobody to freeze";
  if (!options_.judgeReads) markCut(false);
  world_->freeze(*m, number(words[2]) * kMillisecond);
  return {};
}

void Run::resetSome(int count) {
  const auto living = world_->living();
  for (int i = 0; i < count && living.size() > 1; ++i) {
    SimMember* a = living[random_.below(living.size())];
    SimMember* b = living[random_.below(living.size())];
    if (a != b) world_->resetLinks(a->id, b->id);
  }
}

void Run::periodicResets() {
  if (!resets_ || resetting_) return;
  resetting_ = true;
  world_->after(static_cast<Micros>(random_.below(2 * kSecond)), [this] {
    resetting_ = false;
    if (!resets_) return;
    resetSome(1);
    periodicResets();
  });
}

// Every address gets its own error of the wall clock, within the scenario's bounds.
void Run::setClocks() {
  const auto within = [&](std::int64_t most) {
    return most == 0 ? 0
                     : static_cast<std::int64_t>(
                           random_.below(static_cast<std::uint64_t>(2 * most + 1))) - most;
  };
  for (int i = 0; i < members_ + 40; ++i) {
    MemberOptions& o = world_->optionsOf(address(i));
    o.wallOffsetMillis = within(skewMillis_);
    o.driftPpm = within(driftPpm_);
  }
}

std::string Run::fault(const Words& w, bool& known) {
  const std::string& what = w[0];
  known = true;
  if (what == "reset") resetSome(w.size() < 2 ? 1 : static_cast<int>(number(w[1])));
  else if (what == "resets") resets_ = word(w, 1) == "on", periodicResets();
  else if (what == "cut") {
    Cut cut;
    if (std::string wrong = readCut(w, 1, cut); !wrong.empty()) return wrong;
    cutNow(cut);
  } else if (what == "heal") heal();
  else if (what == "flap") return flap(w);
  else if (what == "freeze") return freeze(w);
  else if (what == "jump") {
    SimMember* m = pick(word(w, 1));
    if (m == nullptr || w.size() < 3) return "jump random|master MS";
    const std::int64_t millis = number(w[2]);
    m->clock.jump(millis);
    jumped_ += std::abs(millis);
    world_->note(m->address.toString() + " its wall clock jumps by " + std::to_string(millis) +
                 " ms");
  } else {
    known = false;
  }
  return {};
}

}  // namespace ox::sim

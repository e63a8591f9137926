// Which migrations to order next: one planning run over the table as it will be when everything
// ordered so far has arrived.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "partition/planner.h"

namespace ox::grid {
namespace {

constexpr int kNone = -1;

// A replica list by member number (place in the view).
struct Row {
  std::array<int, kMaxReplicas> at{};
  int count = 0;
  int indexOf(int member) const {
    for (int i = 0; i < count; ++i)
      if (at[static_cast<std::size_t>(i)] == member) return i;
    return -1;
  }
  int operator[](int i) const { return at[static_cast<std::size_t>(i)]; }
  void erase(int index) {
    for (int i = index; i + 1 < count; ++i)
      at[static_cast<std::size_t>(i)] = at[static_cast<std::size_t>(i) + 1];
    --count;
  }
  void insert(int index, int member) {
    if (count == kMaxReplicas) erase(count - 1);
    index = std::min(index, count);
    for (int i = count; i > index; --i)
      at[static_cast<std::size_t>(i)] = at[static_cast<std::size_t>(i) - 1];
    at[static_cast<std::size_t>(index)] = member;
    ++count;
  }
};

class Plan {
 public:
  Plan(const ClusterView& view, const PlanSettings& settings)
      : view_(view),
        settings_(settings),
        wanted_(wantedReplicas(view, settings)),
        moving_(view.partitions.size()),
        load_(view.members.size()) {
    std::unordered_map<std::string, int> groups;
    std::unordered_map<MemberId, int> number;
    for (std::size_t i = 0; i < view.members.size(); ++i) {
      const Member& m = view.members[i];
      const int me = static_cast<int>(i);
      number[m.id] = me;
      Load& load = load_[i];
      load.leaving = isLeaving(view, m.id);
      const auto group = m.lite          ? std::optional<std::string>()
                         : settings.groupOf ? settings.groupOf(m)
                                            : std::optional<std::string>(std::to_string(i));
      if (group) load.group = groups.emplace(*group, static_cast<int>(groups.size())).first->second;
      if (group && !load.leaving) stayers_.push_back(me);
    }
    for (const Replicas& r : view.partitions) {
      Row row;
      for (int i = 0; i < r.count; ++i)
        row.at[static_cast<std::size_t>(row.count++)] = number.at(r.at[static_cast<std::size_t>(i)]);
      future_.push_back(row);
    }
    for (const Migration& m : view.migrations) {
      Row& row = future_[m.partition];
      moving_[m.partition] = true;
      const int target = number.at(m.target);
      ++load_[static_cast<std::size_t>(row[0])].busy;
      ++load_[static_cast<std::size_t>(target)].busy;
      place(row, target, m.replicaIndex, m.dropIndex);
    }
    shares(static_cast<int>(groups.size()));
    for (const Row& row : future_)
      for (int i = 0; i < row.count; ++i) {
        ++at(row[i]).replicas;
        if (i == 0) ++at(row[i]).owned;
      }
    for (const int i : stayers_) bySurplus_.insert({at(i).surplus(), i});
  }

  std::vector<Migration> run() {
    if (stayers_.empty()) return {};
    missingBackups();
    leavingReplicas();
    doubledGroups();
    if (urgentLeft_) return std::move(orders_);  // balance when nothing more important waits
    balanceOwners();
    balanceBackups();
    return std::move(orders_);
  }

 private:
  struct Load {
    int owned = 0;
    int replicas = 0;
    int busy = 0;
    int group = kNone;
    bool leaving = false;
    int low = 0;   // fair share of replicas, rounded down and up
    int high = 0;
    int surplus() const { return replicas - low; }
  };

  Load& at(int member) { return load_[static_cast<std::size_t>(member)]; }
  const Load& at(int member) const { return load_[static_cast<std::size_t>(member)]; }
  int partitionCount() const { return static_cast<int>(future_.size()); }
  Row& row(int partition) { return future_[static_cast<std::size_t>(partition)]; }
  bool moving(int partition) const { return moving_[static_cast<std::size_t>(partition)]; }
  bool free(int member) const { return at(member).busy < settings_.perMember; }
  bool roomForMore() const {
    return view_.migrations.size() + orders_.size() < ClusterView::kMaxMigrations;
  }

  // Everybody the same, except that a group cannot hold more than every partition once: what a
  // small number of members in a group cannot take is shared by the others.
  void shares(int groups) {
    std::vector<int> size(static_cast<std::size_t>(groups));
    for (const int i : stayers_) ++size[static_cast<std::size_t>(at(i).group)];
    std::vector<bool> full(size.size());
    int copies = partitionCount() * wanted_;
    int members = static_cast<int>(stayers_.size());
    for (bool changed = true; changed && members > 0;) {
      changed = false;
      for (std::size_t g = 0; g < size.size(); ++g)
        if (!full[g] && size[g] > 0 && size[g] * copies > members * partitionCount()) {
          full[g] = changed = true;
          copies -= partitionCount();
          members -= size[g];
        }
    }
    for (const int i : stayers_) {
      const auto g = static_cast<std::size_t>(at(i).group);
      const int share = full[g] ? partitionCount() : copies;
      const int heads = full[g] ? size[g] : std::max(1, members);
      at(i).low = share / heads;
      at(i).high = at(i).low + (share % heads != 0 ? 1 : 0);
    }
  }

  // As planner.cpp does it when the target has arrived.
  void place(Row& r, int target, int index, int drop) const {
    const int dropped = drop < r.count ? r[drop] : kNone;
    if (const int already = r.indexOf(target); already >= 0) r.erase(already);
    r.insert(index, target);
    if (dropped != kNone && dropped != target)
      if (const int i = r.indexOf(dropped); i >= 0) r.erase(i);
    while (r.count > wanted_) {
      int victim = r.count - 1;
      for (int i = r.count - 1; i > 0; --i)
        if (at(r[i]).leaving) {
          victim = i;
          break;
        }
      r.erase(victim);
    }
  }

  void order(int partition, int target, int index, int drop) {
    Migration m;
    m.partition = static_cast<std::uint16_t>(partition);
    m.target = view_.members[static_cast<std::size_t>(target)].id;
    m.becomesOwner = index == 0;
    m.replicaIndex = static_cast<std::uint8_t>(index);
    m.dropIndex = static_cast<std::uint8_t>(drop);
    Row& r = row(partition);
    ++at(r[0]).busy;
    ++at(target).busy;
    count(r, -1);
    place(r, target, index, drop);
    count(r, 1);
    moving_[static_cast<std::size_t>(partition)] = true;
    orders_.push_back(m);
  }

  void count(const Row& r, int sign) {
    for (int i = 0; i < r.count; ++i) {
      Load& load = at(r[i]);
      const bool sorted = bySurplus_.erase({load.surplus(), r[i]}) > 0;
      load.replicas += sign;
      if (sorted) bySurplus_.insert({load.surplus(), r[i]});
    }
    if (r.count > 0) at(r[0]).owned += sign;
  }

  // Would the member's group be twice in the row? `instead`: index of the replica it replaces.
  bool groupTaken(const Row& r, int member, int instead) const {
    for (int i = 0; i < r.count; ++i)
      if (i != instead && !at(r[i]).leaving && at(r[i]).group == at(member).group) return true;
    return false;
  }

  // Staying member that may join the row, the furthest below its share.
  int lightestOutside(const Row& r, bool mustBeFree, int instead) const {
    for (const auto& [_, i] : bySurplus_)
      if (r.indexOf(i) < 0 && (!mustBeFree || free(i)) && !groupTaken(r, i, instead)) return i;
    return kNone;
  }

  // Partitions with the fewest copies first: they are one crash away from being lost.
  void missingBackups() {
    for (int copies = 1; copies < wanted_; ++copies)
      for (int p = 0; p < partitionCount() && roomForMore(); ++p) {
        const Row& r = row(p);
        if (moving(p) || r.count != copies) continue;
        if (at(r[0]).leaving) continue;  // its ownership moves first: that adds a copy
        const int target = lightestOutside(r, true, kNone);
        if (target == kNone || !free(r[0])) {
          urgentLeft_ = urgentLeft_ || lightestOutside(r, false, kNone) != kNone;
          continue;
        }
        order(p, target, r.count, 255);
      }
  }

  void leavingReplicas() {
    if (view_.leaving.empty()) return;
    for (int p = 0; p < partitionCount() && roomForMore(); ++p) {
      const Row& r = row(p);
      int staying = 0;
      for (int i = 0; i < r.count; ++i) staying += at(r[i]).leaving ? 0 : 1;
      if (r.count == 0 || staying == r.count) continue;
      urgentLeft_ = true;
      if (moving(p) || !free(r[0])) continue;
      if (at(r[0]).leaving) {
        moveOwnershipAway(p, staying);
        continue;
      }
      for (int i = 1; i < r.count; ++i) {
        if (!at(r[i]).leaving) continue;
        if (const int target = lightestOutside(r, true, i); target != kNone)
          order(p, target, i, i);
        break;
      }
    }
  }

  // A backup that stays takes over (its copy is there already), else the lightest newcomer.
  void moveOwnershipAway(int p, int staying) {
    const Row& r = row(p);
    int target = kNone;
    for (int i = 1; i < r.count; ++i) {
      if (at(r[i]).leaving || !free(r[i])) continue;
      if (target == kNone || at(r[i]).owned < at(target).owned) target = r[i];
    }
    if (target == kNone && staying == 0) target = lightestOutside(r, true, 0);
    if (target != kNone) order(p, target, 0, 255);
  }

  // Two replicas in one group, left over from other groups or another order of events.
  void doubledGroups() {
    if (!settings_.groupOf) return;
    for (int p = 0; p < partitionCount() && roomForMore(); ++p) {
      const Row& r = row(p);
      for (int i = 1; i < r.count; ++i) {
        bool doubled = false;
        for (int k = 0; k < i; ++k) doubled = doubled || at(r[k]).group == at(r[i]).group;
        if (!doubled || lightestOutside(r, false, i) == kNone) continue;
        urgentLeft_ = true;
        if (moving(p) || !free(r[0])) break;
        if (const int target = lightestOutside(r, true, i); target != kNone)
          order(p, target, i, i);
        break;
      }
    }
  }

  // With the exact shares known, only moves from above to below happen: the fewest possible.
  static bool worth(int from, int to, int low, int high) {
    return (from > high && to < high) || (from > low && to < low);
  }
  static bool worthMoving(const Load& from, const Load& to) {
    return (from.replicas > from.high && to.replicas < to.high) ||
           (from.replicas > from.low && to.replicas < to.low);
  }

  void balanceOwners() {
    const int n = static_cast<int>(stayers_.size());
    const int low = partitionCount() / n;
    const int high = low + (partitionCount() % n != 0 ? 1 : 0);
    for (bool moved = true; moved && roomForMore();) {
      moved = false;
      std::vector<int> byOwned;
      for (const int i : stayers_)
        if (free(i)) byOwned.push_back(i);
      std::stable_sort(byOwned.begin(), byOwned.end(),
                       [&](int a, int b) { return at(a).owned < at(b).owned; });
      if (byOwned.size() < 2) return;
      const int to = byOwned.front();
      for (auto from = byOwned.rbegin(); from != byOwned.rend() && !moved; ++from) {
        if (!worth(at(*from).owned, at(to).owned, low, high)) break;
        moved = moveOwner(*from, to);
      }
    }
  }

  bool moveOwner(int from, int to) {
    int best = kNone;
    int bestDrop = 255;
    int bestCost = 1 << 30;
    for (int p = 0; p < partitionCount(); ++p) {
      const Row& r = row(p);
      if (moving(p) || r.count == 0 || r[0] != from) continue;
      int drop = 255;
      int cost = -(1 << 20);  // `to` is a backup already: they change places, nothing is added
      if (r.indexOf(to) < 0) {
        drop = dropFor(r, to);
        cost = drop == 255 ? 0 : -at(r[drop]).surplus();
      }
      if (cost < bestCost) {
        bestCost = cost;
        best = p;
        bestDrop = drop;
      }
    }
    if (best == kNone) return false;
    order(best, to, 0, bestDrop);
    return true;
  }

  // Who leaves the row when `to` joins it: the one of its own group, else who has most.
  int dropFor(const Row& r, int to) const {
    for (int i = 0; i < r.count; ++i)
      if (at(r[i]).group == at(to).group) return i;
    if (r.count < wanted_) return 255;
    int worst = 0;
    for (int i = 1; i < r.count; ++i)
      if (at(r[i]).surplus() > at(r[worst]).surplus()) worst = i;
    return worst;
  }

  void balanceBackups() {
    if (wanted_ < 2) return;
    while (roomForMore() && moveBackup()) {
    }
    if (view_.migrations.empty() && orders_.empty()) moveByChain();
  }

  // The move between the heaviest and the lightest that is possible; none while only the middle
  // could move because the lightest is busy (such moves would be done twice).
  bool moveBackup() {
    const int lightest = bySurplus_.begin()->second;
    if (at(lightest).replicas < at(lightest).low && !free(lightest)) return false;
    int best = kNone;
    int bestIndex = 0;
    int bestGap = 0;
    int bestTarget = kNone;
    for (int p = 0; p < partitionCount(); ++p) {
      const Row& r = row(p);
      if (moving(p) || r.count < 2 || !free(r[0])) continue;
      for (int i = 1; i < r.count; ++i) {
        const Load& from = at(r[i]);
        if (from.surplus() - at(lightest).surplus() <= bestGap) continue;
        const int to = lightestOutside(r, true, i);
        if (to == kNone || !worthMoving(from, at(to))) continue;
        const int gap = from.surplus() - at(to).surplus();
        if (gap <= bestGap) continue;
        best = p;
        bestIndex = i;
        bestGap = gap;
        bestTarget = to;
      }
    }
    if (best == kNone) return false;
    order(best, bestTarget, bestIndex, bestIndex);
    return true;
  }

  // Nothing moves, yet somebody has too much and somebody too little, because no backup of the one
  // may go to the other: a third one takes a backup from the first and gives one to the second.
  void moveByChain() {
    const int lightest = bySurplus_.begin()->second;
    const int heaviest = bySurplus_.rbegin()->second;
    if (at(lightest).replicas >= at(lightest).low || at(heaviest).replicas <= at(heaviest).high)
      return;
    for (int p = 0; p < partitionCount(); ++p) {
      const int i = row(p).indexOf(heaviest);
      if (i < 1) continue;
      for (const int middle : stayers_) {
        if (row(p).indexOf(middle) >= 0 || groupTaken(row(p), middle, i)) continue;
        for (int q = 0; q < partitionCount(); ++q) {
          const int k = q == p ? kNone : row(q).indexOf(middle);
          if (k < 1 || row(q).indexOf(lightest) >= 0 || groupTaken(row(q), lightest, k)) continue;
          order(p, middle, i, i);
          order(q, lightest, k, k);
          return;
        }
      }
    }
  }

  const ClusterView& view_;
  const PlanSettings& settings_;
  const int wanted_;
  std::vector<bool> moving_;
  std::vector<Load> load_;      // by member number
  std::vector<int> stayers_;    // full members with a group that are not leaving
  std::vector<Row> future_;
  std::set<std::pair<int, int>> bySurplus_;  // (surplus, member) of the stayers
  std::vector<Migration> orders_;
  bool urgentLeft_ = false;  // restoring or leaving work that did not fit now
};

}  // namespace

std::vector<Migration> plan(const ClusterView& view, const PlanSettings& settings) {
  return Plan(view, settings).run();
}

}  // namespace ox::grid

// Merge policies: both halves of a split write, remove and read the keys of one map per policy; what
// is there after the merge must be what the policy says of the two states, key by key, and the
// members of the joining half must have counted each of their entries once, as kept or dropped.
//
// Commands: write (before the cut) | diverge (while cut) | judge (settled)
#include <algorithm>
#include <optional>

#include "side_load.h"

namespace ox::sim {
namespace {

using services::MapOp;
constexpr int kCommon = 5;   // keys of before the cut
constexpr int kFresh = 6;    // keys of the split
constexpr Micros kApart = 100 * kMillisecond;  // of two versions that are compared
constexpr Micros kRestLimit = 600 * kSecond;

// What one half knows of a key.
struct State {
  std::optional<std::string> value;
  bool buried = false;  // it was removed here
  Micros at = 0;        // of the write or removal; common ones: 0
  int hits = 0;

  std::string show() const {
    return value ? "'" + *value + "' of " + std::to_string(at / 1000) + " ms read " +
                       std::to_string(hits) + " times"
           : buried ? "removed at " + std::to_string(at / 1000) + " ms"
                    : std::string("never heard of");
  }
};

std::optional<std::string> expected(const std::string& policy, const State& joining,
                                    const State& staying) {
  if (policy == "discard") return staying.value;
  const bool newer = joining.at > staying.at;
  if (!joining.value) {
    const bool removes = joining.buried && newer &&
                         (policy == "latest-update" || policy == "pass-through");
    return removes ? std::nullopt : staying.value;
  }
  if (policy == "pass-through") return joining.value;
  if (!staying.value) return staying.buried && !newer ? std::nullopt : joining.value;
  if (policy == "latest-update") return newer ? joining.value : staying.value;
  if (policy == "higher-hits" && joining.hits > staying.hits) return joining.value;
  return staying.value;
}

class Policies final : public SideLoad {
 public:
  Policies(World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  std::string command(const Words& words) override {
    const std::string what = words.empty() ? std::string() : words[0];
    if (what == "write") return write();
    if (what == "diverge") return diverge();
    if (what == "judge") return judge();
    return "policies write|diverge|judge";
  }

 private:
  struct Half {
    std::vector<SimMember*> members;
    std::map<std::pair<std::string, std::string>, State> states;  // map, key
  };

  static std::string key(int i) { return "policy-" + std::to_string(i); }
  static bool counts(const std::string& map) { return map == "higher-hits"; }

  // Empty = answered as wanted.
  std::string act(Half& half, const std::string& map, const std::string& name, MapOp op) {
    State& state = half.states[{map, name}];
    SimMember& member = *half.members[random_.below(half.members.size())];
    const std::string value = op == MapOp::kSet ? "v" + std::to_string(++next_) : std::string();
    const MapAnswer r = askNow(world_, member, map, op, name, value);
    if (!r) return map + " " + name + ": " + r.error().toString();
    if (op == MapOp::kGet) {
      state.value = r->value;
      state.hits += r->value ? 1 : 0;
    } else if (op == MapOp::kSet) {
      state.value = value;
      state.at = world_.now();
    } else if (state.value) {
      state = State{std::nullopt, true, world_.now(), 0};
    }
    return {};
  }

  std::string write() {
    Half all{world_.living(), {}};
    for (const auto* map : kPolicyMaps)
      for (int k = 0; k < kCommon; ++k)
        if (std::string wrong = act(all, map, key(k), MapOp::kSet); !wrong.empty()) return wrong;
    return {};
  }

  std::string diverge() {
    if (!world_.run(kRestLimit, [&] { return clusters(world_).size() == 2 && atRest(world_); }))
      return "policies: the halves do not come to rest";
    for (auto& [master, members] : clusters(world_)) halves_.push_back({members, {}});
    for (auto& half : halves_)  // which of the common ones it has
      for (const auto* map : kPolicyMaps)
        for (int k = 0; k < kCommon && !counts(map); ++k)
          if (std::string wrong = act(half, map, key(k), MapOp::kGet); !wrong.empty()) return wrong;
    // Each key once in each half, in this order or the other, far enough apart.
    const std::vector<MapOp> common{MapOp::kGet, MapOp::kGet, MapOp::kSet, MapOp::kRemove};
    const std::vector<MapOp> fresh{MapOp::kGet, MapOp::kSet, MapOp::kSet, MapOp::kSet};
    for (const int round : {0, 1}) {
      for (const auto* map : kPolicyMaps)
        for (int k = counts(map) ? kCommon : 0; k < kCommon + kFresh; ++k) {
          if (round == 0) first_[{map, k}] = static_cast<std::size_t>(random_.below(2));
          Half& half = halves_[first_[{map, k}] ^ static_cast<std::size_t>(round)];
          const auto& ops = k < kCommon ? common : fresh;
          const MapOp op = ops[random_.below(ops.size())];
          if (std::string wrong = act(half, map, key(k), op); !wrong.empty()) return wrong;
          for (int reads = counts(map) ? static_cast<int>(random_.below(4)) : 0; reads > 0; --reads)
            if (std::string wrong = act(half, map, key(k), MapOp::kGet); !wrong.empty())
              return wrong;
        }
      world_.run(kApart, [] { return false; });
    }
    world_.onInstalled = [this](SimMember& m, const ViewPtr& view) {
      if (!view) left_.insert(m.id);
    };
    return {};
  }

  std::string judge() {
    if (halves_.size() != 2) return "policies: nothing has diverged";
    const auto leaves = [&](const Half& half) {
      return std::all_of(half.members.begin(), half.members.end(),
                         [&](const SimMember* m) { return left_.count(m->id) != 0; });
    };
    if (leaves(halves_[0]) == leaves(halves_[1])) return "policies: not one half joined the other";
    const Half& joining = halves_[leaves(halves_[0]) ? 0 : 1];
    const Half& staying = halves_[leaves(halves_[0]) ? 1 : 0];
    const auto living = world_.living();
    for (const auto* map : kPolicyMaps) {
      std::uint64_t offered = 0;
      for (const auto& [where, mine] : joining.states) {
        if (where.first != map) continue;
        offered += mine.value ? 1 : 0;
        const auto other = staying.states.find(where);
        const State theirs = other == staying.states.end() ? State{} : other->second;
        const MapAnswer r = askNow(world_, *living[random_.below(living.size())], map, MapOp::kGet,
                                   where.second);
        if (!r) return std::string(map) + ": " + r.error().toString();
        const auto wanted = expected(map, mine, theirs);
        if (r->value != wanted)
          return std::string(map) + " " + where.second + ": " + r->value.value_or("nothing") +
                 " after the merge, expected " + wanted.value_or("nothing") + "; the joining half: " +
                 mine.show() + ", the other: " + theirs.show();
      }
      std::uint64_t counted = 0;
      for (const SimMember* m : joining.members) {
        const auto stats = m->data().mergeStats();
        if (const auto it = stats.find(map); it != stats.end())
          counted += it->second.kept() + it->second.dropped();
      }
      // Common keys that were not read are not known.
      if (!counts(map) && counted != offered)
        return std::string(map) + ": " + std::to_string(counted) + " entries were counted as kept or dropped, " +
               std::to_string(offered) + " were there";
    }
    return {};
  }

  World& world_;
  SeededRandom random_;
  std::uint64_t next_ = 0;
  std::vector<Half> halves_;
  std::map<std::pair<std::string, int>, std::size_t> first_;
  std::set<MemberId> left_;
};

}  // namespace

std::unique_ptr<SideLoad> makePolicies(World& world, std::uint64_t seed) {
  return std::make_unique<Policies>(world, seed);
}

}  // namespace ox::sim

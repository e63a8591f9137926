#include "map/eviction.h"

namespace ox::grid {

bool overLimit(const RecordStore& store, MaxSizePolicy policy, std::uint64_t limit) {
  if (limit == 0) return false;
  return (policy == MaxSizePolicy::kUsedMemory ? store.bytes() : store.size()) > limit;
}

Record* evictionVictim(const RecordStore& store, Eviction policy, const Record* spared,
                       Random& random) {
  if (policy == Eviction::kNone || store.empty()) return nullptr;
  Record* worst = nullptr;
  const auto consider = [&](Record* r) {
    if (r == spared) return;
    if (worst == nullptr) {
      worst = r;
    } else if (policy == Eviction::kLfu && r->hits != worst->hits) {
      if (r->hits < worst->hits) worst = r;
    } else if (r->lastAccess < worst->lastAccess) {
      worst = r;
    }
  };
  if (store.size() <= kEvictionSample) {
    for (std::size_t i = 0; i < store.size(); ++i) consider(store.at(i));
  } else {
    for (std::size_t i = 0; i < kEvictionSample; ++i)
      consider(store.at(random.below(store.size())));
  }
  return worst;
}

}  // namespace ox::grid

// MapIndexes: look-up of the records of one store by attribute values.
//
// Purpose:   a hash index per attribute of MapConfig::indexes, a sorted one per attribute of
//            MapConfig::orderedIndexes. It watches the store, so that every change (operation,
//            merge, expiry, eviction, copy, clear) is in it. Answers are candidates: the predicate
//            is always evaluated on them, so an index can never make an answer wrong, only faster.
// Threads:   one (its shard's).
// Ownership: owned by the RecordStore; holds pointers to its records and follows their moves.
// Memory:    per record and index one slot of the postings, per distinct value one node; about 64
//            bytes per entry for values that differ, 16 for ones that repeat (measured in docs).
// Life:      built by the first query at an owner, dropped when the partition goes elsewhere.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "map/map_config.h"
#include "map/predicate.h"
#include "map/record_store.h"

namespace ox::grid {

// Records with one value: mostly one, sometimes many.
class Postings {
 public:
  void add(Record* record);
  void remove(Record* record);
  std::size_t size() const { return many_ ? many_->size() : one_ != nullptr ? 1 : 0; }
  template <typename Each>
  void each(Each visit) const {
    if (many_) {
      for (Record* r : *many_) visit(r);
    } else if (one_ != nullptr) {
      visit(one_);
    }
  }

 private:
  Record* one_ = nullptr;
  std::unique_ptr<absl::flat_hash_set<Record*>> many_;
};

class MapIndexes final : public RecordObserver {
 public:
  MapIndexes(const MapConfig& config, const RecordStore& store);

  void removing(Record& record) override;
  void stored(Record& record) override;
  void clearing() override;

  // Superset of the matching records, no duplicates; nothing = no index helps: look at all.
  std::optional<std::vector<Record*>> candidates(const CompiledPredicate& predicate) const;

 private:
  struct Hash {
    std::size_t operator()(const QueryValue& v) const { return std::hash<QueryValue>{}(v); }
  };
  struct Before {
    bool operator()(const QueryValue& a, const QueryValue& b) const { return orderedBefore(a, b); }
  };
  struct Index {
    AttributePath path;
    bool sorted = false;
    absl::flat_hash_map<QueryValue, Postings, Hash> hash;
    std::map<QueryValue, Postings, Before> tree;
  };
  using Found = std::vector<const Postings*>;
  struct Plan {
    std::size_t cost = 0;
    Found found;
  };
  void change(Record& record, bool add);
  void plan(const Index& index, const CompiledPredicate::Node& node, std::optional<Plan>& best) const;
  std::optional<Plan> planOf(const CompiledPredicate& p, const CompiledPredicate::Node& node) const;
  std::vector<std::unique_ptr<Index>> indexes_;
};

// The store's indexes, built now if they are not there yet; null when the map has none.
MapIndexes* indexesOf(RecordStore& store, const MapConfig& config);

}  // namespace ox::grid

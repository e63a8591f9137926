#include "map/indexes.h"

#include <algorithm>
#include <cmath>

namespace ox::grid {
using services::PredicateKind;
using Node = CompiledPredicate::Node;

void Postings::add(Record* record) {
  if (many_) {
    many_->insert(record);
  } else if (one_ == nullptr) {
    one_ = record;
  } else if (one_ != record) {
    many_ = std::make_unique<absl::flat_hash_set<Record*>>();
    many_->insert(std::exchange(one_, nullptr));
    many_->insert(record);
  }
}

void Postings::remove(Record* record) {
  if (one_ == record) one_ = nullptr;
  if (!many_) return;
  many_->erase(record);
  if (many_->size() > 1) return;
  if (!many_->empty()) one_ = *many_->begin();
  many_.reset();
}

MapIndexes::MapIndexes(const MapConfig& config, const RecordStore& store) {
  const auto build = [&](const std::vector<std::string>& names, bool sorted) {
    for (const auto& name : names) {
      auto path = AttributePath::parse(name);
      if (!path) continue;  // refused with the configuration
      auto index = std::make_unique<Index>();
      index->path = std::move(*path);
      index->sorted = sorted;
      indexes_.push_back(std::move(index));
    }
  };
  build(config.indexes, false);
  build(config.orderedIndexes, true);
  for (std::size_t i = 0; i < store.size(); ++i) change(*store.at(i), true);
}

void MapIndexes::change(Record& record, bool add) {
  std::vector<QueryValue> values;
  for (const auto& index : indexes_) {
    values.clear();
    readAttribute(index->path, record.key(), record.value(), values);
    for (auto& raw : values) {
      QueryValue v = normalized(std::move(raw));
      if (const auto* d = std::get_if<double>(&v); d != nullptr && std::isnan(*d)) continue;
      if (add) {
        (index->sorted ? index->tree[std::move(v)] : index->hash[std::move(v)]).add(&record);
        continue;
      }
      if (index->sorted) {
        const auto it = index->tree.find(v);
        if (it == index->tree.end()) continue;
        it->second.remove(&record);
        if (it->second.size() == 0) index->tree.erase(it);
      } else {
        const auto it = index->hash.find(v);
        if (it == index->hash.end()) continue;
        it->second.remove(&record);
        if (it->second.size() == 0) index->hash.erase(it);
      }
    }
  }
}

void MapIndexes::removing(Record& record) { change(record, false); }
void MapIndexes::stored(Record& record) { change(record, true); }
void MapIndexes::clearing() {
  for (const auto& index : indexes_) {
    index->hash.clear();
    index->tree.clear();
  }
}

namespace {
// What a pattern must begin with; empty = anything.
std::string fixedPrefix(const std::string& pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%' || pattern[i] == '_') break;
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    out.push_back(pattern[i]);
  }
  return out;
}
}  // namespace

// Looks the leaf up, unless that costs as much as what is known already.
void MapIndexes::plan(const Index& index, const Node& node, std::optional<Plan>& best) const {
  Plan plan;
  const auto enough = [&] { return best && plan.cost >= best->cost; };
  const auto take = [&](const Postings& postings) {
    plan.cost += postings.size();
    plan.found.push_back(&postings);
  };
  const auto exact = [&](const QueryValue& v) {
    if (index.sorted) {
      if (const auto it = index.tree.find(v); it != index.tree.end()) take(it->second);
    } else if (const auto it = index.hash.find(v); it != index.hash.end()) {
      take(it->second);
    }
  };
  const auto range = [&](auto from, auto until) {
    for (auto it = from; it != index.tree.end() && !enough() && until(it->first); ++it)
      take(it->second);
  };
  const QueryValue* v = node.values.empty() ? nullptr : &node.values.front();
  switch (node.kind) {
    case PredicateKind::kEqual:
      exact(*v);
      break;
    case PredicateKind::kIn:
      for (std::size_t i = 0; i < node.values.size() && !enough(); ++i)
        if (i == 0 || node.values[i] != node.values[i - 1]) exact(node.values[i]);
      break;
    case PredicateKind::kLess:
    case PredicateKind::kLessEqual:
      if (!index.sorted) return;
      range(index.tree.begin(), [&](const QueryValue& at) { return !orderedBefore(*v, at); });
      break;
    case PredicateKind::kGreater:
    case PredicateKind::kGreaterEqual:
      if (!index.sorted) return;
      range(index.tree.lower_bound(*v), [](const QueryValue&) { return true; });
      break;
    case PredicateKind::kBetween:
      if (!index.sorted) return;
      range(index.tree.lower_bound(*v),
            [&](const QueryValue& at) { return !orderedBefore(node.values[1], at); });
      break;
    case PredicateKind::kLike: {
      if (!index.sorted) return;
      const std::string prefix = fixedPrefix(std::get<std::string>(*v));
      if (prefix.empty()) return;
      range(index.tree.lower_bound(QueryValue(prefix)), [&](const QueryValue& at) {
        return std::get<std::string>(at).starts_with(prefix);
      });
      break;
    }
    default:
      return;
  }
  if (!enough()) best = std::move(plan);
}

std::optional<MapIndexes::Plan> MapIndexes::planOf(const CompiledPredicate& p,
                                                   const Node& node) const {
  std::optional<Plan> best;
  switch (node.kind) {
    case PredicateKind::kFalse:
      return Plan{};
    case PredicateKind::kAnd:
      for (const auto child : node.children) {
        auto one = planOf(p, p.node(child));
        if (one && (!best || one->cost < best->cost)) best = std::move(one);
      }
      return best;
    case PredicateKind::kOr: {
      Plan all;
      for (const auto child : node.children) {
        auto one = planOf(p, p.node(child));
        if (!one) return std::nullopt;
        all.cost += one->cost;
        all.found.insert(all.found.end(), one->found.begin(), one->found.end());
      }
      return all;
    }
    case PredicateKind::kTrue:
    case PredicateKind::kNot:
      return std::nullopt;
    default:
      for (const auto& index : indexes_)
        if (index->path.text() == node.path.text()) plan(*index, node, best);
      return best;
  }
}

std::optional<std::vector<Record*>> MapIndexes::candidates(const CompiledPredicate& p) const {
  const auto plan = planOf(p, p.root());
  if (!plan) return std::nullopt;
  std::vector<Record*> out;
  out.reserve(plan->cost);
  for (const Postings* postings : plan->found) postings->each([&](Record* r) { out.push_back(r); });
  if (plan->found.size() > 1) {  // [any] attributes and alternatives may name a record twice
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  return out;
}

MapIndexes* indexesOf(RecordStore& store, const MapConfig& config) {
  if (config.indexes.empty() && config.orderedIndexes.empty()) return nullptr;
  if (store.observer() == nullptr) store.observe(std::make_unique<MapIndexes>(config, store));
  return static_cast<MapIndexes*>(store.observer());
}

}  // namespace ox::grid

// What maps can beyond single operations: queries, entry processors, eviction; their figures.
#include <algorithm>
#include <exception>

#include "base/check.h"
#include "map/eviction.h"
#include "map/indexes.h"
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using services::MapOp;

namespace {
constexpr std::size_t kMaxScan = 50'000;          // records looked at for one answer
constexpr std::size_t kMaxKnownPredicates = 256;  // compiled ones that are kept
constexpr std::size_t kItemOverhead = 64;
}  // namespace

// --- companions: the containers beside a map

std::unique_ptr<Container> Impl::mapContainer(const std::string& name) {
  if (name.starts_with(containerName(kLockType, ""))) return std::make_unique<LockTable>();
  if (name.starts_with(containerName(kListenType, ""))) return std::make_unique<ListenTable>();
  return nullptr;
}

void Impl::linkCompanions(MapInfo& m) {
  const auto link = [&](const char* type, std::size_t MapInfo::*field) {
    const std::string prefix = containerName(type, "");
    if (m.name.starts_with(prefix)) {
      MapInfo* of = map(BytesView(m.name).substr(prefix.size()));  // there from the beginning
      if (of == nullptr) return;
      of->*field = m.index;
      if (field == &MapInfo::listeners) m.listensTo = of->index;
      return;
    }
    if (isContainerName(m.name)) return;
    const auto it = byName_.find(containerName(type, m.name));
    if (it == byName_.end()) return;
    m.*field = it->second->index;
    if (field == &MapInfo::listeners) it->second->listensTo = m.index;
  };
  link(kLockType, &MapInfo::locks);
  link(kListenType, &MapInfo::listeners);
}

LockTable* Impl::lockTable(const Partition& p, const MapInfo& m) const {
  HeldContainer* held = m.locks == kNoMap ? nullptr : findContainer(p.data, m.locks);
  return held == nullptr ? nullptr : static_cast<LockTable*>(held->state.get());
}
ListenTable* Impl::listenTable(const Partition& p, const MapInfo& m) const {
  HeldContainer* held = m.listeners == kNoMap ? nullptr : findContainer(p.data, m.listeners);
  return held == nullptr ? nullptr : static_cast<ListenTable*>(held->state.get());
}

// --- predicates and queries

Result<std::shared_ptr<const CompiledPredicate>> Impl::predicateOf(BytesView bytes) {
  if (const auto it = predicates_.find(bytes); it != predicates_.end()) return it->second;
  auto compiled = CompiledPredicate::decode(bytes);
  if (!compiled) return compiled;
  if (predicates_.size() >= kMaxKnownPredicates) predicates_.clear();
  predicates_.emplace(std::string(bytes), *compiled);
  return compiled;
}

void Impl::runQuery(Partition& p, MapInfo& m, BytesView body, std::uint32_t cursor,
                    Executed& out) {
  auto head = QueryBody::decode(body);
  if (!head) {
    out.error = head.error();
    return;
  }
  auto predicate = predicateOf(head->predicate);
  auto query = predicate ? OwnerQuery::open(body, *predicate) : predicate.error();
  if (!query) {
    out.error = query.error();
    return;
  }
  ++m.queries;
  RecordStore* records = findStore(p.data, m.index);
  if (records == nullptr || records->empty()) return;
  const std::int64_t now = wall();
  std::optional<std::vector<Record*>> candidates;
  if (const MapIndexes* indexes = indexesOf(*records, m.config))
    candidates = indexes->candidates(**predicate);
  if (candidates) ++m.indexedQueries;
  const auto matches = [&](const Record& r) {
    return !records->expired(r, now) && (*predicate)->matches(r.key(), r.value());
  };
  std::size_t bytes = 0;
  const auto take = [&](const Record& r) {
    services::MapEntry entry;
    entry.key = Bytes(r.key());
    if (query->wantsValues()) entry.value = Bytes(r.value());
    bytes += entry.key.size() + entry.value.size() + sizeof(entry);
    out.result.entries.push_back(std::move(entry));
  };

  if (query->paged()) {
    if (candidates) {
      for (Record* r : *candidates)
        if (matches(*r)) query->offer(r);
    } else {
      for (std::size_t i = 0; i < records->size(); ++i)
        if (Record* r = records->at(i); matches(*r)) query->offer(r);
    }
    bool more = false;
    std::vector<QueryValue> orders;
    for (auto& hit : query->page(more)) {
      if (bytes >= kQueryReplyBytes) {
        more = true;
        break;
      }
      take(*hit.record);
      orders.push_back(std::move(hit.order));
    }
    out.result.reply.value = encodeOrders(orders);
    out.result.reply.applied = more;
    return;
  }

  // From high to low positions (RecordStore: Walks), as many as fit one answer.
  std::size_t looked = 0;
  std::size_t position = std::min<std::size_t>(cursor, records->size());
  const auto full = [&] { return bytes >= kQueryReplyBytes || looked >= kMaxScan; };
  if (candidates) {
    std::sort(candidates->begin(), candidates->end(),
              [](const Record* a, const Record* b) { return a->slot > b->slot; });
    std::size_t rest = 0;
    for (Record* r : *candidates) {
      if (r->slot >= position) continue;
      if (full()) {
        rest = r->slot + 1u;
        break;
      }
      ++looked;
      if (matches(*r)) take(*r);
    }
    position = rest;
  } else {
    while (position > 0 && !full()) {
      ++looked;
      const Record& r = *records->at(--position);
      if (matches(r)) take(r);
    }
  }
  out.result.cursor = static_cast<std::uint32_t>(position);
}

void Impl::query(const std::string& name, Bytes body, bool paged,
                 services::Completion<QueryPart> done) {
  if (!view_) return done(Error(Code::kGridNotJoined));
  if (!containersSpoken()) return done(containersUnspoken());
  if (name.empty() || name.size() > kMaxNameBytes || isContainerName(name))
    return done(Error(Code::kInvalid, "a map name has 1.." + std::to_string(kMaxNameBytes) +
                                          " bytes and does not begin with '@'"));
  if (calls_.size() + pendingWrites_ >= settings_.maxPendingOperations)
    return done(Error(Code::kBusy));
  auto asking = std::make_shared<Asking>();
  asking->map = name;
  asking->body = std::move(body);
  asking->paged = paged;
  asking->done = std::move(done);
  std::vector<int> numbers;
  for (const auto& p : partitions_)
    if (p) numbers.push_back(p->number);
  asking->left = numbers.size();
  if (numbers.empty()) return asking->done(QueryPart());
  for (const int number : numbers) askQuery(asking, number, UINT32_MAX);
}

void Impl::askQuery(std::shared_ptr<Asking> asking, int number, std::uint32_t cursor) {
  Call call;
  call.partition = number;
  call.kind = OpKind::kQuery;
  call.map = asking->map;
  call.cursor = cursor;
  call.request.value = asking->body;
  call.internal = [this, asking, number](Result<OpResult> r) {
    Asking& a = *asking;
    if (r && !a.error) {
      QueryPart one;
      std::vector<QueryValue> orders(r->entries.size());
      if (a.paged && !r->entries.empty()) {
        auto decoded = decodeOrders(r->reply.value.value_or(Bytes()), r->entries.size());
        if (!decoded) a.error = decoded.error();
        else orders = std::move(*decoded);
      }
      for (std::size_t i = 0; i < r->entries.size(); ++i) {
        auto& e = r->entries[i];
        // A record that moved between two answers may come twice.
        if (!a.paged && !a.seen.insert(std::string(comparable(e.key))).second) continue;
        one.bytes += e.key.size() + e.value.size() + kItemOverhead;
        one.items.push_back({std::move(orders[i]), std::move(e.key), std::move(e.value)});
      }
      if (a.paged && r->reply.applied && !one.items.empty())
        one.bounds.emplace_back(one.items.back().order, one.items.back().key);
      a.part.join(std::move(one));
      if (a.part.bytes > kMaxQueryResultBytes)
        a.error = Error(Code::kNetTooLarge, "the result of the query has more than " +
                                                std::to_string(kMaxQueryResultBytes >> 20) +
                                                " MiB; ask for pages");
      if (!a.error && !a.paged && r->cursor != 0) return askQuery(asking, number, r->cursor);
    } else if (!r && !a.error) {
      a.error = r.error();
    }
    if (--a.left > 0) return;
    if (a.error) a.done(*a.error);
    else a.done(std::move(a.part));
  };
  submit(std::move(call));
}

// --- entry processors

void Impl::process(const std::string& name, int number, services::MapRequest request,
                   MapDone done) {
  OX_CHECK(number >= 0 && mine(number));
  if (!view_) return done(Error(Code::kGridNotJoined));
  if (!containersSpoken()) return done(containersUnspoken());
  if (name.empty() || name.size() > kMaxNameBytes || isContainerName(name) ||
      request.key.size() > kMaxKeyBytes)
    return done(Error(Code::kInvalid, "the name of the map or the key has no allowed length"));
  if (calls_.size() + pendingWrites_ >= settings_.maxPendingOperations)
    return done(Error(Code::kBusy));
  const std::uint32_t token = request.lockToken;
  start(name, number, OpKind::kProcess, std::move(request), token, std::move(done));
}

void Impl::runProcess(Partition& p, MapInfo& m, const OperationInput& in, const OpId* remote,
                      Executed& out) {
  ++m.others;
  const auto body = ProcessBody::decode(in.value);
  if (!body) {
    out.error = body.error();
    return;
  }
  const auto processor = processors_->find(std::string(body->name));
  if (!processor) {
    out.error = Error(Code::kNotFound, "no entry processor '" + std::string(body->name) +
                                           "' is registered at member " +
                                           settings_.self.toString());
    return;
  }
  RecordStore& records = store(p.data, m.index);
  const std::int64_t now = wall();
  Record* record = records.find(in.key);
  if (record != nullptr && record->canExpire() && records.expired(*record, now)) {
    expire(p, m, records, record);
    record = nullptr;
  }
  if (!in.expected.empty()) {  // only while it matches
    auto predicate = predicateOf(in.expected);
    if (!predicate) {
      out.error = predicate.error();
      return;
    }
    if (record == nullptr || !(*predicate)->matches(record->key(), record->value())) return;
  }
  services::EntryView view;
  view.key = in.key;
  if (record != nullptr) view.value = record->value();
  services::EntryChange wanted;
  try {
    wanted = (*processor)(view, body->argument);
  } catch (const std::exception& e) {
    out.error = Error(Code::kInternal, "entry processor '" + std::string(body->name) +
                                           "' failed: " + e.what());
    return;
  }
  if (wanted.reply.size() > services::kMaxProcessorReply || wanted.value.size() > kMaxValueBytes) {
    out.error = Error(Code::kNetTooLarge, "entry processor '" + std::string(body->name) +
                                              "' answers more than is allowed");
    return;
  }
  Change change;
  OperationInput apply{MapOp::kSet, in.key, wanted.value, {}, wanted.ttlMillis,
                       wanted.maxIdleMillis};
  using Action = services::EntryChange::Action;
  if (wanted.action == Action::kSet) {
    change.record = applyOperation(apply, records, record, m.config, now, hybrid_).record;
    change.effect = Effect::kStored;
    ++m.puts;
  } else if (wanted.action == Action::kRemove && record != nullptr) {
    apply.op = MapOp::kRemove;
    change.stamp = applyOperation(apply, records, record, m.config, now, hybrid_).removed;
    change.effect = Effect::kRemoved;
    if (tombstones())
      records.bury(tombstoneLog_, in.key, Burial::kRemoved, change.stamp, steady());
    ++m.removes;
  }
  out.result.reply.applied = true;
  out.result.reply.value = std::move(wanted.reply);
  if (change.effect == Effect::kNone) return;
  m.lastUpdate = now;
  change.key = in.key;
  change.remote = remote;
  change.result = &out.result;
  change.ownAnswer = true;
  out.waitFor = replicate(p, m, change);
  if (change.record != nullptr) evict(p, m, records, change.record);
}

// --- eviction

std::uint64_t Impl::mapLimit(const MapInfo& m) const {
  const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(m.config.maxSize, 0));
  if (most == 0) return 0;
  const auto owned = static_cast<std::uint64_t>(std::max(ownedHere_, 1));
  switch (m.config.maxSizePolicy) {
    case MaxSizePolicy::kPerPartition: return most;
    case MaxSizePolicy::kPerNode: return std::max<std::uint64_t>(most / owned, 1);
    case MaxSizePolicy::kUsedMemory: return std::max<std::uint64_t>((most << 20) / owned, 1);
  }
  return 0;
}

// Told like an expiry: an equally old copy that is in use elsewhere wins.
void Impl::evict(Partition& p, MapInfo& m, RecordStore& records, const Record* written) {
  if (m.config.eviction == Eviction::kNone) return;
  const std::uint64_t limit = mapLimit(m);
  for (int n = 0; n < kMaxEvictionsPerWrite; ++n) {
    if (!overLimit(records, m.config.maxSizePolicy, limit)) return;
    Record* victim = evictionVictim(records, m.config.eviction, written, random_);
    if (victim == nullptr) return;
    ++m.evictions;
    drop(p, m, records, victim, Change::Cause::kEviction);
  }
}

// --- figures

void Impl::featureStats(const MapInfo& m, services::MapStats& stats) const {
  stats.otherOperationCount = m.others;
  stats.eventOperationCount = m.events;
  stats.queryCount = m.queries;
  stats.indexedQueryCount = m.indexedQueries;
  stats.evictionCount = m.evictions;
  stats.expirationCount = m.expirations;
  for (const auto& p : partitions_)
    if (p && p->owner)
      if (const LockTable* locks = lockTable(*p, m)) stats.lockedEntryCount += locks->size();
}

}  // namespace ox::grid

#include "region.h"

#include <algorithm>
#include <exception>

#include "key_hash.h"

namespace ox::caching {

using services::CacheEvent;
using services::CacheKey;
using services::CacheStats;

namespace {

constexpr std::size_t kMaxShards = 64;
constexpr std::uint64_t kObjectsPerShard = 1'024;
constexpr std::uint64_t kBytesPerShard = 1 << 20;
constexpr std::size_t kSlice = 1'024;  // slots looked at while a shard is locked

// One shard for small regions, so that their limit is that of one list.
std::size_t shardsFor(const RegionSettings& s) {
  std::uint64_t most = kMaxShards;
  if (s.maxObjects != 0) most = std::min(most, s.maxObjects / kObjectsPerShard);
  if (s.maxBytes != 0) most = std::min(most, s.maxBytes / kBytesPerShard);
  return std::bit_floor(std::max<std::uint64_t>(most, 1));
}

Bytes flightId(BytesView group, BytesView key) {
  ByteWriter out;
  out.blob(group);
  out.raw(key);
  return out.take();
}

}  // namespace

struct Region::Flight {
  std::mutex mutex;
  std::condition_variable landed;
  std::optional<Result<Bytes>> result;
};

struct alignas(64) Region::Shard {
  std::mutex mutex;
  EntryIndex index;
  Entry* newest = nullptr;
  Entry* oldest = nullptr;
  std::uint64_t hits = 0, misses = 0, puts = 0, loads = 0, merged = 0, overtaken = 0, evictions = 0,
                expired = 0, invalidated = 0;
  std::map<Bytes, std::shared_ptr<Flight>> flights;

  void unlink(Entry* e) {
    (e->newer ? e->newer->older : newest) = e->older;
    (e->older ? e->older->newer : oldest) = e->newer;
  }
  void pushFront(Entry* e) {
    e->newer = nullptr;
    e->older = newest;
    (newest ? newest->newer : oldest) = e;
    newest = e;
  }
};

Region::Region(std::string name, const RegionSettings& settings, Clock& clock, Publish publish,
               const std::atomic<std::int64_t>* trusted)
    : name_(std::move(name)), clock_(clock), publish_(std::move(publish)), trusted_(trusted),
      shardCount_(shardsFor(settings)) {
  shards_ = std::make_unique<Shard[]>(shardCount_);
  reconfigure(settings);
}

Region::~Region() { removeAll(); }

RegionSettings Region::settings() const {
  RegionSettings s;
  s.clusterWide = clusterWide_;
  s.maxObjects = maxObjects_;
  s.maxBytes = maxBytes_;
  s.maxLifeMillis = maxLife_;
  s.idleMillis = idle_;
  s.memoryIdleMillis = memoryIdle_;
  s.eternal = eternal_;
  s.shrinker = shrinker_;
  s.shrinkerMillis = shrinkerMillis_;
  return s;
}

void Region::reconfigure(const RegionSettings& s) {
  clusterWide_ = s.clusterWide;
  maxObjects_ = s.maxObjects;
  maxBytes_ = s.maxBytes;
  maxLife_ = s.maxLifeMillis;
  idle_ = s.idleMillis;
  memoryIdle_ = s.memoryIdleMillis;
  eternal_ = s.eternal;
  shrinker_ = s.shrinker;
  shrinkerMillis_ = s.shrinkerMillis;
  makeRoom(shards_[0]);
}

void Region::close() {
  open_ = false;
  removeAll();
}

Region::Shard& Region::shardOfGroup(BytesView group) const {
  return shards_[keyHash(group) >> 32 & (shardCount_ - 1)];
}

Region::Place Region::placeOf(BytesView group, BytesView key) const {
  std::uint64_t hash = keyHash(key);
  if (group.empty()) return {shards_[hash >> 32 & (shardCount_ - 1)], static_cast<std::uint32_t>(hash)};
  hash ^= keyHash(group) * 0x9e3779b97f4a7c15ULL;
  return {shardOfGroup(group), static_cast<std::uint32_t>(hash ^ hash >> 32)};
}

bool Region::over(const Entry& e, std::int64_t now, bool memoryIdle) const {
  if (!eternal_) {
    const std::int64_t life = maxLife_, idle = idle_;
    if (life >= 0 && now - e.putMillis >= life) return true;
    if (idle >= 0 && now - e.readMillis >= idle) return true;
  }
  const std::int64_t resting = memoryIdle_;
  return memoryIdle && resting >= 0 && now - e.readMillis >= resting;
}

// The shard is locked.
void Region::remove(Shard& shard, Entry* entry, Why why) {
  shard.index.erase(entry);
  shard.unlink(entry);
  --count_;
  bytes_ -= entry->size();
  if (why == Why::kEvicted) ++shard.evictions;
  else if (why == Why::kExpired) ++shard.expired;
  else if (why == Why::kInvalidated) ++shard.invalidated;
  Entry::destroy(entry);
}

// The shard is locked.
bool Region::read(BytesView key, BytesView group, Bytes& value, Shard& shard, std::uint32_t hash) {
  Entry* const e = shard.index.find(hash, group, key);
  if (e == nullptr) return false;
  const std::int64_t now = clock_.steadyMillis();
  // Nobody has looked for lost events in time: what is here may be stale.
  if (trusted_ && clusterWide_ && now >= *trusted_) return false;
  if (over(*e, now, false)) {
    remove(shard, e, Why::kExpired);
    return false;
  }
  e->readMillis = now;
  const auto seconds = static_cast<std::uint32_t>(now / kMoveMillis);
  if (e->movedSeconds != seconds) {
    e->movedSeconds = seconds;
    if (shard.newest != e) {
      shard.unlink(e);
      shard.pushFront(e);
    }
  }
  value.assign(e->value());
  return true;
}

bool Region::get(BytesView key, Bytes& value, BytesView group) {
  const auto [shard, hash] = placeOf(group, key);
  std::lock_guard lock(shard.mutex);
  const bool there = read(key, group, value, shard, hash);
  ++(there ? shard.hits : shard.misses);
  return there;
}

std::optional<Bytes> Region::get(BytesView key, BytesView group) {
  Bytes value;
  if (!get(key, value, group)) return std::nullopt;
  return value;
}

// The shard is locked.
bool Region::store(Shard& shard, std::uint32_t hash, BytesView group, BytesView key,
                   BytesView value) {
  if (Entry* const former = shard.index.find(hash, group, key))
    remove(shard, former, Why::kReplaced);
  const std::uint64_t size = sizeof(Entry) + group.size() + key.size() + value.size();
  const std::uint64_t maxBytes = maxBytes_;
  if (!open_ || value.size() > kMaxValueBytes || key.size() > Entry::kMaxKeyBytes ||
      group.size() > Entry::kMaxKeyBytes || (maxBytes != 0 && size > maxBytes))
    return false;
  Entry* const e = Entry::make(hash, group, key, value);
  e->putMillis = e->readMillis = clock_.steadyMillis();
  e->movedSeconds = static_cast<std::uint32_t>(e->putMillis / kMoveMillis);
  shard.index.insert(e);
  shard.pushFront(e);
  ++shard.puts;
  ++count_;
  bytes_ += e->size();
  // The new one stays: it may be the only one of this shard.
  while (full() && shard.oldest != e) remove(shard, shard.oldest, Why::kEvicted);
  return true;
}

bool Region::full() const {
  const std::uint64_t objects = maxObjects_, bytes = maxBytes_;
  return (objects != 0 && count_ > objects) || (bytes != 0 && bytes_ > bytes);
}

// No shard is locked. From the shard behind `first` on, so that what was just put goes last.
void Region::makeRoom(Shard& first) {
  std::size_t i = static_cast<std::size_t>(&first - shards_.get());
  for (std::size_t round = 0; round < shardCount_ && full(); ++round) {
    i = (i + 1) & (shardCount_ - 1);
    std::lock_guard lock(shards_[i].mutex);
    while (full() && shards_[i].oldest) remove(shards_[i], shards_[i].oldest, Why::kEvicted);
  }
}

bool Region::put(BytesView key, BytesView value, BytesView group) {
  const auto [shard, hash] = placeOf(group, key);
  bool stored = false;
  {
    std::lock_guard lock(shard.mutex);
    // A load that began before knows less.
    if (!shard.flights.empty() && shard.flights.erase(flightId(group, key)) != 0) ++shard.overtaken;
    stored = store(shard, hash, group, key, value);
  }
  if (full()) makeRoom(shard);
  return stored;
}

Result<Bytes> Region::getOrLoad(BytesView key, const Loader& load, BytesView group) {
  const auto [shard, hash] = placeOf(group, key);
  Bytes id;
  std::shared_ptr<Flight> flight;
  bool mine = false;
  {
    std::lock_guard lock(shard.mutex);
    Bytes value;
    if (read(key, group, value, shard, hash)) {
      ++shard.hits;
      return value;
    }
    ++shard.misses;
    id = flightId(group, key);
    auto& slot = shard.flights[id];
    if (!slot) {
      slot = std::make_shared<Flight>();
      mine = true;
      ++shard.loads;
    } else {
      ++shard.merged;
    }
    flight = slot;
  }
  if (!mine) {
    std::unique_lock lock(flight->mutex);
    flight->landed.wait(lock, [&] { return flight->result.has_value(); });
    return *flight->result;
  }
  Result<Bytes> loaded = Error(Code::kInternal, "a value of region " + name_ + " was not loaded");
  try {
    loaded = load();
  } catch (const std::exception& e) {
    loaded = Error(Code::kInternal, "loading a value of region " + name_ + ": " + e.what());
  }
  {
    std::lock_guard lock(shard.mutex);
    const auto found = shard.flights.find(id);
    const bool valid = found != shard.flights.end() && found->second == flight;
    if (valid) {
      shard.flights.erase(found);
      if (loaded) store(shard, hash, group, key, *loaded);
    }
  }
  {
    std::lock_guard lock(flight->mutex);
    flight->result = loaded;
  }
  flight->landed.notify_all();
  if (full()) makeRoom(shard);
  return loaded;
}

void Region::removeKey(BytesView group, BytesView key) {
  const auto [shard, hash] = placeOf(group, key);
  std::lock_guard lock(shard.mutex);
  if (Entry* const e = shard.index.find(hash, group, key)) remove(shard, e, Why::kInvalidated);
  if (!shard.flights.empty() && shard.flights.erase(flightId(group, key)) != 0) ++shard.overtaken;
}

void Region::removeGroup(BytesView group) {
  Shard& shard = shardOfGroup(group);
  std::lock_guard lock(shard.mutex);
  for (Entry* e = shard.oldest; e != nullptr;) {
    Entry* const next = e->newer;
    if (e->group() == group) remove(shard, e, Why::kInvalidated);
    e = next;
  }
  ByteWriter prefix;
  prefix.blob(group);
  shard.overtaken += std::erase_if(
      shard.flights, [&](const auto& one) { return one.first.starts_with(prefix.bytes()); });
}

void Region::removeAll() {
  for (std::size_t i = 0; i < shardCount_; ++i) {
    Shard& shard = shards_[i];
    std::lock_guard lock(shard.mutex);
    while (shard.oldest) remove(shard, shard.oldest, Why::kInvalidated);
    shard.index.clear();
    shard.overtaken += shard.flights.size();
    shard.flights.clear();
  }
}

void Region::apply(const CacheEvent& event, bool fromRemote) {
  if (fromRemote) ++received_;
  switch (event.operation) {
    case CacheEvent::Operation::kInvalidate:
      return forget(event.keys, event.group);
    case CacheEvent::Operation::kInvalidateGroup: return removeGroup(event.group);
    case CacheEvent::Operation::kClear: return removeAll();
  }
}

void Region::forget(const std::vector<CacheKey>& keys, BytesView group) {
  for (const CacheKey& key : keys) removeKey(group, services::flatKey(key));
}

void Region::invalidate(std::vector<CacheKey> keys, const std::string& group) {
  CacheEvent event;
  event.region = name_;
  event.group = group;
  event.keys = std::move(keys);
  publish_ ? publish_(event) : apply(event, false);
}

void Region::invalidateGroup(const std::string& group) {
  CacheEvent event;
  event.operation = CacheEvent::Operation::kInvalidateGroup;
  event.region = name_;
  event.group = group;
  publish_ ? publish_(event) : apply(event, false);
}

void Region::clear() {
  CacheEvent event;
  event.operation = CacheEvent::Operation::kClear;
  event.region = name_;
  publish_ ? publish_(event) : apply(event, false);
}

void Region::shrink() {
  for (std::size_t i = 0; i < shardCount_; ++i) {
    Shard& shard = shards_[i];
    for (std::size_t from = 0;; from += kSlice) {
      std::lock_guard lock(shard.mutex);
      if (from >= shard.index.slots()) {
        shard.index.fit();
        break;
      }
      const std::int64_t now = clock_.steadyMillis();
      const std::size_t to = std::min(from + kSlice, shard.index.slots());
      for (std::size_t slot = from; slot < to;) {
        Entry* const e = shard.index.at(slot);
        // A removal moves a later one to this place: look again.
        if (e != nullptr && over(*e, now, true)) remove(shard, e, Why::kExpired);
        else ++slot;
      }
    }
  }
}

CacheStats Region::stats() const {
  CacheStats out;
  out.region = name_;
  out.clusterWide = clusterWide_;
  out.count = count_;
  out.bytes = bytes_;
  out.maxObjects = maxObjects_;
  out.maxBytes = maxBytes_;
  out.invalidationsSent = sent_;
  out.invalidationsReceived = received_;
  for (std::size_t i = 0; i < shardCount_; ++i) {
    Shard& shard = shards_[i];
    std::lock_guard lock(shard.mutex);
    out.hits += shard.hits;
    out.misses += shard.misses;
    out.puts += shard.puts;
    out.loads += shard.loads;
    out.merged += shard.merged;
    out.overtaken += shard.overtaken;
    out.evictions += shard.evictions;
    out.expired += shard.expired;
    out.invalidated += shard.invalidated;
  }
  return out;
}

}  // namespace ox::caching

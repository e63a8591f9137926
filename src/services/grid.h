// The grid service: the only way to the cluster. Offered by bundles/hazelcast as "grid".
//
// Purpose:   partitioned, replicated maps; topics; the member list. Nothing above this interface
//            may know which engine is behind it (embedded grid, Hazelcast cluster, Redis).
// Threads:   every method from any thread. Completions run on an unspecified engine thread and
//            must not block. The blocking forms must not be called from an engine or shard thread.
// Keys and values are serialized Data blobs (docs/formats/data.md; serialization/data.h makes them).
// Promises of every engine: a write is reported done only when all its synchronous backups hold
// it; at the call timeout the answer is GRID-0001 (indeterminate); operations of one caller on
// one key keep their order. Limits: key 64 KiB, value 16 MiB (else NET-0005).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "services/grid_query.h"

namespace ox::services {

template <typename T>
using Completion = std::function<void(Result<T>)>;

enum class MapOp : std::uint8_t {
  kGet, kSet, kPut, kPutIfAbsent, kReplace, kReplaceIfSame, kRemove, kRemoveIfSame, kContainsKey,
  kTouch,  // resets the idle time only; applied = entry exists
};

struct MapRequest {
  MapOp op = MapOp::kGet;
  Bytes key;
  Bytes value;                     // set, put, putIfAbsent, replace*
  Bytes expected;                  // replaceIfSame, removeIfSame
  std::int64_t ttlMillis = -1;     // -1 = map default, 0 = for ever
  std::int64_t maxIdleMillis = -1; // -1 = map default, 0 = for ever
  std::uint32_t lockToken = 0;     // of the lock that the caller holds on the key
};

struct MapReply {
  bool applied = false;        // the write took place / the key exists
  std::optional<Bytes> value;  // get: current; put, putIfAbsent, replace, remove: former
};

struct MapEntry {
  Bytes key;
  Bytes value;
};

// Figures of one map on this member, names as in Hazelcast's local map statistics.
struct MapStats {
  std::uint64_t ownedEntryCount = 0;
  std::uint64_t backupEntryCount = 0;
  std::uint64_t ownedEntryMemoryCost = 0;  // bytes
  std::uint64_t backupEntryMemoryCost = 0;
  int backupCount = 0;
  std::uint64_t hits = 0;
  std::uint64_t getOperationCount = 0;
  std::uint64_t putOperationCount = 0;
  std::uint64_t removeOperationCount = 0;
  std::int64_t lastAccessTime = 0;  // ms since 1970, 0 = never
  std::int64_t lastUpdateTime = 0;
  std::uint64_t lockedEntryCount = 0;
  std::uint64_t otherOperationCount = 0;  // entry processors, locks
  std::uint64_t eventOperationCount = 0;  // events sent to listeners
  std::uint64_t queryCount = 0;           // answers of partitions
  std::uint64_t indexedQueryCount = 0;
  std::uint64_t evictionCount = 0;
  std::uint64_t expirationCount = 0;
};

// What became of this member's entries of one map when it joined another half of the cluster.
struct MergeStats {
  std::uint64_t added = 0;           // kept as new
  std::uint64_t replaced = 0;        // kept in place of an older one
  std::uint64_t same = 0;            // already there
  std::uint64_t droppedOlder = 0;    // the other side had a newer one
  std::uint64_t droppedRemoved = 0;  // removed or cleared on the other side since
  std::uint64_t droppedExpired = 0;
  std::uint64_t droppedPolicy = 0;   // by the map's merge policy
  std::uint64_t failed = 0;          // refused for good
  std::uint64_t removals = 0;        // entries of the other side that were removed on this one
  std::uint64_t kept() const { return added + replaced + same; }
  std::uint64_t dropped() const {
    return droppedOlder + droppedRemoved + droppedExpired + droppedPolicy + failed;
  }
  MergeStats& operator+=(const MergeStats& o) {
    added += o.added;
    replaced += o.replaced;
    same += o.same;
    droppedOlder += o.droppedOlder;
    droppedRemoved += o.droppedRemoved;
    droppedExpired += o.droppedExpired;
    droppedPolicy += o.droppedPolicy;
    failed += o.failed;
    removals += o.removals;
    return *this;
  }
};

// Ends a subscription when destroyed; afterwards the listener is not running and not called.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class GridMap {
 public:
  virtual ~GridMap() = default;
  virtual const std::string& name() const = 0;
  virtual void execute(MapRequest request, Completion<MapReply> done) = 0;
  // Over all partitions; entries that change meanwhile may or may not be seen.
  virtual void size(Completion<std::uint64_t> done) = 0;
  virtual void keys(Completion<std::vector<Bytes>> done) = 0;
  virtual void entries(Completion<std::vector<MapEntry>> done) = 0;
  virtual void clear(Completion<std::uint64_t> done) = 0;  // number removed
  virtual MapStats localStats() const = 0;

  // Features beyond single entries (services/grid_query.h). An engine or a cluster that does not
  // have them answers GRID-0006. The map must outlive what it was asked for.
  virtual void query(const Predicate& predicate, QueryOptions options,
                     Completion<QueryResult> done);
  // Runs the named entry processor on the key, atomically, at its owner. Nothing = the entry did
  // not match `only`.
  virtual void process(Bytes key, const std::string& processor, Bytes argument,
                       const Predicate* only, Completion<std::optional<Bytes>> done);
  // Answers when every partition knows the listener. Blocking: not on an engine thread.
  [[nodiscard]] virtual Result<std::unique_ptr<Subscription>> addEntryListener(
      EntryListener listener, const Predicate* only = nullptr, bool includeValue = true,
      bool includeOldValue = false);
  // Advisory locks (bundles/hazelcast/map/README.md says what they promise and what not).
  virtual void lock(LockRequest request, Completion<LockState> done);
  virtual void unlock(Bytes key, std::uint32_t token, Completion<LockState> done);
  virtual void forceUnlock(Bytes key, Completion<LockState> done);
  virtual void lockState(Bytes key, Completion<LockState> done);

  // Over many keys: each key by itself, kManyAtOnce at a time; the first error is the answer.
  void removeAll(const Predicate& predicate, Completion<std::uint64_t> done);  // number removed
  void processEntries(const Predicate& predicate, const std::string& processor, Bytes argument,
                      Completion<std::vector<ProcessorAnswer>> done);
  void getAll(std::vector<Bytes> keys, Completion<std::vector<MapEntry>> done);  // those that exist
  void setAll(std::vector<MapEntry> entries, Completion<std::uint64_t> done);
  static constexpr std::size_t kManyAtOnce = 256;

  // Blocking forms (bounded by the call timeout).
  Result<MapReply> call(MapRequest request);
  Result<std::optional<Bytes>> get(Bytes key);
  Status set(Bytes key, Bytes value, std::int64_t ttlMillis = -1, std::int64_t maxIdleMillis = -1);
  Result<std::optional<Bytes>> put(Bytes key, Bytes value);
  // The value that was there, or nothing when this call stored its own.
  Result<std::optional<Bytes>> putIfAbsent(Bytes key, Bytes value, std::int64_t ttlMillis = -1,
                                           std::int64_t maxIdleMillis = -1);
  Result<std::optional<Bytes>> remove(Bytes key);
  Result<bool> containsKey(Bytes key);
  Result<std::uint64_t> sizeNow();
};

// One message as a subscriber gets it. (source, sequence) is our envelope: per source and topic
// the numbers rise by one; a gap means messages were lost on the way.
struct TopicMessage {
  Bytes payload;
  std::string source;          // uuid of the publishing member
  std::uint64_t sequence = 0;
  std::int64_t publishMillis = 0;
  bool local = false;          // published by this member
};
using TopicListener = std::function<void(const TopicMessage&)>;

struct TopicStats {
  std::uint64_t publishOperationCount = 0;
  std::uint64_t receiveOperationCount = 0;
  std::uint64_t gapCount = 0;
};

class GridTopic {
 public:
  virtual ~GridTopic() = default;
  virtual const std::string& name() const = 0;
  // To all members incl. this one, in order per publisher and topic; not stored, not repeated.
  virtual Status publish(Bytes payload) = 0;
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(TopicListener listener) = 0;
  virtual TopicStats localStats() const = 0;
};

struct GridMember {
  std::string uuid;
  std::string host;
  std::uint16_t port = 0;
  bool lite = false;
  bool local = false;
};

struct GridState {
  bool joined = false;
  std::string clusterName;      // with version suffix
  std::string clusterVersion;
  std::uint64_t viewVersion = 0;
  std::vector<GridMember> members;  // oldest first; the first is master
  int partitionCount = 0;
  int ownedPartitions = 0;      // of this member
  int unownedPartitions = 0;    // of the cluster
  int migrationsPending = 0;    // of the cluster
  bool safe = false;            // every configured synchronous copy that the members can hold exists
};

class GridRingbuffer;     // grid_structures.h
class GridReliableTopic;
class GridExecutor;

class Grid {
 public:
  virtual ~Grid() = default;
  // Same object for the same name; created on first use with the configuration of that name.
  virtual std::shared_ptr<GridMap> map(const std::string& name) = 0;
  virtual std::shared_ptr<GridTopic> topic(const std::string& name) = 0;
  // Structures beside maps and topics; same object for the same name. An engine may have none of them.
  virtual Result<std::shared_ptr<GridRingbuffer>> ringbuffer(const std::string& name);
  virtual Result<std::shared_ptr<GridReliableTopic>> reliableTopic(const std::string& name);
  virtual Result<std::shared_ptr<GridExecutor>> executor();
  // First configured map whose name starts with `prefix`; `fallback` when none.
  virtual std::string discoverMapName(const std::string& prefix, const std::string& fallback) = 0;
  virtual GridState state() const = 0;
  // Member that owns the key's partition, or nothing while none does.
  virtual std::optional<GridMember> ownerOf(BytesView key) const = 0;
  virtual std::vector<std::string> mapNames() const = 0;
  // An entry processor by name; all members must register the same ones. Replaces a former one.
  virtual Status registerProcessor(const std::string& name, EntryProcessor processor);
  virtual std::vector<std::string> topicNames() const = 0;
  // Could the other members hold every configured copy if this one left now? An engine whose data
  // does not live in this process says yes.
  virtual bool safeWithoutMe() const { return true; }
  // The stop that follows hands everything over however long it takes.
  virtual void handOverWithoutBound() {}
  [[nodiscard]] virtual std::unique_ptr<Subscription> onMembershipChange(
      std::function<void(const GridState&)> listener) = 0;
};

}  // namespace ox::services

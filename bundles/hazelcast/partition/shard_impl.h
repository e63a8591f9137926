// Inside of ShardCore, cut by concept:
//   shard_core.cpp   views, links, ticks, dispatch of frames
//   owner.cpp        executing operations on owned partitions, waiting for backups, freezing
//   replication.cpp  the owner's followers: compare, copy, acknowledgements
//   backup.cpp       the receiving side of these
//   touches.cpp      last accesses, told to the followers now and then
//   calls.cpp        operations of this member's callers: sending, retrying, timing out
//   guards.cpp       the fence after a pause, limits, reads from a local backup
//   containers.cpp   everything that is not a map: requests, backup, copy
//   container_merge.cpp, .h   and its merge
//   map_features.cpp queries, entry processors, eviction
//   locked_writes.cpp writes that wait until somebody else's lock ends
//   map_listeners.cpp entry listeners, both sides
//   bulk.cpp         over all partitions; statistics
//   merge.cpp        after a split: what is kept, offered, taken
// Threads: one. Nothing here blocks or reads a clock other than the given one.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "map/entry_listeners.h"
#include "map/entry_processors.h"
#include "map/locks.h"
#include "map/query.h"
#include "partition/container_merge.h"
#include "partition/copy_pace.h"
#include "partition/replica.h"
#include "partition/shard_core.h"
#include "structures/registry.h"
#include "structures/tasks.h"
#include "topic/topics.h"

namespace ox::grid {

inline constexpr std::size_t kMaxMaps = 4096;
inline constexpr std::size_t kNoMap = SIZE_MAX;
inline constexpr std::size_t kPendingLookedAt = 64;  // a reader behind more writes waits for all of them
inline constexpr std::size_t kMaxFrozenQueue = 10000;       // per partition
inline constexpr std::size_t kMaxEarlyFrames = 65536;       // ahead of our view
inline constexpr std::size_t kMaxEarlyBytes = 256u << 20;
inline constexpr std::size_t kMaxParkedFrames = 4096;       // per peer without a link yet
inline constexpr std::size_t kMaxParkedBytes = 4u << 20;
inline constexpr std::uint32_t kCopyWindow = 8;             // chunks in flight per copy
inline constexpr std::size_t kMaxWritesBehindCopy = 64u << 20;  // bytes; then the copy starts anew
inline constexpr std::size_t kSweepPerTick = 2000;          // records looked at for expiry
inline constexpr std::size_t kStoresPerTick = 1024;         // stores looked at for expiry
inline constexpr std::int64_t kTouchMillis = 2000;          // between two rounds of telling touches
inline constexpr std::size_t kTouchesPerTick = 5000;        // about, told to followers
inline constexpr std::size_t kBulkReplyBytes = 1u << 20;
inline constexpr int kListenGenerationShift = 48;           // in the number of a listener
inline constexpr std::size_t kMaxMergeInFlight = 256;
inline constexpr std::uint32_t kOfferOfBackup = 1;          // cursor of a merge operation
inline constexpr std::size_t kMaxParkedCalls = 4096;        // waiting for a container, per partition
inline constexpr std::size_t kMaxParkedWriteBytes = 16u << 20;  // of writes that wait for a lock
inline constexpr std::int64_t kLockAnswerMillis = 500;      // kept of a call's time for its answer
inline constexpr std::size_t kMaxContainersMerging = 32;
inline constexpr std::uint16_t kContainerProtocol = 2;      // of the cluster
inline constexpr std::int64_t kContainerTickMillis = 100;
inline constexpr std::int64_t kResendMillis = 2000;         // unanswered though the link is up
inline constexpr std::int64_t kNoHolderMillis = 2000;       // no owner at all: calls fail from then on
inline constexpr std::int64_t kRepeatDoneMillis = 1000;     // migration reports, until a view

class ShardCore::Impl {
 public:
  using MapDone = services::Completion<services::MapReply>;
  using InternalDone = std::function<void(Result<OpResult>)>;

  Impl(ShardSettings settings, std::shared_ptr<const MapConfigs> maps, Clock& clock,
       Random& random, ShardHost& host);
  ~Impl();

  void tick();
  void confirmed(const std::vector<std::uint64_t>& fences);
  ShardFigures figures() const;
  void viewInstalled(const ViewPtr& view);
  void peerUp(const MemberId& member);
  void peerDown(const MemberId& member);
  void received(const MemberId& from, BytesView frame);
  void execute(const std::string& map, int partition, services::MapRequest request, MapDone done);
  void size(const std::string& map, services::Completion<std::uint64_t> done);
  void entries(const std::string& map, bool withValues,
               services::Completion<std::vector<services::MapEntry>> done);
  void clear(const std::string& map, services::Completion<std::uint64_t> done);
  services::MapStats localStats(const std::string& map) const;
  std::vector<std::string> mapNames() const;
  void publish(const std::string& topic, int slot, Bytes payload);
  void invoke(const std::string& name, int partition, Bytes request, std::int64_t waitMillis,
              services::Completion<Bytes> done);
  std::uint64_t containerBytes() const;
  void submitTask(const MemberId& to, int slot, const std::string& name, Bytes argument,
                  std::int64_t timeoutMillis, services::Completion<Bytes> done);
  std::uint64_t ownedEntries() const;
  std::uint64_t unsyncedReplicas() const;
  void query(const std::string& map, Bytes body, bool paged, services::Completion<QueryPart> done);
  void process(const std::string& map, int partition, services::MapRequest request, MapDone done);
  void listen(std::uint64_t id, const std::string& map, std::uint8_t flags, Bytes predicate,
              services::Completion<bool> done);
  void unlisten(std::uint64_t id);
  void keepEntriesForMerge();
  std::uint64_t mergeBacklog() const {
    return merge_.size() + mergeInFlight_ + containerMerge_.kept.size() +
           containerMerge_.inFlight + keptStores_.size();
  }

  Topics topics_;
  Tasks tasks_;
  std::shared_ptr<const EntryProcessors> processors_ = std::make_shared<EntryProcessors>();
  EntryDeliver entryDeliver_;
  std::shared_ptr<const ContainerRegistry> registry_ = std::make_shared<ContainerRegistry>();
  std::uint64_t badMessages_ = 0;
  StoreUse use_[2];  // by MemoryPool; outlives the partitions
  std::map<std::string, services::MergeStats> mergedTotal_;
  TombstoneLog tombstoneLog_;  // outlives the partitions

 private:
  struct MapInfo {
    std::size_t index = 0;
    std::string name;
    MapConfig config;
    int sync = 1;    // backups that are waited for
    int copies = 1;  // sync and async together
    std::uint64_t hits = 0, gets = 0, puts = 0, removes = 0;
    std::uint64_t queries = 0, indexedQueries = 0, others = 0, events = 0;
    std::uint64_t expirations = 0, evictions = 0;
    // Indexes of its "@lock:" and "@listen:" containers, kNoMap while there are none.
    std::size_t locks = kNoMap, listeners = kNoMap;
    std::size_t listensTo = kNoMap;  // of an "@listen:" container: its map
    std::int64_t lastAccess = 0, lastUpdate = 0;
  };
  // An operation of this member's callers that could not be completed at once.
  struct Call {
    std::uint64_t counter = 0;
    int partition = 0;
    OpKind kind = OpKind::kSize;
    std::string map;
    services::MapRequest request;
    RecordMeta meta;
    std::uint32_t cursor = 0;
    MapDone done;
    InternalDone internal;
    std::int64_t deadline = 0;
    bool everSent = false;
    bool inFlight = false;
    MemberId target;
    std::uint32_t attempt = 0;
    std::int64_t sentAt = 0;
  };
  struct Executed {
    OpResult result;
    std::optional<Error> error;  // instead of a result; nothing has changed
    std::uint64_t waitFor = 0;  // number that backups must reach; 0 = nothing to wait for
    bool locked = false;        // with an error: worth waiting for the lock's end
  };
  // Something kept for the merge: a record (kMerge), a tombstone (kMergeRemoval), or whatever has
  // an operation of its own that the other side understands.
  struct Kept {
    OpKind kind = OpKind::kMerge;
    int partition = 0;
    std::string map;
    Bytes key, value;
    RecordMeta meta;
    std::uint32_t cursor = 0;
    std::uint32_t offered = 0;  // kOfferOfBackup
  };
  struct KeptStore {  // of a backup
    int partition = 0;
    std::string map;
    std::unique_ptr<RecordStore> records;
  };
  struct Pages {  // entries of one partition as they come
    int partition = 0;
    std::string map;
    OpKind kind = OpKind::kEntries;
    std::vector<services::MapEntry> entries;
    InternalDone done;
  };
  struct Asking {  // one query over this shard's partitions
    std::string map;
    Bytes body;
    bool paged = false;
    std::size_t left = 0;
    QueryPart part;
    std::optional<Error> error;
    absl::flat_hash_set<std::string, NameHash, NameEqual> seen;  // not paged: keys of a partition
    services::Completion<QueryPart> done;
  };
  struct Listening {  // a listener of this member
    struct Target {
      int number = 0;
      MemberId registeredAt;
      bool asking = false;
      bool everHeld = false;
      std::int64_t notBefore = 0;
      ListenerProgress progress;
    };
    std::string map;
    std::uint64_t wire = 0;  // its number at owners: another one in each cluster that is joined
    std::uint8_t flags = 0;
    Bytes predicate;
    std::vector<Target> targets;
    std::size_t missing = 0;
    std::int64_t deadline = 0;
    services::Completion<bool> done;
  };
  struct Parked {
    std::deque<Bytes> frames;
    std::size_t bytes = 0;
  };

  // What the master is to be told is told when the outermost call ends: the host may install the
  // next view at once, which must not happen in the middle of a walk.
  class Reporting {
   public:
    explicit Reporting(Impl& impl) : impl_(impl) { ++impl_.depth_; }
    ~Reporting() {
      if (--impl_.depth_ == 0 && !impl_.reports_.empty()) impl_.emitReports();
    }
    Reporting(const Reporting&) = delete;
    Reporting& operator=(const Reporting&) = delete;

   private:
    Impl& impl_;
  };
  void emitReports();

  // --- maps and partitions
  MapInfo* map(BytesView name);  // null = too many maps
  RecordStore& store(Replica& replica, std::size_t map);
  RecordStore* findStore(const Replica& replica, std::size_t map) const {
    return map < replica.stores.size() ? replica.stores[map].get() : nullptr;
  }
  // Null when the number is not known, or not of this shard.
  Partition* partition(int number) {
    const auto i = static_cast<std::size_t>(number / settings_.shardCount);
    return number >= 0 && number < partitionCount_ ? partitions_[i].get() : nullptr;
  }
  bool mine(int number) const { return number % settings_.shardCount == settings_.shardIndex; }
  std::int64_t steady() const { return clock_.steadyMillis(); }
  std::int64_t wall() const { return clock_.wallMillis(); }
  bool up(const MemberId& member) const { return up_.contains(member); }
  // Sends, or keeps a bounded number of frames until the link is up.
  void post(const MemberId& to, Bytes frame);
  void bad(const MemberId& from, const std::string& why);

  // --- guards
  void enter();  // at the beginning of every call from outside
  bool serving(const Partition& p) const { return p.owner && !p.frozen && !fenced_; }
  void runQueue(Partition& p);
  MemoryPool poolOf(const MapInfo& m) const {
    return m.config.discardable ? MemoryPool::kDiscardable : MemoryPool::kKept;
  }
  std::optional<Error> noRoom(const MapInfo& m, const OperationInput& in, const Record* record);
  void reportMemory(bool now);
  std::optional<Error> tooFewMembers(const MapInfo& m, OpKind kind);
  bool readHere(Partition& p, const std::string& map, OpKind kind,
                const services::MapRequest& request, MapDone& done);

  // --- views
  void applyView(Partition& p, const ClusterView& view);
  void becomeOwner(Partition& p, const ClusterView& view);
  void demote(Partition& p, bool listed);
  void forgetPartitions(int newCount);
  void replayEarly();

  // --- owner
  void runLocal(Partition& p, const std::string& map, OpKind kind, services::MapRequest& request,
                std::uint32_t cursor, const RecordMeta* meta, MapDone done, InternalDone internal);
  Executed run(Partition& p, MapInfo& m, OpKind kind, const OperationInput& in,
               std::uint32_t cursor, const RecordMeta* meta, const OpId* remote);
  void runBulk(Partition& p, MapInfo& m, OpKind kind, std::uint32_t cursor, const OpId* remote,
               Executed& out);
  void runQuery(Partition& p, MapInfo& m, BytesView body, std::uint32_t cursor, Executed& out);
  void runProcess(Partition& p, MapInfo& m, const OperationInput& in, const OpId* remote,
                  Executed& out);
  void evict(Partition& p, MapInfo& m, RecordStore& records, const Record* written);
  bool mayWrite(Partition& p, MapInfo& m, OpKind kind, BytesView key, const OpId* remote,
                std::uint32_t token, Executed& out);
  bool behindParked(const Partition& p, const MapInfo& m, OpKind kind, BytesView key,
                    const MemberId& caller, std::uint32_t token) const;
  bool parkedAlready(Partition& p, const MemberId& from, const OperationMessage& message);
  void parkWrite(Partition& p, const MapInfo& m, ContainerCall call, LockedWrite write);
  bool runParkedWrite(Partition& p, ContainerCall& call, std::vector<ContainerAnswer>& answers);
  std::uint64_t mapLimit(const MapInfo& m) const;  // per partition, entries or bytes
  void runMerge(Partition& p, MapInfo& m, const OperationInput& in, const RecordMeta& meta,
                std::uint32_t holder, const OpId* remote, Executed& out);
  void runMergeRemoval(Partition& p, MapInfo& m, const OperationInput& in, std::uint32_t why,
                       const Stamp& stamp, const OpId* remote, Executed& out);
  void drop(Partition& p, MapInfo& m, RecordStore& records, Record* record, Change::Cause cause);
  void expire(Partition& p, MapInfo& m, RecordStore& records, Record* record);
  void countOperation(MapInfo& m, OpKind kind, bool hit);
  void onOperation(const MemberId& from, Partition& p, BytesView frame);
  void serve(const MemberId& from, Partition& p, const OperationMessage& message);
  void refuse(const MemberId& to, Partition& p, const OperationMessage& message);
  void reply(const MemberId& to, int slot, std::uint64_t counter, std::uint32_t stream,
             const Result<OpResult>& result);
  std::uint64_t watermark(const Partition& p, int sync) const;
  void settle(Partition& p);  // answers what has been waited for; moves freezing on
  static std::uint64_t mark(const MapInfo& m, BytesView key);
  std::uint64_t unconfirmed(const Partition& p, const MapInfo& m, OpKind kind,
                            BytesView key) const;
  void answer(Partition& p, PendingWrite write, Result<OpResult> result);
  void unfreeze(Partition& p);
  void checkMigrations(Partition& p);
  void ownerTick(Partition& p, std::int64_t now);
  void sweep(std::int64_t now);

  // --- touches
  std::size_t tellTouches(Partition& p, bool complete);
  void sendTouches(Partition& p, Follower& f, TouchMessage& message);
  void touchesTick(std::int64_t now);
  void onTouch(const MemberId& from, Partition& p, BytesView frame);

  // --- followers
  std::uint64_t replicate(Partition& p, MapInfo& m, BackupMessage& message);
  // Numbers the change, sends it to the followers, remembers its operation.
  std::uint64_t replicate(Partition& p, MapInfo& m, const Change& change);
  // Protocol of the cluster: 2 has tombstones and their stamps.
  bool tombstones() const { return view_ && view_->protocol >= 2; }
  ReplicationHead head(const Partition& p, const Follower& f) const;
  void refreshFollowers(Partition& p, const ClusterView& view);
  void startCompare(Partition& p, Follower& f);
  std::uint64_t digest(const Replica& replica, int level) const;
  void sendCompare(Partition& p, Follower& f);
  void wantCopy(Partition& p, Follower& f, std::int64_t pause);
  void startCopy(Partition& p, Follower& f);
  void pumpCopy(Follower& f);
  void onAck(Kind kind, const MemberId& from, Partition& p, BytesView frame);
  std::size_t copiesRunning() const;

  // --- backup
  bool early(const MemberId& from, const ViewId& view, BytesView frame);
  AckStatus admit(const MemberId& from, const Partition& p, const ReplicationHead& head) const;
  void ack(const MemberId& to, Kind kind, int slot, const ReplicationHead& head, AckStatus status,
           std::uint32_t index = 0, bool last = false);
  void onBackup(const MemberId& from, Partition& p, BytesView frame);
  void onCompare(const MemberId& from, Partition& p, BytesView frame);
  void onCopyChunk(const MemberId& from, Partition& p, BytesView frame);
  void raiseLevel(Replica& replica, std::uint8_t level);

  // --- map features
  void start(const std::string& name, int number, OpKind kind, services::MapRequest request,
             std::uint32_t cursor, MapDone done);
  void askQuery(std::shared_ptr<Asking> asking, int number, std::uint32_t cursor);
  Result<std::shared_ptr<const CompiledPredicate>> predicateOf(BytesView bytes);
  void linkCompanions(MapInfo& m);
  static std::unique_ptr<Container> mapContainer(const std::string& name);
  LockTable* lockTable(const Partition& p, const MapInfo& m) const;
  ListenTable* listenTable(const Partition& p, const MapInfo& m) const;
  void featureStats(const MapInfo& m, services::MapStats& stats) const;

  // --- entry listeners: at the owner
  void watchFormer(Partition& p, const MapInfo& m);
  void tellListeners(Partition& p, MapInfo& m, const Change& change);
  void announce(Partition& p, const MapInfo& m, const ListenTable::Key& key,
                ListenTable::Registration& r, std::uint64_t upTo);
  void announceAgain(Partition& p, const MemberId& member);
  void endFeatures(Partition& p);
  bool sendEvent(const MemberId& to, Partition& p, const MapInfo& m, const EntryEventMessage& e);
  void tellUntold(Partition& p, bool all);
  // --- and at the listener
  void listenersTick(std::int64_t now);
  void listenersView();
  void listenersLost();
  void registerAt(std::uint64_t id, Listening& listening, Listening::Target& target);
  void onEntryEvent(const MemberId& from, Partition& p, BytesView frame);
  void endStale(std::uint64_t wire, int number);
  void ended(std::uint64_t wire, const std::string& map);
  bool quiet(const MemberId& id) const {
    return id == settings_.self || !view_ || view_->find(id) == nullptr || !up(id);
  }

  // --- calls
  void submit(Call call);
  bool dispatch(Partition& p, Call& call);  // false = waits (again)
  bool wait(Partition* p, Call& call, std::int64_t pause);  // false, always
  void flush(Partition& p);
  void finish(std::uint64_t counter, Result<OpResult> result);
  void onReply(const MemberId& from, Partition& p, BytesView frame);
  void callsTick(std::int64_t now);
  void refuseUnowned(std::int64_t now);
  void parkCalls(const std::function<bool(const Call&)>& which, std::int64_t pause);
  void overPartitions(const std::string& map, OpKind kind,
                      std::function<void(Result<OpResult>)> total);
  void askPage(std::shared_ptr<Pages> pages, std::uint32_t cursor);
  void askPartition(int partition, const std::string& map, OpKind kind, std::uint32_t cursor,
                    InternalDone done);

  // --- containers and tasks
  void onTask(Kind kind, const MemberId& from, int slot, BytesView frame);
  HeldContainer* findContainer(const Replica& replica, std::size_t map) const;
  HeldContainer* container(Replica& replica, MapInfo& m);  // null = unknown type
  bool containersSpoken() const;
  static Error containersUnspoken();
  ContainerContext containerContext(const Partition& p, const MemberId& caller);
  void containersOwned(Partition& p);
  void containerLocal(Partition& p, MapInfo& m, OpKind kind, services::MapRequest& request,
                      InternalDone done);
  void containerRemote(const MemberId& from, Partition& p, MapInfo& m,
                       const OperationMessage& message);
  void containerCall(Partition& p, ContainerCall call);
  bool runContainer(Partition& p, ContainerCall& call, std::vector<ContainerAnswer>& answers);
  std::uint64_t replicateContainer(Partition& p, MapInfo& m, BytesView delta, const OpId* remote,
                                   BytesView result);
  void wakeParked(Partition& p, std::size_t map, std::vector<ContainerAnswer>& answers);
  void giveAnswers(Partition& p, std::vector<ContainerAnswer>& answers);
  void parkedElsewhere(Partition& p);
  void containersTick(std::int64_t now);
  void containerHooks(Partition& p);
  bool replayContainer(Replica& replica, MapInfo& m, BytesView delta);
  bool restoreContainer(Replica& replica, BytesView name, BytesView piece);
  std::uint8_t containersValidFrom(const Replica& replica, std::uint8_t level) const;
  void raiseContainers(Replica& replica, std::uint8_t level);
  void copyContainers(const Replica& replica, std::uint8_t level,
                      const std::function<void(BytesView, BytesView)>& piece) const;
  void keepContainersForMerge();
  void pumpContainerMerge();
  void containerMerged(const KeptContainer& kept, const Result<OpResult>& last);
  std::int64_t maxParkMillis() const { return settings_.callTimeoutMillis / 2; }

  // --- merge
  void keepForMerge(Kept kept);
  void keepBackupForMerge(Partition& p);
  void unpackKeptStores();
  void pumpMerge();
  void mergeAnswered(Kept kept, const Result<OpResult>& result);
  void reportMerge();

  ShardSettings settings_;
  std::shared_ptr<const MapConfigs> configs_;
  Clock& clock_;
  Random& random_;
  ShardHost& host_;
  HybridClock hybrid_;
  CopyPace pace_;

  absl::flat_hash_map<std::string, std::unique_ptr<MapInfo>, NameHash, NameEqual> byName_;
  std::vector<MapInfo*> maps_;
  std::vector<std::unique_ptr<Partition>> partitions_;  // number / shardCount
  int partitionCount_ = 0;
  ViewPtr view_;
  ViewId formerView_;  // the one before; zero = none
  std::size_t touchPartition_ = 0;
  std::int64_t touchAt_ = 0;
  absl::flat_hash_set<MemberId, std::hash<MemberId>> up_;
  absl::flat_hash_map<MemberId, Parked, std::hash<MemberId>> parked_;
  std::deque<std::pair<MemberId, Bytes>> early_;
  std::size_t earlyBytes_ = 0;
  std::size_t sweepPartition_ = 0, sweepMap_ = 0;
  ShardFigures figures_;
  std::int64_t reported_[2] = {0, 0};  // to the budget, by MemoryPool
  std::int64_t containerUse_ = 0;      // bytes of containers at the last tick
  int fullMembers_ = 0;
  std::int64_t unownedSince_ = 0;  // no partition has an owner since then; 0 = some have
  bool fenced_ = false;
  std::uint64_t fence_ = 0;  // number of the last one
  std::int64_t lastEntry_ = 0, lastEntryWall_ = 0, fenceAskedAt_ = 0;

  std::uint64_t nextCounter_ = 0;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Call>> calls_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> deadlines_;
  std::int64_t resendAt_ = 0;
  std::size_t pendingWrites_ = 0;
  std::vector<std::pair<ViewId, Migration>> reports_;
  int depth_ = 0;

  std::int64_t containerTickAt_ = 0;
  ContainerMerge containerMerge_;

  absl::flat_hash_map<std::string, std::shared_ptr<const CompiledPredicate>, NameHash, NameEqual>
      predicates_;  // of late
  std::map<std::uint64_t, Listening> listening_;
  std::map<std::uint64_t, std::string> ended_;     // of late: number at owners and map
  std::set<std::pair<std::uint64_t, int>> stale_;  // of these, heard of again
  int ownedHere_ = 1;  // partitions of the view that this member owns, on all its shards
  std::int64_t listenAt_ = 0;

  std::deque<Kept> merge_;
  std::deque<KeptStore> keptStores_;
  std::uint64_t rescued_ = 0;
  ViewPtr mergeFrom_;  // the view that the entries were kept under
  std::size_t mergeInFlight_ = 0;
  std::map<std::string, services::MergeStats> merged_;  // of the merge under way
};

}  // namespace ox::grid

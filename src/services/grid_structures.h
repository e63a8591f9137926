// Structures of the grid beside maps and topics: ring buffer, reliable topic, member executor.
//
// Threads:   as in grid.h: every method from any thread; completions and listeners run on an
//            unspecified engine thread and must not block. Registered tasks run on worker threads.
// Errors:    GRID-0006 while a member of an older version is in the cluster.
// Source of names: Hazelcast's Ringbuffer, ReliableTopic and IExecutorService.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "services/grid.h"

namespace ox::services {

// --- ring buffer

enum class Overflow : std::uint8_t { kOverwrite, kFail };

struct RingEntry {
  std::int64_t sequence = 0;
  std::int64_t storedMillis = 0;
  Bytes value;
};
struct RingFigures {
  std::int64_t headSequence = 0;   // of the oldest item
  std::int64_t tailSequence = -1;  // of the newest
  std::uint64_t capacity = 0;
  std::uint64_t size() const { return static_cast<std::uint64_t>(tailSequence + 1 - headSequence); }
  std::uint64_t remainingCapacity() const { return capacity - size(); }
};

// Items under sequence numbers 0, 1, 2, ...; the oldest make room for new ones.
class GridRingbuffer {
 public:
  virtual ~GridRingbuffer() = default;
  virtual const std::string& name() const = 0;
  // Sequence of the (last) item; -1 when there is no room and the policy is kFail: then nothing was
  // added. At most 1000 items at once, 4 MiB each.
  virtual void add(Bytes value, Overflow overflow, Completion<std::int64_t> done) = 0;
  virtual void addAll(std::vector<Bytes> values, Overflow overflow,
                      Completion<std::int64_t> done) = 0;
  // From `start` on, at least `atLeast` (waits up to `waitMillis`; fewer when the time is over), at most
  // `atMost` (1..1000, about 1 MiB). RUN-0005 when `start` has been overwritten or was never reached.
  virtual void readMany(std::int64_t start, std::uint32_t atLeast, std::uint32_t atMost,
                        std::int64_t waitMillis, Completion<std::vector<RingEntry>> done) = 0;
  virtual void figures(Completion<RingFigures> done) = 0;

  // Waits for the item up to `waitMillis`, then NET-0002.
  void readOne(std::int64_t sequence, std::int64_t waitMillis, Completion<RingEntry> done);
};

// --- reliable topic

struct ReliableMessage {
  Bytes payload;
  std::string source;           // uuid of the publishing member
  std::uint64_t number = 0;     // of that source in this topic; rises
  std::int64_t sequence = 0;    // place in the topic, to begin from another time
  std::int64_t publishMillis = 0;
  bool local = false;
};
// Something that a subscriber will not get, or may have got in vain.
struct TopicGap {
  enum class Reason : std::uint8_t {
    kOverwritten,  // sequences from..to were gone before this subscriber read them
    kReplaced,     // a split or crash: the messages delivered as from..to are not in the topic any more,
                   // nor is what stood behind them unread
    kPublisher,    // numbers from..to of `source` never came: lost, or refused when published
  };
  Reason reason = Reason::kOverwritten;
  std::int64_t from = 0, to = 0;  // inclusive
  std::string source;             // kPublisher
  bool ended = false;             // the subscription is not loss tolerant: this was its last event
};
using TopicEvent = std::variant<ReliableMessage, TopicGap>;
using TopicEventListener = std::function<void(const TopicEvent&)>;

struct ReliableStart {
  std::int64_t sequence = -1;  // -1 = what is published from now on
  bool lossTolerant = false;   // goes on after a gap
};
struct ReliableStats {
  std::uint64_t published = 0;
  std::uint64_t received = 0;
  std::uint64_t gaps = 0;      // events told to subscribers
};

// Messages are kept in a ring buffer: per publisher in order, for all subscribers in the same order,
// each at most once; what a subscriber misses it is told as a gap.
class GridReliableTopic {
 public:
  virtual ~GridReliableTopic() = default;
  virtual const std::string& name() const = 0;
  // Done when all synchronous backups hold the message.
  virtual void publish(Bytes payload, Completion<std::int64_t> done) = 0;  // its sequence
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(TopicEventListener listener,
                                                                ReliableStart start = {}) = 0;
  virtual ReliableStats localStats() const = 0;
};

// --- member executor

// Asked by a long task; true when its caller does not wait any more.
using TaskCancelled = std::function<bool()>;
using TaskFunction = std::function<Result<Bytes>(BytesView argument, const TaskCancelled&)>;

struct TaskAnswer {
  GridMember member;
  Result<Bytes> result;
};
struct ExecutorStats {
  std::uint64_t started = 0, completed = 0, cancelled = 0, refused = 0;  // run here
  std::uint64_t submitted = 0;                                           // by callers here
  std::size_t pending = 0;                                               // queued or running here
};

// Errors of a result: GRID-0021 the member has gone (the task may have run), GRID-0022 no task of that
// name there, NET-0002 no result in time (the task is not begun any more, or told that it is cancelled),
// RUN-0005 too many tasks there, else the task's own.
class GridExecutor {
 public:
  virtual ~GridExecutor() = default;
  // Registered while the handle lives; a name is registered once per process (RUN-0004).
  [[nodiscard]] virtual Result<std::unique_ptr<Subscription>> registerTask(std::string name,
                                                                         TaskFunction task) = 0;
  // The same, but the task runs on the engine thread that received it and must not block: it is answered
  // even while every worker thread waits for somebody else.
  [[nodiscard]] virtual Result<std::unique_ptr<Subscription>> registerQuickTask(
      std::string name, TaskFunction task) = 0;
  virtual void submitToMember(const std::string& uuid, const std::string& task, Bytes argument,
                              std::int64_t timeoutMillis, Completion<Bytes> done) = 0;
  virtual void submitToKeyOwner(BytesView key, const std::string& task, Bytes argument,
                                std::int64_t timeoutMillis, Completion<Bytes> done) = 0;
  // One answer per member, in the order of the member list; `except` = uuid, empty = none.
  virtual void submitToAll(const std::string& task, Bytes argument, std::int64_t timeoutMillis,
                           Completion<std::vector<TaskAnswer>> done,
                           const std::string& except = {}) = 0;
  virtual ExecutorStats localStats() const = 0;
};

}  // namespace ox::services

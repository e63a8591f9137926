// Tasks: callers and receivers of named callables between members, as pure logic of one shard.
//
// Purpose:   sends a task to a member, takes its result, knows when there will be none. The host runs
//            the tasks (never on the shard) and gives the results back on the shard's thread.
// Promise:   a task runs at most once. The caller gets exactly one answer: the result, or that the
//            member has gone or the link broke (it may have run), or that the time is over.
// Threads:   one (its shard's).
// Bounds:    kMaxTasksOut under way per shard; how many run is the host's bound.
// Formats:   docs/formats/containers.md, frames 0x4a and 0x4b
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <map>
#include <string>

#include "member_protocol/message.h"
#include "services/grid.h"
#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxTasksOut = 10'000;
inline constexpr std::size_t kMaxTaskName = 256;
inline constexpr std::size_t kMaxTaskBytes = 4u << 20;  // argument, result
inline constexpr std::int64_t kMaxTaskMillis = 3'600'000;

struct TaskMessage {
  std::uint64_t id = 0;
  std::int64_t timeoutMillis = 0;
  BytesView name, argument;
  Bytes encode(std::uint16_t slot) const;
  static Result<TaskMessage> decode(ByteReader& in);
};
struct TaskReplyMessage {
  std::uint64_t id = 0;
  bool ok = false;
  BytesView value;       // ok
  BytesView code, text;  // not ok
  Bytes encode(std::uint16_t slot) const;
  static Result<TaskReplyMessage> decode(ByteReader& in);
};

class Tasks {
 public:
  // `done` on the shard's thread, once.
  using Run = std::function<void(const std::string& name, Bytes argument,
                                 std::int64_t timeoutMillis, services::Completion<Bytes> done)>;
  using Send = std::function<void(const MemberId& to, Bytes frame)>;
  Tasks(MemberId self, Send send) : self_(self), send_(std::move(send)) {}
  void setRun(Run run) { run_ = std::move(run); }

  // `slot` of this shard; times in steady milliseconds.
  void submit(const MemberId& to, std::uint16_t slot, const std::string& name, Bytes argument,
              std::int64_t timeoutMillis, std::int64_t now, services::Completion<Bytes> done);
  void received(const MemberId& from, std::uint16_t slot, const TaskMessage& message);
  // False = answers a task that this member was not given.
  bool answered(const MemberId& from, const TaskReplyMessage& message);
  void tick(std::int64_t now);
  void lost(const MemberId& member);
  void membersChanged(const std::function<bool(const MemberId&)>& present);

 private:
  struct Out {
    MemberId to;
    std::int64_t deadline = 0;
    services::Completion<Bytes> done;
  };
  void finish(std::uint64_t id, Result<Bytes> result);
  void lostWhere(const std::function<bool(const MemberId&)>& gone);

  const MemberId self_;
  const Send send_;
  Run run_;
  std::uint64_t lastId_ = 0;
  std::map<std::uint64_t, Out> out_;  // by id: oldest first
  std::multimap<std::int64_t, std::uint64_t> deadlines_;
};

}  // namespace ox::grid

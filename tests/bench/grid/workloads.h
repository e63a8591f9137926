// What a member does to itself and its cluster while it is measured.
//
// Threads:   each says on which thread its callers run; all block until they are done, except
//            Background. Units: microseconds in answers. Errors: std::runtime_error ends the run.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "member.h"
#include "stats.h"

namespace ox::bench {

// Blobs as callers hand them to the grid: header, length, text; `bytes` in all.
Bytes keyOf(std::uint64_t number);  // 32 bytes
Bytes valueOf(std::uint64_t number, std::size_t bytes);

enum class Keys { kOwn, kOther, kAny };  // whose partitions
std::vector<Bytes> chooseKeys(const MemberUnderTest& m, Keys whose, std::size_t count);

struct LoadResult {
  Samples samples;
  double perSecond = 0;
  std::uint64_t failures = 0;
  Samples late;               // openLoop: how much later than due the caller began
  std::uint64_t stalls = 0;   // ... and times in a row of more than a millisecond, and their sum
  double stalledMillis = 0;
};

// `threads` callers, each waits for its answer before it asks again; on the processors of the
// process, or the only one on `cpu` (>= 0).
LoadResult closedLoop(const MemberUnderTest& m, services::MapOp op, int threads, double seconds,
                      std::size_t valueBytes, Keys whose, int cpu = -1);
// One caller on `cpu` that does in turns, `turns` times `seconds` each, nothing (an empty task posted to
// the shard's own thread and waited for in the way the grid's callers wait), get and set.
struct TurnsResult {
  std::vector<double> empty50, get50, set50;  // one per turn
  Samples empty, get, set;
};
TurnsResult inTurns(const MemberUnderTest& m, int turns, double seconds, std::size_t valueBytes,
                    int cpu);
// `rate` a second from one thread that does not wait; times count from when each was due.
LoadResult openLoop(const MemberUnderTest& m, double rate, double seconds, std::size_t valueBytes);
// The operation from a task on the shard's own thread; and a plain hash map's answer to the same.
Samples insideShard(const MemberUnderTest& m, services::MapOp op, double seconds);
Samples plainHashMap(services::MapOp op, double seconds);
// `count` entries numbered from 0, a few hundred in flight. Answers entries a second.
double fill(const MemberUnderTest& m, const std::string& map, std::uint64_t count,
            std::size_t valueBytes);
double fillSessions(const MemberUnderTest& m, std::uint64_t count);
// Asks for one session by alternative id, for those of one user, and for those of one context, which
// builds the indexes of all partitions. A wrong answer is an error.
void lookUpSessions(const MemberUnderTest& m, std::uint64_t count);

// One caller in a closed loop, half get and half set, any key, until end().
class Background {
 public:
  Background(const MemberUnderTest& m, std::size_t valueBytes, std::uint64_t keys);
  ~Background();
  LoadResult end();

 private:
  std::atomic<bool> stop_{false};
  LoadResult result_;
  std::thread thread_;
};

// Topics: times are one-way, stamped by the publisher.
class Subscriber {
 public:
  explicit Subscriber(const MemberUnderTest& m);
  // Waits until `count` messages have come since the last call, or none for five seconds.
  std::string wait(std::uint64_t count);

 private:
  std::shared_ptr<services::GridTopic> topic_;
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::int64_t> first_{0}, last_{0};
  Samples samples_;
  std::unique_ptr<services::Subscription> subscription_;
};
// As fast as it is taken when rate is 0. Answers how often publish() refused.
std::uint64_t publish(const MemberUnderTest& m, std::uint64_t count, std::size_t bytes, double rate);

// Writes to every partition all the time, kills `victim` after a second, and says when the last of
// the partitions had answered a write that began after the kill.
std::string failOver(const MemberUnderTest& m, int victim);

}  // namespace ox::bench

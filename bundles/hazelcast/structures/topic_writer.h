// TopicWriter: the publisher's side of a reliable topic as pure logic. One request is on its way at a
// time and takes along all that waits, so the messages of a member reach the ring buffer in their order
// even when a request is tried again at another owner, and a slow round trip costs no throughput.
//
// Threads:   one at a time (its lane's).
// Bounds:    kMaxTopicWaiting messages and kMaxTopicWaitingBytes wait; more are refused (RUN-0005).
// Numbers:   given when a message is taken; those of a request that failed or whose end is not known
//            are never used again: subscribers are told of a gap.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "structures/topic_reader.h"

namespace ox::grid {

inline constexpr std::size_t kMaxTopicWaiting = 65'536;
inline constexpr std::size_t kMaxTopicWaitingBytes = 64u << 20;

class TopicWriter {
 public:
  using Done = std::function<void(Result<std::int64_t>)>;  // the message's sequence

  // `batch`: messages of one request, not more than the capacity of the ring buffer.
  explicit TopicWriter(MemberId self, std::size_t batch = kMaxRingBatch)
      : self_(self), batch_(batch) {}

  // Number of the message; 0 = too many wait, and `done` has been told.
  std::uint64_t publish(BytesView payload, std::int64_t publishMillis, Done done);
  // The next request (RingAdd); empty when one is on its way or nothing waits. `answered` must follow.
  Bytes next();
  void answered(const Result<Bytes>& answer);
  // Nobody will ask for the next request: all that waits gets this error.
  void close(const Error& error);

  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Message {
    Bytes envelope;
    Done done;
  };
  const MemberId self_;
  const std::size_t batch_;
  std::uint64_t number_ = 0;
  std::size_t bytes_ = 0;       // of waiting_
  std::deque<Message> waiting_;
  std::vector<Done> asked_;     // of the request on its way, in order
};

}  // namespace ox::grid

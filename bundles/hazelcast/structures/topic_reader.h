// TopicReader: one subscriber of a reliable topic as pure logic: what to read next, and what an answer
// means for the listener. And the envelope of a message in the topic's ring buffer.
//
// Threads:   one at a time (its owner's). Bounds: kMaxPublishers sources remembered.
// Promise:   messages of a publisher in order, each once; in the order of the buffer, which is the
//            same for all; whatever is missing is a gap event.
#pragma once

#include <map>
#include <vector>

#include "services/grid_structures.h"
#include "structures/ringbuffer.h"

namespace ox::grid {

inline constexpr std::uint32_t kTopicBatch = 256;
inline constexpr std::size_t kMaxPublishers = 4096;

struct TopicEnvelope {
  MemberId source;
  std::uint64_t number = 0;
  std::int64_t publishMillis = 0;
  BytesView payload;
  static constexpr std::size_t kHead = 33;
  Bytes encode() const;
  static Result<TopicEnvelope> decode(BytesView bytes);
};

class TopicReader {
 public:
  TopicReader(MemberId self, services::ReliableStart start) : self_(self), start_(start) {
    next_ = start.sequence < 0 ? kFromTail : start.sequence;
  }
  bool ended() const { return ended_; }
  bool placed() const { return next_ != kFromTail; }  // the tail is known: nothing from here on is missed
  std::int64_t next() const { return next_; }
  Bytes request() const;
  // The events of an answer, in order; an undecodable answer is an error and changes nothing.
  Result<std::vector<services::TopicEvent>> answered(BytesView answer);
  std::uint64_t undecodable() const { return undecodable_; }  // messages that are no envelopes

 private:
  struct Source {
    std::uint64_t number = 0;
    std::int64_t heardAt = 0;  // sequence
    bool jump = false;         // its next number may be any: a gap has been told
  };
  void gap(services::TopicGap gap, std::vector<services::TopicEvent>& events);
  void message(const RingItem& item, std::vector<services::TopicEvent>& events);
  void continueIn(const RingAnswer& answer, std::vector<services::TopicEvent>& events);

  const MemberId self_;
  const services::ReliableStart start_;
  std::int64_t next_ = kFromTail;
  RingEras eras_;              // of what was read
  bool ended_ = false;
  std::uint64_t undecodable_ = 0;
  std::map<MemberId, Source> sources_;
};

}  // namespace ox::grid

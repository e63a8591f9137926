#include "structures/topic_writer.h"

namespace ox::grid {

std::uint64_t TopicWriter::publish(BytesView payload, std::int64_t publishMillis, Done done) {
  const std::size_t size = TopicEnvelope::kHead + payload.size();
  if (waiting_.size() >= kMaxTopicWaiting || bytes_ + size > kMaxTopicWaitingBytes) {
    done(Error(Code::kBusy, "reliable topic: " + std::to_string(waiting_.size()) +
                                    " messages wait to be published"));
    return 0;
  }
  TopicEnvelope envelope;
  envelope.source = self_;
  envelope.number = ++number_;
  envelope.publishMillis = publishMillis;
  envelope.payload = payload;
  bytes_ += size;
  waiting_.push_back({envelope.encode(), std::move(done)});
  return number_;
}

Bytes TopicWriter::next() {
  if (!asked_.empty() || waiting_.empty()) return {};
  RingAdd add;
  std::size_t bytes = 0;
  for (const Message& m : waiting_) {
    if (add.values.size() >= batch_ || (bytes > 0 && bytes + m.envelope.size() > kMaxRingBatchBytes))
      break;
    bytes += m.envelope.size();
    add.values.emplace_back(m.envelope);
  }
  Bytes request = add.encode();
  for (std::size_t i = 0; i < add.values.size(); ++i) {
    asked_.push_back(std::move(waiting_.front().done));
    waiting_.pop_front();
  }
  bytes_ -= bytes;
  return request;
}

void TopicWriter::answered(const Result<Bytes>& answer) {
  const auto asked = std::exchange(asked_, {});
  const auto added = answer ? RingAdded::decode(*answer) : Result<RingAdded>(answer.error());
  auto sequence = added ? added->last - static_cast<std::int64_t>(asked.size()) : 0;
  for (const Done& done : asked) {
    if (added) done(++sequence);
    else done(added.error());
  }
}

void TopicWriter::close(const Error& error) {
  const auto waiting = std::exchange(waiting_, {});
  bytes_ = 0;
  for (const Message& m : waiting) m.done(error);
}

}  // namespace ox::grid

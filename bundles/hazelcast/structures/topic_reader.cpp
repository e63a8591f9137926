#include "structures/topic_reader.h"

#include <algorithm>

namespace ox::grid {

using services::TopicEvent;
using services::TopicGap;

Bytes TopicEnvelope::encode() const {
  ByteWriter out;
  out.reserve(kHead + payload.size());
  out.u8(1);
  source.write(out);
  out.u64(number);
  out.i64(publishMillis);
  out.raw(payload);
  return out.take();
}

Result<TopicEnvelope> TopicEnvelope::decode(BytesView bytes) {
  ByteReader in(bytes);
  TopicEnvelope e;
  if (in.u8() != 1) in.fail();
  e.source = MemberId::read(in);
  e.number = in.u64();
  e.publishMillis = in.i64();
  if (!in.ok() || e.number == 0)
    return Error(Code::kGridBadMessage, "undecodable message of a reliable topic");
  e.payload = bytes.substr(kHead);
  return e;
}

Bytes TopicReader::request() const {
  RingRead read;
  read.start = next_;
  read.era = next_ > 0 ? eraOf(eras_, next_ - 1) : 0;
  read.atMost = kTopicBatch;
  return read.encode();
}

Result<std::vector<TopicEvent>> TopicReader::answered(BytesView bytes) {
  auto decoded = RingAnswer::decode(bytes);
  if (!decoded) return decoded.error();
  const RingAnswer& answer = *decoded;
  std::vector<TopicEvent> events;
  if (ended_) return events;
  if (next_ == kFromTail) {
    next_ = answer.tail + 1;
    eras_ = answer.eras;
    return events;
  }
  if (answer.status == RingStatus::kDiverged) {
    continueIn(answer, events);
    return events;
  }
  // An answer to a former question (asked again meanwhile) begins elsewhere.
  if (answer.status == RingStatus::kStale && answer.first > next_) {
    TopicGap lost;
    lost.from = next_;
    lost.to = answer.first - 1;
    next_ = answer.first;
    for (auto& [_, source] : sources_) source.jump = true;
    gap(std::move(lost), events);
  }
  if (answer.first != next_ || ended_) return events;
  for (const RingItem& item : answer.items) {
    if (ended_) break;
    ++next_;
    message(item, events);
  }
  eras_ = answer.eras;
  std::erase_if(eras_, [&](const RingEra& era) { return era.first >= next_; });
  return events;
}

// The buffer's history is another one from some sequence on: go on from there. Messages that come a
// second time are known by their publishers' numbers.
void TopicReader::continueIn(const RingAnswer& answer, std::vector<TopicEvent>& events) {
  // A subscriber that begins behind the end has read nothing here: it goes on with the next message.
  const std::int64_t common = eras_.empty()
                                  ? std::min(next_ - 1, answer.tail)
                                  : commonEnd(eras_, next_ - 1, answer.eras, answer.tail);
  TopicGap replaced;
  replaced.reason = TopicGap::Reason::kReplaced;
  replaced.from = common + 1;
  replaced.to = next_ - 1;
  next_ = common + 1;
  std::erase_if(eras_, [&](const RingEra& era) { return era.first >= next_; });
  gap(std::move(replaced), events);
}

void TopicReader::gap(TopicGap gap, std::vector<TopicEvent>& events) {
  if (!start_.lossTolerant) gap.ended = ended_ = true;
  events.emplace_back(std::move(gap));
}

void TopicReader::message(const RingItem& item, std::vector<TopicEvent>& events) {
  auto envelope = TopicEnvelope::decode(item.value);
  if (!envelope) {
    ++undecodable_;
    return;
  }
  auto [it, first] = sources_.try_emplace(envelope->source);
  Source& source = it->second;
  if (!first && envelope->number <= source.number) return;  // had it, or said that it is lost
  if (!first && !source.jump && envelope->number > source.number + 1) {
    TopicGap lost;
    lost.reason = TopicGap::Reason::kPublisher;
    lost.from = static_cast<std::int64_t>(source.number + 1);
    lost.to = static_cast<std::int64_t>(envelope->number - 1);
    lost.source = envelope->source.toString();
    gap(std::move(lost), events);
    if (ended_) return;
  }
  source.number = envelope->number;
  source.heardAt = next_;
  source.jump = false;
  services::ReliableMessage m;
  m.payload = Bytes(envelope->payload);
  m.source = envelope->source.toString();
  m.number = envelope->number;
  m.sequence = next_ - 1;
  m.publishMillis = envelope->publishMillis;
  m.local = envelope->source == self_;
  events.emplace_back(std::move(m));
  if (sources_.size() <= kMaxPublishers) return;
  const auto oldest = std::min_element(
      sources_.begin(), sources_.end(),
      [](const auto& a, const auto& b) { return a.second.heardAt < b.second.heardAt; });
  sources_.erase(oldest);
}

}  // namespace ox::grid

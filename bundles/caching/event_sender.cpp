#include "event_sender.h"

#include <algorithm>

#include "services/cache.h"

namespace ox::caching {

using services::CacheEvent;
using services::CacheKey;

namespace {

// Two events with the same text do the same.
std::string identityOf(int topic, const CacheEvent& event) {
  ByteWriter out;
  out.i32(topic);
  out.u8(static_cast<std::uint8_t>(event.operation));
  out.blob(event.region);
  out.blob(event.group);
  for (const CacheKey& key : event.keys) out.blob(services::flatKey(key));
  return out.take();
}

}  // namespace

EventSender::EventSender(std::string senderId, int topicCount, std::int64_t delayMillis,
                         std::uint64_t process)
    : senderId_(std::move(senderId)), topicCount_(std::max(topicCount, 1)),
      delayMillis_(delayMillis), process_(process) {}

int EventSender::topicOf(const CacheKey& key) const { return key.id > 0 ? key.id % topicCount_ : 0; }

bool EventSender::queue(int topic, CacheEvent event, std::int64_t nowMillis) {
  ++offered_;
  std::string identity = identityOf(topic, event);
  if (identities_.contains(identity)) {
    ++merged_;
    return true;
  }
  if (waiting_.size() >= kMaxPending) {
    ++losses_;
    return false;
  }
  identities_.insert(identity);
  waiting_.push_back({topic, nowMillis, std::move(identity), std::move(event)});
  return true;
}

bool EventSender::offer(const CacheEvent& event, std::int64_t nowMillis) {
  if (event.keys.size() <= 1)
    return queue(event.keys.empty() ? 0 : topicOf(event.keys.front()), event, nowMillis);
  std::map<int, std::vector<CacheKey>> byTopic;
  for (const CacheKey& key : event.keys) byTopic[topicOf(key)].push_back(key);
  bool all = true;
  for (auto& [topic, keys] : byTopic)
    for (std::size_t from = 0; from < keys.size(); from += kMaxKeys) {
      CacheEvent part;
      part.operation = event.operation;
      part.region = event.region;
      part.group = event.group;
      part.keys.assign(keys.begin() + static_cast<std::ptrdiff_t>(from),
                       keys.begin() + static_cast<std::ptrdiff_t>(
                                          std::min(from + kMaxKeys, keys.size())));
      all &= queue(topic, std::move(part), nowMillis);
    }
  return all;
}

std::vector<Outgoing> EventSender::take(std::int64_t nowMillis) {
  std::map<int, std::vector<CacheEvent>> due;
  while (!waiting_.empty() && nowMillis - waiting_.front().sinceMillis >= delayMillis_) {
    Waiting& first = waiting_.front();
    identities_.erase(first.identity);
    due[first.topic].push_back(std::move(first.event));
    waiting_.pop_front();
  }
  std::vector<Outgoing> out;
  for (auto& [topic, events] : due) {
    const std::size_t each = events.size() <= kSentAlone ? 1 : kBatch;
    for (std::size_t from = 0; from < events.size(); from += each) {
      const std::size_t to = std::min(from + each, events.size());
      Message message;
      message.senderId = senderId_;
      for (std::size_t i = from; i < to; ++i) message.events.push_back(std::move(events[i]));
      out.push_back({topic, to - from, encodeMessage(message)});
    }
  }
  return out;
}

void EventSender::numbered(int topic, std::uint64_t number) {
  std::uint64_t& last = numbers_[topic];
  last = std::max(last, number);
}

Announcement EventSender::announcement() const {
  Announcement out;
  out.process = process_;
  out.losses = losses_;
  out.topicCount = topicCount_;
  out.last = numbers_;
  return out;
}

}  // namespace ox::caching

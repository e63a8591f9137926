#include "topic/topics.h"

#include <utility>

namespace ox::grid {
namespace {
constexpr std::size_t kKeepBytes = 64u << 10;  // a larger payload's memory is given back
}

Topics::ByName::value_type* Topics::find(BytesView name) {
  const auto it = topics_.find(name);
  if (it != topics_.end()) return &*it;
  if (topics_.size() >= kMaxTopics) return nullptr;
  return &*topics_.try_emplace(std::string(name)).first;
}

Bytes Topics::publish(const MemberId& self, const std::string& name, std::uint16_t slot,
                      Bytes payload, std::int64_t wallMillis) {
  auto* const found = find(name);
  if (found == nullptr) return {};
  Topic* const topic = &found->second;
  TopicFrame frame;
  frame.sequence = ++topic->published;
  frame.publishMillis = wallMillis;
  frame.topic = name;
  frame.payload = payload;
  Bytes encoded = frame.encode(slot);
  ++topic->stats.publishOperationCount;
  ++topic->stats.receiveOperationCount;
  if (wanted(*found)) {
    services::TopicMessage message = std::exchange(spare_, {});
    message.payload = std::move(payload);
    if (self != self_) {
      self_ = self;
      selfName_ = self.toString();
    }
    message.source = selfName_;
    message.sequence = frame.sequence;
    message.publishMillis = wallMillis;
    message.local = true;
    deliver(*topic, std::move(message));
  }
  return encoded;
}

bool Topics::received(const MemberId& from, const TopicFrame& frame) {
  auto* const found = find(frame.topic);
  if (found == nullptr) return false;
  Topic* const topic = &found->second;
  const auto [it, first] = topic->last.try_emplace(from);
  Source& source = it->second;
  if (first) {
    source.name = from.toString();
  } else {
    if (frame.sequence <= source.sequence) return false;  // cannot be: links do not repeat
    topic->stats.gapCount += frame.sequence - source.sequence - 1;
  }
  source.sequence = frame.sequence;
  ++topic->stats.receiveOperationCount;
  if (wanted(*found)) {
    services::TopicMessage message = std::exchange(spare_, {});
    message.payload.assign(frame.payload);
    message.source = source.name;
    message.sequence = frame.sequence;
    message.publishMillis = frame.publishMillis;
    message.local = false;
    deliver(*topic, std::move(message));
  }
  return true;
}

bool Topics::wanted(ByName::value_type& topic) {
  if (!topic.second.sink && sinkOf_) topic.second.sink = sinkOf_(topic.first);
  return topic.second.sink != nullptr;
}

void Topics::deliver(Topic& topic, services::TopicMessage message) {
  (*topic.sink)(message);
  if (message.payload.capacity() <= kKeepBytes) spare_ = std::move(message);
}

void Topics::membersChanged(const std::function<bool(const MemberId&)>& present) {
  for (auto& [_, topic] : topics_)
    absl::erase_if(topic.last, [&](const auto& entry) { return !present(entry.first); });
}

services::TopicStats Topics::stats(const std::string& name) const {
  const auto it = topics_.find(name);
  return it == topics_.end() ? services::TopicStats{} : it->second.stats;
}

}  // namespace ox::grid

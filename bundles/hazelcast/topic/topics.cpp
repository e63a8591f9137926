#include "topic/topics.h"

namespace ox::grid {

Topics::Topic* Topics::find(const std::string& name) {
  const auto it = topics_.find(name);
  if (it != topics_.end()) return &it->second;
  if (topics_.size() >= kMaxTopics) return nullptr;
  return &topics_[name];
}

Bytes Topics::publish(const MemberId& self, const std::string& name, std::uint16_t slot,
                      Bytes payload, std::int64_t wallMillis) {
  Topic* topic = find(name);
  if (topic == nullptr) return {};
  TopicFrame frame;
  frame.sequence = ++topic->published;
  frame.publishMillis = wallMillis;
  frame.topic = name;
  frame.payload = payload;
  Bytes encoded = frame.encode(slot);
  ++topic->stats.publishOperationCount;
  ++topic->stats.receiveOperationCount;
  if (deliver_) {
    services::TopicMessage message;
    message.payload = std::move(payload);
    message.source = self.toString();
    message.sequence = frame.sequence;
    message.publishMillis = wallMillis;
    message.local = true;
    deliver_(name, std::move(message));
  }
  return encoded;
}

bool Topics::received(const MemberId& from, const TopicFrame& frame) {
  const std::string name(frame.topic);
  Topic* topic = find(name);
  if (topic == nullptr) return false;
  auto [it, first] = topic->last.try_emplace(from, frame.sequence);
  if (!first) {
    if (frame.sequence <= it->second) return false;  // cannot be: links do not repeat
    topic->stats.gapCount += frame.sequence - it->second - 1;
    it->second = frame.sequence;
  }
  ++topic->stats.receiveOperationCount;
  if (deliver_) {
    services::TopicMessage message;
    message.payload = Bytes(frame.payload);
    message.source = from.toString();
    message.sequence = frame.sequence;
    message.publishMillis = frame.publishMillis;
    deliver_(name, std::move(message));
  }
  return true;
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

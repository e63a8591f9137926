#include "grid_transport.h"

namespace ox::caching {

using services::TopicMessage;

std::vector<EventSource> otherMembers(const services::GridState& state) {
  std::vector<EventSource> out;
  for (const auto& member : state.members)
    if (!member.local)
      out.push_back({member.uuid, member.host + ":" + std::to_string(member.port)});
  return out;
}

GridTransport::GridTransport(std::shared_ptr<services::Grid> grid, int topicCount)
    : grid_(std::move(grid)), single_(grid_->topic(kTopicName)),
      announcements_(grid_->topic(kAnnouncementTopic)) {
  for (int i = 0; i < topicCount; ++i)
    topics_.push_back(grid_->topic(std::string(kTopicName) + "-" + std::to_string(i)));
}

void GridTransport::start(EventSink sink) {
  const auto hear = [&](const std::shared_ptr<services::GridTopic>& topic, int number) {
    subscriptions_.push_back(topic->subscribe([sink, number](const TopicMessage& m) {
      sink.message(m.source, number, m.sequence, m.payload, m.local);
    }));
  };
  hear(single_, kSingleTopic);
  for (std::size_t i = 0; i < topics_.size(); ++i) hear(topics_[i], static_cast<int>(i));
  subscriptions_.push_back(announcements_->subscribe([sink](const TopicMessage& m) {
    if (!m.local) sink.announcement(m.source, m.payload);
  }));
  subscriptions_.push_back(grid_->onMembershipChange(
      [sink](const services::GridState& state) { sink.members(otherMembers(state)); }));
  sink.members(otherMembers(grid_->state()));
}

Status GridTransport::publish(int topic, Bytes payload) {
  return topics_.at(static_cast<std::size_t>(topic))->publish(std::move(payload));
}

Status GridTransport::announce(Bytes payload) { return announcements_->publish(std::move(payload)); }

void GridTransport::stop() { subscriptions_.clear(); }

}  // namespace ox::caching

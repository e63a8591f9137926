// GridTransport: cache events over the grid's topics: published to cacheEvents-3-<n>, heard on those and on
// cacheEvents-3; announcements on a topic of ours.
//
// Threads: as EventTransport says. Ownership: the grid outlives it (services are stopped in order).
// Source:  topic names of the original; services/grid.h for the envelope.
#pragma once

#include <memory>
#include <vector>

#include "services/grid.h"
#include "transport.h"

namespace ox::caching {

inline constexpr const char* kTopicName = "cacheEvents-3";

class GridTransport final : public EventTransport {
 public:
  GridTransport(std::shared_ptr<services::Grid> grid, int topicCount);
  ~GridTransport() override { stop(); }
  void start(EventSink sink) override;
  Status publish(int topic, Bytes payload) override;
  Status announce(Bytes payload) override;
  void stop() override;
  bool lateral() const override { return false; }

 private:
  const std::shared_ptr<services::Grid> grid_;
  std::vector<std::shared_ptr<services::GridTopic>> topics_;
  std::shared_ptr<services::GridTopic> single_;
  std::shared_ptr<services::GridTopic> announcements_;
  std::vector<std::unique_ptr<services::Subscription>> subscriptions_;
};

// host:port of the members but this one.
std::vector<EventSource> otherMembers(const services::GridState& state);

}  // namespace ox::caching

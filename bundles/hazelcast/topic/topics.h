// Topics of one shard: numbering what this member publishes, noticing gaps in what it receives.
//
// Promise:   per source and topic the numbers rise by one; nothing is stored or repeated. A member
//            that hears a source for the first time begins with the number it hears.
// Threads:   one (its shard's). Bounds: kMaxTopics names; sources are those of the installed view.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/node_hash_map.h>

#include <functional>
#include <memory>
#include <string>

#include "member_protocol/data_messages.h"
#include "services/grid.h"

namespace ox::grid {

class Topics {
 public:
  // Where a topic's messages go on this member; the message is valid during the call. Null when
  // nobody here has asked for the topic: asked for again with the next message.
  using Sink = std::shared_ptr<const std::function<void(const services::TopicMessage&)>>;
  using SinkOf = std::function<Sink(const std::string& topic)>;
  static constexpr std::size_t kMaxTopics = 10000;

  void setSinks(SinkOf sinkOf) { sinkOf_ = std::move(sinkOf); }
  // The frame for the other members, and delivery to this member. Empty = too many topics.
  Bytes publish(const MemberId& self, const std::string& topic, std::uint16_t slot, Bytes payload,
                std::int64_t wallMillis);
  // False = refused (bound).
  bool received(const MemberId& from, const TopicFrame& frame);
  void membersChanged(const std::function<bool(const MemberId&)>& present);
  services::TopicStats stats(const std::string& topic) const;

 private:
  struct Source {
    std::uint64_t sequence = 0;  // last heard
    std::string name;            // as subscribers are told
  };
  struct Topic {
    std::uint64_t published = 0;
    Sink sink;
    services::TopicStats stats;
    absl::flat_hash_map<MemberId, Source, std::hash<MemberId>> last;
  };
  // Nodes: a listener may publish to a new topic while a name of ours is being delivered.
  using ByName = absl::node_hash_map<std::string, Topic, NameHash, NameEqual>;
  ByName::value_type* find(BytesView name);
  bool wanted(ByName::value_type& topic);
  void deliver(Topic& topic, services::TopicMessage message);
  ByName topics_;
  SinkOf sinkOf_;
  // A message that was delivered, for the next one: its strings have their memory. Empty while a
  // listener runs, which may publish.
  services::TopicMessage spare_;
  MemberId self_;
  std::string selfName_;  // of self_, as subscribers are told
};

}  // namespace ox::grid

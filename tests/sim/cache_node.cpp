#include "cache_node.h"

#include "grid_transport.h"
#include "wire.h"

namespace ox::sim {
namespace {

constexpr int kTopics = 3;
const std::string kShard = std::string(caching::kTopicName) + "-";

caching::ReceiverSettings receiverSettings() {
  caching::ReceiverSettings s;
  s.repairMillis = kSimRepairMillis;
  return s;
}

// Nothing but invalidations ends a value.
caching::CacheSettings cacheSettings() {
  caching::CacheSettings s;
  s.defaults.maxLifeMillis = s.defaults.idleMillis = s.defaults.memoryIdleMillis = -1;
  return s;
}

}  // namespace

CacheNode::CacheNode(World& world, SimMember& member, std::uint64_t process)
    : world_(world), member_(member.id), sender_(member.id.toString(), kTopics, 0, process),
      receiver_(receiverSettings()), regions_(cacheSettings(), member.clock),
      region_(regions_.region(kSimRegion)) {}

bool CacheNode::listens(const std::string& topic) {
  return topic.starts_with(kShard) || topic == caching::kTopicName ||
         topic == caching::kAnnouncementTopic;
}

void CacheNode::start() {
  membersChanged();
  tick();
}

void CacheNode::membersChanged() {
  world_.post(member_, 1, [this](SimMember& m) {
    if (!m.view()) return;
    std::vector<caching::EventSource> others;
    for (const grid::Member& one : m.view()->members)
      if (one.id != member_) others.push_back({one.id.toString(), one.address.toString()});
    receiver_.members(others, m.clock.steadyMillis());
  });
}

void CacheNode::tick() {
  world_.post(member_, kSimCacheTick, [this](SimMember& m) {
    const std::int64_t now = m.clock.steadyMillis();
    if (now - announcedMillis_ >= kSimAnnounceMillis) {
      announcedMillis_ = now;
      if (m.data().view()) m.data().publish(caching::kAnnouncementTopic, sender_.announcement().encode());
    }
    flush(receiver_.tick(now));
    regions_.trustUntil(receiver_.trustedUntil());
    tick();
  });
}

void CacheNode::changed(std::int32_t key) {
  region_->invalidate({{key, {}}});
  services::CacheEvent event;
  event.region = kSimRegion;
  event.keys = {{key, {}}};
  SimMember* const m = world_.find(member_);
  if (m == nullptr) return;
  sender_.offer(event, m->clock.steadyMillis());
  for (auto& out : sender_.take(m->clock.steadyMillis())) {
    if (m->data().view()) m->data().publish(kShard + std::to_string(out.topic), std::move(out.payload));
    else sender_.lost();
  }
}

void CacheNode::onTopic(const std::string& topic, const services::TopicMessage& message) {
  SimMember* const m = world_.find(member_);
  if (m == nullptr) return;
  const std::int64_t now = m->clock.steadyMillis();
  if (topic == caching::kAnnouncementTopic) {
    if (message.local) return;
    if (const auto said = caching::Announcement::decode(message.payload); said.ok())
      flush(receiver_.announced(message.source, *said, now));
    return;
  }
  const int number = topic == caching::kTopicName ? caching::kSingleTopic
                                                  : std::stoi(topic.substr(kShard.size()));
  if (message.local) return sender_.numbered(number, message.sequence);
  flush(receiver_.message(message.source, number, message.sequence, now));
  const auto decoded = caching::decodeMessage(message.payload);
  if (!decoded.ok()) return;
  for (const auto& event : decoded->events)
    static_cast<caching::Region&>(*region_).apply(event, true);
}

void CacheNode::flush(const std::optional<std::string>& why) {
  if (!why) return;
  ++flushes_;
  world_.note(member_.toString() + " flushes its caches: " + *why);
  services::CacheEvent clear;
  clear.operation = services::CacheEvent::Operation::kClear;
  clear.region = kSimRegion;
  static_cast<caching::Region&>(*region_).apply(clear, true);
}

}  // namespace ox::sim

#include "events.h"

#include <exception>
#include <vector>

#include "base/gate.h"
#include "base/log.h"
#include "wire.h"

namespace ox::caching {

using services::CacheEvent;
using services::CacheListener;
using services::TopicMessage;

struct CacheEventsService::Entry {
  std::string region;  // empty = all
  CacheListener listener;
  Gate gate;
};

struct CacheEventsService::Listeners {
  std::mutex mutex;
  std::vector<std::shared_ptr<Entry>> entries;
};

class CacheEventsService::Ending final : public services::Subscription {
 public:
  Ending(std::shared_ptr<Listeners> listeners, std::shared_ptr<Entry> entry)
      : listeners_(std::move(listeners)), entry_(std::move(entry)) {}
  ~Ending() override {
    {
      std::lock_guard lock(listeners_->mutex);
      std::erase(listeners_->entries, entry_);
    }
    entry_->gate.close();
    entry_->listener = nullptr;  // its code may be in a module that goes away now
  }

 private:
  std::shared_ptr<Listeners> listeners_;
  std::shared_ptr<Entry> entry_;
};

CacheEventsService::CacheEventsService(std::shared_ptr<services::GridTopic> topic,
                                       std::string senderId)
    : topic_(std::move(topic)), senderId_(std::move(senderId)),
      listeners_(std::make_shared<Listeners>()), remote_(1, kQueueLimit, "cache-events") {
  if (topic_)
    subscription_ =
        topic_->subscribe([this](const TopicMessage& message) { onMessage(message); });
}

CacheEventsService::~CacheEventsService() { stop(); }

void CacheEventsService::stop() {
  subscription_.reset();
  remote_.stop();
}

std::unique_ptr<services::Subscription> CacheEventsService::subscribe(const std::string& region,
                                                                      CacheListener listener) {
  auto entry = std::make_shared<Entry>();
  entry->region = region;
  entry->listener = std::move(listener);
  {
    std::lock_guard lock(listeners_->mutex);
    listeners_->entries.push_back(entry);
  }
  return std::make_unique<Ending>(listeners_, std::move(entry));
}

void CacheEventsService::dispatch(const CacheEvent& event, bool fromRemote) {
  std::vector<std::shared_ptr<Entry>> now;
  {
    std::lock_guard lock(listeners_->mutex);
    for (const auto& entry : listeners_->entries)
      if (entry->region.empty() || entry->region == event.region) now.push_back(entry);
  }
  for (const auto& entry : now) {
    Gate::Visit visit(entry->gate);
    if (!visit) continue;
    try {
      entry->listener(event, fromRemote);
    } catch (const std::exception& e) {
      log::error("a cache listener of region " + event.region + " failed: " + e.what());
    }
  }
}

void CacheEventsService::publish(const CacheEvent& event) {
  dispatch(event, false);
  if (!topic_) return;
  const Status status = topic_->publish(encodeMessage({senderId_, {event}}));
  if (status.ok()) {
    ++published_;
    return;
  }
  ++publishFailures_;
  log::warn("an invalidation of region " + event.region + " did not reach the other nodes: " +
            status.error().toString());
}

bool CacheEventsService::gapBefore(const TopicMessage& message) {
  std::lock_guard lock(sequenceMutex_);
  const auto it = lastSequence_.find(message.source);
  if (it == lastSequence_.end()) {
    // Publishers that are long gone make room all at once: their successors have new ids.
    if (lastSequence_.size() >= kMaxSources) lastSequence_.clear();
    lastSequence_.emplace(message.source, message.sequence);
    return false;
  }
  const bool gap = message.sequence > it->second + 1;
  if (message.sequence > it->second) it->second = message.sequence;
  return gap;
}

void CacheEventsService::onMessage(const TopicMessage& message) {
  if (message.local) return;
  const bool gap = gapBefore(message);
  if (gap) ++lostMessages_;
  if (remote_.submit([this, message, gap] { handle(message, gap); })) return;
  // The messages that fill the queue will find the flag.
  ++lostMessages_;
  queueWasFull_ = true;
}

void CacheEventsService::handle(const TopicMessage& message, bool gap) {
  const auto decoded = decodeMessage(message.payload);
  if (!decoded.ok()) {
    ++undecodable_;
    log::warn("a message of the topic " + std::string(kTopicName) + " from " + message.source +
              " cannot be decoded: " + decoded.error().message);
  }
  if (queueWasFull_.exchange(false) || gap || !decoded.ok()) clearEverything();
  if (!decoded.ok() || decoded->senderId == senderId_) return;
  for (const auto& event : decoded->events) {
    ++received_;
    dispatch(event, true);
  }
}

void CacheEventsService::clearEverything() {
  ++clearedAll_;
  log::warn("invalidations of other nodes were lost: all cache regions are cleared");
  std::set<std::string> regions = {services::kRegionContext, services::kRegionSchema,
                                   services::kRegionUser};
  {
    std::lock_guard lock(listeners_->mutex);
    for (const auto& entry : listeners_->entries)
      if (!entry->region.empty()) regions.insert(entry->region);
  }
  for (const auto& region : regions) {
    CacheEvent clear;
    clear.operation = CacheEvent::Operation::kClear;
    clear.region = region;
    dispatch(clear, true);
  }
}

EventCounters CacheEventsService::counters() const {
  EventCounters out;
  out.published = published_;
  out.publishFailures = publishFailures_;
  out.received = received_;
  out.undecodable = undecodable_;
  out.lostMessages = lostMessages_;
  out.clearedAll = clearedAll_;
  return out;
}

}  // namespace ox::caching

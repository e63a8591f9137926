#include "events.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "base/gate.h"
#include "base/log.h"
#include "wire.h"

namespace ox::caching {

using services::CacheEvent;
using services::CacheListener;

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

namespace {

constexpr std::int64_t kSlowestTick = 250;

std::int64_t tickMillis(const EventSettings& s) {
  std::int64_t every = std::min({kSlowestTick, s.announceMillis / 2,
                                 s.receiver.repairMillis / (2 * kTickPart)});
  if (s.delayMillis > 0) every = std::min(every, s.delayMillis);
  return std::max<std::int64_t>(every, 1);
}

}  // namespace

CacheEventsService::CacheEventsService(std::shared_ptr<EventTransport> transport,
                                       EventSettings settings, Clock& clock)
    : transport_(std::move(transport)), settings_(std::move(settings)), clock_(clock),
      listeners_(std::make_shared<Listeners>()),
      sender_(settings_.senderId, settings_.topicCount, settings_.delayMillis, settings_.process),
      announcedMillis_(clock.steadyMillis() - settings_.announceMillis),
      receiver_(settings_.receiver), remote_(1, kQueueLimit, "cache-events") {
  if (!transport_) return;
  EventSink sink;
  sink.message = [this](const std::string& source, int topic, std::uint64_t number,
                        const Bytes& payload, bool local) {
    if (local) {
      std::lock_guard lock(sendMutex_);
      sender_.numbered(topic, number);
    } else {
      queue([=, this] { onMessage(source, topic, number, payload); });
    }
  };
  sink.announcement = [this](const std::string& source, const Bytes& payload) {
    queue([=, this] { onAnnouncement(source, payload); });
  };
  sink.members = [this](std::vector<EventSource> others) {
    queue([this, others = std::move(others)] {
      receiver_.members(others, clock_.steadyMillis());
    });
  };
  transport_->start(std::move(sink));
  ticker_ = std::make_unique<Ticker>("cache-tick", tickMillis(settings_), [this] { tick(); });
}

CacheEventsService::~CacheEventsService() { stop(); }

void CacheEventsService::stop() {
  if (stopped_.exchange(true)) return;
  ticker_.reset();
  if (transport_) {
    send();
    announce(true);
    transport_->stop();
  }
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
  if (!transport_ || (settings_.clusterWide && !settings_.clusterWide(event.region))) return;
  bool room = true;
  {
    std::lock_guard lock(sendMutex_);
    room = sender_.offer(event, clock_.steadyMillis());
  }
  if (!room) ++publishFailures_;
  send();
}

// One thread at a time takes what is due; what others add meanwhile goes along in its next round, and
// that makes the batches.
void CacheEventsService::send() {
  std::unique_lock lock(sendMutex_);
  if (sending_) return;
  sending_ = true;
  for (;;) {
    auto due = sender_.take(clock_.steadyMillis());
    if (due.empty()) break;
    lock.unlock();
    std::size_t failed = 0;
    std::string why;
    for (Outgoing& one : due) {
      const Status status = transport_->publish(one.topic, std::move(one.payload));
      ++(status.ok() ? published_ : publishFailures_);
      if (status.ok()) continue;
      ++failed;
      why = status.error().toString();
    }
    if (failed != 0)
      log::warn(std::to_string(failed) + " cache invalidations did not reach the other nodes, which "
                "are told to clear their caches instead: " + why);
    lock.lock();
    for (; failed != 0; --failed) sender_.lost();
  }
  sending_ = false;
}

void CacheEventsService::announce(bool ended) {
  Announcement said;
  {
    std::lock_guard lock(sendMutex_);
    const std::int64_t now = clock_.steadyMillis();
    said = sender_.announcement();
    if (!ended && said.losses == saidLosses_ &&
        now - announcedMillis_ < settings_.announceMillis)
      return;
    announcedMillis_ = now;
    saidLosses_ = said.losses;
  }
  said.ended = ended;
  said.lateral = transport_->lateral();
  // Refused while this node has not joined: the others notice the silence.
  static_cast<void>(transport_->announce(said.encode()));
}

void CacheEventsService::tick() {
  if (!transport_) return;
  if (settings_.delayMillis > 0) send();
  announce(false);
  // No loss when there is no room: the next tick tries again, and until then nothing is trusted.
  if (!lookQueued_.exchange(true) && !remote_.submit([this] { look(); })) lookQueued_ = false;
}

void CacheEventsService::queue(std::function<void()> work) {
  if (remote_.submit(std::move(work))) return;
  // What fills the queue will find the flag.
  ++lostMessages_;
  queueWasFull_ = true;
}

void CacheEventsService::look() {
  lookQueued_ = false;
  if (queueWasFull_.exchange(false)) flush("the queue of received events was full");
  if (const auto why = receiver_.tick(clock_.steadyMillis())) flush(*why);
  gaps_ = receiver_.gaps();
  silences_ = receiver_.silences();
  if (settings_.trust) settings_.trust(receiver_.trustedUntil());
}

void CacheEventsService::onMessage(const std::string& source, int topic, std::uint64_t number,
                                   const Bytes& payload) {
  const auto decoded = decodeMessage(payload);
  if (!decoded.ok()) {
    ++undecodable_;
    log::warn("a cache event of " + source + " cannot be decoded: " + decoded.error().message);
  }
  if (const auto why = receiver_.message(source, topic, number, clock_.steadyMillis())) {
    gaps_ = receiver_.gaps();
    flush(*why);
  } else if (queueWasFull_.exchange(false)) {
    flush("the queue of received events was full");
  } else if (!decoded.ok()) {
    flush("a message cannot be decoded");
  }
  if (!decoded.ok() || decoded->senderId == settings_.senderId) return;
  for (const auto& event : decoded->events) {
    ++received_;
    dispatch(event, true);
  }
}

void CacheEventsService::onAnnouncement(const std::string& source, const Bytes& payload) {
  const auto said = Announcement::decode(payload);
  if (!said.ok()) {
    ++undecodable_;
    log::warn("an announcement of " + source + " cannot be read: " + said.error().message);
    return;  // it counts as not made
  }
  const bool lateral = transport_->lateral();
  if (said->lateral != lateral || said->topicCount != settings_.topicCount) {
    if (warnedOf_.size() >= kMaxSources) warnedOf_.clear();
    if (warnedOf_.insert(source).second)
      log::warn(said->lateral != lateral
                    ? "the node " + source + " has com.openexchange.caching.jcs.eventInvalidation=" +
                          (said->lateral ? "false" : "true") +
                          ", this one has not: cache invalidations between them are lost"
                    : "the node " + source + " has com.openexchange.caching.events.ms.topicCount=" +
                          std::to_string(said->topicCount) + ", this one " +
                          std::to_string(settings_.topicCount) +
                          ": caches are flushed for each event that is not heard here");
  }
  if (said->lateral != lateral) return;
  if (const auto why = receiver_.announced(source, *said, clock_.steadyMillis())) flush(*why);
}

void CacheEventsService::flush(const std::string& why) {
  ++clearedAll_;
  log::warn("invalidations of other nodes may be missing, all cluster-wide cache regions are cleared: " +
            why);
  std::set<std::string> regions = {services::kRegionContext, services::kRegionSchema,
                                   services::kRegionUser};
  if (settings_.regions)
    for (auto& name : settings_.regions()) regions.insert(std::move(name));
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
  {
    std::lock_guard lock(sendMutex_);
    out.offered = sender_.offered();
    out.merged = sender_.merged();
  }
  out.published = published_;
  out.publishFailures = publishFailures_;
  out.received = received_;
  out.undecodable = undecodable_;
  out.lostMessages = lostMessages_ + gaps_;
  out.silent = silences_;
  out.clearedAll = clearedAll_;
  return out;
}

}  // namespace ox::caching

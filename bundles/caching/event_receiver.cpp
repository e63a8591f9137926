#include "event_receiver.h"

#include <algorithm>

namespace ox::caching {

EventReceiver::Source& EventReceiver::source(const std::string& id, std::int64_t nowMillis) {
  if (const auto found = sources_.find(id); found != sources_.end()) return found->second;
  if (sources_.size() >= kMaxSources) {
    const auto oldest = std::min_element(
        sources_.begin(), sources_.end(),
        [](const auto& a, const auto& b) { return a.second.announcedMillis < b.second.announcedMillis; });
    sources_.erase(oldest);
  }
  Source& made = sources_[id];
  made.sinceMillis = made.announcedMillis = nowMillis;
  return made;
}

// What anybody has announced up to now was published before the flush that follows.
EventReceiver::Reason EventReceiver::lost(std::string why, std::int64_t nowMillis) {
  flushedMillis_ = nowMillis;
  for (auto& [_, source] : sources_)
    for (auto& [__, topic] : source.topics) {
      topic.heard = std::max(topic.heard, topic.announced);
      topic.awaited = 0;
    }
  return why;
}

EventReceiver::Reason EventReceiver::message(const std::string& id, int topic, std::uint64_t number,
                                             std::int64_t nowMillis) {
  Source& from = source(id, nowMillis);
  Topic& t = from.topics[topic];
  if (number <= t.heard) return std::nullopt;  // before a flush, and it may still be done
  const std::uint64_t missing = number - t.heard - 1;
  t.heard = number;
  if (t.awaited != 0 && t.heard >= t.awaited) {
    t.awaited = t.announced > t.heard ? t.announced : 0;
    t.awaitedSince = from.announcedMillis;
  }
  if (missing == 0) return std::nullopt;
  gaps_ += missing;
  return lost(std::to_string(missing) + " messages of " + id + " are missing before number " +
                  std::to_string(number),
              nowMillis);
}

EventReceiver::Reason EventReceiver::announced(const std::string& id, const Announcement& said,
                                               std::int64_t nowMillis) {
  Source& from = source(id, nowMillis);
  from.announcedMillis = nowMillis;
  from.silent = false;
  const bool first = !from.spoken || from.process != said.process;
  const bool lostThere = !first && said.losses != from.losses;
  if (from.spoken && from.process != said.process) from.topics.clear();
  from.spoken = true;
  from.process = said.process;
  from.losses = said.losses;
  bool behind = false;
  for (const auto& [topic, number] : said.last) {
    Topic& t = from.topics[topic];
    t.announced = std::max(t.announced, number);
    if (number <= t.heard) continue;
    behind = true;
    if (t.awaited != 0) continue;
    t.awaited = number;
    t.awaitedSince = nowMillis;
  }
  if (lostThere) return lost(id + " could not send all of its events", nowMillis);
  // Nobody knows what of it came before we listened.
  if (first && behind) return lost(id + " is heard for the first time", nowMillis);
  if (!said.ended) return std::nullopt;
  from.ended = true;
  if (!behind) return std::nullopt;
  ++gaps_;
  return lost("the last messages of " + id + ", which has ended, are missing", nowMillis);
}

void EventReceiver::members(const std::vector<EventSource>& others, std::int64_t nowMillis) {
  for (auto& [_, known] : sources_) known.present = false;
  for (const EventSource& other : others) {
    const bool isNew = !sources_.contains(other.id);
    Source& known = source(other.id, nowMillis);
    known.present = true;
    known.address = other.address;
    if (!isNew || other.address.empty()) continue;
    // A new process at the address of one that is gone: that one will not come back.
    std::erase_if(sources_, [&](const auto& one) {
      return one.first != other.id && !one.second.present && one.second.address == other.address;
    });
  }
}

bool EventReceiver::forgotten(const Source& s, std::int64_t nowMillis) const {
  if (s.ended) return !s.present && nowMillis - s.announcedMillis >= settings_.repairMillis;
  const std::int64_t quiet = nowMillis - s.announcedMillis;
  if (!s.spoken) return quiet >= kProbation * settings_.repairMillis && !s.present;
  return !s.present && settings_.forgetMillis > 0 && quiet >= settings_.forgetMillis;
}

EventReceiver::Reason EventReceiver::tick(std::int64_t nowMillis) {
  trustedUntil_ = nowMillis + settings_.repairMillis / kTickPart;
  std::erase_if(sources_, [&](const auto& one) { return forgotten(one.second, nowMillis); });
  std::string why;
  for (auto& [id, source] : sources_) {
    for (auto& [_, t] : source.topics) {
      if (t.awaited == 0 || nowMillis - t.awaitedSince < settings_.graceMillis()) continue;
      gaps_ += t.awaited - t.heard;
      t.awaited = 0;
      t.heard = std::max(t.heard, t.announced);
      why = "announced messages of " + id + " did not arrive";
    }
    const std::int64_t quiet = nowMillis - source.announcedMillis;
    if (source.ended || quiet < settings_.silenceMillis()) continue;
    // A member that never says anything has no caches, or none that speak this way.
    if (!source.spoken && quiet >= kProbation * settings_.repairMillis) continue;
    if (!source.silent) ++silences_;
    const bool again = source.silent && nowMillis - flushedMillis_ < settings_.silenceMillis();
    source.silent = true;
    if (!again) why = id + " has announced nothing for " + std::to_string(quiet) + " ms";
  }
  if (why.empty()) return std::nullopt;
  return lost(std::move(why), nowMillis);
}

}  // namespace ox::caching

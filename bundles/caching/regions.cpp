#include "regions.h"

#include "base/log.h"

namespace ox::caching {

using services::CacheEvent;

Regions::Regions(CacheSettings settings, Clock& clock)
    : clock_(clock), settings_(std::move(settings)) {
  std::lock_guard lock(mutex_);
  for (const auto& [name, _] : settings_.regions) make(name);
}

Regions::~Regions() { close(); }

// The mutex is held.
std::shared_ptr<Region> Regions::make(const std::string& name) {
  const auto publish = [this](const CacheEvent& event) { this->publish(event); };
  auto region = std::make_shared<Region>(name, settings_.of(name), clock_, publish, &trusted_);
  if (closed_) region->close();
  regions_[name] = {region, clock_.steadyMillis()};
  return region;
}

std::shared_ptr<services::CacheRegion> Regions::region(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (const auto found = regions_.find(name); found != regions_.end()) return found->second.region;
  if (regions_.size() < kMaxRegions) return make(name);
  if (!overflow_) {
    log::warn("more than " + std::to_string(kMaxRegions) + " cache regions: region " + name +
              " and further ones keep nothing");
    overflow_ = std::make_shared<Region>(name, settings_.defaults, clock_);
    overflow_->close();
  }
  return overflow_;
}

std::shared_ptr<Region> Regions::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = regions_.find(name);
  return found == regions_.end() ? nullptr : found->second.region;
}

std::vector<services::CacheStats> Regions::stats() const {
  std::vector<std::shared_ptr<Region>> now;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [_, slot] : regions_) now.push_back(slot.region);
  }
  std::vector<services::CacheStats> out;
  for (const auto& region : now) out.push_back(region->stats());
  return out;
}

void Regions::attach(const std::shared_ptr<services::CacheEvents>& events) {
  auto subscription = events->subscribe(
      "", [this](const CacheEvent& event, bool fromRemote) { onEvent(event, fromRemote); });
  std::lock_guard lock(mutex_);
  events_ = events;
  subscription_ = std::move(subscription);
}

void Regions::close() {
  std::unique_ptr<services::Subscription> ending;
  std::vector<std::shared_ptr<Region>> now;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    ending = std::move(subscription_);
    events_.reset();
    for (const auto& [_, slot] : regions_) now.push_back(slot.region);
  }
  ending.reset();  // waits for a running event, which needs the mutex
  for (const auto& region : now) region->close();
}

void Regions::publish(const CacheEvent& event) {
  std::shared_ptr<services::CacheEvents> events;
  {
    std::lock_guard lock(mutex_);
    events = events_;
  }
  if (events) events->publish(event);
  else onEvent(event, false);
}

void Regions::onEvent(const CacheEvent& event, bool fromRemote) {
  const auto region = find(event.region);
  if (!region) return;
  region->apply(event, fromRemote);
  if (!fromRemote && region->settings().clusterWide) region->countSent();
}

bool Regions::clusterWide(const std::string& region) const {
  std::lock_guard lock(mutex_);
  return settings_.of(region).clusterWide;
}

std::vector<std::string> Regions::clusterWideRegions() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, _] : regions_)
    if (settings_.of(name).clusterWide) out.push_back(name);
  return out;
}

void Regions::reconfigure(CacheSettings settings) {
  std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
  for (const auto& [name, slot] : regions_) slot.region->reconfigure(settings_.of(name));
  for (const auto& [name, _] : settings_.regions)
    if (!regions_.contains(name)) make(name);
}

void Regions::tick() {
  std::vector<std::shared_ptr<Region>> due;
  {
    std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.steadyMillis();
    for (auto& [_, slot] : regions_) {
      const RegionSettings s = slot.region->settings();
      if (!s.shrinker || now - slot.shrunkMillis < s.shrinkerMillis) continue;
      slot.shrunkMillis = now;
      due.push_back(slot.region);
    }
  }
  for (const auto& region : due) region->shrink();
}

}  // namespace ox::caching

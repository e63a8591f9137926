#include "bridge.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/log.h"

namespace ox::upgrade {
std::shared_ptr<Bridge> Bridge::make(const LegacyLine& line, BridgeSettings settings,
                                     Surroundings around, std::string sender,
                                     std::function<void()> answered) {
  return std::shared_ptr<Bridge>(new Bridge(line, std::move(settings), std::move(around),
                                            std::move(sender), std::move(answered)));
}

Bridge::Bridge(const LegacyLine& line, BridgeSettings settings, Surroundings around,
               std::string sender, std::function<void()> answered)
    : line_(line), settings_(std::move(settings)), around_(guarded(std::move(around))),
      answered_(std::move(answered)), sender_(std::move(sender)), collector_(line.mechanism) {}

// Nothing of ours runs on the workers once stop() is over.
Surroundings Bridge::guarded(Surroundings around) {
  around.background = [this, run = std::move(around.background)](std::function<void()> task) {
    if (!background_.enter()) return false;
    const bool taken = run([this, task = std::move(task)] {
      task();
      background_.leave();
    });
    if (!taken) background_.leave();
    return taken;
  };
  return around;
}

void Bridge::heard(const services::CacheEvent& event, bool fromRemote) {
  if (fromRemote || stopped_) return;
  std::size_t strange = 0;
  bool schedule = false;
  Collector::Taken taken;
  {
    std::lock_guard lock(mutex_);
    taken = collector_.add(event, strange);
    if (taken == Collector::Taken::kSkipped) ++counters_.skipped;
    schedule = !collector_.empty() && !scheduled_ && !visiting_;
    if (schedule) scheduled_ = true;
  }
  if (strange > 0)
    log::warn(line_.bundleName() + ": Skipping " + std::to_string(strange) +
              " unexpected cache keys of region " + event.region);
  if (taken == Collector::Taken::kFull) {
    Batch lost;
    (event.region == services::kRegionSchema ? lost.schemas : lost.contexts) = event.keys;
    giveUp(lost, "more than " + std::to_string(kMaxBatchKeys) + " keys wait already");
  }
  if (schedule)
    around_.shard->runAfter(settings_.windowMillis, [self = shared_from_this()] { self->next(); });
}

void Bridge::next() {
  {
    std::lock_guard lock(mutex_);
    scheduled_ = false;
    if (visiting_ || stopped_) return;
    current_ = collector_.take();
    visiting_ = !current_.empty();
    underWay_ = current_.text(kNamedKeys);
    changed_.notify_all();
  }
  attempt_ = 0;
  if (!current_.empty()) visit();
}

void Bridge::visit() {
  ++attempt_;
  delivery_ = Delivery::make(line_, settings_, around_, current_, sender_, group_);
  delivery_->start([self = shared_from_this()](const Outcome& outcome) { self->visited(outcome); });
}

void Bridge::visited(const Outcome& outcome) {
  const auto visit = std::exchange(delivery_, nullptr);
  if (!outcome.address.empty()) answered_();
  const bool delivered = outcome.status.ok();
  if (delivered) group_ = visit->group();
  // With nobody to contact, asking again changes nothing.
  const bool again = !delivered && !stopped_ && outcome.status.error().code != Code::kConfig &&
                     attempt_ < settings_.attempts;
  {
    std::lock_guard lock(mutex_);
    ++counters_.visits;
    if (delivered) {
      ++counters_.delivered;
      counters_.lastMillis = outcome.millis;
    }
    if (again) ++counters_.retries;
  }
  if (!again) {
    if (!delivered) giveUp(current_, outcome.status.error().message);
    return ended();
  }
  const std::int64_t pause =
      std::min(kMaxPauseMillis, kFirstPauseMillis << std::min(attempt_ - 1, 10));
  log::warn(line_.bundleName() + ": attempt " + std::to_string(attempt_) + " of " +
            std::to_string(settings_.attempts) + " to inform the older cluster failed, again in " +
            std::to_string(pause) + " ms: " + outcome.status.error().message);
  pause_ = around_.shard->runAfter(pause, [self = shared_from_this()] {
    self->pause_ = 0;
    self->visit();
  });
}

void Bridge::ended() {
  current_ = {};
  bool more = false;
  {
    std::lock_guard lock(mutex_);
    visiting_ = false;
    underWay_.clear();
    more = !collector_.empty() && !stopped_;
    changed_.notify_all();
  }
  if (more) next();
}

void Bridge::giveUp(const Batch& batch, const std::string& why) {
  log::error(line_.bundleName() + ": the older cluster was NOT told of changed " +
             batch.text(kMaxBatchKeys) +
             "; invalidate them there by hand (clear the caches OXDBPoolCache and Context, or restart "
             "its nodes). Reason: " + why);
  std::lock_guard lock(mutex_);
  ++counters_.undelivered;
  kept_.push_back(line_.package() + ": " + batch.text(kNamedKeys) + ": " + why);
  if (kept_.size() > kMaxKept) {
    kept_.pop_front();
    ++firstKept_;
  }
}

std::uint64_t Bridge::mark() const {
  std::lock_guard lock(mutex_);
  return firstKept_ + kept_.size();
}

std::vector<std::string> Bridge::settle(std::uint64_t mark, std::int64_t maxMillis) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(maxMillis),
                    [this] { return stopped_ || (collector_.empty() && !visiting_); });
  std::vector<std::string> out;
  const auto from = mark > firstKept_ ? mark - firstKept_ : 0;
  for (std::uint64_t i = from; i < kept_.size(); ++i)
    if (std::find(out.begin(), out.end(), kept_[i]) == out.end()) out.push_back(kept_[i]);
  if (visiting_) out.push_back(line_.package() + ": " + underWay_ + ": not delivered yet, see the log");
  if (!collector_.empty())
    out.push_back(line_.package() + ": " + std::to_string(collector_.size()) +
                  " keys wait to be delivered, see the log");
  return out;
}

Outcome Bridge::check() {
  auto answer = std::make_shared<std::promise<Outcome>>();
  auto future = answer->get_future();
  around_.shard->post([self = shared_from_this(), answer] {
    if (self->stopped_ || self->look_) {
      Outcome busy;
      busy.status = self->stopped_ ? Error(Code::kShutdown)
                                   : Error(Code::kBusy, "another check is under way");
      return answer->set_value(std::move(busy));
    }
    self->look_ = Delivery::make(self->line_, self->settings_, self->around_, {}, self->sender_,
                                 self->group_);
    self->look_->start([self, answer](const Outcome& outcome) {
      self->look_.reset();
      if (!outcome.address.empty()) self->answered_();
      answer->set_value(outcome);
    });
  });
  return future.get();
}

void Bridge::stop() {
  if (stopped_.exchange(true)) return;
  around_.shard->runAndWait([this] {
    if (const auto now = look_) now->cancel();
    if (const auto now = delivery_) {
      now->cancel();
    } else if (pause_ != 0) {
      around_.shard->cancelTimer(std::exchange(pause_, 0));
      giveUp(current_, "this node stops");
      ended();
    }
    Batch left;
    {
      std::lock_guard lock(mutex_);
      left = collector_.take();
      changed_.notify_all();
    }
    if (!left.empty()) giveUp(left, "this node stops");
  });
  background_.close();
}

BridgeCounters Bridge::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace ox::upgrade

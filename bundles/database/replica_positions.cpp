#include "replica_positions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "serialization/data.h"

namespace ox::database {

using services::Completion;
using services::MapOp;
using services::MapReply;

namespace {

constexpr std::size_t kArgumentBytes = 8;

std::optional<std::int64_t> numberIn(BytesView value) {
  const auto number = serialization::longFrom(value);
  return number && *number >= 0 ? std::optional(*number) : std::nullopt;
}

}  // namespace

services::EntryChange raisePosition(const services::EntryView& entry, BytesView argument) {
  services::EntryChange change;
  ByteReader in(argument);
  const std::int64_t number = in.i64();
  if (!in.ok() || argument.size() != kArgumentBytes || number < 0) return change;
  const auto there = entry.value ? numberIn(*entry.value) : std::nullopt;
  ByteWriter reply;
  reply.i64(std::max(number, there.value_or(number)));
  change.reply = reply.take();
  if (there && *there >= number) return change;
  change.action = services::EntryChange::Action::kSet;
  change.value = serialization::toData(number);
  return change;
}

Bytes encodeRaise(std::int64_t number) {
  ByteWriter out;
  out.i64(number);
  return out.take();
}

bool serves(const Wanted& wanted, std::optional<std::int64_t> replica) {
  return wanted.known && replica && *replica >= wanted.least;
}

ReplicaPositions::ReplicaPositions(std::shared_ptr<services::GridMap> map, Clock& clock,
                                   PositionSettings settings)
    : map_(std::move(map)), clock_(clock), settings_(settings),
      quietSince_(clock.steadyMillis()) {}

void ReplicaPositions::settings(PositionSettings settings) {
  std::lock_guard lock(mutex_);
  settings_ = settings;
}

bool ReplicaPositions::trusted(std::int64_t now) const {
  return map_ && joined_ && !overflowed_ && lost_.empty() &&
         now - quietSince_ >= settings_.settleMillis;
}

bool ReplicaPositions::heard(std::int64_t now) const {
  return !lastLoss_ || now - *lastLoss_ >= settings_.settleMillis;
}

void ReplicaPositions::remember(std::int32_t contextId, std::int64_t number) {
  if (own_.size() >= kMaxOwn) own_.clear();
  std::int64_t& known = own_[contextId];
  known = std::max(known, number);
}

std::int64_t ReplicaPositions::own(std::int32_t contextId) const {
  const auto found = own_.find(contextId);
  return found == own_.end() ? 0 : found->second;
}

// --- writing

bool ReplicaPositions::owe(std::int32_t contextId, std::int64_t number) {
  if (!owed_.contains(contextId) && owed_.size() >= kMaxOwed) {
    overflowed_ = true;
    return false;
  }
  Owed& entry = owed_[contextId];
  entry.number = std::max(entry.number, number);
  ++entry.inFlight;
  return true;
}

void ReplicaPositions::taken(std::int32_t contextId, std::int64_t number, bool ok) {
  const auto entry = owed_.find(contextId);
  if (entry == owed_.end()) return;
  if (entry->second.inFlight > 0) --entry->second.inFlight;
  if (ok && entry->second.number <= number) owed_.erase(entry);
}

void ReplicaPositions::announce(std::int32_t contextId, std::int64_t number,
                                Completion<bool> done) {
  bool kept = false;
  {
    std::lock_guard lock(mutex_);
    remember(contextId, number);
    if (map_) kept = owe(contextId, number);
    if (map_ && !kept) ++stats_.unsure;
  }
  if (!map_) return done(true);  // nobody trusts a map here
  if (!kept) return done(false);
  offer(contextId, number, std::move(done));
}

void ReplicaPositions::offer(std::int32_t contextId, std::int64_t number, Completion<bool> done) {
  const auto answer = [self = shared_from_this(), contextId, number,
                       done = std::move(done)](bool ok) {
    bool sure = false;
    {
      std::lock_guard lock(self->mutex_);
      self->taken(contextId, number, ok);
      sure = ok && self->heard(self->clock_.steadyMillis());
      ++(ok ? self->stats_.announced : self->stats_.silent);
      if (!sure) ++self->stats_.unsure;
    }
    if (done) done(sure);
  };
  map_->process(serialization::toData(contextId), kRaiseProcessor, encodeRaise(number), nullptr,
                [map = map_, contextId, answer](const Result<std::optional<Bytes>>& raised) {
                  if (raised || raised.error().retryable) return answer(raised.ok());
                  // No room, or an older release at the owner: without an entry the master is asked.
                  map->execute({.op = MapOp::kRemove,
                                .key = serialization::toData(contextId),
                                .value = {},
                                .expected = {}},
                               [answer](const Result<MapReply>& removed) { answer(removed.ok()); });
                });
}

void ReplicaPositions::tick() {
  std::vector<std::pair<std::int32_t, std::int64_t>> again;
  bool clear = false;
  {
    std::lock_guard lock(mutex_);
    if (!map_ || !joined_) return;
    clear = overflowed_ && !std::exchange(clearing_, overflowed_);
    for (auto& [contextId, entry] : owed_) {
      if (entry.inFlight > 0) continue;
      if (again.size() >= kOfferAtOnce) break;
      ++entry.inFlight;
      again.emplace_back(contextId, entry.number);
    }
  }
  if (clear) clearMap();
  for (const auto& [contextId, number] : again) offer(contextId, number, nullptr);
}

void ReplicaPositions::clearMap() {
  log::warn("more changes than can be remembered were made without the grid: map " +
            std::string(kPositionsMap) + " is cleared, masters are asked");
  map_->clear([self = shared_from_this()](const Result<std::uint64_t>& cleared) {
    std::lock_guard lock(self->mutex_);
    self->clearing_ = false;
    if (cleared) self->overflowed_ = false;
  });
}

// --- reading

void ReplicaPositions::wanted(std::int32_t contextId, Completion<Wanted> done) {
  Wanted wanted;
  bool ask = false;
  {
    std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.steadyMillis();
    wanted.least = own(contextId);
    ask = trusted(now) && now >= silentUntil_;
    if (!ask) ++(trusted(now) ? stats_.silent : stats_.untrusted);
  }
  if (!ask) return done(wanted);
  map_->execute({.op = MapOp::kGet,
                 .key = serialization::toData(contextId),
                 .value = {},
                 .expected = {}},
                [self = shared_from_this(), contextId, wanted,
                 done = std::move(done)](const Result<MapReply>& got) mutable {
                  {
                    std::lock_guard lock(self->mutex_);
                    const std::int64_t now = self->clock_.steadyMillis();
                    if (!got) {
                      ++self->stats_.silent;
                      self->silentUntil_ = now + self->settings_.silenceMillis;
                    } else if (!self->trusted(now)) {  // meanwhile
                      ++self->stats_.untrusted;
                    } else if (!got->value) {
                      ++self->stats_.absent;
                    } else if (const auto number = numberIn(*got->value)) {
                      ++self->stats_.known;
                      wanted.known = true;
                      wanted.least = std::max(self->own(contextId), *number);
                    } else {
                      ++self->stats_.undecodable;
                    }
                  }
                  done(wanted);
                });
}

void ReplicaPositions::noAnswer() {
  std::lock_guard lock(mutex_);
  ++stats_.silent;
  silentUntil_ = clock_.steadyMillis() + settings_.silenceMillis;
}

void ReplicaPositions::told(std::int32_t contextId, std::int64_t number) {
  {
    std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.steadyMillis();
    if (number < 0 || !trusted(now) || now < silentUntil_) return;
  }
  map_->execute({.op = MapOp::kPutIfAbsent,
                 .key = serialization::toData(contextId),
                 .value = serialization::toData(number),
                 .expected = {}},
                [](const Result<MapReply>&) {});
}

void ReplicaPositions::refuted(std::int32_t contextId, std::int64_t wanted, std::int64_t number) {
  bool remove = false;
  {
    std::lock_guard lock(mutex_);
    ++stats_.refuted;
    const auto known = own_.find(contextId);
    if (known != own_.end() && known->second > number) own_.erase(known);
    remove = trusted(clock_.steadyMillis());
  }
  if (!remove) return;
  // Only this very number: who raised it meanwhile is right.
  map_->execute({.op = MapOp::kRemoveIfSame,
                 .key = serialization::toData(contextId),
                 .value = {},
                 .expected = serialization::toData(wanted)},
                [](const Result<MapReply>&) {});
}

// --- members

void ReplicaPositions::membersAre(bool joined, const std::map<std::string, std::string>& members,
                                  bool safe) {
  std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.steadyMillis();
  bool changed = joined != joined_;
  if (joined_ && !joined) lastLoss_ = now;
  joined_ = joined;
  if (joined) {
    for (const auto& [address, uuid] : members_) {
      const auto found = members.find(address);
      if (found != members.end() && found->second == uuid) continue;
      lastLoss_ = now;
      if (found == members.end() && lost_.size() < kMaxLost) lost_.emplace(address, now);
    }
    changed = changed || members != members_;
    members_ = members;
    std::erase_if(lost_, [&](const auto& one) {
      return members.contains(one.first) || now - one.second >= settings_.forgetMillis;
    });
  }
  if (changed || !joined || !safe) quietSince_ = now;
}

PositionStats ReplicaPositions::stats() const {
  std::lock_guard lock(mutex_);
  PositionStats out = stats_;
  out.owed = owed_.size();
  out.trusted = trusted(clock_.steadyMillis());
  return out;
}

}  // namespace ox::database

#include "service.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/random.h"

namespace ox::sessiond {

using services::Session;
using services::SessionPtr;

bool validSessionId(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

SessiondService::SessiondService(SessiondSettings settings, Clock& clock,
                                 std::shared_ptr<services::SessionStorage> storage)
    : settings_(settings), clock_(clock), storage_(std::move(storage)),
      containers_(settings.lifeTimes, clock.steadyMillis()), touchedAt_(clock.steadyMillis()) {
  if (!storage_) return;
  store_ = std::make_unique<StoreQueue>(
      storage_,
      [this](const std::string& id) {
        std::lock_guard lock(mutex_);
        return containers_.peek(id);
      },
      clock_);
}

SessiondService::~SessiondService() { stop(); }

void SessiondService::stop() {
  if (store_) store_->stop();
}

Status SessiondService::checkLimits(const Session& s) const {
  const auto reached = [](std::size_t have, std::int64_t limit) {
    return limit > 0 && have >= static_cast<std::size_t>(limit);
  };
  if (reached(containers_.size(), settings_.maxSession)) return Error(Code::kSesMaxSession);
  if (reached(containers_.countUser(s.contextId, s.userId), settings_.maxSessionPerUser))
    return Error(Code::kSesMaxPerUser);
  if (!s.client.empty() &&
      reached(containers_.countClient(s.contextId, s.userId, s.client),
              settings_.maxSessionPerClient))
    return Error(Code::kSesMaxPerClient);
  return {};
}

Result<SessionPtr> SessiondService::create(Session session) {
  static constexpr std::size_t kIdBytes = 16;
  session.sessionId = secureHex(kIdBytes);
  session.secret = secureHex(kIdBytes);
  session.randomToken = secureHex(kIdBytes);
  session.altId = secureHex(kIdBytes);
  if (session.authId.empty()) session.authId = secureHex(kIdBytes);
  session.loginTime = clock_.wallMillis();
  session.localLastActive = session.loginTime;
  auto shared = std::make_shared<const Session>(std::move(session));
  {
    std::lock_guard lock(mutex_);
    if (Status limits = checkLimits(*shared); !limits.ok()) return limits.error();
    if (containers_.peek(shared->sessionId)) return Error(Code::kSesCollision);
    containers_.put(shared);
    ++figures_.created;
  }
  if (store_ && !store_->put(shared->sessionId, settings_.storeWaitMillis)) {
    std::lock_guard lock(mutex_);
    ++figures_.storedLate;
  }
  return SessionPtr(shared);
}

Result<SessionPtr> SessiondService::find(const std::string& id, bool* tookOver) {
  if (tookOver) *tookOver = false;
  if (!validSessionId(id)) return Error(Code::kSesExpired);
  {
    std::lock_guard lock(mutex_);
    if (auto session = containers_.use(id, clock_.wallMillis())) return session;
  }
  if (!storage_) return Error(Code::kSesExpired);
  return takeOver(id, tookOver);
}

Result<SessionPtr> SessiondService::takeOver(const std::string& id, bool* tookOver) {
  std::shared_ptr<Lookup> lookup;
  {
    std::unique_lock lock(mutex_);
    if (auto session = containers_.use(id, clock_.wallMillis())) return session;
    if (const auto it = lookups_.find(id); it != lookups_.end()) {
      // Somebody asks the storage for this id right now: one question serves all.
      lookup = it->second;
      const bool answered = lookedUp_.wait_for(
          lock, std::chrono::milliseconds(kLookupWaitMillis), [&] { return lookup->done; });
      if (!answered) return Error(Code::kUnavailable, "the session storage does not answer");
      if (tookOver) *tookOver = lookup->result.ok();
      return lookup->result;
    }
    lookup = std::make_shared<Lookup>();
    lookups_.emplace(id, lookup);
    ++figures_.lookups;
  }
  Result<SessionPtr> result = lookUp(id);
  std::lock_guard lock(mutex_);
  if (result.ok() && lookup->ended) result = Error(Code::kSesExpired);
  if (result.ok()) {
    containers_.put(*result);
    ++figures_.counts.takenOver;
    if (tookOver) *tookOver = true;
  } else if (result.error().code != Code::kSesExpired) {
    ++figures_.lookupFailures;
  }
  lookup->result = result;
  lookup->done = true;
  lookups_.erase(id);
  lookedUp_.notify_all();
  return result;
}

Result<SessionPtr> SessiondService::lookUp(const std::string& id) {
  for (int tried = 1;; ++tried) {
    auto found = storage_->lookup(id);
    if (found.ok()) {
      if (!*found) return Error(Code::kSesExpired);
      if ((*found)->sessionId != id) return Error(Code::kSesWrongSession);
      auto mine = std::make_shared<Session>(**found);
      mine->localLastActive = clock_.wallMillis();
      return SessionPtr(std::move(mine));
    }
    if (tried == kLookupTries || !found.error().retryable) {
      log::warn("a session could not be looked up: " + found.error().toString());
      return Error(Code::kUnavailable, "the session storage does not answer, try again");
    }
  }
}

Status SessiondService::remove(const std::string& id) {
  if (!validSessionId(id)) return Error(Code::kSesExpired);
  {
    std::lock_guard lock(mutex_);
    if (containers_.remove(id)) ++figures_.removed;
    if (const auto it = lookups_.find(id); it != lookups_.end()) it->second->ended = true;
  }
  if (!storage_) return {};
  auto removed = storage_->remove(id);
  for (int tried = 1; !removed && removed.error().retryable && tried < kLookupTries; ++tried)
    removed = storage_->remove(id);
  if (!removed) return removed.error();
  return {};
}

void SessiondService::tick() {
  const std::int64_t now = clock_.steadyMillis();
  std::vector<SessionPtr> ended;
  std::vector<std::string> touch;
  {
    std::lock_guard lock(mutex_);
    ended = containers_.rotate(now);
    figures_.timedOut += ended.size();
    const std::int64_t period = settings_.lifeTimes.defaultMillis / kTouchesPerLifeTime;
    if (storage_ && now - touchedAt_ >= period) {
      touchedAt_ = now;
      toTouch_ = containers_.shortTermIds();
    }
    const std::size_t n = std::min(toTouch_.size(), kTouchPerTick);
    touch.assign(toTouch_.end() - static_cast<std::ptrdiff_t>(n), toTouch_.end());
    toTouch_.resize(toTouch_.size() - n);
  }
  for (const auto& id : touch) storage_->touch(id);
  if (ended.empty()) return;
  log::info("sessions ended by time: " + std::to_string(ended.size()));
  if (!storage_ || !settings_.removeFromStorageOnTimeout) return;
  for (const auto& session : ended)
    if (const auto removed = storage_->remove(session->sessionId); !removed) {
      log::warn("ended sessions stay in the grid until they idle out: " +
                removed.error().toString());
      break;
    }
}

services::SessionCounts SessiondService::counts() const { return figures().counts; }

SessiondFigures SessiondService::figures() const {
  SessiondFigures out;
  {
    std::lock_guard lock(mutex_);
    out = figures_;
    out.shortSlots = containers_.shortSlotSizes();
    out.longSlots = containers_.longSlotSizes();
    out.counts.active = containers_.size();
    out.counts.shortTerm = containers_.shortTerm();
    out.counts.longTerm = containers_.longTerm();
  }
  if (store_) out.store = store_->counters();
  return out;
}

}  // namespace ox::sessiond

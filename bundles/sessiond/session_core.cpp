// SessionCore: logins, look-ups, changes, and the tick.
#include "session_core.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace ox::sessiond {

using services::Completion;
using services::LoginFacts;
using services::Session;
using services::SessionEnding;
using services::SessionKind;
using services::SessionLookup;
using services::SessionNotice;
using services::SessionPtr;

bool validSessionId(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

SessionCore::SessionCore(SessiondSettings settings, Clock& clock,
                         std::shared_ptr<services::SessionStorage> storage)
    : settings_(std::move(settings)), clock_(clock), storage_(std::move(storage)),
      containers_(settings_.lifeTimes, clock.steadyMillis()), verifiedAt_(clock.steadyMillis()),
      sizeAskedAt_(clock.steadyMillis() - kSizeMillis) {}

// --- login

void SessionCore::facts(const Session& s, Completion<LoginFacts> done) {
  bool down = false;
  {
    Lock lock(mutex_);
    down = figures_.storageDown;
  }
  // A storage that is known to be away is not waited for.
  if (!storage_ || down) return done(LoginFacts());
  const bool perClient = settings_.maxSessionPerClient > 0;
  storage_->loginFacts(
      s.contextId, s.userId, perClient ? s.client : std::string(),
      [self = shared_from_this(), authId = s.authId, done = std::move(done)](Result<LoginFacts> facts) {
        if (!facts || authId.empty()) return done(std::move(facts));
        self->storage_->authIdTaken(authId, [known = *facts, done](const Result<bool>& taken) {
          if (!taken) return done(taken.error());
          LoginFacts all = known;
          all.authIdTaken = *taken;
          done(all);
        });
      });
}

Status SessionCore::checkLimits(const Session& s, const LoginFacts& facts) const {
  const auto reached = [](std::uint64_t have, std::int64_t limit) {
    return limit > 0 && have >= static_cast<std::uint64_t>(limit);
  };
  if (reached(containers_.size(), settings_.maxSession)) return Error(Code::kSesMaxSession);
  // What waits to be stored is known here only, what others hold in the storage only; transient
  // sessions are in no storage.
  const auto here = containers_.count(s.contextId, s.userId);
  const std::uint64_t ofUser =
      std::max<std::uint64_t>(facts.userSessions, here.stored) + here.transient;
  const std::int64_t perUser = s.kind == SessionKind::kGuest  ? settings_.maxSessionPerGuest
                               : s.kind == SessionKind::kLink ? settings_.maxSessionPerLink
                                                              : settings_.maxSessionPerUser;
  if (reached(ofUser, perUser)) return Error(Code::kSesMaxPerUser);
  if (!s.client.empty() && settings_.maxSessionPerClient > 0) {
    const auto same = containers_.count(s.contextId, s.userId, &s.client);
    const std::uint64_t ofClient =
        std::max<std::uint64_t>(facts.clientSessions, same.stored) + same.transient;
    if (reached(ofClient, settings_.maxSessionPerClient)) return Error(Code::kSesMaxPerClient);
  }
  return {};
}

Result<SessionPtr> SessionCore::admit(Session session, const LoginFacts& facts) {
  session.sessionId = settings_.newId();
  session.secret = settings_.newId();
  session.altId = settings_.newId();
  const bool ownAuthId = !session.authId.empty();
  if (!ownAuthId) session.authId = settings_.newId();
  // Later than whatever closed this user's sessions before, also when that node's clock is ahead.
  session.loginTime = std::max(clock_.wallMillis(), facts.cutoffMillis + 1);
  session.changedMillis = session.localLastActive = session.loginTime;
  auto shared = std::make_shared<const Session>(std::move(session));
  Lock lock(mutex_);
  if (ownAuthId && (facts.authIdTaken || containers_.hasAuthId(shared->authId)))
    return Error(Code::kInvalid, "another session has this authentication id");
  if (Status limits = checkLimits(*shared, facts); !limits.ok()) return limits.error();
  if (containers_.peek(shared->sessionId)) return Error(Code::kSesCollision);
  containers_.put(shared);
  if (storage_ && !shared->transient)
    pending_[shared->sessionId].dueAt = clock_.steadyMillis() + kRetryFirstMillis;
  ++figures_.created;
  return SessionPtr(shared);
}

void SessionCore::countStoredLate() {
  Lock lock(mutex_);
  ++figures_.storedLate;
}

void SessionCore::store(const std::string& id, Completion<bool> done) {
  if (!storage_) return done(true);
  storeSoon(id, std::move(done));
}

void SessionCore::storeSoon(const std::string& id, Completion<bool> done) {
  SessionPtr session;
  bool onlyIfAbsent = true;
  {
    Lock lock(mutex_);
    session = containers_.peek(id);
    if (session && session->transient) session = nullptr;
    const auto it = pending_.find(id);
    if (it != pending_.end() && it->second.inFlight) session = nullptr;
    else if (!session) pending_.erase(id);
    else if (it == pending_.end() && pending_.size() >= kPendingLimit) {
      ++figures_.storeDropped;
      session = nullptr;
    } else {
      Pending& pending = pending_[id];
      pending.inFlight = true;
      onlyIfAbsent = !pending.changed;
    }
  }
  if (!session) return done(false);
  storage_->store(session, onlyIfAbsent, [self = shared_from_this(), id,
                                  done = std::move(done)](const Result<bool>& stored) {
    bool ended = false;
    {
      Lock lock(self->mutex_);
      self->storageAnswered(stored.ok(), stored.ok() ? std::string() : stored.error().toString());
      const auto it = self->pending_.find(id);
      if (it != self->pending_.end()) {
        ended = it->second.ended;
        if (stored.ok() || ended) {
          self->pending_.erase(it);
        } else {
          ++self->figures_.storeRetries;
          it->second.inFlight = false;
          it->second.dueAt = self->clock_.steadyMillis() + it->second.backoff;
          it->second.backoff = std::min(it->second.backoff * 2, kRetryMostMillis);
        }
      }
      if (stored.ok()) ++self->figures_.storedSessions;
    }
    // An ending that came in between has found no record to remove.
    if (ended) self->storage_->forget(id, [](const Result<bool>&) {});
    done(stored.ok());
  });
}

// --- finding

SessionPtr SessionCore::use(const std::string& id) {
  if (SessionPtr present = containers_.usedNow(id)) return present;  // most requests
  bool moved = false;
  SessionPtr session;
  {
    Lock lock(mutex_);
    session = containers_.use(id, clock_.wallMillis(), &moved);
  }
  if (session && moved) used(session);
  return session;
}

SessionPtr SessionCore::peek(const std::string& id) const {
  Lock lock(mutex_);
  return containers_.peek(id);
}

// The first use within a slot: the cluster learns that the session is in use.
void SessionCore::used(const SessionPtr& session) {
  if (!storage_ || session->transient) return;
  const std::string id = session->sessionId;
  bool attributes = false;
  {
    Lock lock(mutex_);
    attributes = containers_.attributesDue(
        id, clock_.steadyMillis(), settings_.lifeTimes.longMillis / kAttributeTouches);
  }
  storage_->touch(id, [self = shared_from_this(), id](const Result<bool>& there) {
    {
      Lock lock(self->mutex_);
      self->storageAnswered(there.ok(), there.ok() ? std::string() : there.error().toString());
    }
    if (there.ok() && !*there) self->restore(id);
  });
  if (attributes) storage_->touchAttributes(id, [](const Result<std::uint64_t>&) {});
}

void SessionCore::find(const std::string& id, Completion<FoundSession> done) {
  if (!validSessionId(id)) return done(Error(Code::kSesExpired));
  if (auto session = use(id)) return done(FoundSession{std::move(session), false});
  if (!storage_) return done(Error(Code::kSesExpired));
  {
    Lock lock(mutex_);
    const auto [it, fresh] = lookups_.try_emplace(id);
    if (fresh) it->second = std::make_shared<Lookup>();
    it->second->waiters.push_back(std::move(done));
    if (!fresh) {
      // Somebody asks the storage for this id right now: one question serves all.
      ++figures_.lookupsMerged;
      return;
    }
    ++figures_.lookups;
  }
  lookUp(id, 1);
}

void SessionCore::lookUp(const std::string& id, int tried) {
  storage_->lookup(id, [self = shared_from_this(), id, tried](Result<SessionLookup> result) {
    if (tried < kLookupTries && (result.ok() ? self->superseded(id) : result.error().retryable))
      return self->lookUp(id, tried + 1);
    self->lookedUp(id, std::move(result));
  });
}

// Changed or taken over while the storage was asked: who came after that must not be answered with
// what was true before.
bool SessionCore::superseded(const std::string& id) {
  Lock lock(mutex_);
  return std::exchange(lookups_.at(id)->superseded, false);
}

void SessionCore::lookedUp(const std::string& id, Result<SessionLookup> result) {
  std::shared_ptr<Lookup> lookup;
  Result<FoundSession> answer = Error(Code::kSesExpired);
  bool kept = false;
  {
    Lock lock(mutex_);
    storageAnswered(result.ok(), result.ok() ? std::string() : result.error().toString());
    lookup = std::move(lookups_.at(id));
    lookups_.erase(id);
    if (!result) {
      ++figures_.lookupFailures;
      answer = Error(Code::kUnavailable, "the session storage does not answer, try again");
    } else if (SessionPtr found = std::move(result->session)) {
      const bool over = std::any_of(lookup->endings.begin(), lookup->endings.end(),
                                    [&](const SessionEnding& e) { return e.ends(*found); });
      if (!over) {
        auto mine = std::make_shared<Session>(*found);
        mine->localLastActive = clock_.wallMillis();
        answer = FoundSession{mine, true};
        kept = !lookup->superseded;
        if (kept) containers_.put(mine);
        ++figures_.counts.takenOver;
      }
    }
  }
  const auto reply = [lookup, answer = std::move(answer)] {
    for (const auto& waiter : lookup->waiters) waiter(answer);
  };
  if (!kept) return reply();
  // The former holder drops its copy before anybody is answered from this one.
  tell(SessionNotice::Kind::kMoved, id, reply);
}

void SessionCore::findByAltId(const std::string& altId, Completion<FoundSession> done) {
  SessionPtr here;
  {
    Lock lock(mutex_);
    here = containers_.byAltId(altId);
  }
  if (here) return find(here->sessionId, std::move(done));
  if (!storage_ || !validSessionId(altId)) return done(Error(Code::kSesExpired));
  services::SessionQuery query;
  query.altId = altId;
  storage_->find(std::move(query), [self = shared_from_this(), done = std::move(done)](
                                       const Result<std::vector<SessionPtr>>& found) {
    if (!found)
      return done(Error(Code::kUnavailable, "the session storage does not answer, try again"));
    if (found->empty()) return done(Error(Code::kSesExpired));
    self->find(found->front()->sessionId, done);
  });
}

void SessionCore::ended(SessionPtr session, Completion<bool> done) {
  if (!storage_) return done(peek(session->sessionId) == nullptr);
  storage_->ended(std::move(session), std::move(done));
}

std::vector<SessionPtr> SessionCore::held(std::int32_t contextId,
                                          std::optional<std::int32_t> userId) const {
  Lock lock(mutex_);
  return userId ? containers_.ofUser(contextId, *userId) : containers_.ofContext(contextId);
}

// --- time

void SessionCore::tick() {
  const std::int64_t now = clock_.steadyMillis();
  std::vector<std::string> stores, verifies, expiries;
  bool full = false, askSize = false;
  {
    Lock lock(mutex_);
    const auto ended = containers_.rotate(now);
    figures_.timedOut += ended.size();
    if (!ended.empty()) log::info("sessions ended by time: " + std::to_string(ended.size()));
    for (const auto& session : ended) {
      pending_.erase(session->sessionId);
      if (storage_ && !session->transient && settings_.removeFromStorageOnTimeout &&
          expired_.size() < kPendingLimit)
        expired_.push_back(session->sessionId);
    }
    if (!storage_) return;
    for (const auto& [id, pending] : pending_) {
      if (stores.size() == kStoresPerTick) break;
      if (!pending.inFlight && pending.dueAt <= now) stores.push_back(id);
    }
    const bool due = now - verifiedAt_ >= settings_.lifeTimes.defaultMillis / kVerifiesPerLifeTime;
    if (verifyWanted_ || (due && toVerify_.empty())) {
      // A look at everything that is not through yet is not made a lesser one.
      verifyFully_ = std::exchange(fullWanted_, false) || (verifyFully_ && !toVerify_.empty());
      toVerify_ = containers_.ids();
      verifyWanted_ = false;
      verifiedAt_ = now;
    }
    const auto take = [](std::vector<std::string>& from, std::size_t most) {
      const std::size_t n = std::min(from.size(), most);
      std::vector<std::string> out(from.end() - static_cast<std::ptrdiff_t>(n), from.end());
      from.resize(from.size() - n);
      return out;
    };
    if (!figures_.storageDown) {
      verifies = take(toVerify_, kVerifiesPerTick);
      expiries = take(expired_, kExpiriesPerTick);
    }
    full = verifyFully_;
    askSize = now - sizeAskedAt_ >= kSizeMillis;  // also finds out that the storage is back
    if (askSize) sizeAskedAt_ = now;
  }
  for (const auto& id : stores) storeSoon(id, [](const Result<bool>&) {});
  for (const auto& id : verifies) verify(id, full);
  for (const auto& id : expiries) expire(id);
  retryEndings(now);
  if (askSize)
    storage_->size([self = shared_from_this()](const Result<std::uint64_t>& size) {
      Lock lock(self->mutex_);
      self->storageAnswered(size.ok(), size.ok() ? std::string() : size.error().toString());
      if (size) self->figures_.distributed = *size;
    });
}

std::size_t SessionCore::waiting() const {
  Lock lock(mutex_);
  return pending_.size() + pendingEndings_.size();
}

void SessionCore::storageAnswered(bool ok, const std::string& what) {
  if (ok == !figures_.storageDown) return;
  figures_.storageDown = !ok;
  if (ok)
    log::info("the session storage answers again; " + std::to_string(pending_.size()) +
              " sessions are still to be stored");
  else
    log::warn("the session storage does not answer (" + what +
              "): sessions of this node go on, new ones are kept here and stored later");
}

SessiondFigures SessionCore::figures() const {
  SessiondFigures out;
  {
    Lock lock(mutex_);
    out = figures_;
    out.shortSlots = containers_.shortSlotSizes();
    out.longSlots = containers_.longSlotSizes();
    out.counts.active = containers_.size();
    out.counts.shortTerm = containers_.shortTerm();
    out.counts.longTerm = containers_.longTerm();
    out.counts.transient = containers_.transient();
    out.pendingStores = pending_.size();
    out.pendingEndings = pendingEndings_.size();
  }
  if (storage_) out.stored = storage_->figures();
  return out;
}

}  // namespace ox::sessiond

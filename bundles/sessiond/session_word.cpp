// SessionCore: what nodes tell each other, endings, changes, and looking after copies.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "session_core.h"

namespace ox::sessiond {

using services::Completion;
using services::NoticeAnswers;
using services::Session;
using services::SessionEnding;
using services::SessionLookup;
using services::SessionNotice;
using services::SessionPtr;

namespace {
// What the storage does not keep stays as it is here.
SessionPtr keepingLocal(const Session& stored, const Session& here) {
  auto out = std::make_shared<Session>(stored);
  out->localLastActive = here.localLastActive;
  out->transient = here.transient;
  out->kind = here.kind;
  return out;
}
}  // namespace

void SessionCore::start() {
  if (!storage_) return;
  auto listener = std::make_shared<services::SessionListener>();
  const std::weak_ptr<SessionCore> weak = weak_from_this();
  listener->notice = [weak](const SessionNotice& notice) {
    const auto self = weak.lock();
    return self ? self->noticed(notice) : std::string();
  };
  listener->ending = [weak](const SessionEnding& ending) {
    const auto self = weak.lock();
    if (!self) return;
    Lock lock(self->mutex_);
    self->apply(ending);
  };
  listener->gap = [weak] {
    const auto self = weak.lock();
    if (!self) return;
    Lock lock(self->mutex_);
    self->verifyWanted_ = true;
  };
  listener->merged = [weak] {
    const auto self = weak.lock();
    if (!self) return;
    Lock lock(self->mutex_);
    self->verifyWanted_ = true;
    self->fullWanted_ = true;
  };
  storage_->listen(std::move(listener));
}

void SessionCore::stop() {
  if (storage_) storage_->listen(nullptr);
}

// To all other nodes, then `done`; those who do not answer are counted.
void SessionCore::tell(SessionNotice::Kind kind, const std::string& id,
                       std::function<void()> done) {
  storage_->notify({kind, id, {}}, [self = shared_from_this(),
                                    done = std::move(done)](const Result<NoticeAnswers>& told) {
    if (told.ok() && told->silent > 0) {
      Lock lock(self->mutex_);
      self->figures_.untold += told->silent;
    }
    done();
  });
}

bool SessionCore::dropCopy(const std::string& id) {
  if (const auto it = lookups_.find(id); it != lookups_.end()) it->second->superseded = true;
  if (const auto it = updates_.find(id); it != updates_.end()) it->second.superseded = true;
  return containers_.remove(id) != nullptr;
}

std::string SessionCore::noticed(const SessionNotice& notice) {
  static const std::string kYes = "1";
  Lock lock(mutex_);
  switch (notice.kind) {
    case SessionNotice::Kind::kMoved:
    case SessionNotice::Kind::kChanged:
      if (!dropCopy(notice.subject)) return {};
      ++figures_.dropped;
      return kYes;
    case SessionNotice::Kind::kEnded: return apply(notice.ending) > 0 ? kYes : std::string();
    case SessionNotice::Kind::kHeld:
      return containers_.peek(notice.subject) || lookups_.contains(notice.subject) ? kYes
                                                                                  : std::string();
  }
  return {};
}

// --- endings

std::vector<SessionPtr> SessionCore::concerned(const SessionEnding& ending) const {
  switch (ending.kind) {
    case SessionEnding::Kind::kUser: return containers_.ofUser(ending.contextId, ending.userId);
    case SessionEnding::Kind::kContext: return containers_.ofContext(ending.contextId);
    case SessionEnding::Kind::kSession: break;
  }
  auto session = containers_.peek(ending.sessionId);
  return session ? std::vector<SessionPtr>{std::move(session)} : std::vector<SessionPtr>();
}

std::uint64_t SessionCore::apply(const SessionEnding& ending) {
  for (auto& [id, lookup] : lookups_) lookup->endings.push_back(ending);
  std::uint64_t ended = 0;
  for (const auto& session : concerned(ending)) {
    if (!ending.ends(*session)) continue;
    const std::string& id = session->sessionId;
    containers_.remove(id);
    if (const auto it = updates_.find(id); it != updates_.end()) it->second.superseded = true;
    if (const auto it = pending_.find(id); it != pending_.end()) {
      if (it->second.inFlight) it->second.ended = true;
      else pending_.erase(it);
    }
    ++ended;
  }
  figures_.removed += ended;
  return ended;
}

void SessionCore::end(const std::string& id, Completion<std::uint64_t> done) {
  if (!validSessionId(id)) return done(Error(Code::kSesExpired));
  SessionEnding ending;
  ending.sessionId = id;
  ending.endedMillis = clock_.wallMillis();
  const SessionPtr here = peek(id);
  if (here && here->transient) return done(endHere(ending));  // nobody else knows it
  ending.longLived = !here || here->staySignedIn;
  end(std::move(ending), std::move(done));
}

std::uint64_t SessionCore::endHere(const SessionEnding& ending) {
  Lock lock(mutex_);
  return apply(ending);
}

void SessionCore::end(SessionEnding ending, Completion<std::uint64_t> done) {
  std::uint64_t here = 0;
  {
    Lock lock(mutex_);
    // What is here was there before, also when its login time is that of a clock ahead of this one.
    for (const SessionPtr& session : concerned(ending))
      if (session->sessionId != ending.except)
        ending.endedMillis = std::max(ending.endedMillis, session->loginTime);
    here = apply(ending);
  }
  if (!storage_) return done(here);
  endStored(std::move(ending), here, std::move(done));
}

void SessionCore::endStored(SessionEnding ending, std::uint64_t here,
                            Completion<std::uint64_t> done) {
  storage_->end(ending, [self = shared_from_this(), ending, here, done = std::move(done)](
                            const Result<services::SessionsEnded>& removed) mutable {
    {
      Lock lock(self->mutex_);
      if (removed.ok()) {
        ending.endedMillis = removed->endedMillis;
        here += self->apply(ending);
      }
      self->storageAnswered(removed.ok(),
                            removed.ok() ? std::string() : removed.error().toString());
      if (!removed.ok() && self->pendingEndings_.size() < kPendingLimit)
        self->pendingEndings_.push_back(
            {ending, self->clock_.steadyMillis() + kRetryFirstMillis, kRetryFirstMillis * 2});
    }
    // The others drop their copies, whether the storage could be reached or not.
    self->storage_->notify(
        {SessionNotice::Kind::kEnded, ending.sessionId, ending},
        [self, removed, here, done](const Result<NoticeAnswers>& told) {
          if (told.ok() && told->silent > 0) {
            Lock lock(self->mutex_);
            self->figures_.untold += told->silent;
          }
          if (!removed) return done(removed.error());
          done(std::max(removed->removed, here));
        });
  });
}

void SessionCore::retryEndings(std::int64_t now) {
  std::vector<PendingEnding> due;
  {
    Lock lock(mutex_);
    while (!pendingEndings_.empty() && pendingEndings_.front().dueAt <= now &&
           due.size() < kExpiriesPerTick) {
      due.push_back(std::move(pendingEndings_.front()));
      pendingEndings_.pop_front();
    }
  }
  for (PendingEnding& one : due)
    storage_->end(one.ending, [self = shared_from_this(),
                               one](const Result<services::SessionsEnded>& r) {
      Lock lock(self->mutex_);
      self->storageAnswered(r.ok(), r.ok() ? std::string() : r.error().toString());
      if (r.ok()) return;
      PendingEnding again = one;
      again.dueAt = self->clock_.steadyMillis() + again.backoff;
      again.backoff = std::min(again.backoff * 2, kRetryMostMillis);
      self->pendingEndings_.push_back(std::move(again));
    });
}

void SessionCore::abandon(const std::string& id) {
  bool stored = false;
  {
    Lock lock(mutex_);
    const SessionPtr session = containers_.remove(id);
    if (!session) return;
    stored = !session->transient;
    if (const auto it = pending_.find(id); it != pending_.end()) {
      if (it->second.inFlight) it->second.ended = true;
      else pending_.erase(it);
    }
    ++figures_.timedOut;
  }
  if (storage_ && stored) expire(id);
}

// Its time here is over. The record goes only when no other node holds the session.
void SessionCore::expire(const std::string& id) {
  storage_->notify({SessionNotice::Kind::kHeld, id, {}},
                   [self = shared_from_this(), id](const Result<NoticeAnswers>& told) {
                     if (!told || told->silent > 0) return;  // idles out there by itself
                     for (const auto& answer : told->answers)
                       if (!answer.empty()) return;
                     if (self->peek(id)) return;  // came back meanwhile
                     self->storage_->forget(id, [](const Result<bool>&) {});
                   });
}

// --- changes

void SessionCore::update(const std::string& id, std::function<void(Session&)> what,
                         Completion<SessionPtr> done) {
  if (!validSessionId(id)) return done(Error(Code::kSesExpired));
  const auto change = [what = std::move(what), now = clock_.wallMillis()](Session& s) {
    what(s);
    s.changedMillis = std::max(now, s.changedMillis + 1);
  };
  const auto applyHere = [self = shared_from_this(), id, change]() -> SessionPtr {
    Lock lock(self->mutex_);
    const SessionPtr former = self->containers_.peek(id);
    if (!former) return nullptr;
    auto next = std::make_shared<Session>(*former);
    change(*next);
    next->sessionId = former->sessionId;
    next->contextId = former->contextId;
    next->userId = former->userId;
    self->containers_.refresh(next);
    return next;
  };
  bool onlyHere = !storage_;
  {
    Lock lock(mutex_);
    if (const SessionPtr here = containers_.peek(id)) onlyHere = onlyHere || here->transient;
    // Not stored yet: whoever stores it takes the state of that moment.
    const auto it = pending_.find(id);
    if (it != pending_.end() && !it->second.inFlight) onlyHere = it->second.changed = true;
    if (!onlyHere) ++updates_[id].running;
  }
  if (onlyHere) {
    if (auto session = applyHere()) return done(session);
    return done(Error(Code::kSesExpired));
  }
  storage_->update(id, change, [self = shared_from_this(), id, applyHere,
                                done = std::move(done)](Result<SessionPtr> stored) {
    bool lost = false;
    {
      Lock lock(self->mutex_);
      self->storageAnswered(stored.ok() || !stored.error().retryable,
                            stored.ok() ? std::string() : stored.error().toString());
      Update& mine = self->updates_.at(id);
      // Of changes that run side by side, here or elsewhere, nobody knows which answer is the
      // newest: the next request asks the storage.
      const bool alone = mine.running == 1 && !mine.superseded;
      if (--mine.running == 0) self->updates_.erase(id);
      else mine.superseded = true;
      const SessionPtr here = self->containers_.peek(id);
      if (!stored.ok()) {
        self->toVerify_.push_back(id);  // it may have been applied
        self->verifyFully_ = true;
      } else if (!*stored) {
        lost = here != nullptr;
      } else if (here && !alone) {
        self->containers_.remove(id);
      } else if (here) {
        stored = keepingLocal(**stored, *here);
        self->containers_.refresh(*stored);
      }
      if (const auto it = self->lookups_.find(id); it != self->lookups_.end())
        it->second->superseded = true;
    }
    if (!stored.ok()) return done(stored.error());
    if (lost) {
      // The cluster has lost the record, this node has not.
      SessionPtr changed = applyHere();
      self->restore(id);
      if (changed) return done(std::move(changed));
    }
    if (!*stored) return done(Error(Code::kSesExpired));
    self->tell(SessionNotice::Kind::kChanged, id, [stored, done] { done(*stored); });
  });
}

// --- looking after copies

// The storage has no record of a session that is used here: lost with too many members, or ended?
void SessionCore::restore(const std::string& id) {
  const SessionPtr session = peek(id);
  if (!session || session->transient) return;
  storage_->ended(session, [self = shared_from_this(), id](const Result<bool>& over) {
    if (!over) return;  // asked again at the next use
    {
      Lock lock(self->mutex_);
      if (*over) {
        if (self->containers_.remove(id)) ++self->figures_.removed;
        return;
      }
      if (!self->containers_.peek(id)) return;
      ++self->figures_.restored;
    }
    self->storeSoon(id, [](const Result<bool>&) {});
  });
}

void SessionCore::verify(const std::string& id, bool full) {
  const SessionPtr before = peek(id);
  if (!before) return;
  if (!full || before->transient) {
    storage_->ended(before, [self = shared_from_this(), id](const Result<bool>& over) {
      if (!over || !*over) return;
      Lock lock(self->mutex_);
      if (self->containers_.remove(id)) ++self->figures_.removed;
    });
    return;
  }
  storage_->lookup(id, [self = shared_from_this(), id, before](Result<SessionLookup> found) {
    bool lost = false;
    SessionPtr newer;
    {
      Lock lock(self->mutex_);
      const SessionPtr now = self->containers_.peek(id);
      if (!now) return;
      if (!found || (now != before && !found->ended)) {
        self->toVerify_.push_back(id);  // asked or used meanwhile: look again
        return;
      }
      if (found->ended) {
        self->containers_.remove(id);
        ++self->figures_.removed;
      } else if (found->session && found->session->changedMillis < now->changedMillis) {
        newer = now;
      } else if (found->session) {
        self->containers_.refresh(keepingLocal(*found->session, *now));
      } else {
        lost = !self->pending_.contains(id);
      }
    }
    if (lost) self->restore(id);
    if (newer) self->bringBack(newer);
  });
}

// A half that had lost the record has stored what it still knew, later than this change was made.
void SessionCore::bringBack(const SessionPtr& newer) {
  const auto change = [newer](Session& s) {
    if (s.changedMillis < newer->changedMillis) s = *newer;
  };
  const std::string& id = newer->sessionId;
  storage_->update(id, change, [self = shared_from_this(), id](const Result<SessionPtr>& stored) {
    if (stored.ok()) {
      if (*stored) self->tell(SessionNotice::Kind::kChanged, id, [] {});
      return;
    }
    Lock lock(self->mutex_);
    self->toVerify_.push_back(id);
    self->verifyFully_ = true;
  });
}

}  // namespace ox::sessiond

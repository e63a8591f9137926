#include "session_records.h"

#include <algorithm>

#include "attribute_record.h"
#include "base/log.h"
#include "ending_record.h"
#include "portable_session.h"
#include "serialization/data.h"

namespace ox::sessionstorage {

using serialization::toData;
using services::Completion;
using services::GridMap;
using services::LoginFacts;
using services::MapOp;
using services::MapReply;
using services::MapRequest;
using services::Session;
using services::SessionEnding;
using services::SessionLookup;
using services::SessionsEnded;
using services::SessionPtr;
namespace query = services::query;

SessionRecords::SessionRecords(Maps maps, std::shared_ptr<SessionWire> wire,
                               StorageSettings settings, const std::string& encryptionKey,
                               Clock& clock)
    : maps_(std::move(maps)), wire_(std::move(wire)), settings_(settings),
      obfuscator_(encryptionKey), clock_(clock) {}

void SessionRecords::write(const std::shared_ptr<GridMap>& map, MapRequest request,
                           Completion<MapReply> done) {
  map->execute(std::move(request),
               [self = shared_from_this(), done = std::move(done)](Result<MapReply> reply) {
                 if (!reply) ++self->counts_.failures;
                 done(std::move(reply));
               });
}

void SessionRecords::get(const std::shared_ptr<GridMap>& map, Bytes key, Completion<Raw> done) {
  MapRequest request;
  request.op = MapOp::kGet;
  request.key = std::move(key);
  write(map, std::move(request), [done = std::move(done)](Result<MapReply> reply) {
    if (!reply) done(reply.error());
    else done(std::move(reply->value));
  });
}

SessionPtr SessionRecords::decode(BytesView data, const std::string* id) {
  auto session = decodeSession(data, obfuscator_);
  if (session.ok() && id && session->sessionId != *id)
    session = Error(Code::kInvalid, "stored session: another session under this key");
  if (!session) {
    ++counts_.undecodable;
    log::warn("a session of the map " + maps_.sessions->name() +
              " is ignored: " + session.error().message);
    return nullptr;
  }
  return std::make_shared<const Session>(std::move(*session));
}

void SessionRecords::setRemoteNames(std::set<std::string> names) {
  std::lock_guard lock(mutex_);
  remoteNames_ = std::make_shared<const std::set<std::string>>(std::move(names));
}

Bytes SessionRecords::encode(const Session& session) const {
  std::shared_ptr<const std::set<std::string>> names;
  {
    std::lock_guard lock(mutex_);
    names = remoteNames_;
  }
  Session stored = session;
  if (!stored.remoteParameters.empty() && names) {
    auto parameters = remoteParameters(stored.remoteParameters, *names);
    if (!parameters) log::warn("session parameters are not stored: " + parameters.error().message);
    stored.remoteParameters = parameters.valueOr(std::string());
  }
  return encodeSession(stored, obfuscator_);
}

void SessionRecords::store(SessionPtr session, bool onlyIfAbsent, Completion<bool> done) {
  if (session->transient) return done(Error(Code::kInvalid, "a transient session is not stored"));
  MapRequest request;
  request.op = onlyIfAbsent ? MapOp::kPutIfAbsent : MapOp::kSet;
  request.key = toData(session->sessionId);
  request.value = encode(*session);
  request.ttlMillis = 0;
  request.maxIdleMillis =
      (session->staySignedIn ? settings_.longLifeMillis : settings_.defaultLifeMillis) +
      settings_.slotMillis;
  write(maps_.sessions, std::move(request),
        [self = shared_from_this(), onlyIfAbsent, done = std::move(done)](Result<MapReply> reply) {
          if (!reply) return done(reply.error());
          const bool stored = !onlyIfAbsent || reply->applied;
          if (stored) ++self->counts_.stored;
          done(stored);
        });
}

// The marks that concern a session: of the session (when named), of its user and of its context.
void SessionRecords::marks(const std::string& sessionId, std::int32_t contextId,
                           std::int32_t userId, Completion<std::vector<SessionEnding>> done) {
  std::vector<Bytes> keys{userEndingKey(contextId, userId), contextEndingKey(contextId)};
  if (!sessionId.empty()) keys.push_back(sessionEndingKey(sessionId));
  struct Gathered {
    std::mutex mutex;
    std::size_t left = 0;
    std::optional<Error> error;
    std::vector<SessionEnding> found;
    Completion<std::vector<SessionEnding>> done;
  };
  auto all = std::make_shared<Gathered>();
  all->left = keys.size();
  all->done = std::move(done);
  for (Bytes& key : keys)
    get(maps_.endings, std::move(key), [self = shared_from_this(), all](Result<Raw> raw) {
      bool last = false;
      {
        std::lock_guard lock(all->mutex);
        if (!raw) all->error = raw.error();
        else if (*raw) {
          auto ending = decodeEnding(**raw);
          if (ending) all->found.push_back(std::move(*ending));
          else ++self->counts_.undecodable;
        }
        last = --all->left == 0;
      }
      if (!last) return;
      if (all->error) all->done(*all->error);
      else all->done(std::move(all->found));
    });
}

void SessionRecords::ended(SessionPtr session, Completion<bool> done) {
  const std::string id = session->sessionId;
  const std::int32_t contextId = session->contextId;
  const std::int32_t userId = session->userId;
  marks(id, contextId, userId,
        [session = std::move(session), done = std::move(done)](
            const Result<std::vector<SessionEnding>>& found) {
          if (!found) return done(found.error());
          done(std::any_of(found->begin(), found->end(),
                           [&](const SessionEnding& e) { return e.ends(*session); }));
        });
}

void SessionRecords::lookup(const std::string& sessionId, Completion<SessionLookup> done) {
  ++counts_.lookups;
  get(maps_.sessions, toData(sessionId),
      [self = shared_from_this(), sessionId, done = std::move(done)](Result<Raw> raw) {
        if (!raw) return done(raw.error());
        const SessionPtr session = *raw ? self->decode(**raw, &sessionId) : nullptr;
        if (!session) {
          ++self->counts_.notFound;
          // Gone for good, or only lost? A node that still holds it asks.
          return self->get(self->maps_.endings, sessionEndingKey(sessionId),
                           [done](Result<Raw> mark) {
                             if (!mark) done(mark.error());
                             else done(SessionLookup{nullptr, mark->has_value()});
                           });
        }
        self->ended(session, [self, session, done](const Result<bool>& over) {
          if (!over) return done(over.error());
          if (!*over) return done(SessionLookup{session, false});
          ++self->counts_.refusedEnded;
          self->forget(session->sessionId, [](const Result<bool>&) {});
          done(SessionLookup{nullptr, true});
        });
      });
}

void SessionRecords::update(const std::string& sessionId, std::function<void(Session&)> change,
                            Completion<SessionPtr> done) {
  updateOnce(sessionId, std::move(change), kUpdateTries, std::move(done));
}

void SessionRecords::updateOnce(std::string sessionId, std::function<void(Session&)> change,
                                int tries, Completion<SessionPtr> done) {
  if (tries == 0)
    return done(Error(Code::kBusy, "a session is written by too many at the same time"));
  get(maps_.sessions, toData(sessionId),
      [self = shared_from_this(), sessionId, change = std::move(change), tries,
       done = std::move(done)](Result<Raw> raw) {
        if (!raw) return done(raw.error());
        const SessionPtr former = *raw ? self->decode(**raw, &sessionId) : nullptr;
        if (!former) return done(SessionPtr());
        auto next = std::make_shared<Session>(*former);
        change(*next);
        next->sessionId = former->sessionId;
        next->contextId = former->contextId;
        next->userId = former->userId;
        MapRequest request;
        request.op = MapOp::kReplaceIfSame;
        request.key = toData(sessionId);
        request.expected = std::move(**raw);
        request.value = self->encode(*next);
        request.ttlMillis = 0;
        request.maxIdleMillis = (next->staySignedIn ? self->settings_.longLifeMillis
                                                    : self->settings_.defaultLifeMillis) +
                                self->settings_.slotMillis;
        self->write(self->maps_.sessions, std::move(request),
                    [self, sessionId, change, tries, next, done](Result<MapReply> reply) {
                      if (!reply) return done(reply.error());
                      if (!reply->applied)
                        return self->updateOnce(sessionId, change, tries - 1, done);
                      ++self->counts_.stored;
                      done(SessionPtr(next));
                    });
      });
}

void SessionRecords::touch(const std::string& sessionId, Completion<bool> done) {
  MapRequest request;
  request.op = MapOp::kTouch;
  request.key = toData(sessionId);
  write(maps_.sessions, std::move(request),
        [self = shared_from_this(), done = std::move(done)](const Result<MapReply>& reply) {
          if (!reply) return done(reply.error());
          ++self->counts_.touched;
          done(reply->applied);
        });
}

void SessionRecords::forget(const std::string& sessionId, Completion<bool> done) {
  MapRequest request;
  request.op = MapOp::kRemove;
  request.key = toData(sessionId);
  write(maps_.sessions, std::move(request),
        [self = shared_from_this(), sessionId, done = std::move(done)](
            const Result<MapReply>& reply) {
          if (!reply) return done(reply.error());
          const bool there = reply->value.has_value();
          if (there) ++self->counts_.removed;
          self->removeAttributes(sessionId, [done, there] { done(there); });
        });
}

void SessionRecords::end(SessionEnding ending, Completion<SessionsEnded> done) {
  if (ending.kind != SessionEnding::Kind::kSession) return endMany(std::move(ending), std::move(done));
  const std::string id = ending.sessionId;
  mark(std::move(ending), [self = shared_from_this(), id,
                           done = std::move(done)](const Result<std::int64_t>& at) {
    if (!at) return done(at.error());
    self->forget(id, [done, millis = *at](const Result<bool>& there) {
      if (!there) done(there.error());
      else done(SessionsEnded{*there ? 1u : 0u, millis});
    });
  });
}

// Writes the mark and answers its time. It never goes back: an earlier ending may come late.
void SessionRecords::mark(SessionEnding ending, Completion<std::int64_t> done) {
  get(maps_.endings, endingKey(ending),
      [self = shared_from_this(), ending = std::move(ending),
       done = std::move(done)](Result<Raw> raw) mutable {
        if (!raw) return done(raw.error());
        if (*raw)
          if (const auto former = decodeEnding(**raw); former)
            ending.endedMillis = std::max(ending.endedMillis, former->endedMillis);
        MapRequest request;
        request.op = MapOp::kSet;
        request.key = endingKey(ending);
        request.value = encodeEnding(ending);
        request.maxIdleMillis = 0;
        const bool brief = ending.kind == SessionEnding::Kind::kSession && !ending.longLived;
        const std::int64_t idle =
            (brief ? self->settings_.defaultLifeMillis : self->settings_.longLifeMillis) +
            2 * self->settings_.slotMillis;
        request.ttlMillis = std::max(kEndingMillis, idle);
        self->write(self->maps_.endings, std::move(request),
                    [at = ending.endedMillis, done](const Result<MapReply>& reply) {
                      if (!reply) done(reply.error());
                      else done(at);
                    });
      });
}

StorageCounters SessionRecords::counters() const {
  StorageCounters out;
  out.stored = counts_.stored;
  out.lookups = counts_.lookups;
  out.notFound = counts_.notFound;
  out.removed = counts_.removed;
  out.touched = counts_.touched;
  out.failures = counts_.failures;
  out.undecodable = counts_.undecodable;
  out.refusedEnded = counts_.refusedEnded;
  out.attributeReads = counts_.attributeReads;
  out.attributeWrites = counts_.attributeWrites;
  return out;
}

}  // namespace ox::sessionstorage

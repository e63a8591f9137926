// SessionRecords: what goes over more than one entry, attributes, and word between nodes.
#include <algorithm>

#include "attribute_record.h"
#include "base/log.h"
#include "ending_record.h"
#include "serialization/data.h"
#include "session_records.h"

namespace ox::sessionstorage {

using services::AttributeWrite;
using services::AttributeWritten;
using services::Completion;
using services::LoginFacts;
using services::MapOp;
using services::MapReply;
using services::MapRequest;
using services::NoticeAnswers;
using services::Predicate;
using services::QueryOptions;
using services::QueryResult;
using services::QueryWant;
using services::SessionAttribute;
using services::SessionEnding;
using services::SessionNotice;
using services::SessionPtr;
using services::SessionQuery;
using services::SessionsEnded;
namespace query = services::query;

namespace {

Predicate ofUser(std::int32_t contextId, std::optional<std::int32_t> userId) {
  std::vector<Predicate> all{query::equal("contextId", std::int64_t{contextId})};
  if (userId) all.push_back(query::equal("userId", std::int64_t{*userId}));
  return query::both(std::move(all));
}
QueryOptions wanting(QueryWant want) {
  QueryOptions options;
  options.want = want;
  return options;
}

// Runs `step` for each item, at most kClosedAtOnce at a time, then `done` once.
template <typename Item>
class Each : public std::enable_shared_from_this<Each<Item>> {
 public:
  using Step = std::function<void(const Item&, std::function<void()>)>;
  static void run(std::vector<Item> items, Step step, std::function<void()> done) {
    auto self = std::make_shared<Each>();
    self->items_ = std::move(items);
    self->step_ = std::move(step);
    self->done_ = std::move(done);
    self->left_ = self->items_.size();
    if (self->left_ == 0) return self->done_();
    for (std::size_t i = 0; i < kClosedAtOnce; ++i) self->next();
  }

 private:
  void next() {
    std::size_t mine = 0;
    {
      std::lock_guard lock(mutex_);
      if (at_ == items_.size()) return;
      mine = at_++;
    }
    step_(items_[mine], [self = this->shared_from_this()] {
      bool last = false;
      {
        std::lock_guard lock(self->mutex_);
        last = --self->left_ == 0;
      }
      if (last) self->done_();
      else self->next();
    });
  }
  std::mutex mutex_;
  std::vector<Item> items_;
  std::size_t at_ = 0, left_ = 0;
  Step step_;
  std::function<void()> done_;
};

}  // namespace

void SessionRecords::endMany(SessionEnding ending, Completion<SessionsEnded> done) {
  std::optional<std::int32_t> user;
  if (ending.kind == SessionEnding::Kind::kUser) user.emplace(ending.userId);
  maps_.sessions->query(
      ofUser(ending.contextId, user), wanting(QueryWant::kEntries),
      [self = shared_from_this(), ending = std::move(ending),
       done = std::move(done)](Result<QueryResult> found) mutable {
        if (!found) {
          ++self->counts_.failures;
          return done(found.error());
        }
        std::vector<std::string> ids;
        for (const auto& entry : found->entries) {
          const SessionPtr s = self->decode(entry.value, nullptr);
          if (!s || s->sessionId == ending.except) continue;
          // Whatever the clock says of the node where it logged in: it was there before.
          ending.endedMillis = std::max(ending.endedMillis, s->loginTime);
          if (ending.ends(*s)) ids.push_back(s->sessionId);
        }
        self->mark(ending, [self, ids = std::move(ids), done](const Result<std::int64_t>& at) {
          if (!at) return done(at.error());
          self->forgetMany(ids, [done, millis = *at](const Result<std::uint64_t>& removed) {
            if (!removed) done(removed.error());
            else done(SessionsEnded{*removed, millis});
          });
        });
      });
}

void SessionRecords::forgetMany(std::vector<std::string> ids, Completion<std::uint64_t> done) {
  auto removed = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto failed = std::make_shared<std::atomic<bool>>(false);
  Each<std::string>::run(
      std::move(ids),
      [self = shared_from_this(), removed, failed](const std::string& id,
                                                   std::function<void()> next) {
        self->forget(id, [removed, failed, next = std::move(next)](const Result<bool>& r) {
          if (!r) *failed = true;
          else if (*r) ++*removed;
          next();
        });
      },
      [removed, failed, done = std::move(done)] {
        if (*failed)
          done(Error(Code::kUnavailable, "some sessions could not be removed, try again"));
        else done(removed->load());
      });
}

void SessionRecords::find(SessionQuery what, Completion<std::vector<SessionPtr>> done) {
  const Predicate predicate = what.altId.empty() ? ofUser(what.contextId, what.userId)
                                                 : query::equal("altId", what.altId);
  maps_.sessions->query(
      predicate, wanting(QueryWant::kEntries),
      [self = shared_from_this(), what = std::move(what),
       done = std::move(done)](Result<QueryResult> found) {
        if (!found) {
          ++self->counts_.failures;
          return done(found.error());
        }
        std::vector<SessionPtr> candidates;
        for (const auto& entry : found->entries) {
          const SessionPtr s = self->decode(entry.value, nullptr);
          if (!s) continue;
          const bool wanted = what.altId.empty()
                                  ? s->contextId == what.contextId &&
                                        (!what.userId || s->userId == *what.userId)
                                  : s->altId == what.altId;
          if (wanted) candidates.push_back(s);
        }
        struct Kept {
          std::mutex mutex;
          std::vector<SessionPtr> sessions;
          std::optional<Error> error;
        };
        auto kept = std::make_shared<Kept>();
        Each<SessionPtr>::run(
            std::move(candidates),
            [self, kept](const SessionPtr& s, std::function<void()> next) {
              self->ended(s, [kept, s, next = std::move(next)](const Result<bool>& over) {
                {
                  std::lock_guard lock(kept->mutex);
                  if (!over) kept->error = over.error();
                  else if (!*over) kept->sessions.push_back(s);
                }
                next();
              });
            },
            [kept, done] {
              if (kept->error) done(*kept->error);
              else done(std::move(kept->sessions));
            });
      });
}

void SessionRecords::loginFacts(std::int32_t contextId, std::int32_t userId,
                                const std::string& client, Completion<LoginFacts> done) {
  marks({}, contextId, userId,
        [self = shared_from_this(), contextId, userId, client,
         done = std::move(done)](const Result<std::vector<SessionEnding>>& found) {
          if (!found) return done(found.error());
          LoginFacts facts;
          for (const SessionEnding& e : *found)
            facts.cutoffMillis = std::max(facts.cutoffMillis, e.endedMillis);
          self->maps_.sessions->query(
              ofUser(contextId, userId), wanting(QueryWant::kKeys),
              [self, contextId, userId, client, facts, done](Result<QueryResult> all) mutable {
                if (!all) {
                  ++self->counts_.failures;
                  return done(all.error());
                }
                facts.userSessions = all->entries.size();
                if (client.empty()) return done(facts);
                Predicate mine = ofUser(contextId, userId);
                mine.children.push_back(query::equal("client", client));
                self->maps_.sessions->query(
                    mine, wanting(QueryWant::kKeys),
                    [facts, done](Result<QueryResult> same) mutable {
                      if (!same) return done(same.error());
                      facts.clientSessions = same->entries.size();
                      done(facts);
                    });
              });
        });
}

void SessionRecords::authIdTaken(const std::string& authId, Completion<bool> done) {
  maps_.sessions->query(query::equal("authId", authId), wanting(QueryWant::kKeys),
                        [self = shared_from_this(), done = std::move(done)](Result<QueryResult> found) {
                          if (found) return done(!found->entries.empty());
                          ++self->counts_.failures;
                          done(found.error());
                        });
}

// --- attributes

void SessionRecords::attribute(const std::string& sessionId, const std::string& name,
                               Completion<std::optional<SessionAttribute>> done) {
  ++counts_.attributeReads;
  get(maps_.attributes, attributeKey(sessionId, name),
      [self = shared_from_this(), done = std::move(done)](Result<Raw> raw) {
        if (!raw) return done(raw.error());
        if (!*raw) return done(std::optional<SessionAttribute>());
        auto record = decodeAttribute(**raw);
        if (!record) {
          ++self->counts_.undecodable;
          log::warn("an attribute of a session is ignored: " + record.error().message);
          return done(std::optional<SessionAttribute>());
        }
        done(std::optional(std::move(record->attribute)));
      });
}

void SessionRecords::attributes(const std::string& sessionId,
                                Completion<std::vector<SessionAttribute>> done) {
  ++counts_.attributeReads;
  maps_.attributes->query(
      query::equal("sessionId", sessionId), wanting(QueryWant::kEntries),
      [self = shared_from_this(), sessionId, done = std::move(done)](Result<QueryResult> found) {
        if (!found) {
          ++self->counts_.failures;
          return done(found.error());
        }
        std::vector<SessionAttribute> out;
        for (const auto& entry : found->entries) {
          auto record = decodeAttribute(entry.value);
          if (record && record->sessionId == sessionId)
            out.push_back(std::move(record->attribute));
          else ++self->counts_.undecodable;
        }
        std::sort(out.begin(), out.end(),
                  [](const auto& a, const auto& b) { return a.name < b.name; });
        done(std::move(out));
      });
}

void SessionRecords::writeAttribute(const SessionPtr& session, AttributeWrite write,
                                    Completion<AttributeWritten> done) {
  ++counts_.attributeWrites;
  AttributeCommand command;
  command.sessionId = session->sessionId;
  const std::string name = write.name;
  command.write = std::move(write);
  command.nowMillis = std::max<std::int64_t>(clock_.wallMillis(), 1);
  // Longer than any session idles; sessiond touches them once per quarter of it.
  command.maxIdleMillis = 2 * settings_.longLifeMillis;
  maps_.attributes->process(
      attributeKey(session->sessionId, name), kAttributeProcessor, encodeCommand(command), nullptr,
      [self = shared_from_this(), done = std::move(done)](Result<std::optional<Bytes>> reply) {
        if (!reply) {
          ++self->counts_.failures;
          return done(reply.error());
        }
        done(decodeAttributeReply(reply->value_or(Bytes())));
      });
}

void SessionRecords::touchAttributes(const std::string& sessionId,
                                     Completion<std::uint64_t> done) {
  maps_.attributes->query(
      query::equal("sessionId", sessionId), wanting(QueryWant::kKeys),
      [self = shared_from_this(), done = std::move(done)](Result<QueryResult> found) {
        if (!found) return done(found.error());
        const std::uint64_t count = found->entries.size();
        for (auto& entry : found->entries) {
          MapRequest request;
          request.op = MapOp::kTouch;
          request.key = std::move(entry.key);
          self->write(self->maps_.attributes, std::move(request), [](const Result<MapReply>&) {});
        }
        done(count);
      });
}

void SessionRecords::removeAttributes(const std::string& sessionId, std::function<void()> done) {
  maps_.attributes->query(
      query::equal("sessionId", sessionId), wanting(QueryWant::kKeys),
      [self = shared_from_this(), done = std::move(done)](Result<QueryResult> found) {
        // What stays is of no session any more and idles out.
        if (!found) return done();
        std::vector<Bytes> keys;
        for (auto& entry : found->entries) keys.push_back(std::move(entry.key));
        Each<Bytes>::run(
            std::move(keys),
            [self](const Bytes& key, std::function<void()> next) {
              MapRequest request;
              request.op = MapOp::kRemove;
              request.key = key;
              self->write(self->maps_.attributes, std::move(request),
                          [next = std::move(next)](const Result<MapReply>&) { next(); });
            },
            done);
      });
}

void SessionRecords::size(Completion<std::uint64_t> done) { maps_.sessions->size(std::move(done)); }

services::StoredFigures SessionRecords::figures() const {
  const services::MapStats stats = maps_.sessions->localStats();
  return {stats.ownedEntryCount, stats.backupEntryCount};
}

// --- between nodes

void SessionRecords::notify(SessionNotice notice, Completion<NoticeAnswers> done) {
  if (!wire_) return done(NoticeAnswers());
  wire_->notifyOthers(encodeNotice(notice), std::move(done));
}

void SessionRecords::listen(std::shared_ptr<const services::SessionListener> listener) {
  std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

std::shared_ptr<const services::SessionListener> SessionRecords::listener() const {
  std::lock_guard lock(mutex_);
  return listener_;
}

Result<Bytes> SessionRecords::noticed(BytesView bytes) {
  const auto notice = decodeNotice(bytes);
  if (!notice) {
    ++counts_.undecodable;
    return notice.error();
  }
  const auto to = listener();
  return to ? to->notice(*notice) : Bytes();
}

void SessionRecords::endingHeard(const services::EntryEvent& event) {
  const auto to = listener();
  if (!to) return;
  using Type = services::EntryEventType;
  if (event.type == Type::kGap) return to->gap();
  if (!event.value || event.type == Type::kRemoved || event.type == Type::kExpired ||
      event.type == Type::kEvicted)
    return;
  if (const auto ending = decodeEnding(*event.value); ending) to->ending(*ending);
  else ++counts_.undecodable;
}

void SessionRecords::merged() {
  if (const auto to = listener()) to->merged();
}

bool SessionRecords::membersAre(std::set<std::string> uuids) {
  bool added = false;
  {
    std::lock_guard lock(mutex_);
    for (const auto& uuid : uuids) added = added || !members_.contains(uuid);
    members_ = std::move(uuids);
  }
  if (added) merged();
  return added;
}

}  // namespace ox::sessionstorage

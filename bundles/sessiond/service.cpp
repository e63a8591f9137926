#include "service.h"

#include <chrono>
#include <condition_variable>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"

namespace ox::sessiond {

using services::AttributeWrite;
using services::AttributeWritten;
using services::Completion;
using services::LoginFacts;
using services::Session;
using services::SessionAttribute;
using services::SessionEnding;
using services::SessionPtr;

namespace {

// The answer, or nothing after `millis`; an answer that comes later is dropped.
template <typename T, typename Start>
std::optional<Result<T>> wait(std::int64_t millis, Start start) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<Result<T>> result;
  };
  auto waiter = std::make_shared<Waiter>();
  start(Completion<T>([waiter](Result<T> r) {
    std::lock_guard lock(waiter->mutex);
    waiter->result.emplace(std::move(r));
    waiter->answered.notify_all();
  }));
  std::unique_lock lock(waiter->mutex);
  waiter->answered.wait_for(lock, std::chrono::milliseconds(millis),
                            [&] { return waiter->result.has_value(); });
  return std::move(waiter->result);
}

template <typename T, typename Start>
Result<T> answerOf(Start start) {
  auto answer = wait<T>(kAnswerMillis, std::move(start));
  if (answer) return std::move(*answer);
  return Error(Code::kUnavailable, "the session storage does not answer, try again");
}

Result<SessionPtr> sessionOf(Result<FoundSession> found, bool* tookOver = nullptr) {
  if (!found) return found.error();
  if (tookOver) *tookOver = found->tookOver;
  return std::move(found->session);
}

}  // namespace

SessiondService::SessiondService(SessiondSettings settings, Clock& clock,
                                 std::shared_ptr<services::SessionStorage> storage)
    : settings_(settings), clock_(clock), storage_(storage),
      core_(std::make_shared<SessionCore>(std::move(settings), clock, std::move(storage))) {
  core_->start();
}

SessiondService::~SessiondService() { stop(); }

void SessiondService::stop() {
  if (stopped_.exchange(true)) return;
  core_->stop();
  const auto by = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStopMillis);
  bool asked = false;
  // Only what waits already: a storage that does not answer now gets these last seconds.
  while (core_->waiting() > 0 && std::chrono::steady_clock::now() < by) {
    core_->tick();
    asked = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (const std::size_t left = core_->waiting(); asked && left > 0)
    log::warn(std::to_string(left) + " sessions or logouts could not be stored before the stop");
}

Result<SessionPtr> SessiondService::create(Session session) {
  const std::int64_t begun = clock_.steadyMillis();
  const auto facts = wait<LoginFacts>(settings_.storeWaitMillis, [&](Completion<LoginFacts> done) {
    core_->facts(session, std::move(done));
  });
  auto admitted = core_->admit(std::move(session),
                               facts && facts->ok() ? **facts : LoginFacts());
  if (!admitted || !storage_ || (*admitted)->transient) return admitted;
  const std::int64_t left = settings_.storeWaitMillis - (clock_.steadyMillis() - begun);
  const auto stored = wait<bool>(std::max<std::int64_t>(left, 0), [&](Completion<bool> done) {
    core_->store((*admitted)->sessionId, std::move(done));
  });
  if (!stored || !stored->ok() || !**stored) core_->countStoredLate();
  return admitted;
}

Result<SessionPtr> SessiondService::find(const std::string& id, bool* tookOver) {
  if (tookOver) *tookOver = false;
  if (auto session = core_->use(id)) return session;
  return sessionOf(answerOf<FoundSession>([&](Completion<FoundSession> done) {
                     core_->find(id, std::move(done));
                   }),
                   tookOver);
}

Result<SessionPtr> SessiondService::findByAltId(const std::string& altId) {
  return sessionOf(answerOf<FoundSession>([&](Completion<FoundSession> done) {
    core_->findByAltId(altId, std::move(done));
  }));
}

Result<bool> SessiondService::ended(const SessionPtr& session) {
  return answerOf<bool>([&](Completion<bool> done) { core_->ended(session, std::move(done)); });
}

Result<SessionPtr> SessiondService::update(const std::string& id,
                                           std::function<void(Session&)> change) {
  return answerOf<SessionPtr>([&](Completion<SessionPtr> done) {
    core_->update(id, std::move(change), std::move(done));
  });
}

Status SessiondService::remove(const std::string& id) {
  const auto ended = answerOf<std::uint64_t>([&](Completion<std::uint64_t> done) {
    core_->end(id, std::move(done));
  });
  if (!ended) return ended.error();
  return {};
}

Result<std::vector<SessionPtr>> SessiondService::sessionsOf(std::int32_t contextId,
                                                            std::optional<std::int32_t> userId) {
  if (!storage_) return core_->held(contextId, userId);
  services::SessionQuery query;
  query.contextId = contextId;
  query.userId = userId;
  return answerOf<std::vector<SessionPtr>>([&](Completion<std::vector<SessionPtr>> done) {
    storage_->find(std::move(query), std::move(done));
  });
}

// --- closing

Result<std::uint64_t> SessiondService::closeOne(const SessionEnding& ending) {
  return answerOf<std::uint64_t>([&](Completion<std::uint64_t> done) {
    if (ending.kind == SessionEnding::Kind::kSession) core_->end(ending.sessionId, std::move(done));
    else core_->end(ending, std::move(done));
  });
}

Result<std::uint64_t> SessiondService::close(const services::CloseRequest& request) {
  std::vector<SessionEnding> endings;
  const auto one = [&](const std::string& id) {
    if (id == request.except) return;
    SessionEnding e;
    e.sessionId = id;
    endings.push_back(std::move(e));
  };
  const auto heldHere = [&](std::int32_t contextId, std::optional<std::int32_t> userId) {
    for (const SessionPtr& s : core_->held(contextId, userId)) one(s->sessionId);
  };
  for (const auto& id : request.sessionIds)
    if (validSessionId(id) && (request.global || core_->peek(id))) one(id);
  const auto many = [&](SessionEnding::Kind kind, std::int32_t contextId, std::int32_t userId) {
    SessionEnding e;
    e.kind = kind;
    e.contextId = contextId;
    e.userId = userId;
    e.endedMillis = clock_.wallMillis();
    e.except = request.except;
    endings.push_back(std::move(e));
  };
  for (const std::int32_t contextId : request.contextIds) {
    if (request.global) many(SessionEnding::Kind::kContext, contextId, 0);
    else heldHere(contextId, std::nullopt);
  }
  for (const auto& user : request.users) {
    if (request.global) many(SessionEnding::Kind::kUser, user.contextId, user.userId);
    else heldHere(user.contextId, user.userId);
  }
  std::uint64_t closed = 0;
  std::optional<Error> failed;
  for (const SessionEnding& ending : endings) {
    const auto n = closeOne(ending);
    if (n) closed += *n;
    else failed = n.error();
  }
  if (failed) return *failed;
  return closed;
}

// --- attributes

Result<SessionPtr> SessiondService::owner(const std::string& id) {
  if (!storage_)
    return Error(Code::kUnavailable, "without a session storage sessions have no attributes");
  auto session = find(id, nullptr);
  if (session && (*session)->transient)
    return Error(Code::kInvalid, "a transient session has no attributes");
  return session;
}

Result<std::optional<SessionAttribute>> SessiondService::get(const std::string& id,
                                                             const std::string& name) {
  if (!services::validAttributeName(name))
    return Error(Code::kInvalid, "the name of an attribute has 1.." +
                                     std::to_string(services::kMaxAttributeNameBytes) +
                                     " letters, digits, '.', '_' or '-'");
  if (auto session = owner(id); !session) return session.error();
  return answerOf<std::optional<SessionAttribute>>(
      [&](Completion<std::optional<SessionAttribute>> done) {
        storage_->attribute(id, name, std::move(done));
      });
}

Result<std::vector<SessionAttribute>> SessiondService::all(const std::string& id) {
  if (auto session = owner(id); !session) return session.error();
  return answerOf<std::vector<SessionAttribute>>(
      [&](Completion<std::vector<SessionAttribute>> done) {
        storage_->attributes(id, std::move(done));
      });
}

Result<AttributeWritten> SessiondService::set(const std::string& id, AttributeWrite write) {
  if (write.value && write.value->size() > services::kMaxAttributeValueBytes)
    return Error(Code::kInvalid, "the value of an attribute has at most " +
                                     std::to_string(services::kMaxAttributeValueBytes) + " bytes");
  // A new name is counted against the limit; names that are there already are only written.
  const auto there = get(id, write.name);
  if (!there) return there.error();
  if (!there->has_value() && write.value) {
    const auto present = all(id);
    if (!present) return present.error();
    if (present->size() >= services::kMaxAttributesPerSession)
      return Error(Code::kBusy, "a session has at most " +
                                    std::to_string(services::kMaxAttributesPerSession) +
                                    " attributes");
  }
  const auto session = owner(id);
  if (!session) return session.error();
  return answerOf<AttributeWritten>([&](Completion<AttributeWritten> done) {
    storage_->writeAttribute(*session, std::move(write), std::move(done));
  });
}

}  // namespace ox::sessiond

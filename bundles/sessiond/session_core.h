// SessionCore: the sessions of one node and how they stay one with those of the others. Pure logic.
//
// Purpose:   admits, finds, changes and ends sessions; takes over what another node holds; keeps what
//            the storage does not take and stores it later; drops what has ended elsewhere.
// Invariants: a copy here is the newest state that this node was told of: whoever takes a session over
//            or changes it tells all other nodes before it answers, and a look-up or change that was
//            overtaken by such word is not kept. A session leaves the cluster by its idle time there, by an
//            ending with its mark, never because one node has not seen it. A copy that is used tells the
//            storage once per short-term slot; when the storage has lost it, it is stored again. A transient
//            session is on its node only; marks end it as any other.
// Threads:   any; nothing waits. Completions run on the caller's or an engine thread, without a lock
//            held. tick() from one thread, at least once a second.
// Time:      Clock; identifiers come from SessiondSettings::newId, so that the simulator owns both.
// Errors:    SES-0002, SES-0007, SES-0207 limits; RUN-0004 another session has the authId; SES-0203 unknown or ended; RUN-0007 when the storage
//            does not answer: the session may well exist, nobody must be told to log in again.
// Bounds:    kPendingLimit sessions wait to be stored, as many endings; the k...PerTick below.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "containers.h"
#include "services/session_storage.h"
#include "settings.h"

namespace ox::sessiond {

inline constexpr std::size_t kPendingLimit = 100'000;
inline constexpr std::size_t kStoresPerTick = 5'000;
inline constexpr std::size_t kVerifiesPerTick = 2'000;
inline constexpr std::size_t kExpiriesPerTick = 500;
inline constexpr std::int64_t kRetryFirstMillis = 200;
inline constexpr std::int64_t kRetryMostMillis = 10'000;
inline constexpr int kLookupTries = 3;
inline constexpr int kVerifiesPerLifeTime = 3;
inline constexpr int kAttributeTouches = 4;            // per long life time
inline constexpr std::int64_t kSizeMillis = 10'000;    // how often the cluster's size is asked for

bool validSessionId(const std::string& id);  // 32 hex digits

struct SessiondFigures {
  services::SessionCounts counts;
  std::vector<std::size_t> shortSlots;
  std::vector<std::size_t> longSlots;
  services::StoredFigures stored;
  std::uint64_t distributed = 0;     // records of the cluster, up to kSizeMillis old
  std::uint64_t created = 0;
  std::uint64_t removed = 0;         // copies that left this node by an ending
  std::uint64_t timedOut = 0;
  std::uint64_t lookups = 0;
  std::uint64_t lookupsMerged = 0;   // requests that waited for another's look-up
  std::uint64_t lookupFailures = 0;
  std::uint64_t storedSessions = 0;
  std::uint64_t storedLate = 0;      // logins answered before their session was stored
  std::uint64_t storeRetries = 0;
  std::uint64_t storeDropped = 0;
  std::uint64_t pendingStores = 0;
  std::uint64_t pendingEndings = 0;
  std::uint64_t dropped = 0;         // copies given to another node
  std::uint64_t restored = 0;        // stored again since the storage had lost them
  std::uint64_t untold = 0;          // other nodes that did not answer to word of ours
  bool storageDown = false;
};

struct FoundSession {
  services::SessionPtr session;
  bool tookOver = false;
};

class SessionCore : public std::enable_shared_from_this<SessionCore> {
 public:
  // `storage` may be null: then sessions live on this node only.
  SessionCore(SessiondSettings settings, Clock& clock,
              std::shared_ptr<services::SessionStorage> storage);

  void start();  // listens to the others
  void stop();   // not any more

  // A login in three steps: what the cluster knows, the session here, the session there.
  void facts(const services::Session& session, services::Completion<services::LoginFacts> done);
  Result<services::SessionPtr> admit(services::Session session, const services::LoginFacts& facts);
  // True: stored. False: not yet, tick() goes on trying.
  void store(const std::string& id, services::Completion<bool> done);
  void countStoredLate();

  services::SessionPtr use(const std::string& id);  // of this node, null when it is not here
  services::SessionPtr peek(const std::string& id) const;
  void find(const std::string& id, services::Completion<FoundSession> done);
  void findByAltId(const std::string& altId, services::Completion<FoundSession> done);
  // By the marks of the cluster; without a storage by what is here.
  void ended(services::SessionPtr session, services::Completion<bool> done);
  void update(const std::string& id, std::function<void(services::Session&)> change,
              services::Completion<services::SessionPtr> done);
  void end(services::SessionEnding ending, services::Completion<std::uint64_t> done);
  void end(const std::string& id, services::Completion<std::uint64_t> done);
  void abandon(const std::string& id);  // as if its time were over
  std::vector<services::SessionPtr> held(std::int32_t contextId,
                                         std::optional<std::int32_t> userId) const;

  void tick();
  std::size_t waiting() const;  // stores and endings that the storage has not taken yet
  SessiondFigures figures() const;

 private:
  struct Lookup {
    std::vector<services::Completion<FoundSession>> waiters;
    std::vector<services::SessionEnding> endings;  // heard meanwhile
    bool superseded = false;  // what comes is old: ask again, at last answer with it but do not keep it
  };
  struct Pending {
    std::int64_t dueAt = 0;
    std::int64_t backoff = kRetryFirstMillis;
    bool inFlight = false;
    bool ended = false;
    bool changed = false;  // since an attempt that may have been stored unanswered
  };
  struct PendingEnding {
    services::SessionEnding ending;
    std::int64_t dueAt = 0;
    std::int64_t backoff = kRetryFirstMillis;
  };
  struct Update {
    int running = 0;
    bool superseded = false;
  };
  using Lock = std::lock_guard<std::mutex>;

  Status checkLimits(const services::Session& session, const services::LoginFacts& facts) const;
  void lookUp(const std::string& id, int tried);
  bool superseded(const std::string& id);  // takes the mark away
  void lookedUp(const std::string& id, Result<services::SessionLookup> result);
  void storeSoon(const std::string& id, services::Completion<bool> done);
  void used(const services::SessionPtr& session);
  void restore(const std::string& id);
  void verify(const std::string& id, bool full);
  void bringBack(const services::SessionPtr& newer);
  void endStored(services::SessionEnding ending, std::uint64_t here,
                 services::Completion<std::uint64_t> done);
  std::uint64_t endHere(const services::SessionEnding& ending);
  void retryEndings(std::int64_t now);
  void expire(const std::string& id);
  std::string noticed(const services::SessionNotice& notice);
  void tell(services::SessionNotice::Kind kind, const std::string& id, std::function<void()> done);
  // The caller holds the mutex in these.
  std::uint64_t apply(const services::SessionEnding& ending);
  std::vector<services::SessionPtr> concerned(const services::SessionEnding& ending) const;
  bool dropCopy(const std::string& id);
  void storageAnswered(bool ok, const std::string& what);

  const SessiondSettings settings_;
  Clock& clock_;
  const std::shared_ptr<services::SessionStorage> storage_;
  mutable std::mutex mutex_;
  SessionContainers containers_;
  std::unordered_map<std::string, std::shared_ptr<Lookup>> lookups_;
  std::unordered_map<std::string, Update> updates_;
  std::unordered_map<std::string, Pending> pending_;
  std::deque<PendingEnding> pendingEndings_;
  std::vector<std::string> toVerify_;
  std::vector<std::string> expired_;
  bool verifyFully_ = false;
  bool verifyWanted_ = false;
  bool fullWanted_ = false;
  std::int64_t verifiedAt_;
  std::int64_t sizeAskedAt_;
  SessiondFigures figures_;
};

}  // namespace ox::sessiond

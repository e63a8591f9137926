// SessiondService: the sessions of this node and the way to those of the others.
//
// Purpose:   create, find (here, else from the storage, taken over), remove; rotation; keeping the
//            storage awake for sessions that are used here.
// Threads:   any, except that create, find and remove may block on the storage. tick() from one
//            thread (the activator's timer), at least once a second.
// Errors:    SES-0002, SES-0007, SES-0207 limits; SES-0203 unknown; RUN-0007 when the storage does
//            not answer: the session may well exist, so the client must not be told to log in again.
// Source:    the original's SessiondService, SessionHandler; limits from sessiond.properties.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "containers.h"
#include "services/sessions.h"
#include "store_queue.h"

namespace ox::config {
class Config;
}

namespace ox::sessiond {

// A login waits so long for its session to be in the grid before it is answered anyway.
inline constexpr std::int64_t kStoreWaitAsyncMillis = 3'000;
inline constexpr std::int64_t kStoreWaitSyncMillis = 30'000;
inline constexpr int kLookupTries = 3;
// Those who wait for another's look-up of the same id give up after this.
inline constexpr std::int64_t kLookupWaitMillis = 60'000;
inline constexpr std::size_t kTouchPerTick = 2'000;
inline constexpr int kTouchesPerLifeTime = 3;

struct SessiondSettings {
  LifeTimes lifeTimes;
  std::int64_t maxSession = 50'000;      // 0 = no limit
  std::int64_t maxSessionPerUser = 100;  // <= 0 = no limit
  std::int64_t maxSessionPerClient = 0;
  bool asyncPut = true;
  bool removeFromStorageOnTimeout = false;
  std::int64_t storeWaitMillis = kStoreWaitAsyncMillis;
};
SessiondSettings sessiondSettings(const config::Config& config);

bool validSessionId(const std::string& id);  // 32 hex digits

struct SessiondFigures {
  services::SessionCounts counts;
  std::vector<std::size_t> shortSlots;
  std::vector<std::size_t> longSlots;
  StoreCounters store;
  std::uint64_t created = 0;
  std::uint64_t removed = 0;
  std::uint64_t timedOut = 0;
  std::uint64_t lookups = 0;
  std::uint64_t lookupFailures = 0;
  std::uint64_t storedLate = 0;  // logins answered before their session was stored
};

class SessiondService final : public services::SessionService {
 public:
  // `storage` may be null: then sessions live on this node only.
  SessiondService(SessiondSettings settings, Clock& clock,
                  std::shared_ptr<services::SessionStorage> storage);
  ~SessiondService() override;

  Result<services::SessionPtr> create(services::Session session) override;
  Result<services::SessionPtr> find(const std::string& sessionId, bool* tookOver) override;
  Status remove(const std::string& sessionId) override;
  services::SessionCounts counts() const override;

  void tick();
  void stop();  // stores what still waits
  SessiondFigures figures() const;

 private:
  struct Lookup {
    bool done = false;
    bool ended = false;  // logged out while the look-up was under way
    Result<services::SessionPtr> result = services::SessionPtr();
  };
  Status checkLimits(const services::Session& session) const;
  Result<services::SessionPtr> takeOver(const std::string& id, bool* tookOver);
  Result<services::SessionPtr> lookUp(const std::string& id);

  const SessiondSettings settings_;
  Clock& clock_;
  const std::shared_ptr<services::SessionStorage> storage_;
  mutable std::mutex mutex_;
  std::condition_variable lookedUp_;
  SessionContainers containers_;
  std::map<std::string, std::shared_ptr<Lookup>> lookups_;
  std::vector<std::string> toTouch_;
  std::int64_t touchedAt_;
  SessiondFigures figures_;
  std::unique_ptr<StoreQueue> store_;  // last: its threads use the rest
};

}  // namespace ox::sessiond

// Pool of connections to one server and account, with the named limits of configdb.properties.
//
// Threads:   any; borrow() blocks on the network and, with BLOCK, up to maxWaitMillis.
// Ownership: a Lease keeps its pool alive; close() drops the idle ones, borrowed ones are closed
//            when they come back.
// Healing:   a connection that rested longer than kPingAfterMillis is tested before it is lent; when one comes
//            back broken, the resting ones are closed as well.
// Errors:    DB-0001 no connection, DB-0003 exhausted, RUN-0002 closed.
// Source of the limits' names: the original's configdb.properties.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "database/connection.h"

namespace ox::db {

enum class Exhausted : std::uint8_t { kBlock, kFail, kGrow };

struct PoolLimits {
  int maxActive = 100;                 // lent at the same time; <= 0 = no limit
  int maxIdle = -1;                    // resting; -1 = no limit
  std::int64_t maxIdleMillis = 60000;  // a resting one is closed after this; <= 0 = never
  std::int64_t maxLifeMillis = 600000;
  std::int64_t maxWaitMillis = 10000;
  Exhausted exhausted = Exhausted::kBlock;
  bool testOnActivate = false;    // ask the server before each loan
  bool testOnDeactivate = true;   // WARN for an open transaction at return; it is rolled back anyway
  bool testOnIdle = false;        // the cleaner asks the server
  bool operator==(const PoolLimits&) const = default;
};

struct PoolStats {
  int active = 0;
  int idle = 0;
  std::uint64_t opened = 0;
  std::uint64_t waited = 0;      // loans that had to wait
  std::uint64_t exhausted = 0;   // loans refused with DB-0003
  std::uint64_t brokenReturned = 0;
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  using Factory = std::function<Result<std::unique_ptr<Connection>>()>;
  // A resting time after which a connection is tested even without testOnActivate.
  static constexpr std::int64_t kPingAfterMillis = 3000;

  static std::shared_ptr<Pool> make(std::string name, PoolLimits limits, Factory factory,
                                    Clock& clock = systemClock());
  static std::shared_ptr<Pool> make(std::string name, PoolLimits limits,
                                    const ConnectionSettings& settings,
                                    Clock& clock = systemClock());
  // `schema` is selected on the connection when not empty.
  Result<Lease> borrow(const std::string& schema = {});
  // Closes what rested or lived too long; called every cleanerInterval.
  void clean();
  void close();
  PoolStats stats() const;
  const std::string& name() const { return name_; }

 private:
  friend class Lease;
  struct Resting {
    std::unique_ptr<Connection> connection;
    std::int64_t bornMillis = 0;
    std::int64_t sinceMillis = 0;
  };
  Pool(std::string name, PoolLimits limits, Factory factory, Clock& clock);
  void giveBack(std::unique_ptr<Connection> connection);
  bool tooOld(const Resting& resting, std::int64_t now) const;
  Status waitForRoom(std::unique_lock<std::mutex>& lock);
  Result<std::unique_ptr<Connection>> openNew();
  void loanFailed();

  const std::string name_;
  const PoolLimits limits_;
  const Factory factory_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::deque<Resting> idle_;  // most recently used at the back
  std::unordered_map<const Connection*, std::int64_t> born_;  // of the lent ones
  int active_ = 0;
  bool closed_ = false;
  PoolStats counters_;
};

}  // namespace ox::db

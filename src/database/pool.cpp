#include "database/pool.h"

#include <chrono>
#include <vector>

#include "base/log.h"

namespace ox::db {

std::shared_ptr<Pool> Pool::make(std::string name, PoolLimits limits, Factory factory,
                                 Clock& clock) {
  return std::shared_ptr<Pool>(
      new Pool(std::move(name), limits, std::move(factory), clock));
}

std::shared_ptr<Pool> Pool::make(std::string name, PoolLimits limits,
                                 const ConnectionSettings& settings, Clock& clock) {
  return make(std::move(name), limits, [settings] { return Connection::open(settings); }, clock);
}

Pool::Pool(std::string name, PoolLimits limits, Factory factory, Clock& clock)
    : name_(std::move(name)), limits_(limits), factory_(std::move(factory)), clock_(clock) {}

bool Pool::tooOld(const Resting& resting, std::int64_t now) const {
  if (limits_.maxIdleMillis > 0 && now - resting.sinceMillis > limits_.maxIdleMillis) return true;
  return limits_.maxLifeMillis > 0 && now - resting.bornMillis > limits_.maxLifeMillis;
}

Status Pool::waitForRoom(std::unique_lock<std::mutex>& lock) {
  const auto full = [this] { return limits_.maxActive > 0 && active_ >= limits_.maxActive; };
  if (closed_) return Error(Code::kShutdown, "connection pool " + name_ + " is closed");
  if (!full() || limits_.exhausted == Exhausted::kGrow) return {};
  if (limits_.exhausted == Exhausted::kBlock) {
    ++counters_.waited;
    freed_.wait_for(lock, std::chrono::milliseconds(limits_.maxWaitMillis),
                    [&] { return closed_ || !full(); });
    if (closed_) return Error(Code::kShutdown, "connection pool " + name_ + " is closed");
    if (!full()) return {};
  }
  ++counters_.exhausted;
  return Error(Code::kDbPoolExhausted,
               "pool " + name_ + ": all " + std::to_string(limits_.maxActive) +
                   " connections are in use" +
                   (limits_.exhausted == Exhausted::kBlock
                        ? ", none became free within " + std::to_string(limits_.maxWaitMillis) +
                              " ms"
                        : std::string()));
}

Result<Lease> Pool::borrow(const std::string& schema) {
  std::unique_ptr<Connection> connection;
  std::vector<Resting> dropped;  // closed outside the lock
  std::int64_t rested = 0;
  {
    std::unique_lock lock(mutex_);
    if (auto room = waitForRoom(lock); !room) return room.error();
    ++active_;
    const std::int64_t now = clock_.steadyMillis();
    while (!idle_.empty() && !connection) {
      Resting last = std::move(idle_.back());
      idle_.pop_back();
      if (tooOld(last, now)) {
        dropped.push_back(std::move(last));
        continue;
      }
      rested = now - last.sinceMillis;
      born_[last.connection.get()] = last.bornMillis;
      connection = std::move(last.connection);
    }
  }
  dropped.clear();
  if (connection && (limits_.testOnActivate || rested > kPingAfterMillis) && !connection->ping()) {
    std::deque<Resting> suspects;
    {
      std::lock_guard lock(mutex_);
      born_.erase(connection.get());
      suspects.swap(idle_);  // same server, same fate
    }
    connection.reset();
  }
  if (!connection) {
    auto opened = openNew();
    if (!opened) {
      loanFailed();
      return opened.error();
    }
    connection = std::move(*opened);
  }
  Lease lease(shared_from_this(), std::move(connection));
  if (!schema.empty())
    if (auto selected = lease->selectSchema(schema); !selected) return selected.error();
  return lease;
}

Result<std::unique_ptr<Connection>> Pool::openNew() {
  auto opened = factory_();
  if (opened) {
    std::lock_guard lock(mutex_);
    ++counters_.opened;
    born_[opened->get()] = clock_.steadyMillis();
  }
  return opened;
}

void Pool::loanFailed() {
  std::lock_guard lock(mutex_);
  --active_;
  freed_.notify_one();
}

void Pool::giveBack(std::unique_ptr<Connection> connection) {
  // Whoever borrows it next must not work inside a transaction of somebody else.
  if (!connection->broken() && connection->inTransaction()) {
    if (limits_.testOnDeactivate)
      log::warn("pool " + name_ + ": a connection came back inside a transaction; rolled back");
    connection->rollback();
  }
  std::deque<Resting> suspects;
  {
    std::lock_guard lock(mutex_);
    --active_;
    const std::int64_t now = clock_.steadyMillis();
    Resting resting{nullptr, now, now};
    if (auto found = born_.find(connection.get()); found != born_.end()) {
      resting.bornMillis = found->second;
      born_.erase(found);
    }
    const bool room = limits_.maxIdle < 0 || static_cast<int>(idle_.size()) < limits_.maxIdle;
    if (connection->broken()) {
      ++counters_.brokenReturned;
      suspects.swap(idle_);
    } else if (!closed_ && room && !tooOld(resting, now)) {
      resting.connection = std::move(connection);
      idle_.push_back(std::move(resting));
    }
    freed_.notify_one();
  }
}

void Pool::clean() {
  std::vector<Resting> dropped;
  std::deque<Resting> tested;
  {
    std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.steadyMillis();
    std::deque<Resting> kept;
    for (auto& resting : idle_) {
      if (tooOld(resting, now)) dropped.push_back(std::move(resting));
      else kept.push_back(std::move(resting));
    }
    idle_.swap(kept);
    if (limits_.testOnIdle) tested.swap(idle_);
  }
  if (tested.empty()) return;
  std::erase_if(tested, [](Resting& resting) { return !resting.connection->ping(); });
  std::lock_guard lock(mutex_);
  if (closed_) return;
  for (auto& resting : tested) idle_.push_front(std::move(resting));
}

void Pool::close() {
  std::deque<Resting> dropped;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(idle_);
  freed_.notify_all();
}

PoolStats Pool::stats() const {
  std::lock_guard lock(mutex_);
  PoolStats out = counters_;
  out.active = active_;
  out.idle = static_cast<int>(idle_.size());
  return out;
}

Lease::Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    giveBack();
    pool_ = std::move(other.pool_);
    connection_ = std::move(other.connection_);
    hook_ = std::move(other.hook_);
  }
  return *this;
}
Lease::~Lease() { giveBack(); }

void Lease::giveBack() noexcept {
  if (!connection_) return;
  if (hook_ && !connection_->broken()) hook_(*connection_);
  if (pool_) pool_->giveBack(std::move(connection_));
  connection_.reset();
}

}  // namespace ox::db

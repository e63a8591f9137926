// Updates that begin by themselves: the first use of a context whose schema has pending tasks.
//
// Purpose:   what the original does when it loads a context: with pending tasks and nobody running
//            them it starts them on this node and, if some are blocking, refuses the user with
//            CTX-0007; with denyImplicitUpdateOnContextLoad it starts nothing and refuses with
//            CTX-0013 where blocking tasks are pending. Background tasks refuse nobody.
// Limits:    at most maxPerDatabase runs per database host at a time: of this node by its threads, of
//            all nodes by `admit` (update_slots.h); who is not admitted asks again after
//            kAdmitPauseMillis. kMaxImplicitThreads in all, kMaxImplicitWaiting schemas waiting (each
//            once); a schema whose run ended with an error rests for kImplicitRestMillis, so that it
//            is not locked for ever by repetition.
// Threads:   onLoad() on any thread; runs on threads of its own. stop() forgets who waits and
//            joins the threads; the runner must have been told to stop before.
// source: the original's rules for loading a context (see docs/operating/updates.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "services/database.h"
#include "services/updates.h"

namespace ox::update {

inline constexpr int kMaxImplicitThreads = 16;
inline constexpr std::size_t kMaxImplicitWaiting = 20000;
inline constexpr std::int64_t kImplicitRestMillis = 600'000;
inline constexpr std::int64_t kAdmitPauseMillis = 1000;

// What is known of a schema when one of its contexts is loaded.
struct LoadView {
  bool blockingPending = false;
  bool backgroundPending = false;
  bool running = false;  // somebody holds one of the locks
};
enum class LoadAction : std::uint8_t { kNothing, kStart, kStartAndRefuse, kDeny };
// Pure: the rule.
LoadAction loadAction(const LoadView& view, bool deny);

class ImplicitUpdates {
 public:
  using Run = std::function<Result<services::UpdateReport>(const services::SchemaRef&)>;
  // Nothing = no room on that database host now; else what holds the place during the run. Without
  // an Admit only this node's own limit counts.
  using Admit = std::function<std::optional<std::shared_ptr<void>>(std::int32_t poolId, int limit)>;
  explicit ImplicitUpdates(Run run, Clock& clock = systemClock(), Admit admit = {})
      : run_(std::move(run)), admit_(std::move(admit)), clock_(clock) {}
  ~ImplicitUpdates() { stop(); }

  // Asks for a run of this schema; false when it rests after an error or the queue is full.
  bool start(const services::SchemaRef& schema, int maxPerDatabase);
  void stop();
  struct Figures {
    std::size_t waiting = 0;
    int running = 0;
    std::uint64_t started = 0;
  };
  Figures figures() const;

 private:
  struct Worker {
    std::thread thread;
    bool ended = false;
  };
  void work(std::int32_t poolId, Worker& self);
  void reap(std::unique_lock<std::mutex>& lock);

  const Run run_;
  const Admit admit_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  int limit_ = 1;  // as the last caller said
  std::map<std::int32_t, std::deque<services::SchemaRef>> waiting_;  // by database
  std::map<std::int32_t, int> active_;
  std::set<services::SchemaRef> known_;  // waiting or running
  std::set<services::SchemaRef> told_;   // of those, who was not admitted and has been told so
  std::map<services::SchemaRef, std::int64_t> resting_;  // until, steady ms
  std::list<Worker> workers_;
  std::uint64_t started_ = 0;
};

}  // namespace ox::update

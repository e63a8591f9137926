// The work of one job on the node that owns it.
//
// Purpose:   for each database host `parallel` workers take one schema after the other, look at the
//            throttle, run its tasks and write down how it ended.
// Threads:   the workers; wish(), stop(), ended() from the keeper. Destroying joins the workers.
// Ending:    done when no schema is left; stopped by the window's end or (stopOnError) the first
//            failure; aborted kills running statements. A schema that was not finished is pending
//            again, so that the job can be resumed. A node that stops leaves the job running for
//            the next one.
// Limits:    kMaxJobThreads workers; a locked or busy schema is tried kBusyTries times,
//            kBusyPauseMillis apart (longer than the lock of a dead node lives).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "job_store.h"
#include "run_control.h"
#include "services/updates.h"
#include "throttle.h"

namespace ox::update {

inline constexpr std::size_t kMaxJobThreads = 256;
inline constexpr int kBusyTries = 30;
inline constexpr std::int64_t kBusyPauseMillis = 5000;
inline constexpr std::int64_t kThrottlePauseMillis = 500;

struct JobWork {
  std::function<Result<services::UpdateReport>(const services::SchemaRef&, const std::string& task,
                                               std::shared_ptr<RunControl>)> run;
  std::function<void(const services::SchemaRef&)> kill;  // ends the statement that runs now
  // Called when a job begins here. What it returns waits (bounded) for an older cluster to be told of
  // everything since, and says what it was not told of. May be empty.
  std::function<std::function<std::vector<std::string>()>()> watchBridges = {};
  std::function<void()> ended = {};  // by the last worker: ended() is true from now. May be empty.
};

class JobRun {
 public:
  JobRun(JobStore& store, services::DatabaseService& database, JobWork work, Job job,
         const std::vector<JobSchema>& schemas, Clock& clock = systemClock());
  ~JobRun();
  JobRun(const JobRun&) = delete;
  JobRun& operator=(const JobRun&) = delete;

  const Job& job() const { return job_; }
  // run, pause or abort; repeated calls of abort kill what has begun meanwhile.
  void wish(const std::string& word);
  // The job belongs to somebody else, or the node stops: no further schema is begun.
  void stop();
  bool ended() const;
  // How the job ended, once ended(): done, stopped, aborted, or running (stop() was called).
  std::string finalState() const;
  std::string note() const;  // why it waits, or why it ended

 private:
  struct Item {
    services::SchemaRef schema;
    int tries = 0;
    std::int64_t notBefore = 0;  // steady ms
  };
  void worker(std::int32_t poolId);
  // Takes the next schema of the host; false = nothing left or the job ends.
  bool next(std::int32_t poolId, Item& item);
  void process(Item item);
  void putBack(Item item, bool later);
  void endWith(const std::string& state, const std::string& why);
  void setNote(const std::string& note);
  void noteUndelivered();

  JobStore& store_;
  const JobWork work_;
  const Job job_;
  Clock& clock_;
  Throttle throttle_;
  std::function<std::vector<std::string>()> undelivered_;  // empty = no bridge
  std::shared_ptr<RunControl> control_ = std::make_shared<RunControl>();
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::int32_t, std::deque<Item>> waiting_;
  std::map<services::SchemaRef, int> running_;
  std::string endState_;  // empty = goes on
  std::string note_;
  bool stopping_ = false;
  std::size_t active_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace ox::update

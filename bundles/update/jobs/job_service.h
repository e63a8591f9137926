// The jobs of a node: orders new ones, keeps its own, takes over what a lost node left.
//
// Purpose:   every kJobPollMillis (kOwnJobPollMillis while jobs run here) the keeper refreshes its jobs,
//            carries wishes out, ends what is finished, and takes running jobs without an owner.
// Threads:   one keeper; the calls from any thread. stop() lets the jobs go and joins.
// Limits:    kMaxOwnJobs jobs at a time on one node, the others wait for an owner.
// Errors:    see job_store.h.
#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "job_run.h"
#include "job_store.h"

namespace ox::update {

inline constexpr std::int64_t kJobPollMillis = 3000;
inline constexpr std::int64_t kOwnJobPollMillis = 1000;
inline constexpr std::size_t kMaxOwnJobs = 4;

class JobService {
 public:
  JobService(std::shared_ptr<services::DatabaseService> database, JobWork work, std::string node,
             Clock& clock = systemClock());
  ~JobService() { stop(); }

  Result<std::string> start(const JobSettings& settings,
                            const std::vector<services::SchemaRef>& schemas);
  Status control(const std::string& id, const std::string& wish);  // run, pause, abort
  Status resume(const std::string& id, bool failedToo, std::int64_t until);
  JobStore& store() { return store_; }
  std::size_t ownJobs() const;
  void stop();

 private:
  JobWork nudging(JobWork work);
  void nudge();  // the keeper looks now
  void keep();
  void takeOrphans();
  void look(JobRun& run, bool& gone);

  const std::shared_ptr<services::DatabaseService> database_;
  const JobWork work_;
  const std::string owner_;
  Clock& clock_;
  JobStore store_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool nudged_ = false;
  std::list<std::unique_ptr<JobRun>> runs_;  // of the keeper; the mutex guards only its size
  std::size_t count_ = 0;
  std::string lastProblem_;
  std::thread keeper_;  // last
};

}  // namespace ox::update

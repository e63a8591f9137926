// The tables of jobs in configdb.
//
// Format:    updateJob: settings (JSON), state running|done|stopped|aborted, wish run|pause|abort,
//            owner, fence, expires (0 = nobody), note (why it waits or ended), creator, times.
//            updateJobSchema: one row per schema: state pending|running|done|failed, times, tasks,
//            text. Times are ms since 1970 of configdb's clock.
// Rule:      an owner changes rows only while its fence is the job's; 0 changed rows = superseded.
// Threads:   any; each call borrows a connection of its own.
// Errors:    UPD-0007/0008 of configdb, RUN-0003 no such job, UPD-0028 superseded.
// Limits:    kMaxJobSchemas schemas per job, ended jobs are kept kKeepJobMillis.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "services/database.h"

namespace ox::update {

inline constexpr std::size_t kMaxJobSchemas = 100000;
inline constexpr std::int64_t kKeepJobMillis = 30LL * 24 * 3600 * 1000;
inline constexpr std::int64_t kJobLifeMillis = 10000;  // an owner without a sign of life this long
inline constexpr std::size_t kJobTextBytes = 2000;

struct JobSettings {
  int parallel = 1;                 // schemas at a time per database host
  bool stopOnError = false;
  std::int64_t maxLagSeconds = -1;  // of replicas; -1 = not looked at
  std::int64_t maxRunning = -1;     // Threads_running of the master; -1 = not looked at
  std::int64_t until = 0;           // ms since 1970 of the owner's clock; 0 = no end
  std::string task;                 // forced task; empty = what is pending
  bool retryFailed = false;         // tasks that failed before are pending, too
  std::string text() const;         // as JSON
  static JobSettings parse(const std::string& text);  // what is missing or odd = default
};

struct Job {
  std::string id;
  JobSettings settings;
  std::string state, wish, creator, owner, note;
  std::int64_t fence = 0, created = 0, finished = 0, now = 0;
};

struct JobSchema {
  services::SchemaRef schema;
  std::string state, text;
  std::int64_t started = 0, ended = 0, tasks = 0;
};

// What a worker knows about one schema after it dealt with it.
struct SchemaResult {
  std::string state;
  std::int64_t tasks = 0;
  std::string text;
};

class JobStore {
 public:
  explicit JobStore(services::DatabaseService& database) : database_(database) {}

  Result<std::string> create(const JobSettings& settings, const std::string& creator,
                             const std::vector<services::SchemaRef>& schemas);
  Result<Job> job(const std::string& id);
  Result<std::vector<Job>> jobs(std::size_t limit);  // newest first
  Result<std::vector<JobSchema>> schemas(const std::string& id);
  // Running jobs that nobody owns or whose owner is silent.
  Result<std::vector<std::string>> orphans();
  // Nothing when somebody else was faster.
  Result<std::optional<Job>> take(const std::string& id, const std::string& owner);
  // A sign of life; the wish. UPD-0028 once superseded.
  Result<std::string> refresh(const Job& job, const std::string& note);
  Status setSchema(const Job& job, const services::SchemaRef& schema, const SchemaResult& result);
  Status finish(const Job& job, const std::string& state, const std::string& note);
  // The owner lets go; the job stays running, the next node takes it at once.
  Status letGo(const Job& job);
  Status setWish(const std::string& id, const std::string& wish);
  // A stopped or aborted job runs again, with what is pending or (again) failed.
  Status reopen(const std::string& id, bool failedToo, std::int64_t until);

 private:
  Result<db::Lease> connection();
  Status ensure(db::Connection& connection);
  services::DatabaseService& database_;
};

}  // namespace ox::update

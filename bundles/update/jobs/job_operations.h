// Operations on jobs (access: master administrator), JSON objects:
//   UpdateTaskService/runAllUpdate {"parallel": 2, "only": [pattern], "skip": [pattern], "error": bool,
//        "maxLag": s, "maxRunning": n, "until": "HH:MM", "task": name}   -> {"job": id, "schemas": n}
//   UpdateTaskService/jobStatus    {"job": id, "since": ms}  -> state, per host figures with ETA,
//        what runs, what ended after `since` (at most kMaxEventsShown), what failed
//   UpdateTaskService/jobControl   {"job": id, "wish": "pause|continue|abort|resume|retry",
//        "until": "HH:MM"}         -> {}
//   UpdateTaskService/jobs         {} -> [{job, state, ...}] newest first
// Patterns are those of a shell (*, ?, [..]) on schema names.
// Any node answers for any job: everything stands in configdb.
#pragma once

#include <memory>
#include <vector>

#include "job_service.h"
#include "management/management.h"
#include "service.h"

namespace ox::update {

inline constexpr std::size_t kMaxEventsShown = 1000;
inline constexpr std::size_t kMaxPatterns = 10000;

// Pure: milliseconds until a host is through, -1 = not known yet.
std::int64_t etaMillis(std::int64_t ended, std::int64_t sumMillis, std::int64_t left, int parallel);

void addJobOperations(management::Management& management,
                      const std::shared_ptr<UpdateServiceImpl>& service,
                      const std::shared_ptr<JobService>& jobs,
                      std::vector<management::Registration>& registrations);

}  // namespace ox::update

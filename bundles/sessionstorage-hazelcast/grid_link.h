// GridLink: connects SessionRecords to the grid: word to and from the other members, marks of endings,
// and "look again" after every change of the members.
//
// Purpose:   notices travel as quick tasks (answered even while all workers wait); the listener on the
//            marks is registered as soon as the grid has joined; when members have come nodes look at
//            their sessions at once and again when all copies are made (merged halves are united then).
// Threads:   one of its own, which may wait for the grid. stop() ends it.
// Bounds:    kNoticeMillis per notice; the grid is asked again each kRetryMillis.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "services/grid_structures.h"
#include "session_records.h"

namespace ox::sessionstorage {

inline constexpr const char* kNoticeTask = "ox.session-notice";
inline constexpr std::int64_t kNoticeMillis = 2'000;
inline constexpr std::int64_t kRetryMillis = 1'000;

// The wire on the grid's executor.
class ExecutorWire final : public SessionWire {
 public:
  ExecutorWire(std::shared_ptr<services::Grid> grid,
               std::shared_ptr<services::GridExecutor> executor)
      : grid_(std::move(grid)), executor_(std::move(executor)) {}
  void notifyOthers(Bytes notice, services::Completion<services::NoticeAnswers> done) override;

 private:
  const std::shared_ptr<services::Grid> grid_;
  const std::shared_ptr<services::GridExecutor> executor_;
};

class GridLink {
 public:
  GridLink(std::shared_ptr<services::Grid> grid, std::shared_ptr<services::GridMap> endings,
           std::shared_ptr<SessionRecords> records);
  ~GridLink();
  Status start(services::GridExecutor& executor);
  void stop();

 private:
  void run();

  const std::shared_ptr<services::Grid> grid_;
  const std::shared_ptr<services::GridMap> endings_;
  const std::shared_ptr<SessionRecords> records_;
  std::unique_ptr<services::Subscription> task_, members_, listener_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool changed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ox::sessionstorage

#include "grid_link.h"

#include <chrono>

#include "base/log.h"

namespace ox::sessionstorage {

using services::NoticeAnswers;
using services::TaskAnswer;

namespace {

std::string ownUuid(const services::Grid& grid) {
  const services::GridState state = grid.state();
  for (const auto& member : state.members)
    if (member.local) return member.uuid;
  return {};
}

}  // namespace

void ExecutorWire::notifyOthers(Bytes notice, services::Completion<NoticeAnswers> done) {
  executor_->submitToAll(
      kNoticeTask, std::move(notice), kNoticeMillis,
      [done = std::move(done)](Result<std::vector<TaskAnswer>> answers) {
        if (!answers) return done(answers.error());
        NoticeAnswers out;
        for (TaskAnswer& one : *answers) {
          if (one.result.ok()) out.answers.push_back(std::move(*one.result));
          // Who has gone, or keeps no sessions, holds no copy.
          else if (one.result.error().code != Code::kGridMemberLost &&
                   one.result.error().code != Code::kGridUnknownTask)
            ++out.silent;
        }
        done(std::move(out));
      },
      ownUuid(*grid_));
}

GridLink::GridLink(std::shared_ptr<services::Grid> grid, std::shared_ptr<services::GridMap> endings,
                   std::shared_ptr<SessionRecords> records)
    : grid_(std::move(grid)), endings_(std::move(endings)), records_(std::move(records)) {}

GridLink::~GridLink() { stop(); }

Status GridLink::start(services::GridExecutor& executor) {
  auto task = executor.registerQuickTask(
      kNoticeTask, [records = records_](BytesView notice, const services::TaskCancelled&) {
        return records->noticed(notice);
      });
  if (!task) return task.error();
  task_ = std::move(*task);
  members_ = grid_->onMembershipChange([this](const services::GridState&) {
    std::lock_guard lock(mutex_);
    changed_ = true;
    wake_.notify_all();
  });
  thread_ = std::thread([this] {
    log::setThreadName("session-grid");
    run();
  });
  return {};
}

void GridLink::run() {
  bool unsettled = false;
  bool complained = false;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool changed = std::exchange(changed_, false);
    lock.unlock();
    const services::GridState state = grid_->state();
    if (!listener_ && state.joined) {
      auto listener = endings_->addEntryListener(
          [records = records_](const services::EntryEvent& event) { records->endingHeard(event); });
      if (listener) {
        listener_ = std::move(*listener);
        records_->merged();  // what ended before is looked up
      } else if (!std::exchange(complained, true)) {
        log::warn("logouts of other nodes are not heard yet: " + listener.error().toString());
      }
    }
    std::set<std::string> uuids;
    for (const auto& member : state.members) uuids.insert(member.uuid);
    if (changed && state.joined && records_->membersAre(std::move(uuids))) {
      unsettled = true;
    } else if (unsettled && state.safe) {
      records_->merged();
      unsettled = false;
    }
    lock.lock();
    wake_.wait_for(lock, std::chrono::milliseconds(kRetryMillis),
                   [this] { return stopping_ || changed_; });
  }
}

void GridLink::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  members_.reset();
  listener_.reset();
  task_.reset();
}

}  // namespace ox::sessionstorage

// EngineStructures: what callers see of ring buffers, reliable topics and the member executor.
//
// Threads:   every method from any thread; listeners run on lane threads.
// Ownership: by the engine; proxies hold the engine's inside weakly.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine.h"
#include "structures/registry.h"
#include "structures/task_runner.h"

namespace ox::grid {

inline constexpr std::int64_t kTopicWaitMillis = 5000;    // of one read; then it is asked again
inline constexpr std::int64_t kTopicRetryMillis = 50;     // after an error

class Lane;

class EngineStructures {
 public:
  explicit EngineStructures(const std::shared_ptr<Engine::Impl>& engine);
  // Before the lane starts.
  void prepare(const std::shared_ptr<Lane>& lane) const;
  void close() { runner_->close(); }

  std::shared_ptr<services::GridRingbuffer> ringbuffer(const std::string& name);
  std::shared_ptr<services::GridReliableTopic> reliableTopic(const std::string& name);
  std::shared_ptr<services::GridExecutor> executor() const { return executor_; }

 private:
  const std::weak_ptr<Engine::Impl> engine_;
  std::shared_ptr<const ContainerRegistry> registry_;
  const std::shared_ptr<TaskRunner> runner_;
  std::shared_ptr<services::GridExecutor> executor_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<services::GridRingbuffer>> rings_;
  std::map<std::string, std::shared_ptr<services::GridReliableTopic>> topics_;
};

}  // namespace ox::grid

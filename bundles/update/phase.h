// Phase: one locked pass over a schema, blocking or background. Used by Runner only.
//
// Threads:   run() on the caller's thread; the lease is refreshed by a LeaseKeeper.
// Contract:  when run() returns the lease is given back (or was lost) and the contexts of the
//            schema are invalidated, whatever happened.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "master.h"
#include "runner.h"

namespace ox::update {

struct PhaseInput {
  services::SchemaRef schema;
  Concurrency kind = Concurrency::kBlocking;
  const TaskSet& tasks;
  const Exclusions& exclusions;
  const RunnerSettings& settings;
  std::string runId;
  // What the phase before worked on, with the tables there; given on by one that ended well.
  std::optional<db::Lease>& working;
};

class Phase {
 public:
  Phase(Runner& runner, const PhaseInput& input) : runner_(runner), in_(input) {}
  Status run(services::UpdateReport& report);

 private:
  Status take();
  Status work(services::UpdateReport& report);
  Status endPredecessorOfLease();
  Result<std::vector<TaskPtr>> plan(const Executed& executed) const;
  Status mayBegin(const services::UpdateTask& task);
  Status runTask(services::UpdateTask& task, Executed& executed, services::UpdateReport& report);
  // Performs the task, again after an outage of the master; `row` = the last start recorded.
  Result<Status> attempt(services::UpdateTask& task, const Executed& executed, std::uint64_t& row);
  Status perform(services::UpdateTask& task);
  DdlSettings ddl(const services::UpdateTask& task);
  bool overtaken();
  void at(const char* point) const { if (in_.settings.probe) in_.settings.probe(point); }
  MasterPolicy policy() const;
  Status beat();
  Status writeEnd(const std::string& task, std::uint64_t runRow, const Status& result, bool isNew);
  Status openConnection();
  bool adopt();
  // `keep`: the connection may serve the next phase, unless the lease could not be given back.
  void giveBack(bool keep);

  Runner& runner_;
  const PhaseInput& in_;
  std::optional<db::Lease> connection_;
  bool sessionKept_ = true;  // by all tasks so far
  std::unique_ptr<SchemaLease> lease_;
};

}  // namespace ox::update

// A task that brings parts of tables to their declared form (table_form.h).
//
// Purpose:   first the steps that make the rows fit (each looks by itself what is left to do), then
//            per table: NULLs that the form forbids are filled, one ALTER TABLE does the rest.
// Repeated:  whatever is in the declared form already is left alone, so a crash in the middle is
//            healed by a new run. A table that this installation does not have is skipped.
// Errors:    UPD-0007/0008, RUN-0005 a table stayed in use, UPD-0028 when superseded.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/updates.h"
#include "table_form.h"

namespace ox::update {

struct TaskFacts {
  std::string name;
  std::string description;
  std::vector<std::string> dependencies;
  services::Concurrency concurrency = services::Concurrency::kBlocking;
};

// Looks at the schema, changes rows, and says so in the log only when it changed something.
using TaskStep = std::function<Status(services::UpdateContext&)>;

class FormTask final : public services::UpdateTask {
 public:
  FormTask(TaskFacts facts, std::vector<FormPart> parts, std::vector<TaskStep> before = {})
      : facts_(std::move(facts)), parts_(std::move(parts)), before_(std::move(before)) {}
  const std::string& name() const override { return facts_.name; }
  std::string description() const override { return facts_.description; }
  std::vector<std::string> dependencies() const override { return facts_.dependencies; }
  services::Concurrency concurrency() const override { return facts_.concurrency; }
  Status perform(services::UpdateContext& context) override;
  // The statements on rows that fill NULLs, and those on tables; not what the steps do.
  Result<std::vector<std::string>> preview(services::UpdateContext& context) override;

 private:
  Status shape(services::UpdateContext& context, const FormPart& part) const;
  const TaskFacts facts_;
  const std::vector<FormPart> parts_;
  const std::vector<TaskStep> before_;
};

}  // namespace ox::update

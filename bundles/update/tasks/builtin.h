// The tasks that this bundle brings itself.
// source: class names, tables and index forms of the original's tasks of the same names.
#pragma once

#include <memory>
#include <vector>

#include "services/updates.h"

namespace ox::update {

class BuiltinTasks final : public services::UpdateTaskProvider {
 public:
  std::vector<std::shared_ptr<services::UpdateTask>> tasks() override;
};

}  // namespace ox::update

// Adds an index that is missing.
//
// Purpose:   a background task: the server builds the index while the table stays writable where
//            it can (ddl.h chooses).
// Repeated:  any index that begins with the same columns counts as the wanted one.
// Errors:    UPD-0025 a column is missing, UPD-0007/0008.
#pragma once

#include <string>
#include <vector>

#include "services/updates.h"
#include "table_info.h"

namespace ox::update {

struct IndexWanted {
  std::string table;
  std::string index;
  std::vector<IndexPart> parts;
};

class IndexTask final : public services::UpdateTask {
 public:
  IndexTask(std::string name, IndexWanted wanted, std::vector<std::string> dependencies = {})
      : name_(std::move(name)), wanted_(std::move(wanted)),
        dependencies_(std::move(dependencies)) {}
  const std::string& name() const override { return name_; }
  std::vector<std::string> dependencies() const override { return dependencies_; }
  services::Concurrency concurrency() const override { return services::Concurrency::kBackground; }
  std::string description() const override {
    return "adds index " + wanted_.index + " to table " + wanted_.table;
  }
  Status perform(services::UpdateContext& context) override;
  Result<std::vector<std::string>> preview(services::UpdateContext& context) override;

 private:
  // Empty = nothing to do.
  Result<std::string> statement(services::UpdateContext& context) const;
  std::string name_;
  IndexWanted wanted_;
  std::vector<std::string> dependencies_;
};

// Pure: does the table have it (columns and prefixes from the left)?
bool hasIndex(const TableInfo& table, const IndexWanted& wanted);

}  // namespace ox::update

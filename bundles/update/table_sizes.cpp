#include "table_sizes.h"

#include <algorithm>

namespace ox::update {

void TableSizes::announce(const std::vector<std::string>& statements) {
  announced_.clear();
  known_.clear();
  next_ = 0;
  for (const std::string& statement : statements) {
    const auto target = ddlTarget(statement);
    announced_.push_back({statement, target ? target->table : std::string()});
  }
}

void TableSizes::begins(const std::string& statement) {
  if (next_ < announced_.size() && announced_[next_].statement == statement) {
    if (announced_[next_++].table.empty()) known_.clear();
    return;
  }
  announced_.clear();  // not what was told
  known_.clear();
  next_ = 0;
}

std::vector<std::string> TableSizes::question(const std::string& table) const {
  std::vector<std::string> out{table};
  for (std::size_t i = next_; i < announced_.size() && out.size() < kMaxSizesAtOnce; ++i) {
    if (announced_[i].table.empty()) break;
    if (std::find(out.begin(), out.end(), announced_[i].table) != out.end()) break;
    out.push_back(announced_[i].table);
  }
  return out;
}

Result<std::optional<TableSize>> TableSizes::of(db::Connection& connection,
                                                const std::string& table) {
  if (const auto found = known_.find(table); found != known_.end()) {
    const auto size = found->second;
    known_.erase(found);
    return size;
  }
  const std::vector<std::string> tables = question(table);
  auto sizes = tableSizes(connection, tables);
  if (!sizes) return sizes.error();
  known_.clear();
  for (std::size_t i = 1; i < tables.size(); ++i) known_[tables[i]] = (*sizes)[i];
  return sizes->front();
}

}  // namespace ox::update

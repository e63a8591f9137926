// The bench's table and its JSON.
//
// Threads: one. A row is met only when its figure keeps the goal and its yardstick is the one that
// this kind of machine is known for; else `error` says why the figure is none.
#pragma once

#include <string>
#include <vector>

namespace ox::bench {

struct Row {
  std::string name;       // case
  std::string placement;  // which thread or process runs on which processor
  std::string unit;
  double value = 0, p50 = 0, p99 = 0;  // p50, p99: 0 = has none
  std::string reference;  // yardstick measured in the same run
  double referenceValue = 0;
  double ratio = 0;       // value / reference_value (or the other way round for rates of bytes)
  std::string goal;
  bool met = false;
  std::string error;      // not a result, and why
  std::string note;       // further figures of the same measurement
};

class Report {
 public:
  void add(Row row);       // prints it, too
  std::size_t rows() const { return rows_.size(); }
  std::size_t notMet() const;
  void print() const;
  // False when the file cannot be written.
  bool write(const std::string& file) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace ox::bench

// What tools print: tables, CSV and the success line (source of the rules: the original's basic
// command line class, its update task tools).
//
// Table: header and rows, one space between columns, width = longest cell or `width`; a cell too
//        long
// for a fixed width is cut and ends with '~'; padding at the line's end stays. CSV: bare header,
// every value in double quotes, nothing between the commas for an absent one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ox::tool {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string name;
  Align align = Align::kLeft;
  int width = 0;  // 0 = as wide as needed
};
using Cell = std::optional<std::string>;  // nullopt = the original's null

class Table {
 public:
  explicit Table(std::vector<Column> columns);
  void add(std::vector<Cell> row);  // exactly one cell per column
  bool empty() const { return rows_.empty(); }
  void sortBy(std::size_t column);  // stable, by text
  std::string text() const;
  std::string csv() const;
  void print(bool asCsv) const;
  // The update tools' way: left-aligned table, or "No entries found.".
  void printOrNothingFound() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "context 7 created", "user 3 in context 7 changed"
std::string successLine(const std::string& object, const std::string& id,
                        const std::optional<std::int64_t>& contextId, const std::string& verb);
// "context 7 could not be created: "
std::string failureLine(const std::string& object, const std::string& id,
                        const std::optional<std::int64_t>& contextId, const std::string& verb);

}  // namespace ox::tool

// --csv-import of a creating tool: one call of the tool for each row of a file.
//
// Format:   the first line names columns, each a long option of the tool without its dashes
//           (username,displayname,...); every further line is one object. Values as CSV: in double
//           quotes where they hold a comma, a quote (doubled) or a line end; an empty value = the
//           option is not given. What is on the command line holds for all rows, a row's value wins.
// Output:   what the tool prints for each row; at the end a line with the sum on standard error.
// Exit:     0 when all rows were taken; else the code of the first row that was not. A file that
//           cannot be read or has a mistake is refused before the first row: 114.
// Limits:   kMaxCsvBytes, kMaxCsvColumns; rows without a limit of their own.
// Source:   the option of that name of the original's createuser and createcontext.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tool.h"

namespace ox::tool {

inline constexpr std::size_t kMaxCsvBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxCsvColumns = 100;

struct CsvFile {
  std::vector<std::string> columns;
  struct Line {
    int number = 0;  // where it begins
    std::vector<std::string> values;  // as many as columns
  };
  std::vector<Line> lines;
};
// RUN-0004 with the line and what is allowed.
Result<CsvFile> parseCsv(std::string_view text);

// Nothing when the call has no --csv-import. `columns`: long names that may be columns.
std::optional<int> csvImport(const Invocation& call, Run run,
                             const std::vector<std::string>& columns);

}  // namespace ox::tool

// Files of --csv-import: whatever the bytes are, they are rows as wide as the first line or one error
// with its line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "csv_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed =
      ox::tool::parseCsv(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed) {
    if (parsed.error().message.rfind("line ", 0) != 0) std::abort();
    return 0;
  }
  int before = 0;
  if (parsed->columns.empty() || parsed->columns.size() > ox::tool::kMaxCsvColumns) std::abort();
  for (const auto& line : parsed->lines) {
    if (line.values.size() != parsed->columns.size() || line.number <= before) std::abort();
    before = line.number;
  }
  return 0;
}

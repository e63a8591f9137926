// The .properties parser and the readers of single values: configuration files come from operators
// and templates, and must end in a message, never in a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "config/address_pattern.h"
#include "config/host_list.h"
#include "config/properties.h"
#include "config/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = ox::config::parseProperties(text);
  for (const auto& entry : parsed.entries) {
    if (entry.key.empty() || entry.line < 1) std::abort();
    // What was read can be written and read again.
    const auto again = ox::config::parseProperties("k=" + ox::config::escapeValue(entry.value));
    if (again.entries.size() != 1 || again.entries[0].value != entry.value) std::abort();
    (void)ox::config::parseInt(entry.value);
    (void)ox::config::parseMillis(entry.value);
    (void)ox::config::parseHostList(ox::config::parseList(entry.value));
    const auto pattern = ox::config::AddressPattern::parse(entry.value);
    if (pattern) (void)pattern->matches(entry.key);
  }
  return 0;
}

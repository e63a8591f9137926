// JDBC URLs, driver parameters and dbconnector.yaml: URLs come from rows that anybody with access to
// configdb may write. What is accepted must be safe to put into the statement of a new session.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "config/yaml.h"
#include "database/connection.h"

namespace {

void check(const ox::db::ConnectionSettings& settings) {
  for (const auto& [name, value] : settings.sessionVariables) {
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
      std::abort();
    if (value.find('\\') != std::string::npos) std::abort();
    const bool quoted = value.size() >= 2 && value.front() == '\'' && value.back() == '\'';
    const bool number = value.find_first_not_of("0123456789.") == std::string::npos;
    if (!quoted && !number) std::abort();
    if (quoted && value.substr(1, value.size() - 2).find('\'') != std::string::npos) std::abort();
  }
  if (settings.timeZone.find_first_of("'\\") != std::string::npos) std::abort();
  if (settings.collation.find_first_of("'\\") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto settings = ox::db::parseJdbcUrl(text)) check(*settings);
  ox::db::ConnectionSettings settings;
  const auto read = ox::config::parseYamlSection(text, "com.mysql.jdbc");
  for (const auto& one : read.entries)
    (void)ox::db::applyDriverParameter(settings, one.key, one.value);
  if (const auto equals = text.find('='); equals != std::string_view::npos)
    (void)ox::db::applyDriverParameter(settings, std::string(text.substr(0, equals)),
                                       std::string(text.substr(equals + 1)));
  check(settings);
  return 0;
}

// Source of the form: the original's configdb.properties and db_pool.url, MySQL Connector/J.
#include <charconv>
#include <cctype>

#include "database/connection.h"
#include "database/statement.h"

namespace ox::db {
namespace {

constexpr std::size_t kMaxUrl = 2048;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Error bad(const std::string& what) {
  return Error(Code::kDbUrl,
               what + "; expected jdbc:mysql://HOST[:PORT]/[SCHEMA][?NAME=VALUE&...]");
}

Result<std::uint16_t> parsePort(std::string_view text) {
  unsigned port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535)
    return bad("port '" + std::string(text.substr(0, 16)) + "' is not a number of 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

// %XX as in a URL.
std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
            text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Result<ConnectionSettings> parseJdbcUrl(std::string_view url, const ConnectionSettings& base) {
  if (url.size() > kMaxUrl) return bad("URL is longer than 2048 characters");
  ConnectionSettings settings = base;
  settings.host.clear();
  settings.port = ConnectionSettings().port;
  settings.schema.clear();
  const std::string head = lower(url.substr(0, 13));
  std::size_t at = 0;
  if (head.starts_with("jdbc:mysql://")) at = 13;
  else if (lower(url.substr(0, 15)).starts_with("jdbc:mariadb://")) at = 15;
  else return bad("URL does not start with jdbc:mysql://");
  std::string_view rest = url.substr(at);

  std::string_view parameters;
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    parameters = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  std::string_view schema;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    schema = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
  }
  // Connector/J allows a list of hosts for fail-over; the first is the primary.
  if (const auto comma = rest.find(','); comma != std::string_view::npos)
    rest = rest.substr(0, comma);
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return bad("']' of the IPv6 address is missing");
    settings.host = std::string(rest.substr(1, close - 1));
    const auto after = rest.substr(close + 1);
    if (!after.empty() && after.front() != ':') return bad("text after ']' is no port");
    if (!after.empty()) port = after.substr(1);
    if (!after.empty() && port.empty()) return bad("port is empty");
  } else {
    const auto colon = rest.find(':');
    settings.host = std::string(rest.substr(0, colon));
    if (colon != std::string_view::npos) {
      port = rest.substr(colon + 1);
      if (port.empty()) return bad("port is empty");
    }
  }
  if (settings.host.empty()) settings.host = "localhost";
  for (const char c : settings.host)
    if (static_cast<unsigned char>(c) <= ' ' || c == '@' || c == '\\')
      return bad("host contains a character that is not allowed");
  if (!port.empty()) {
    auto number = parsePort(port);
    if (!number) return number.error();
    settings.port = *number;
  }
  if (!schema.empty() && !isSchemaName(schema))
    return bad("schema name contains a character that is not allowed");
  settings.schema = std::string(schema);

  while (!parameters.empty()) {
    const auto end = parameters.find('&');
    std::string_view one = parameters.substr(0, end);
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    const auto equals = one.find('=');
    if (one.empty() || equals == std::string_view::npos) continue;
    if (auto applied = applyDriverParameter(settings, decode(one.substr(0, equals)),
                                            decode(one.substr(equals + 1)));
        !applied)
      return applied.error();
  }
  return settings;
}

}  // namespace ox::db

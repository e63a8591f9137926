// Parameters of the Java driver as far as they mean something here. Source: the documentation of
// MySQL Connector/J and of MariaDB Connector/J, the original's configdb.properties and
// dbconnector.yaml.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "database/connection.h"

namespace ox::db {
namespace {

constexpr std::int64_t kMaxTimeoutMillis = 24LL * 3600 * 1000;
constexpr std::size_t kMaxValueBytes = 1024;
constexpr std::size_t kMaxSessionVariables = 32;
// What this layer needs to be as it sets it.
constexpr const char* kOurs[] = {"autocommit", "sql_mode", "names", "character_set_client",
                                 "character_set_connection", "character_set_results"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool consistsOf(const std::string& text, const char* more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(more).find(c) != std::string_view::npos;
  });
}

Error bad(const std::string& name, const std::string& allowed) {
  return Error(Code::kDbUrl, "parameter " + name + " must be " + allowed);
}

Status setTimeout(int& target, const std::string& name, const std::string& value) {
  std::int64_t millis = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), millis);
  if (problem != std::errc() || end != value.data() + value.size() || millis < 0 ||
      millis > kMaxTimeoutMillis)
    return bad(name, "milliseconds from 0 to 86400000");
  target = static_cast<int>(millis);
  return {};
}

Status setBool(bool& target, const std::string& name, const std::string& value) {
  const std::string low = lower(value);
  if (low != "true" && low != "false") return bad(name, "true or false");
  target = low == "true";
  return {};
}

// A name of the zone tables, "UTC", "+02:00"; LOCAL and SERVER leave the server's own.
Status setTimeZone(ConnectionSettings& settings, const std::string& name,
                   const std::string& value) {
  const std::string low = lower(value);
  if (low == "utc" || low == "gmt" || low == "z" || low == "etc/utc") settings.timeZone = "+00:00";
  else if (low == "local" || low == "server") settings.timeZone.clear();
  else if (value.size() <= 64 && consistsOf(value, "+-:/_")) settings.timeZone = value;
  else return bad(name, "a time zone such as UTC, +02:00 or Europe/Berlin, or SERVER");
  return {};
}

Status setEncoding(const std::string& name, const std::string& value) {
  const std::string low = lower(value);
  if (low == "utf-8" || low == "utf8" || low == "utf8mb4") return {};
  return bad(name, "UTF-8: connections are always utf8mb4");
}

Status setPem(std::string& target, const std::string& name, const std::string& value) {
  std::string file = value;
  if (lower(file).starts_with("file:")) file.erase(0, 5);
  while (file.starts_with("//")) file.erase(0, 1);
  const std::string low = lower(file);
  if (low.ends_with(".jks") || low.ends_with(".p12") || low.ends_with(".pfx") || file.empty())
    return bad(name, "a PEM file; a Java key store is converted by keytool -exportcert -rfc");
  target = file;
  return {};
}

Status setVersions(ConnectionSettings& settings, const std::string& name,
                   const std::string& value) {
  std::string out;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    const std::string one = value.substr(at, comma - at);
    if (one != "TLSv1.2" && one != "TLSv1.3") return bad(name, "a list of TLSv1.2 and TLSv1.3");
    out += (out.empty() ? "" : ",") + one;
    at = comma + 1;
  }
  settings.tlsVersions = out;
  return {};
}

Status setSslMode(ConnectionSettings& settings, const std::string& name, const std::string& value) {
  const std::string low = lower(value);
  if (low == "disabled" || low == "disable" || low == "preferred") {
    settings.useTls = false;
  } else if (low == "required" || low == "trust") {
    settings.useTls = true;
    settings.tlsVerify = false;
  } else if (low == "verify_ca" || low == "verify_identity" || low == "verify-ca" ||
             low == "verify-full") {
    settings.useTls = settings.tlsVerify = true;
  } else {
    return bad(name, "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY");
  }
  return {};
}

// "a=1,b='x'": numbers as they are, everything else quoted.
Status addVariables(ConnectionSettings& settings, const std::string& name,
                    const std::string& value) {
  const Error wrong = bad(name,
                          "a list name=value,... of numbers, words and 'texts' without quotes "
                          "and backslashes, at most 32");
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t equals = value.find('=', at);
    if (equals == std::string::npos) return wrong;
    const std::string variable = lower(value.substr(at, equals - at));
    std::size_t end = equals + 1;
    std::string text;
    if (end < value.size() && value[end] == '\'') {
      const std::size_t close = value.find('\'', end + 1);
      if (close == std::string::npos) return wrong;
      text = value.substr(end + 1, close - end - 1);
      end = close + 1;
      if (end < value.size() && value[end] != ',' && value[end] != ';') return wrong;
    } else {
      end = std::min(value.find_first_of(",;", end), value.size());
      text = value.substr(equals + 1, end - equals - 1);
      if (!consistsOf(text, "_+-.:/ ")) return wrong;
    }
    at = end + 1;
    if (!consistsOf(variable, "_") || variable.size() > 64 ||
        settings.sessionVariables.size() >= kMaxSessionVariables)
      return wrong;
    for (const char c : text)
      if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~' || c == '\\')
        return wrong;
    for (const char* ours : kOurs)
      if (variable == ours) return bad(name, "without " + variable + ", which is set here");
    const bool number = !text.empty() && text.size() < 19 &&
                        std::isdigit(static_cast<unsigned char>(text.front())) != 0 &&
                        text.find_first_not_of("0123456789.") == std::string::npos &&
                        std::count(text.begin(), text.end(), '.') <= 1;
    settings.sessionVariables.emplace_back(variable, number ? text : "'" + text + "'");
  }
  return {};
}

}  // namespace

Status applyDriverParameter(ConnectionSettings& settings, const std::string& name,
                            const std::string& value) {
  if (value.size() > kMaxValueBytes || value.find('\0') != std::string::npos)
    return bad(name.substr(0, 80), "at most 1024 characters");
  const std::string key = lower(name);
  if (key == "user") settings.user = value;
  else if (key == "password") settings.password = value;
  else if (key == "localsocket" || key == "unixsocket") settings.socketPath = value;
  else if (key == "connecttimeout") return setTimeout(settings.connectTimeoutMillis, name, value);
  else if (key == "sockettimeout") return setTimeout(settings.readTimeoutMillis, name, value);
  else if (key == "usessl") return setBool(settings.useTls, name, value);
  else if (key == "requiressl") {
    bool required = false;
    if (auto set = setBool(required, name, value); !set) return set;
    if (required) settings.useTls = true;
  } else if (key == "verifyservercertificate") return setBool(settings.tlsVerify, name, value);
  else if (key == "trustservercertificate") {
    bool trust = false;
    if (auto set = setBool(trust, name, value); !set) return set;
    settings.tlsVerify = !trust;
  } else if (key == "sslmode") return setSslMode(settings, name, value);
  else if (key == "serversslcert" || key == "trustcertificatekeystoreurl")
    return setPem(settings.tlsCa, name, value);
  else if (key == "sslcert") return setPem(settings.tlsCert, name, value);
  else if (key == "sslkey") return setPem(settings.tlsKey, name, value);
  else if (key == "clientcertificatekeystoreurl")
    return bad(name, "replaced by sslCert and sslKey, PEM files");
  else if (key == "enabledtlsprotocols" || key == "tlsversions" ||
           key == "enabledsslprotocolsuites")
    return setVersions(settings, name, value);
  else if (key == "servertimezone" || key == "connectiontimezone")
    return setTimeZone(settings, name, value);
  else if (key == "characterencoding") return setEncoding(name, value);
  else if (key == "connectioncollation") {
    if (!lower(value).starts_with("utf8mb4_") || !consistsOf(value, "_") || value.size() > 64)
      return bad(name, "a collation of utf8mb4, e.g. utf8mb4_unicode_ci");
    settings.collation = value;
  } else if (key == "sessionvariables") return addVariables(settings, name, value);
  return {};
}

}  // namespace ox::db

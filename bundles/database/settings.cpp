#include "settings.h"

#include <algorithm>
#include <cctype>

#include "config/keys_database.h"

namespace ox::database {

namespace keys = config::keys;

Result<db::ConnectionSettings> baseSettings(const config::Config& config) {
  db::ConnectionSettings settings;
  settings.statementTimeoutMillis = static_cast<int>(config.get(keys::kStatementTimeout));
  for (const auto& [name, setting] : config.file("dbconnector.yaml"))
    if (auto applied = db::applyDriverParameter(settings, name, setting.value); !applied)
      return Error(Code::kDbUrl, setting.file + ":" + std::to_string(setting.line) + ": " +
                                     applied.error().message);
  return settings;
}

Result<db::ConnectionSettings> configDbSettings(const config::Config& config, bool write) {
  const std::string urlKey = write ? "writeUrl" : "readUrl";
  auto base = baseSettings(config);
  if (!base) return base;
  auto settings = db::parseJdbcUrl(config.get(write ? keys::kWriteUrl : keys::kReadUrl), *base);
  if (!settings) return Error(Code::kDbUrl, urlKey + ": " + settings.error().message);
  for (const auto& [name, setting] :
       config.withPrefix(write ? "writeProperty." : "readProperty.")) {
    const auto equals = setting.value.find('=');
    if (equals == std::string::npos)
      return Error(Code::kDbUrl, name + " must be of the form name=value");
    if (auto applied = db::applyDriverParameter(*settings, setting.value.substr(0, equals),
                                                setting.value.substr(equals + 1));
        !applied)
      return Error(Code::kDbUrl, name + ": " + applied.error().message);
  }
  if (settings->schema.empty())
    return Error(Code::kDbUrl, urlKey + " names no database, e.g. jdbc:mysql://localhost/configdb");
  return settings;
}

db::PoolLimits poolLimits(const config::Config& config) {
  db::PoolLimits limits;
  limits.maxActive = static_cast<int>(config.get(keys::kPoolMaxActive));
  limits.maxIdle = static_cast<int>(config.get(keys::kPoolMaxIdle));
  limits.maxIdleMillis = config.get(keys::kPoolMaxIdleTime).value;
  limits.maxLifeMillis = config.get(keys::kPoolMaxLifeTime).value;
  limits.maxWaitMillis = config.get(keys::kPoolMaxWait).value;
  std::string action = config.get(keys::kPoolExhaustedAction);
  std::transform(action.begin(), action.end(), action.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  limits.exhausted = action == "FAIL"   ? db::Exhausted::kFail
                     : action == "GROW" ? db::Exhausted::kGrow
                                        : db::Exhausted::kBlock;
  limits.testOnActivate = config.get(keys::kPoolTestOnActivate);
  limits.testOnDeactivate = config.get(keys::kPoolTestOnDeactivate);
  limits.testOnIdle = config.get(keys::kPoolTestOnIdle);
  return limits;
}

Result<db::ConnectionSettings> poolSettings(const PoolRow& row,
                                            const db::ConnectionSettings& base) {
  auto settings = db::parseJdbcUrl(row.url, base);
  if (!settings)
    return Error(Code::kDbUrl, "db_pool " + std::to_string(row.id) + ": " +
                                   settings.error().message);
  settings->schema.clear();
  settings->user = row.login;
  settings->password = row.password;
  return settings;
}

db::PoolLimits poolLimits(const db::PoolLimits& general, const PoolRow& row) {
  db::PoolLimits limits = general;
  if (row.max > 0) limits.maxActive = static_cast<int>(std::min<std::int64_t>(row.max, 100000));
  if (row.hardLimitSet)
    limits.exhausted = row.hardLimit ? db::Exhausted::kBlock : db::Exhausted::kGrow;
  return limits;
}

}  // namespace ox::database

#include "master.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "update_table.h"

namespace ox::update {
namespace {

constexpr int kReadOnlyOption = 1290;  // --read-only
constexpr int kReadOnlyMode = 1836;
constexpr int kReadOnlyTransaction = 1792;

}  // namespace

Status writableMaster(db::Connection& connection, const std::string& schema) {
  auto rows = connection.query("SELECT @@global.read_only");
  if (!rows) return rows.error();
  const std::string value = rows->empty() ? "0" : rows->front().text(0);
  if (value == "0" || value == "OFF") {
    if (!connection.onGalera()) return {};
    // Outside of its cluster a node answers what needs no table, but begins nothing.
    Status begun = connection.begin();
    if (begun) connection.rollback();
    return begun;
  }
  return Error(Code::kDbNoConnection,
               "the master of schema " + schema + " is read-only (read_only=" + value + ")");
}

bool masterTrouble(const db::Connection& connection) {
  if (connection.broken()) return true;
  const int number = connection.sqlError();
  return number == kReadOnlyOption || number == kReadOnlyMode || number == kReadOnlyTransaction;
}

Result<db::Lease> openMaster(services::DatabaseService& database, const services::SchemaRef& schema,
                             bool longRunning, const MasterPolicy& policy, Clock& clock) {
  const std::int64_t began = clock.steadyMillis();
  std::int64_t pause = kFirstRetryMillis;
  for (;;) {
    auto connection = database.schemaWrite(schema, longRunning);
    Status usable = connection ? writableMaster(**connection, schema.schema)
                               : Status(connection.error());
    if (usable) return connection;
    const Error error = updateSqlError(usable.error(), "connecting to schema " + schema.schema);
    const std::int64_t spent = clock.steadyMillis() - began;
    if (error.code != Code::kUpdNoConnection || spent >= policy.retryMillis) return error;
    if (spent == 0 || pause >= kLongestRetryMillis)
      log::warn(error.toString() + "; tried again for " +
                std::to_string((policy.retryMillis - spent) / 1000) + " s");
    if (Status s = policy.goOn(); !s) return s.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(
        std::min(pause, std::max<std::int64_t>(1, policy.retryMillis - spent))));
    pause = std::min(pause * 2, kLongestRetryMillis);
  }
}

}  // namespace ox::update

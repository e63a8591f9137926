#include "job_store.h"

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "database/statement.h"
#include "update_table.h"

namespace ox::update {
namespace {

constexpr int kNoSuchTable = 1146;
constexpr std::size_t kRowsPerInsert = 500;

constexpr const char* kCreateJob =
    "CREATE TABLE IF NOT EXISTS updateJob (id CHAR(32) NOT NULL, settings TEXT NOT NULL, "
    "state VARCHAR(16) NOT NULL, wish VARCHAR(16) NOT NULL, creator VARCHAR(255) NOT NULL, "
    "owner VARCHAR(255) NOT NULL DEFAULT '', fence BIGINT NOT NULL DEFAULT 0, "
    "expires BIGINT NOT NULL DEFAULT 0, created BIGINT NOT NULL, finished BIGINT NULL, "
    "note VARCHAR(2000) NOT NULL DEFAULT '', PRIMARY KEY (id), INDEX stateIndex (state)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
constexpr const char* kCreateJobSchema =
    "CREATE TABLE IF NOT EXISTS updateJobSchema (job CHAR(32) NOT NULL, db_pool_id INT UNSIGNED "
    "NOT NULL, db_schema VARCHAR(128) NOT NULL, state VARCHAR(16) NOT NULL DEFAULT 'pending', "
    "started BIGINT NULL, ended BIGINT NULL, tasks INT NOT NULL DEFAULT 0, "
    "text VARCHAR(2000) NOT NULL DEFAULT '', PRIMARY KEY (job, db_pool_id, db_schema)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
constexpr const char* kJobColumns =
    "id, settings, state, wish, creator, owner, note, fence, created, COALESCE(finished, 0), ";

std::string now() { return kNowMillis; }

std::string shortened(const std::string& text) {
  std::string out = text.substr(0, kJobTextBytes);
  for (int i = 0; i < 4 && !out.empty() && !db::isUtf8(out); ++i) out.pop_back();
  return db::isUtf8(out) ? out : "(text is no UTF-8)";
}

Job jobOf(const db::Row& row) {
  Job out;
  out.id = row.text(0);
  out.settings = JobSettings::parse(row.text(1));
  out.state = row.text(2);
  out.wish = row.text(3);
  out.creator = row.text(4);
  out.owner = row.text(5);
  out.note = row.text(6);
  out.fence = row.integer(7);
  out.created = row.integer(8);
  out.finished = row.integer(9);
  out.now = row.integer(10);
  return out;
}

Error noJob(const std::string& id) {
  return Error(Code::kNotFound, "No job found for id '" + id.substr(0, 64) + "'.");
}

Error lostJob(const Job& job) {
  return Error(Code::kUpdSuperseded, "another node has taken job " + job.id + " over");
}

}  // namespace

std::string JobSettings::text() const {
  return nlohmann::json{{"parallel", parallel},     {"stopOnError", stopOnError},
                        {"maxLag", maxLagSeconds},  {"maxRunning", maxRunning},
                        {"until", until},           {"task", task},
                        {"retryFailed", retryFailed}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

JobSettings JobSettings::parse(const std::string& text) {
  JobSettings out;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return out;
  const auto number = [&](const char* name, std::int64_t otherwise) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                             : otherwise;
  };
  out.parallel = static_cast<int>(std::min<std::int64_t>(64, std::max<std::int64_t>(
                                                                 1, number("parallel", 1))));
  out.maxLagSeconds = number("maxLag", -1);
  out.maxRunning = number("maxRunning", -1);
  out.until = number("until", 0);
  if (const auto stop = json.find("stopOnError"); stop != json.end() && stop->is_boolean())
    out.stopOnError = stop->get<bool>();
  if (const auto retry = json.find("retryFailed"); retry != json.end() && retry->is_boolean())
    out.retryFailed = retry->get<bool>();
  if (const auto task = json.find("task"); task != json.end() && task->is_string())
    out.task = task->get<std::string>();
  return out;
}

Result<db::Lease> JobStore::connection() {
  auto connection = database_.configWrite();
  if (!connection) return updateSqlError(connection.error(), "connecting to configdb");
  return connection;
}

Status JobStore::ensure(db::Connection& connection) {
  auto there = connection.query(
      "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
      "TABLE_NAME IN ('updateJob', 'updateJobSchema')");
  if (!there) return updateSqlError(there.error(), "looking for the tables of jobs");
  if (there->front().integer(0) == 2) return {};
  for (const char* ddl : {kCreateJob, kCreateJobSchema})
    if (auto done = connection.execute(ddl); !done)
      return updateSqlError(done.error(), "creating the tables of jobs");
  return {};
}

Result<std::string> JobStore::create(const JobSettings& settings, const std::string& creator,
                                     const std::vector<services::SchemaRef>& schemas) {
  if (schemas.size() > kMaxJobSchemas)
    return Error(Code::kInvalid, "a job may have " + std::to_string(kMaxJobSchemas) +
                                     " schemas, not " + std::to_string(schemas.size()));
  auto lease = connection();
  if (!lease) return lease.error();
  db::Connection& c = **lease;
  if (Status s = ensure(c); !s) return s.error();
  const std::string id = secureHex(16);
  const auto failed = [](const Error& error) { return updateSqlError(error, "creating a job"); };
  auto transaction = db::Transaction::begin(c);
  if (!transaction) return failed(transaction.error());
  const std::string old = " < " + now() + " - " + std::to_string(kKeepJobMillis);
  for (const std::string& sql :
       {"DELETE s FROM updateJobSchema s JOIN updateJob j ON j.id = s.job WHERE j.finished" + old,
        "DELETE FROM updateJob WHERE finished" + old})
    if (auto done = c.execute(sql); !done) return failed(done.error());
  auto job = c.execute("INSERT INTO updateJob (id, settings, state, wish, creator, created) VALUES "
                       "(?, ?, 'running', 'run', ?, " + now() + ")",
                       {id, settings.text(), shortened(creator.substr(0, 200))});
  if (!job) return failed(job.error());
  for (std::size_t i = 0; i < schemas.size(); i += kRowsPerInsert) {
    std::string sql = "INSERT INTO updateJobSchema (job, db_pool_id, db_schema) VALUES ";
    std::vector<db::Value> values;
    for (std::size_t k = i; k < std::min(schemas.size(), i + kRowsPerInsert); ++k) {
      sql += k == i ? "(?, ?, ?)" : ", (?, ?, ?)";
      values.insert(values.end(), {id, std::int64_t{schemas[k].writePoolId}, schemas[k].schema});
    }
    if (auto done = c.execute(sql, values); !done) return failed(done.error());
  }
  if (Status s = transaction->commit(); !s) return failed(s.error());
  return id;
}

Result<Job> JobStore::job(const std::string& id) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(std::string("SELECT ") + kJobColumns + now() +
                              " FROM updateJob WHERE id = ?", {id});
  if (!rows && (*lease)->sqlError() == kNoSuchTable) return noJob(id);
  if (!rows) return updateSqlError(rows.error(), "reading job " + id);
  if (rows->empty()) return noJob(id);
  return jobOf(rows->front());
}

Result<std::vector<Job>> JobStore::jobs(std::size_t limit) {
  auto lease = connection();
  if (!lease) return lease.error();
  std::vector<Job> out;
  auto rows = (*lease)->query(std::string("SELECT ") + kJobColumns + now() +
                              " FROM updateJob ORDER BY created DESC LIMIT " +
                              std::to_string(limit));
  if (!rows && (*lease)->sqlError() == kNoSuchTable) return out;
  if (!rows) return updateSqlError(rows.error(), "reading the jobs");
  for (const db::Row& row : *rows) out.push_back(jobOf(row));
  return out;
}

Result<std::vector<JobSchema>> JobStore::schemas(const std::string& id) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT db_pool_id, db_schema, state, COALESCE(started, 0), COALESCE(ended, 0), tasks, text "
      "FROM updateJobSchema WHERE job = ? ORDER BY db_pool_id, db_schema", {id});
  if (!rows) return updateSqlError(rows.error(), "reading the schemas of job " + id);
  std::vector<JobSchema> out;
  out.reserve(rows->size());
  for (const db::Row& row : *rows)
    out.push_back({{static_cast<std::int32_t>(row.integer(0)), row.text(1)}, row.text(2),
                   row.text(6), row.integer(3), row.integer(4), row.integer(5)});
  return out;
}

Result<std::vector<std::string>> JobStore::orphans() {
  auto lease = connection();
  if (!lease) return lease.error();
  std::vector<std::string> out;
  auto rows = (*lease)->query("SELECT id FROM updateJob WHERE state = 'running' AND expires < " +
                              now() + " ORDER BY created LIMIT 100");
  if (!rows && (*lease)->sqlError() == kNoSuchTable) return out;
  if (!rows) return updateSqlError(rows.error(), "looking for jobs");
  for (const db::Row& row : *rows) out.push_back(row.text(0));
  return out;
}

Result<std::optional<Job>> JobStore::take(const std::string& id, const std::string& owner) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET owner = ?, fence = fence + 1, expires = " + now() + " + ? WHERE id = ? "
      "AND state = 'running' AND expires < " + now(),
      {owner, kJobLifeMillis, id});
  if (!changed) return updateSqlError(changed.error(), "taking job " + id);
  if (*changed == 0) return std::optional<Job>{};
  auto mine = (*lease)->query(std::string("SELECT ") + kJobColumns + now() +
                              " FROM updateJob WHERE id = ? AND owner = ?", {id, owner});
  if (!mine) return updateSqlError(mine.error(), "taking job " + id);
  if (mine->empty()) return std::optional<Job>{};
  return std::optional<Job>(jobOf(mine->front()));
}

Result<std::string> JobStore::refresh(const Job& job, const std::string& note) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET expires = " + now() + " + ?, note = ? WHERE id = ? AND owner = ? AND "
      "fence = ?",
      {kJobLifeMillis, shortened(note), job.id, job.owner, job.fence});
  if (!changed) return updateSqlError(changed.error(), "refreshing job " + job.id);
  if (*changed == 0) return lostJob(job);
  auto wish = (*lease)->query("SELECT wish FROM updateJob WHERE id = ?", {job.id});
  if (!wish) return updateSqlError(wish.error(), "reading job " + job.id);
  return wish->empty() ? std::string("abort") : wish->front().text(0);
}

Status JobStore::setSchema(const Job& job, const services::SchemaRef& schema,
                           const SchemaResult& result) {
  auto lease = connection();
  if (!lease) return lease.error();
  const std::string times =
      result.state == "running" ? ", started = " + now() + ", ended = NULL"
      : result.state == "pending" ? ", started = NULL, ended = NULL" : ", ended = " + now();
  auto changed = (*lease)->execute(
      "UPDATE updateJobSchema s JOIN updateJob j ON j.id = s.job SET s.state = ?, s.tasks = s.tasks "
      "+ ?, s.text = ?" + times + " WHERE s.job = ? AND s.db_pool_id = ? AND s.db_schema = ? AND "
      "j.owner = ? AND j.fence = ?",
      {result.state, result.tasks, shortened(result.text), job.id,
       std::int64_t{schema.writePoolId}, schema.schema, job.owner, job.fence});
  if (!changed) return updateSqlError(changed.error(), "writing the progress of job " + job.id);
  return *changed == 0 ? Status(lostJob(job)) : Status();
}

Status JobStore::finish(const Job& job, const std::string& state, const std::string& note) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET state = ?, note = ?, finished = " + now() + ", owner = '', expires = 0 "
      "WHERE id = ? AND owner = ? AND fence = ?",
      {state, shortened(note), job.id, job.owner, job.fence});
  if (!changed) return updateSqlError(changed.error(), "ending job " + job.id);
  return *changed == 0 ? Status(lostJob(job)) : Status();
}

Status JobStore::letGo(const Job& job) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET owner = '', expires = 0 WHERE id = ? AND owner = ? AND fence = ?",
      {job.id, job.owner, job.fence});
  return changed ? Status() : Status(updateSqlError(changed.error(), "letting job go"));
}

Status JobStore::setWish(const std::string& id, const std::string& wish) {
  auto lease = connection();
  if (!lease) return lease.error();
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET wish = ? WHERE id = ? AND state = 'running'", {wish, id});
  if (!changed && (*lease)->sqlError() == kNoSuchTable) return noJob(id);
  if (!changed) return updateSqlError(changed.error(), "controlling job " + id);
  if (*changed != 0) return {};
  auto found = job(id);
  if (!found) return found.error();
  return Error(Code::kInvalid, "job " + id + " does not run, it is " + found->state);
}

Status JobStore::reopen(const std::string& id, bool failedToo, std::int64_t until) {
  auto found = job(id);
  if (!found) return found.error();
  if (found->state == "running") return setWish(id, "run");
  JobSettings settings = found->settings;
  settings.until = until;
  settings.retryFailed = failedToo;
  auto lease = connection();
  if (!lease) return lease.error();
  auto transaction = db::Transaction::begin(**lease);
  if (!transaction) return updateSqlError(transaction.error(), "resuming job " + id);
  auto rows = (*lease)->execute(
      std::string("UPDATE updateJobSchema SET state = 'pending', started = NULL, ended = NULL WHERE "
                  "job = ? AND state IN ('running', 'pending'") + (failedToo ? ", 'failed')" : ")"),
      {id});
  if (!rows) return updateSqlError(rows.error(), "resuming job " + id);
  auto changed = (*lease)->execute(
      "UPDATE updateJob SET state = 'running', wish = 'run', settings = ?, finished = NULL, owner = "
      "'', expires = 0, note = '' WHERE id = ? AND state <> 'running'",
      {settings.text(), id});
  if (!changed) return updateSqlError(changed.error(), "resuming job " + id);
  if (Status s = transaction->commit(); !s) return updateSqlError(s.error(), "resuming job " + id);
  return {};
}

}  // namespace ox::update

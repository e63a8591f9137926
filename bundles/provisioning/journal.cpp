#include "journal.h"

#include <array>

#include "announce.h"
#include "base/log.h"
#include "config/keys_admin.h"
#include "database/galera.h"
#include "database/statement.h"
#include "payload.h"

namespace ox::provisioning {
namespace {

using Kind = JournalEntry::Kind;
using services::SchemaRef;

constexpr int kSyntaxError = 1064;  // MySQL 5.7 has no NOWAIT
constexpr int kNoSuchTable = 1146;
constexpr int kNoSuchSchema = 1049;
constexpr std::array<const char*, 3> kKinds = {"context", "schema", "move"};
const char* const kKey = " WHERE kind = ? AND id = ? AND db_pool_id = ? AND schemaname = ?";

std::vector<db::Value> keyOf(const JournalEntry& entry) {
  return {std::string(kKinds.at(static_cast<std::size_t>(entry.kind))), std::int64_t{entry.id},
          std::int64_t{entry.place.writePoolId}, entry.place.schema};
}

std::string describe(const JournalEntry& entry) {
  switch (entry.kind) {
    case Kind::kContext:
      return "the creation of context " + std::to_string(entry.id) + " in schema " +
             entry.place.schema;
    case Kind::kSchema:
      return "the creation or removal of schema " + entry.place.schema;
    case Kind::kMove:
      return "the move of context " + std::to_string(entry.id) + " to schema " +
             entry.place.schema;
  }
  return {};
}

}  // namespace

Status Journal::note(db::Connection& config, const JournalEntry& entry) {
  auto values = keyOf(entry);
  values.insert(values.end(), {std::int64_t{entry.from.writePoolId}, entry.from.schema});
  auto done = config.execute(
      "INSERT INTO provisioning_journal (kind, id, db_pool_id, schemaname, from_pool_id, "
      "from_schema, since) VALUES (?, ?, ?, ?, ?, ?, ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000))",
      values);
  if (done) return {};
  if (done.error().code == Code::kDbDuplicate)
    return Error(Code::kAdmExists, describe(entry) + " is under way already");
  return done.error();
}

Status Journal::claim(db::Connection& config, const JournalEntry& entry) {
  auto claimed = config.execute(std::string("UPDATE provisioning_journal SET since = since + 1") +
                                    kKey + " AND since > 0",
                                keyOf(entry));
  if (!claimed) return claimed.error();
  if (*claimed == 0)
    return Error(Code::kDbDeadlock, describe(entry) + " was taken for abandoned");
  return {};
}

Status Journal::forget(db::Connection& config, const JournalEntry& entry) {
  auto done = config.execute(std::string("DELETE FROM provisioning_journal") + kKey, keyOf(entry));
  return done ? Status() : Status(done.error());
}

Result<bool> Journal::hold(db::Connection& config, const JournalEntry& entry) {
  const std::string find = std::string("SELECT 1 FROM provisioning_journal") + kKey + " FOR UPDATE";
  auto rows = config.query(find + " NOWAIT", keyOf(entry));
  if (!rows && config.sqlError() == kSyntaxError) rows = config.query(find, keyOf(entry));
  if (!rows) return rows.error();
  return !rows->empty();
}

Result<bool> Journal::mark(db::Connection& config, const JournalEntry& entry) {
  auto transaction = db::Transaction::begin(config);
  if (!transaction) return transaction.error();
  auto held = hold(config, entry);
  if (!held || !*held) return held;
  auto marked = config.execute(std::string("UPDATE provisioning_journal SET since = 0") + kKey,
                               keyOf(entry));
  if (!marked) return marked.error();
  if (auto done = transaction->commit(); !done) return done.error();
  return true;
}

Result<bool> Journal::undo(const JournalEntry& entry) {
  auto config = around_.database->configWrite();
  if (!config) return config.error();
  auto marked = mark(**config, entry);
  if (!marked || !*marked) return marked;
  auto transaction = db::Transaction::begin(**config);
  if (!transaction) return transaction.error();
  auto held = hold(**config, entry);
  if (!held || !*held) return held;
  if (auto cleaned = clean(**config, entry); !cleaned) return cleaned.error();
  if (auto forgotten = forget(**config, entry); !forgotten) return forgotten.error();
  if (auto done = transaction->commit(); !done) return done.error();
  log::info(describe(entry) + " had been left unfinished; what it left is gone");
  if (entry.kind == Kind::kMove) announceContexts(around_, {entry.id});
  return true;
}

Status Journal::clear(const JournalEntry& entry) {
  return repeatConflicts([&]() -> Status {
    auto undone = undo(entry);
    if (!undone) return undone.error();
    if (*undone) return {};
    {
      auto config = around_.database->configWrite();
      if (!config) return config.error();
      auto noted = note(**config, entry);
      if (!noted && noted.error().code == Code::kAdmExists) return {};  // somebody is at it
      if (!noted) return noted;
    }
    undone = undo(entry);
    return undone ? Status() : Status(undone.error());
  });
}

std::size_t Journal::settle(bool young) {
  std::vector<JournalEntry> entries;
  {
    auto config = around_.database->configWrite();
    if (!config) return 0;  // whoever called meets the same and says it
    auto rows = (*config)->query(
        "SELECT kind, id, db_pool_id, schemaname, from_pool_id, from_schema, "
        "ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000) - since "
        "FROM provisioning_journal WHERE since <= ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000) - ? "
        "ORDER BY since LIMIT " + std::to_string(kMaxEntries),
        {std::int64_t{young ? 0 : kYoungMillis}});
    if (!rows) {
      if ((*config)->sqlError() != kNoSuchTable)
        log::warn("unfinished provisioning work cannot be looked for: " + rows.error().message);
      return 0;
    }
    const bool galera = !rows->empty() && !young && db::galeraState(**config).on;
    for (const auto& row : *rows) {
      if (galera && row.integer(6) < kYoungGaleraMillis) continue;
      std::size_t kind = 0;
      while (kind < kKinds.size() && row.text(0) != kKinds.at(kind)) ++kind;
      if (kind == kKinds.size()) continue;  // of a later release
      entries.push_back({static_cast<Kind>(kind), static_cast<std::int32_t>(row.integer(1)),
                         {static_cast<std::int32_t>(row.integer(2)), row.text(3)},
                         {static_cast<std::int32_t>(row.integer(4)), row.text(5)}});
    }
  }
  std::size_t gone = 0;
  for (const auto& entry : entries) {
    const auto undone = undo(entry);
    if (undone) ++gone;
    else if (undone.error().code != Code::kDbDeadlock && undone.error().code != Code::kDbSql)
      log::warn(describe(entry) + " was left unfinished and cannot be undone now: " +
                undone.error().message);
    else
      log::debug(describe(entry) + " is under way: " + undone.error().message);
  }
  return gone;
}

Status Journal::clean(db::Connection& config, const JournalEntry& entry) {
  switch (entry.kind) {
    case Kind::kSchema:
      return dropSchema(config, entry.place);
    case Kind::kMove:
      return cleanMove(config, entry);
    case Kind::kContext: {
      auto there = config.query(
          "SELECT 1 FROM context_server2db_pool WHERE cid = ? AND write_db_pool_id = ? "
          "AND db_schema = ?",
          {std::int64_t{entry.id}, std::int64_t{entry.place.writePoolId}, entry.place.schema});
      if (!there) return there.error();
      if (!there->empty()) return {};  // finished by another call
      auto schema = around_.database->schemaWrite(entry.place, true);
      if (!schema) return schema.error();
      return deletePayload(**schema, entry.id);
    }
  }
  return {};
}

// Only an unregistered schema without contexts' rows may go.
Status Journal::dropSchema(db::Connection& config, const SchemaRef& schema) {
  const std::vector<db::Value> place{std::int64_t{schema.writePoolId}, schema.schema};
  auto used = config.query(
      "SELECT 1 FROM contexts_per_dbschema WHERE db_pool_id = ? AND schemaname = ? UNION "
      "SELECT 1 FROM context_server2db_pool WHERE write_db_pool_id = ? AND db_schema = ?",
      {place[0], place[1], place[0], place[1]});
  if (!used) return used.error();
  if (!used->empty()) return {};
  auto server = around_.database->pool(schema.writePoolId);
  if (!server) return server.error();
  if (auto selected = (*server)->selectSchema(schema.schema); !selected)
    return (*server)->sqlError() == kNoSuchSchema ? Status() : Status(selected.error());
  auto rows = (*server)->query("SELECT 1 FROM user LIMIT 1");
  if (!rows && (*server)->sqlError() != kNoSuchTable) return rows.error();
  if (rows && !rows->empty()) {
    log::warn("schema " + schema.schema + " in database " + std::to_string(schema.writePoolId) +
              " is not registered but holds users; it is left as it is");
    return {};
  }
  auto dropped = (*server)->execute("DROP DATABASE IF EXISTS `" + schema.schema + "`");
  return dropped ? Status() : Status(dropped.error());
}

// The rows stay where the context is; the other copy goes.
Status Journal::cleanMove(db::Connection& config, const JournalEntry& entry) {
  auto at = config.query("SELECT write_db_pool_id, db_schema FROM context_server2db_pool "
                         "WHERE cid = ?", {std::int64_t{entry.id}});
  if (!at) return at.error();
  const bool moved = !at->empty() && at->front().integer(0) == entry.place.writePoolId &&
                     at->front().text(1) == entry.place.schema;
  auto other = around_.database->schemaWrite(moved ? entry.from : entry.place, true);
  if (!other) return other.error();
  if (auto deleted = deletePayload(**other, entry.id); !deleted) return deleted;
  const std::int64_t reason =
      around_.config->current()->get(config::keys::kSchemaMoveMaintenanceReason);
  auto enabled = config.execute(
      "UPDATE context SET enabled = 1, reason_id = NULL WHERE cid = ? AND reason_id = ?",
      {std::int64_t{entry.id}, reason});
  return enabled ? Status() : Status(enabled.error());
}

}  // namespace ox::provisioning

// Changing, switching and removing contexts. Source: the original's OXContextMySQLStorage change,
// enable, disable, delete.
#include <algorithm>

#include "announce.h"
#include "base/log.h"
#include "context_storage.h"
#include "payload.h"

namespace ox::provisioning {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::int64_t kMaxQuotaMb = 8'796'093'022'207;
constexpr std::int64_t kMaxReason = 4'294'967'295;

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

Error noContext(std::int32_t id) {
  return Error(Code::kAdmNoContext, "context " + std::to_string(id) + " does not exist");
}

// Locks the row; its name.
Result<std::string> lockContext(db::Connection& config, std::int32_t id) {
  auto rows = config.query("SELECT name FROM context WHERE cid = ? FOR UPDATE", {std::int64_t{id}});
  if (!rows) return rows.error();
  if (rows->empty()) return noContext(id);
  return rows->front().text(0);
}

Status addInfo(db::Connection& config, std::int32_t id, const std::string& info) {
  auto done = config.execute("INSERT INTO login2context (cid, login_info) VALUES (?, ?)",
                             {std::int64_t{id}, info});
  if (done) return {};
  if (done.error().code != Code::kDbDuplicate) return done.error();
  auto owner = config.query("SELECT cid FROM login2context WHERE login_info = ?", {info});
  if (owner && !owner->empty() && owner->front().integer(0) == id) return {};
  return Error(Code::kAdmExists, "login mapping " + info + " belongs to another context");
}

Status removeInfo(db::Connection& config, std::int32_t id, const std::string& info) {
  auto done = config.execute("DELETE FROM login2context WHERE cid = ? AND login_info = ?",
                             {std::int64_t{id}, info});
  return done ? Status() : Status(done.error());
}

}  // namespace

Result<std::vector<std::string>> ContextStorage::infosOf(db::Connection& config, std::int32_t id) {
  auto rows =
      config.query("SELECT login_info FROM login2context WHERE cid = ?", {std::int64_t{id}});
  if (!rows) return rows.error();
  std::vector<std::string> out;
  for (const auto& row : *rows) out.push_back(row.text(0));
  return out;
}

Status ContextStorage::enter(std::int32_t id) {
  auto usable = around_.contexts->usable(id);
  if (usable || usable.error().code == Code::kLgiContextDisabled) return {};
  if (usable.error().code == Code::kCtxNotFound) return noContext(id);
  return usable.error();
}

Status ContextStorage::change(std::int32_t id, const ContextChange& change) {
  if (change.quotaMb && (*change.quotaMb < -1 || *change.quotaMb > kMaxQuotaMb))
    return invalid("quota must be megabytes of 0 to 8796093022207, or -1 for no limit");
  if (change.name)
    if (auto wrong = checkText("context name", *change.name, kMaxName); !wrong.empty())
      return invalid(wrong);
  if (auto wrong = checkMappings(change.addMappings); !wrong.empty()) return invalid(wrong);
  if (!change.name && !change.quotaMb && change.addMappings.empty() &&
      change.removeMappings.empty())
    return invalid("nothing is to be changed");
  std::vector<std::string> infos = change.removeMappings;
  auto done = transact(
      [&] { return util_->config(); }, "changing the context",
      [&](db::Connection& config) -> Status {
        auto name = lockContext(config, id);
        if (!name) return name.error();
        const std::string now = change.name.value_or(*name);
        for (const auto& mapping : change.removeMappings) {
          if (mapping == std::to_string(id) || mapping == now)
            return invalid("a context keeps its id and its name as login mappings");
          if (auto removed = removeInfo(config, id, mapping); !removed) return removed;
        }
        if (change.name && *change.name != *name) {
          auto renamed = config.execute("UPDATE context SET name = ? WHERE cid = ?",
                                        {now, std::int64_t{id}});
          if (!renamed && renamed.error().code == Code::kDbDuplicate)
            return Error(Code::kAdmExists, "a context with the name " + now + " exists already");
          if (!renamed) return renamed.error();
          if (*name != std::to_string(id))
            if (auto removed = removeInfo(config, id, *name); !removed) return removed;
          if (auto added = addInfo(config, id, now); !added) return added;
          infos.push_back(*name);
        }
        for (const auto& mapping : change.addMappings)
          if (auto added = addInfo(config, id, mapping); !added) return added;
        if (!change.quotaMb) return {};
        auto set = config.execute("UPDATE context SET quota_max = ? WHERE cid = ?",
                                  {*change.quotaMb < 0 ? -1 : *change.quotaMb << 20,
                                   std::int64_t{id}});
        return set ? Status() : Status(set.error());
      });
  if (!done) return done;
  infos.insert(infos.end(), change.addMappings.begin(), change.addMappings.end());
  announceContexts(around_, {id}, infos);
  log::info("context " + std::to_string(id) + " changed");
  return {};
}

Status ContextStorage::setEnabled(std::int32_t id, bool enabled,
                                  std::optional<std::int64_t> reasonId) {
  if (reasonId && (*reasonId < 0 || *reasonId > kMaxReason))
    return invalid("the reason must be a number of 0 to 4294967295");
  const std::string verb = enabled ? "enabled" : "disabled";
  auto done = transact([&] { return util_->config(); },
                       enabled ? "enabling the context" : "disabling the context",
                       [&](db::Connection& config) -> Status {
                         if (auto there = lockContext(config, id); !there) return there.error();
                         auto set = config.execute(
                             "UPDATE context SET enabled = ?, reason_id = ? WHERE cid = ?",
                             {std::int64_t{enabled ? 1 : 0},
                              enabled || !reasonId ? db::Value(std::monostate())
                                                   : db::Value(*reasonId),
                              std::int64_t{id}});
                         return set ? Status() : Status(set.error());
                       });
  if (!done) return done;
  announceContexts(around_, {id});
  std::string ended;
  if (!enabled) {
    services::CloseRequest sessions;
    sessions.contextIds = {id};
    ended = ", sessions ended: " + std::to_string(endSessions(around_, sessions));
  }
  log::info("context " + std::to_string(id) + " " + verb + ended);
  return {};
}

Status ContextStorage::uncount(db::Connection& config, const services::SchemaRef& schema) {
  auto done = config.execute("UPDATE contexts_per_dbpool SET count = count - 1 "
                             "WHERE db_pool_id = ? AND count > 0",
                             {std::int64_t{schema.writePoolId}});
  if (done)
    done = config.execute("UPDATE contexts_per_dbschema SET count = count - 1 "
                          "WHERE db_pool_id = ? AND schemaname = ? AND count > 0",
                          {std::int64_t{schema.writePoolId}, schema.schema});
  return done ? Status() : Status(done.error());
}

Status ContextStorage::remove(std::int32_t id) {
  if (auto fine = enter(id); !fine) return fine;
  // From here on nobody uses it; an interrupted removal leaves a disabled context.
  if (auto off = setEnabled(id, false, std::nullopt); !off) return off;
  const std::string doing = "deleting the context";
  auto place = around_.database->assignment(id);
  if (!place) return storageError(place.error(), doing);
  const services::SchemaRef at{place->writePoolId, place->schema};
  std::vector<std::int32_t> userIds;
  {
    auto schema = around_.database->schemaWrite(at, true);
    if (!schema) return storageError(schema.error(), doing);
    auto users = (*schema)->query("SELECT id FROM user WHERE cid = ?", {std::int64_t{id}});
    if (!users) return storageError(users.error(), doing);
    for (const auto& row : *users) userIds.push_back(static_cast<std::int32_t>(row.integer(0)));
    if (auto gone = deletePayload(**schema, id); !gone) return storageError(gone.error(), doing);
  }
  std::vector<std::string> infos;
  auto done = transact(
      [&] { return util_->config(); }, doing, [&](db::Connection& config) -> Status {
        // In the order of a creation, so that the two never wait for each other.
        auto locked = config.query(
            "SELECT db_pool_id FROM dbpool_lock WHERE db_pool_id = ? FOR UPDATE",
            {std::int64_t{at.writePoolId}});
        if (locked)
          locked = config.query("SELECT db_pool_id FROM dbschema_lock WHERE db_pool_id = ? "
                                "AND schemaname = ? FOR UPDATE",
                                {std::int64_t{at.writePoolId}, at.schema});
        if (!locked) return locked.error();
        auto row = config.query("SELECT filestore_id FROM context WHERE cid = ? FOR UPDATE",
                                {std::int64_t{id}});
        if (!row) return row.error();
        if (row->empty()) return {};  // another call has done it
        auto known = infosOf(config, id);
        if (!known) return known.error();
        infos = *known;
        if (auto counted = uncount(config, at); !counted) return counted;
        auto sql = config.execute("UPDATE contexts_per_filestore SET count = count - 1 "
                                  "WHERE filestore_id = ? AND count > 0",
                                  {row->front().integer(0)});
        for (const char* table : {"login2context", "context_server2db_pool", "filestore2user",
                                  "context2push_registration", "context"}) {
          if (!sql) return sql.error();
          sql = config.execute(std::string("DELETE FROM ") + table + " WHERE cid = ?",
                               {std::int64_t{id}});
        }
        return sql ? Status() : Status(sql.error());
      });
  if (!done) return done;
  announceContexts(around_, {id}, infos);
  announceUsers(around_, id, userIds);
  services::CloseRequest sessions;  // of logins that were under way
  sessions.contextIds = {id};
  endSessions(around_, sessions);
  log::info("context " + std::to_string(id) + " deleted from schema " + at.schema);
  return {};
}

}  // namespace ox::provisioning

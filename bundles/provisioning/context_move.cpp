// A context goes to another database: its rows are copied while it is disabled, then the assignment
// changes in one configdb transaction, then the rows of the old place go. The journal's row is
// locked all the time, so another call finishes or undoes the move of a node that died.
#include <map>

#include "announce.h"
#include "base/log.h"
#include "config/keys_admin.h"
#include "context_storage.h"
#include "payload.h"

namespace ox::provisioning {
namespace {

using services::SchemaRef;
const char* const kDoing = "moving the context";

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

using Tasks = std::map<std::string, bool>;

Result<Tasks> executedTasks(db::Connection& schema) {
  auto rows = schema.query("SELECT taskName, successful FROM updateTask WHERE cid = 0 "
                           "AND taskName NOT IN ('LOCKED', 'BACKGROUND')");
  if (!rows) return rows.error();
  Tasks out;
  for (const auto& row : *rows) out[row.text(0)] = row.boolean(1);
  return out;
}

// Rows of one form must not get under the list of executed tasks of another.
Status sameState(db::Connection& from, db::Connection& to) {
  auto ours = executedTasks(from);
  if (!ours) return ours.error();
  auto theirs = executedTasks(to);
  if (!theirs) return theirs.error();
  if (*ours == *theirs) return {};
  std::string example;
  for (const auto& [task, successful] : *theirs)
    if (const auto found = ours->find(task); found == ours->end() || found->second != successful)
      example = task;
  for (const auto& [task, successful] : *ours)
    if (!theirs->contains(task)) example = task;
  return invalid("the update tasks of the two schemas differ (" + example +
                 "); run runupdate on both first");
}

}  // namespace

Result<SchemaRef> ContextStorage::move(std::int32_t id, std::int32_t databaseId) {
  if (auto fine = enter(id); !fine) return fine.error();
  {
    const auto limit = [this] {
      return around_.config->current()->get(config::keys::kConcurrentJobs);
    };
    std::unique_lock lock(movesMutex_);
    if (moves_ >= limit() && waitingMoves_ >= kMaxWaitingMoves)
      return Error(Code::kBusy, std::to_string(moves_) + " contexts are being moved on this node and " +
                                    std::to_string(waitingMoves_) + " wait (CONCURRENT_JOBS); try "
                                    "again later or on another node");
    ++waitingMoves_;
    moveEnded_.wait(lock, [&] { return moves_ < limit(); });
    --waitingMoves_;
    ++moves_;
  }
  struct Leave {
    ContextStorage& storage;
    ~Leave() {
      std::lock_guard lock(storage.movesMutex_);
      --storage.moves_;
      storage.moveEnded_.notify_all();
    }
  } leave{*this};
  around_.database->invalidate(id);
  auto place = around_.database->assignment(id);
  if (!place) return storageError(place.error(), kDoing);
  if (place->writePoolId == databaseId)
    return invalid("context " + std::to_string(id) + " is in database " +
                   std::to_string(databaseId) + " already");
  auto target = chooseSchema(databaseId, {});
  if (!target) return storageError(target.error(), kDoing);
  const JournalEntry entry{JournalEntry::Kind::kMove, id, *target,
                           {place->writePoolId, place->schema}};
  {
    auto config = util_->config();
    if (!config) return config.error();
    if (auto noted = journal_.note(**config, entry); !noted)
      return storageError(noted.error(), kDoing);
  }
  auto moved = moveNoted(entry);
  // Done or not: what is in the wrong place goes, and the context is enabled again.
  const auto cleaned = journal_.undo(entry);
  if (!moved) return storageError(moved.error(), kDoing);
  if (!cleaned)
    log::warn("context " + std::to_string(id) + " has moved, its rows in schema " +
              place->schema + " are removed by a later call: " + cleaned.error().message);
  log::info("context " + std::to_string(id) + " moved from schema " + place->schema +
            " to schema " + target->schema + " in database " + std::to_string(databaseId));
  return target;
}

Status ContextStorage::moveNoted(const JournalEntry& entry) {
  const std::int64_t id = entry.id;
  auto config = util_->config();
  if (!config) return config.error();
  auto transaction = db::Transaction::begin(**config);
  if (!transaction) return transaction.error();
  if (auto mine = journal_.claim(**config, entry); !mine) return mine;
  {
    auto other = util_->config();
    if (!other) return other.error();
    auto off = (*other)->execute(
        "UPDATE context SET enabled = 0, reason_id = ? WHERE cid = ? AND COALESCE(enabled, 1) = 1",
        {around_.config->current()->get(config::keys::kSchemaMoveMaintenanceReason), id});
    if (!off) return off.error();
  }
  announceContexts(around_, {entry.id});
  services::CloseRequest sessions;
  sessions.contextIds = {entry.id};
  endSessions(around_, sessions);

  auto from = around_.database->schemaWrite(entry.from, true);
  if (!from) return from.error();
  auto to = around_.database->schemaWrite(entry.place, true);
  if (!to) return to.error();
  if (auto same = sameState(**from, **to); !same) return same;
  if (auto empty = deletePayload(**to, entry.id); !empty) return empty;
  auto copied = copyPayload(**from, **to, entry.id);
  if (!copied) return copied.error();

  if (auto locked = lockPlace(**config, entry.place, true); !locked) return locked;
  if (auto counted = count(**config, entry.place, true); !counted) return counted;
  if (auto counted = uncount(**config, entry.from); !counted) return counted;
  auto done = (*config)->execute(
      "UPDATE context_server2db_pool s JOIN db_cluster c ON c.write_db_pool_id = ? "
      "SET s.read_db_pool_id = IF(c.read_db_pool_id = 0, c.write_db_pool_id, c.read_db_pool_id), "
      "s.write_db_pool_id = c.write_db_pool_id, s.db_schema = ? WHERE s.cid = ?",
      {std::int64_t{entry.place.writePoolId}, entry.place.schema, id});
  if (!done) return done.error();
  if (*done == 0) return Error(Code::kAdmNoContext, "the context was deleted meanwhile");
  if (auto finished = transaction->commit(); !finished) return finished;
  log::info(std::to_string(*copied) + " rows of context " + std::to_string(id) + " copied");
  return {};
}

}  // namespace ox::provisioning

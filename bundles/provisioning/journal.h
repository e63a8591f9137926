// What is being made right now in more than one database, so that nothing of it stays when the node
// dies: creations of contexts and schemas, moves of contexts, removals of schemas.
//
// Use:       note() commits a row of configdb's table provisioning_journal before the first change;
//            the transaction on configdb that makes the work visible begins with claim() and ends
//            with forget(). Whoever finds a row that nobody claims undoes what it names.
// Threads:   any blocking thread; several nodes at once.
// Alive:     the row lock of claim() is the proof; the database lets it go when the connection of a
//            dead node ends. Rows younger than kYoungMillis by the database's clock are left alone.
// Galera:    a row lock is known to the owner's node only. So claim() changes the row, and whoever
//            takes it for abandoned marks it by a committed change first: one of the two commits
//            conflicts, and the loser's work never becomes visible. There only rows older than
//            kYoungGaleraMillis count as abandoned.
// Errors:    DB-*; claim() says DB-0006 (try again) when the row is gone.
// The table is ours, the original does not know it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "database/connection.h"
#include "services/database.h"
#include "storage.h"

namespace ox::provisioning {

inline constexpr const char* kJournalTable =
    "provisioning_journal (kind VARCHAR(16) NOT NULL, id INT UNSIGNED NOT NULL, "
    "db_pool_id INT UNSIGNED NOT NULL, schemaname VARCHAR(32) NOT NULL, "
    "from_pool_id INT UNSIGNED NOT NULL, from_schema VARCHAR(32) NOT NULL, since BIGINT NOT NULL, "
    "PRIMARY KEY (kind, id, db_pool_id, schemaname)";

struct JournalEntry {
  enum class Kind : std::uint8_t { kContext, kSchema, kMove };
  Kind kind = Kind::kContext;
  std::int32_t id = 0;             // of the context; the number of a schema
  services::SchemaRef place;       // where rows appear (or the schema that appears or goes)
  services::SchemaRef from = {};   // of a move: where they were
};

class Journal {
 public:
  static constexpr std::int64_t kYoungMillis = 2000;
  static constexpr std::int64_t kYoungGaleraMillis = 60000;

  explicit Journal(Surroundings surroundings) : around_(std::move(surroundings)) {}

  // ADM-0110 when the same work is under way.
  Status note(db::Connection& config, const JournalEntry& entry);
  // Inside the transaction; the first statement of it.
  Status claim(db::Connection& config, const JournalEntry& entry);
  Status forget(db::Connection& config, const JournalEntry& entry);
  // Undoes one unclaimed entry, or finishes it when its transaction had been committed. False: there
  // is none any more.
  Result<bool> undo(const JournalEntry& entry);
  // By who noted the entry and failed: also when somebody else has removed it meanwhile, perhaps
  // before the last of the rows was written.
  Status clear(const JournalEntry& entry);
  // All unclaimed entries, at most kMaxEntries; troubles are WARN records. Number of entries that
  // went; `young` = also the young ones.
  std::size_t settle(bool young);

 private:
  static constexpr int kMaxEntries = 100;
  // Holds the row in the caller's transaction; false: there is none.
  Result<bool> hold(db::Connection& config, const JournalEntry& entry);
  Result<bool> mark(db::Connection& config, const JournalEntry& entry);
  Status clean(db::Connection& config, const JournalEntry& entry);
  Status dropSchema(db::Connection& config, const services::SchemaRef& schema);
  Status cleanMove(db::Connection& config, const JournalEntry& entry);

  const Surroundings around_;
};

}  // namespace ox::provisioning

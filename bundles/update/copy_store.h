// CopyStore: which copies of schemas the rehearsals of this cluster have made (runupdate --copy).
//
// Purpose:   a copy is named in configdb's table `updateCopy` before it exists and forgotten after it
//            was dropped, so that a node that dies leaves no copy that nobody knows. Its owner gives
//            a sign of life; a row without one for the life of the lease is a copy of a dead run.
// Safety:    only copies with a row here are ever dropped (another cluster may use the same server),
//            only after the row was taken by a conditional statement; what still holds the copy (a
//            killed node does not end its statements) is ended.
// Threads:   any; each call borrows connections of its own.
// Units:     milliseconds since 1970 of configdb's clock.
// Errors:    UPD-0007/0008, UPD-0028 when somebody else has taken a copy of ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "services/database.h"

namespace ox::update {

inline constexpr const char* kCopyPrefix = "ox_updatecopy_";
inline constexpr std::int64_t kCopyLifeMillis = 60000;      // when locked.idleMillis is 0
inline constexpr std::int64_t kCopyEndWaitMillis = 30000;   // for connections that were ended
inline constexpr std::size_t kMaxCopiesShown = 1000;

struct CopyRow {
  services::SchemaRef copy;
  std::string source, owner;
  std::int64_t started = 0;
  bool inUse = false;
};

class CopyStore {
 public:
  CopyStore(services::DatabaseService& database, std::string owner, std::int64_t lifeMillis,
            Clock& clock = systemClock());

  // Before CREATE DATABASE.
  Status announce(const services::SchemaRef& copy, const std::string& source);
  Status refresh(const services::SchemaRef& copy);
  // Drops the copy, if it is still ours, then forgets it.
  Status drop(const services::SchemaRef& copy);
  Result<std::vector<CopyRow>> list();
  // Drops the copies of dead runs; those that could be dropped. Others are WARN records.
  Result<std::vector<CopyRow>> removeDead();
  std::int64_t lifeMillis() const { return life_; }

 private:
  Result<bool> take(const CopyRow& row);
  Status dropSchema(const services::SchemaRef& copy);
  Status endWork(db::Connection& server, const services::SchemaRef& copy);
  services::DatabaseService& database_;
  const std::string owner_;
  const std::int64_t life_;
  Clock& clock_;
};

}  // namespace ox::update

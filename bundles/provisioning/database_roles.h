// Masters and slaves: a slave takes the place of its master, joins another one, or becomes a master of
// its own; a master without schemas becomes a slave.
//
// Purpose:   the part of changedatabase that concerns roles (-m, -M). What is changed are the rows of
//            configdb alone; replication between the servers is set up by their administrator.
// Threads:   functions inside the caller's transaction on configdb, which locks as creations do.
// Errors:    ADM-0103 what does not fit, ADM-0104 the master is missing.
// Source: table db_cluster of the original; its changedatabase has the options -m and -M.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "util_storage.h"

namespace ox::provisioning {

struct RoleChange {
  enum class Kind : std::uint8_t { kNone, kPromote, kJoin, kAlone };
  Kind kind = Kind::kNone;
  std::int32_t master = 0;  // kPromote: who is master now; kJoin: whom the slave belongs to
  std::int32_t slave = 0;   // kPromote: who becomes master; kJoin, kAlone: who is meant
};

// What -m and -M ask of `now`. Pure.
Result<RoleChange> roleChange(const Database& now, const std::vector<Database>& all,
                              std::optional<bool> master, std::optional<std::int32_t> masterId);

// The contexts whose place changed are added to `contexts`.
Status applyRole(db::Connection& config, const RoleChange& change, const Database& values,
                 std::vector<std::int32_t>& contexts);

}  // namespace ox::provisioning

// Rows of updateTask from releases before 7.8, whose table has no key.
//
// Purpose:   steps before the table gets its primary key (cid, uuid).
// Locks:     the row that the runner itself holds has its constant uuid from the beginning
//            (schema_lease.cpp) and is not touched.
// Repeated:  each looks what is there.
// Errors:    UPD-0007/0008.
// source: the original's AddUUIDForUpdateTaskTable, DropDuplicateEntryFromUpdateTaskTable.
#pragma once

#include "form_task.h"

namespace ox::update {

// Rows without uuid get one: the lock rows their constant, all others a random one.
Status giveUuids(services::UpdateContext& context);
// A task that stands there several times keeps its latest row.
Status dropDuplicateTasks(services::UpdateContext& context);
// Different tasks with one uuid get new ones.
Status separateUuids(services::UpdateContext& context);

}  // namespace ox::update

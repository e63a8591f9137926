// What a node's management offers of the update tasks: operations for the tools, a bean, metrics.
//
// Operations (access: master administrator), JSON objects; failure = {taskName, className, schema}:
//   UpdateTaskService/runUpdate      {"contextId": 7} or {"schema": "ox_1"}
//                                    + {"task": forced name, "until": "HH:MM"}
//                                    -> {"executed": [name], "failed": [failure], "stopped": why}
//   UpdateTaskService/planUpdate     as runUpdate -> {schema, database, tasks: [{taskName, blocking,
//                                         dependencies, description, problem, statements: [{sql,
//                                         table, bytes, size, rows, expected}]}]}
//   UpdateTaskService/copyUpdate     as runUpdate, on a copy -> {schema, size, copyMillis, runMillis,
//                                         executed, failed, stopped, tables: [{table, rowsBefore,
//                                         rowsAfter, sameData, gone, created, added, removed}]}
//   UpdateTaskService/unblockDatabase {"database": 3, "schema": name or absent} -> [schema]
//   UpdateTaskService/listNamespaces {} -> {name space: [task]}
//   UpdateTaskService/listTasks      {"schema": "ox_1"}
//                                    -> [{taskName, executed, successful, lastModified, state,
//                                         reason}]
//   UpdateTaskService/checkDatabase  {} -> [{id, name, url, schema, status}]
// `className` carries what failed: the code and text of the error.
// Threads:   called on management threads, block until done.
// Errors:    RUN-0004 for missing or wrong arguments, otherwise those of the service.
#pragma once

#include <memory>
#include <vector>

#include "management/management.h"
#include "service.h"

namespace ox::update {

std::vector<management::Registration> registerOperations(
    management::Management& management, const std::shared_ptr<UpdateServiceImpl>& service);

}  // namespace ox::update

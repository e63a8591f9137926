// The provisioning calls on the RMI port: JSON arguments in, JSON results out.
//
// Threads: called on management threads, blocking. Errors: ADM-0103 names the argument that is bad.
// Names and arguments: docs/operating/provisioning.md.
// Source of the service names: the original's RMI interfaces OXUtil, OXContext, OXUser.
#pragma once

#include <memory>
#include <vector>

#include "context_storage.h"
#include "database_changes.h"
#include "management/management.h"
#include "schema_changes.h"
#include "user_storage.h"
#include "util_storage.h"

namespace ox::provisioning {

struct Storages {
  std::shared_ptr<UtilStorage> util;
  std::shared_ptr<ContextStorage> contexts;
  std::shared_ptr<UserStorage> users;
  std::shared_ptr<DatabaseChanges> databases;
  std::shared_ptr<SchemaChanges> schemas;
  std::shared_ptr<Journal> journal;
};

std::vector<management::Registration> addOperations(management::Management& management,
                                                    const Storages& storages);

}  // namespace ox::provisioning

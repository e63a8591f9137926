// The operations of this bundle in parts, one file each; addOperations() puts them together.
#pragma once

#include <functional>

#include "arguments.h"
#include "management/management.h"
#include "operations.h"

namespace ox::provisioning {

struct OperationSpec {
  const char* name;
  management::Access access;
  Handler handler;
  bool settles = false;  // looks after the journal itself
};
using AddOperation = std::function<void(OperationSpec)>;

void addContextOperations(const AddOperation& add, const Storages& storages);
void addDatabaseOperations(const AddOperation& add, const Storages& storages);
void addUserOperations(const AddOperation& add, const Storages& storages);

// contextId, or contextName looked up. Asks the arguments' status itself.
Result<std::int32_t> contextOf(Arguments& in, UserStorage& users);

}  // namespace ox::provisioning

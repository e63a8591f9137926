// A look at a schema before its contexts may be used. Offered by bundles/database as "context-gate";
// bundles/update sets the gate that starts or demands pending update tasks.
//
// Threads:   the gate is called on the thread of whoever asks for a context (log-in, request,
//            provisioning call), without locks held, and may block briefly on the database.
// Caching:   a schema that passed is not asked about again for some seconds, see contexts.h.
// Ownership: destroying the handle removes the gate and waits for those inside it.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "services/database.h"

namespace ox::services {

// Ok, or why the contexts of the schema cannot be used now: CTX-0007, CTX-0013. The connection goes
// to the schema's master.
using LoadGate = std::function<Status(const SchemaRef& schema, db::Connection& connection)>;

class ContextGate {
 public:
  virtual ~ContextGate() = default;
  // One gate at a time; a second one replaces the first.
  [[nodiscard]] virtual std::shared_ptr<void> setLoadGate(LoadGate gate) = 0;
};

}  // namespace ox::services

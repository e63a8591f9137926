// The bundle: provisioning operations on the RMI port.
#include "operations.h"
#include "runtime/bundle.h"

namespace ox::provisioning {
namespace {

class ProvisioningActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    Surroundings around;
    around.config = context.need<config::ConfigService>("config");
    around.database = context.need<services::DatabaseService>("database");
    around.contexts = context.need<services::ContextService>("contexts");
    around.updates = context.need<services::UpdateService>("updates");
    around.cacheEvents = context.need<services::CacheEvents>("cache-events");
    around.sessions = context.need<services::SessionService>("sessions");
    auto management = context.need<management::Management>("management");
    if (!around.config || !around.database || !around.contexts || !management)
      return Error(Code::kUnavailable,
                   "one of the services config, database, contexts, management is not offered");
    Storages storages;
    storages.util = std::make_shared<UtilStorage>(around);
    storages.contexts = std::make_shared<ContextStorage>(around, storages.util);
    storages.users = std::make_shared<UserStorage>(around);
    storages.databases = std::make_shared<DatabaseChanges>(around, storages.util);
    storages.schemas = std::make_shared<SchemaChanges>(around, storages.util);
    storages.journal = std::make_shared<Journal>(around);
    operations_ = addOperations(*management, storages);
    return {};
  }
  void stop() override { operations_.clear(); }

 private:
  std::vector<management::Registration> operations_;
};

}  // namespace
}  // namespace ox::provisioning

OX_BUNDLE("provisioning", OX_VERSION,
          "config,database,contexts,management,updates?,cache-events?,sessions?", "",
          ox::provisioning::ProvisioningActivator)

// The module "update": offers "updates".
#include "operations.h"
#include "runtime/bundle.h"
#include "service.h"
#include "services/context_gate.h"

namespace ox::update {
namespace {

class UpdateActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    auto config = context.need<config::ConfigService>("config");
    auto database = context.need<services::DatabaseService>("database");
    auto management = context.need<management::Management>("management");
    if (!config || !database || !management)
      return Error(Code::kBundleMissingService, "update needs config, database and management");
    auto* registry = &context.services;
    service_ = std::make_shared<UpdateServiceImpl>(
        config, database, context.need<services::CacheEvents>("cache-events"), [registry] {
          return registry->all<services::UpdateTaskProvider>("update-task-provider");
        });
    registrations_ = registerOperations(*management, service_);
    if (auto gate = context.need<services::ContextGate>("context-gate"))
      gate_ = gate->setLoadGate([service = service_.get()](const services::SchemaRef& schema,
                                                           db::Connection& connection) {
        return service->onContextLoad(schema, connection);
      });
    context.offer<services::UpdateService>("updates", service_);
    return {};
  }

  void stop() override {
    gate_.reset();
    registrations_.clear();
    if (service_) service_->stop();
    service_.reset();
  }

 private:
  std::shared_ptr<UpdateServiceImpl> service_;
  std::shared_ptr<void> gate_;
  std::vector<management::Registration> registrations_;
};

}  // namespace
}  // namespace ox::update

OX_BUNDLE("update", "1.0.0", "config,database,management,context-gate?,cache-events?,update-task-provider?",
          "updates", ox::update::UpdateActivator)

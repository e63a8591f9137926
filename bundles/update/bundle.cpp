// The module "update": offers "updates".
#include "jobs/job_operations.h"
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
        },
        [registry] { return registry->all<services::UpgradeBridge>("upgrade-bridge"); });
    auto* service = service_.get();
    jobs_ = std::make_shared<JobService>(
        database,
        JobWork{[service](const services::SchemaRef& schema, const std::string& task,
                          std::shared_ptr<RunControl> control) {
                  UpdateServiceImpl::RunWishes wishes;
                  if (!task.empty()) wishes.forced = {task};
                  wishes.control = std::move(control);
                  return service->run(schema, wishes);
                },
                [service](const services::SchemaRef& schema) {
                  static_cast<void>(service->kill(schema));
                },
                [service]() -> std::function<std::vector<std::string>()> {
                  auto marks = service->bridgeMarks();
                  if (marks.empty()) return {};
                  return [marks] { return UpdateServiceImpl::settled(marks); };
                }},
        UpdateServiceImpl::nodeName());
    registrations_ = registerOperations(*management, service_);
    addJobOperations(*management, service_, jobs_, registrations_);
    if (auto gate = context.need<services::ContextGate>("context-gate"))
      gate_ = gate->setLoadGate([service](const services::SchemaRef& schema,
                                                           db::Connection& connection) {
        return service->onContextLoad(schema, connection);
      });
    context.offer<services::UpdateService>("updates", service_);
    return {};
  }

  void stop() override {
    gate_.reset();
    registrations_.clear();
    if (service_) service_->stop();  // runs end after their task
    jobs_.reset();                   // and are left to other nodes
    service_.reset();
  }

 private:
  std::shared_ptr<UpdateServiceImpl> service_;
  std::shared_ptr<JobService> jobs_;
  std::shared_ptr<void> gate_;
  std::vector<management::Registration> registrations_;
};

}  // namespace
}  // namespace ox::update

OX_BUNDLE("update", "1.0.0", "config,database,management,context-gate?,cache-events?,update-task-provider?",
          "updates", ox::update::UpdateActivator)

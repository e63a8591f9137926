#include "management/registry.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace ox::management {

struct ManagementRegistry::Entry {
  Gate gate;
  std::string name;
  Access access = Access::kMaster;
  std::function<std::vector<MBean>()> beans;
  Operation operation;
  MetricSource metrics;
  std::function<bool(std::string&)> probe;
};

struct ManagementRegistry::Shared {
  std::mutex mutex;
  bool alive = true;
};

ManagementRegistry::ManagementRegistry() : shared_(std::make_shared<Shared>()) {}

ManagementRegistry::~ManagementRegistry() {
  std::lock_guard lock(shared_->mutex);
  shared_->alive = false;
}

Registration ManagementRegistry::add(List& list, std::shared_ptr<Entry> entry) {
  {
    std::lock_guard lock(shared_->mutex);
    list.push_back(entry);
  }
  auto* const raw = entry.get();
  return Registration(raw, [entry, shared = shared_, &list](void*) {
    {
      std::lock_guard lock(shared->mutex);
      if (shared->alive) std::erase(list, entry);
    }
    entry->gate.close();
  });
}

ManagementRegistry::List ManagementRegistry::copy(const List& list) const {
  std::lock_guard lock(shared_->mutex);
  return list;
}

void ManagementRegistry::callbackFailed(const char* what) const {
  ++failedCallbacks_;
  log::warn(std::string("a management callback failed: ") + what);
}

Registration ManagementRegistry::addMBean(MBean bean) {
  return addMBeans([bean = std::move(bean)] { return std::vector<MBean>{bean}; });
}

Registration ManagementRegistry::addMBeans(std::function<std::vector<MBean>()> beans) {
  auto entry = std::make_shared<Entry>();
  entry->beans = std::move(beans);
  return add(beans_, std::move(entry));
}

Registration ManagementRegistry::addOperation(const std::string& name, Access access,
                                              Operation operation) {
  OX_CHECK(!operationAccess(name).has_value());
  auto entry = std::make_shared<Entry>();
  entry->name = name;
  entry->access = access;
  entry->operation = std::move(operation);
  return add(operations_, std::move(entry));
}

Registration ManagementRegistry::addMetrics(MetricSource source) {
  auto entry = std::make_shared<Entry>();
  entry->metrics = std::move(source);
  return add(metrics_, std::move(entry));
}

Registration ManagementRegistry::addReadiness(const std::string& name,
                                              std::function<bool(std::string& why)> ready) {
  auto entry = std::make_shared<Entry>();
  entry->name = name;
  entry->probe = std::move(ready);
  return add(ready_, std::move(entry));
}

Registration ManagementRegistry::addSafety(const std::string& name,
                                           std::function<bool(std::string& why)> safe) {
  auto entry = std::make_shared<Entry>();
  entry->name = name;
  entry->probe = std::move(safe);
  return add(safe_, std::move(entry));
}

void ManagementRegistry::forEachBean(const std::function<void(const MBean&)>& visit) const {
  for (const auto& entry : copy(beans_)) {
    Gate::Visit inside(entry->gate);
    if (!inside) continue;
    std::vector<MBean> beans;
    try {
      beans = entry->beans();
    } catch (const std::exception& e) {
      callbackFailed(e.what());
    }
    for (const MBean& bean : beans) visit(bean);
  }
}

std::vector<MetricSample> ManagementRegistry::samples() const {
  std::vector<MetricSample> out;
  for (const auto& entry : copy(metrics_)) {
    Gate::Visit inside(entry->gate);
    if (!inside) continue;
    try {
      entry->metrics(out);
    } catch (const std::exception& e) {
      callbackFailed(e.what());
    }
  }
  return out;
}

std::optional<Access> ManagementRegistry::operationAccess(const std::string& name) const {
  for (const auto& entry : copy(operations_))
    if (entry->name == name) return entry->access;
  return std::nullopt;
}

Result<nlohmann::json> ManagementRegistry::callOperation(const std::string& name,
                                                         const nlohmann::json& arguments,
                                                         const Caller& caller) const {
  for (const auto& entry : copy(operations_)) {
    if (entry->name != name) continue;
    Gate::Visit inside(entry->gate);
    if (!inside) return Error(Code::kShutdown);
    try {
      return entry->operation(arguments, caller);
    } catch (const nlohmann::json::exception& e) {
      return Error(Code::kAdmInvalidData,
                   "arguments of " + name + " are not understood: " + e.what());
    } catch (const std::exception& e) {
      callbackFailed(e.what());
      return Error(Code::kInternal, name + " failed: " + e.what());
    }
  }
  return Error(Code::kNotFound, "this node has no operation '" + name + "'");
}

std::vector<std::string> ManagementRegistry::failing(const List& list) const {
  std::vector<std::string> out;
  for (const auto& entry : copy(list)) {
    Gate::Visit inside(entry->gate);
    if (!inside) continue;
    std::string why;
    try {
      if (!entry->probe(why)) out.push_back(entry->name + ": " + why);
    } catch (const std::exception& e) {
      callbackFailed(e.what());
      out.push_back(entry->name + ": " + e.what());
    }
  }
  return out;
}

}  // namespace ox::management

#include "runtime/registry.h"

#include <iterator>

namespace ox::runtime {

void ServiceRegistry::offerRaw(const std::string& name, const std::type_info& type,
                               std::shared_ptr<void> service, const std::string& bundle) {
  OX_CHECK(service != nullptr);
  std::lock_guard lock(mutex_);
  offers_.emplace(name, Offer{bundle, type.name(), std::move(service)});
}

void ServiceRegistry::withdrawAll(const std::string& byBundle) {
  std::vector<std::shared_ptr<void>>
      dropped;  // destroyed outside the lock: destructors may look up
  {
    std::lock_guard lock(mutex_);
    for (auto it = offers_.begin(); it != offers_.end();) {
      const auto next = std::next(it);
      if (it->second.bundle == byBundle) {
        dropped.push_back(std::move(it->second.service));
        offers_.erase(it);
      }
      it = next;
    }
  }
}

bool ServiceRegistry::offered(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return offers_.contains(name);
}

std::vector<std::shared_ptr<void>> ServiceRegistry::findRaw(const std::string& name,
                                                            const std::type_info& type) const {
  std::vector<std::shared_ptr<void>> found;
  std::lock_guard lock(mutex_);
  const auto [first, last] = offers_.equal_range(name);
  for (auto it = first; it != last; ++it)
    if (it->second.type == type.name()) found.push_back(it->second.service);
  return found;
}

}  // namespace ox::runtime

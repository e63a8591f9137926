// ServiceRegistry: where bundles find each other's services, by name and type.
//
// Threads:   any.
// Ownership: the registry shares ownership with the offering bundle; withdraw() removes it. Who
//            keeps a pointer must drop it in its stop(), which the host calls before the offerer's.
// Several offers under one name are allowed (providers): get() returns the first, all() each.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <vector>

#include "base/error.h"

namespace ox::runtime {

class ServiceRegistry {
 public:
  template <typename T>
  void offer(const std::string& name, std::shared_ptr<T> service, const std::string& byBundle) {
    offerRaw(name, typeid(T), std::static_pointer_cast<void>(std::move(service)), byBundle);
  }
  void withdrawAll(const std::string& byBundle);

  // Null when nobody offers it (or under another type).
  template <typename T>
  std::shared_ptr<T> get(const std::string& name) const {
    auto found = findRaw(name, typeid(T));
    return found.empty() ? nullptr : std::static_pointer_cast<T>(found.front());
  }
  template <typename T>
  std::vector<std::shared_ptr<T>> all(const std::string& name) const {
    std::vector<std::shared_ptr<T>> out;
    for (auto& p : findRaw(name, typeid(T))) out.push_back(std::static_pointer_cast<T>(p));
    return out;
  }
  bool offered(const std::string& name) const;

 private:
  struct Offer {
    std::string bundle;
    std::string type;  // typeid name: compared as text, since modules may hold own copies
    std::shared_ptr<void> service;
  };
  void offerRaw(const std::string& name, const std::type_info& type, std::shared_ptr<void> service,
                const std::string& bundle);
  std::vector<std::shared_ptr<void>> findRaw(const std::string& name,
                                             const std::type_info& type) const;

  mutable std::mutex mutex_;
  std::multimap<std::string, Offer> offers_;
};

}  // namespace ox::runtime

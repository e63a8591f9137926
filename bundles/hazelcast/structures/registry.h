// ContainerRegistry: which types of containers there are. Immutable once given to the shards.
//
// A new type: registry.add("queue", [](const std::string&) { return std::make_unique<Queue>(); }).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "structures/container.h"

namespace ox::grid {

class ContainerRegistry {
 public:
  // `name` = the whole name, "@type:rest".
  using Factory = std::function<std::unique_ptr<Container>(const std::string& name)>;
  void add(const std::string& type, Factory factory) { byType_[type] = std::move(factory); }
  // Null when the type is not known.
  std::unique_ptr<Container> create(const std::string& name) const;

 private:
  std::map<std::string, Factory> byType_;
};

// Names of containers begin with '@'; no map may have such a name.
inline bool isContainerName(BytesView name) { return !name.empty() && name.front() == '@'; }
std::string containerName(const std::string& type, const std::string& rest);

}  // namespace ox::grid

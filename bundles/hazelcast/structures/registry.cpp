#include "structures/registry.h"

namespace ox::grid {

std::unique_ptr<Container> ContainerRegistry::create(const std::string& name) const {
  if (!isContainerName(name)) return nullptr;
  const auto colon = name.find(':');
  if (colon == std::string::npos) return nullptr;
  const auto it = byType_.find(name.substr(1, colon - 1));
  return it == byType_.end() ? nullptr : it->second(name);
}

std::string containerName(const std::string& type, const std::string& rest) {
  return "@" + type + ":" + rest;
}

}  // namespace ox::grid

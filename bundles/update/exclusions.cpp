#include "exclusions.h"

#include "config/keys_update.h"

namespace ox::update {

Exclusions readExclusions(const config::Config& config) {
  Exclusions out;
  for (const auto& [name, setting] : config.file(kExcludedFile)) out.names.insert(name);
  for (const std::string& space : config.get(config::keys::kExcludedUpdateTasks))
    if (!space.empty()) out.nameSpaces.insert(space);
  return out;
}

}  // namespace ox::update

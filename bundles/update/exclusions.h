// Which tasks the administrator excluded, from the configuration.
//
// Purpose:   excludedupdatetasks.properties: one class name per line (the key of the property);
//            com.openexchange.groupware.update.excludedUpdateTasks: comma separated namespaces.
// Threads:   pure functions.
// source: the original's documentation of both; neither is reloadable there. Here both are read
//         anew for every run and list.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "task_order.h"

namespace ox::update {

inline constexpr const char* kExcludedFile = "excludedupdatetasks.properties";

Exclusions readExclusions(const config::Config& config);

}  // namespace ox::update

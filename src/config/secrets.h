// Published stock secrets: values that the original delivered and that everybody knows.
//
// With join=empty they are a WARN, otherwise an ERROR, unless
// com.openexchange.security.allowStockSecrets says that it is known. Values are never printed.
// source: the stock configuration files of the original
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace ox::config {

std::vector<Problem> checkSecrets(const Config& config);
// Whether `value` is a published value of the key (compared without case, as the original does).
bool isStockSecret(const std::string& key, const std::string& value);

}  // namespace ox::config

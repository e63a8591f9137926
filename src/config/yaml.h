// A YAML file of the form
//   com.mysql.jdbc:
//     name: value
// as properties: one section, scalars only, every value as text.
//
// Threads: pure function.
// Errors:  with their line; a file with an error gives no entries.
// Bounds:  kMaxYamlBytes, kMaxYamlEntries; yaml-cpp bounds the nesting.
// Source:  the original's dbconnector.yaml.
#pragma once

#include <string>
#include <string_view>

#include "config/properties.h"

namespace ox::config {

constexpr std::size_t kMaxYamlBytes = 64 * 1024;
constexpr std::size_t kMaxYamlEntries = 1000;

PropertiesText parseYamlSection(std::string_view text, const std::string& section);

}  // namespace ox::config

// What showruntimestats can show: each option with the MBeans behind it, in the order in which
// the original asks its options (the first one selected wins), and its line format.
//
// Threads: one. Source: the original's StatisticTools and AbstractMBean query format:
//          "<object name>,<attribute> = <value>".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace ox::tool {

struct StatisticsSection {
  const char* names;     // option names
  const char* longName;  // "--xchangestats"
  const char* help;
  std::vector<const char*> patterns;  // MBeans; empty = handled by its own code
  bool inAll = false;                 // part of --allstats
};
const std::vector<StatisticsSection>& statisticsSections();

// Reads MBeans by pattern: {object name: {attribute: value}}; an empty object when none matches.
using BeanReader = std::function<Result<nlohmann::json>(const std::string& pattern)>;

std::string beanLines(const nlohmann::json& beans);
Result<std::string> sectionText(const StatisticsSection& section, const BeanReader& read);
// Output of -c (--clusterstats).
Result<std::string> clusterText(const BeanReader& read);
// The bracket content after `name` in a configuration text, nesting kept; empty when not there.
std::string bracketContent(std::string_view text, std::string_view name);

}  // namespace ox::tool

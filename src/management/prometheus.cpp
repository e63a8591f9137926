#include "management/prometheus.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

namespace ox::management {
namespace {

bool validName(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == ':';
  });
}

}  // namespace

std::string prometheusText(const std::vector<MetricSample>& samples) {
  std::map<std::string, prometheus::MetricFamily> families;
  for (const MetricSample& sample : samples) {
    if (!validName(sample.name)) continue;
    prometheus::MetricFamily& family = families[sample.name];
    if (family.name.empty()) {
      family.name = sample.name;
      family.help = sample.help;
      family.type =
          sample.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    }
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    if (family.type == prometheus::MetricType::Counter) metric.counter.value = sample.value;
    else metric.gauge.value = sample.value;
    family.metric.push_back(std::move(metric));
  }
  std::vector<prometheus::MetricFamily> ordered;
  for (auto& [name, family] : families) ordered.push_back(std::move(family));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, ordered);
  return out.str();
}

}  // namespace ox::management

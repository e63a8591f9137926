// Metrics in the Prometheus text format, by the serializer of prometheus-cpp-core.
// Threads: any. Samples with a name that Prometheus would refuse are left out.
#pragma once

#include <string>
#include <vector>

#include "management/management.h"

namespace ox::management {

std::string prometheusText(const std::vector<MetricSample>& samples);

}  // namespace ox::management

// What the grid shows to operators: MBeans with Hazelcast's object names, metrics, health.
//
// Threads:   the getters run on management threads; every figure is a snapshot.
// Source of names: Hazelcast's ManagementService beans as the original's showruntimestats -c
// reads them; type=Member lines are promised by the original's cluster documentation.
#pragma once

#include <memory>
#include <vector>

#include "engine.h"
#include "management/management.h"

namespace ox::grid {

// The registrations; dropping them ends the showing. The engine is held weakly.
std::vector<management::Registration> showGrid(management::Management& management,
                                               const std::shared_ptr<Engine>& engine);
std::vector<management::MBean> gridBeans(const std::shared_ptr<Engine>& engine);
void gridMetrics(Engine& engine, std::vector<management::MetricSample>& out);
// Empty = ready, safe; else what is missing.
std::string notReady(const Engine& engine);
std::string notSafe(const Engine& engine);

}  // namespace ox::grid

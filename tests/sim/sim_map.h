// A map of one simulated member as the bundles above the grid see it. Requests go to the member's data
// side by an event of their own, as in the engine; a process that has ended answers nothing.
#pragma once

#include <memory>
#include <string>

#include "services/grid.h"
#include "world.h"

namespace ox::sim {

std::shared_ptr<services::GridMap> makeSimMap(World& world, const MemberId& member,
                                              std::string name);

}  // namespace ox::sim

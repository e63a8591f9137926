// Places for updates that begin by themselves on one database host, shared by all nodes.
//
// Purpose:   after an upgrade every node sees users of many schemas at once; together they must not
//            begin more runs on a host than its administrator allows.
// How:       place N is the lock kSlotPrefix + N of the database server (GET_LOCK), held by a
//            connection of its own: the server lets it go when a node dies. Locks belong to one
//            server: on Galera all nodes write to one.
// Threads:   any; blocks on the network.
// Errors:    none: where the server does not answer or knows no such locks the node's own limit is
//            all there is (WARN once per process); the run itself says what is wrong with the server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "services/database.h"

namespace ox::update {

inline constexpr const char* kSlotPrefix = "ox_implicit_update_";

// Nothing = all are taken. Letting the handle go frees the place.
std::optional<std::shared_ptr<void>> takeUpdateSlot(services::DatabaseService& database,
                                                    std::int32_t poolId, int limit);

}  // namespace ox::update

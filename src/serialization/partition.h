// From key to partition, exactly as Hazelcast 3.6 - 5.x computes it, so that smart clients route
// right: the blob's own partition hash when set, else murmur3 of the payload; then |hash| modulo
// the partition count, with 0 for the one hash that has no absolute value.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ox::serialization {

int partitionOfHash(std::int32_t hash, int partitionCount);
int partitionOf(BytesView data, int partitionCount);
// Partition of an object (map, topic) by name: of the part behind the first '@', when there is one.
int partitionOfName(std::string_view name, int partitionCount);

}  // namespace ox::serialization

// MurmurHash3 x86 32 with Hazelcast's seed. Source: Hazelcast's HashUtil (seed 0x01000193,
// 4-byte blocks read little-endian).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ox::serialization {

std::int32_t murmur3(BytesView bytes);

}  // namespace ox::serialization

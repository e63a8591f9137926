#include "serialization/partition.h"

#include <cstdlib>

#include "base/check.h"
#include "serialization/data.h"
#include "serialization/murmur.h"

namespace ox::serialization {

int partitionOfHash(std::int32_t hash, int partitionCount) {
  OX_CHECK(partitionCount > 0);
  if (hash == INT32_MIN) return 0;
  return std::abs(hash) % partitionCount;
}

int partitionOf(BytesView data, int partitionCount) {
  ByteReader in(data);
  const std::int32_t own = in.i32();
  return partitionOfHash(in.ok() && own != 0 ? own : murmur3(payloadOf(data)), partitionCount);
}

int partitionOfName(std::string_view name, int partitionCount) {
  const auto at = name.find('@');
  return partitionOf(toData(at == std::string_view::npos ? name : name.substr(at + 1)),
                     partitionCount);
}

}  // namespace ox::serialization

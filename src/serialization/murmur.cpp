#include "serialization/murmur.h"

#include <bit>

namespace ox::serialization {
namespace {
constexpr std::uint32_t kSeed = 0x01000193;
constexpr std::uint32_t kC1 = 0xcc9e2d51;
constexpr std::uint32_t kC2 = 0x1b873593;

std::uint32_t byteAt(BytesView b, std::size_t i) { return static_cast<std::uint8_t>(b[i]); }
std::uint32_t scramble(std::uint32_t k) { return std::rotl(k * kC1, 15) * kC2; }
}  // namespace

std::int32_t murmur3(BytesView bytes) {
  std::uint32_t h = kSeed;
  const std::size_t blocks = bytes.size() / 4;
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::uint32_t k = byteAt(bytes, 4 * i) | byteAt(bytes, 4 * i + 1) << 8 |
                            byteAt(bytes, 4 * i + 2) << 16 | byteAt(bytes, 4 * i + 3) << 24;
    h = std::rotl(h ^ scramble(k), 13) * 5 + 0xe6546b64;
  }
  std::uint32_t tail = 0;
  for (std::size_t i = bytes.size(); i > 4 * blocks; --i) tail = tail << 8 | byteAt(bytes, i - 1);
  h ^= scramble(tail);
  h ^= static_cast<std::uint32_t>(bytes.size());
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return static_cast<std::int32_t>(h ^ (h >> 16));
}

}  // namespace ox::serialization

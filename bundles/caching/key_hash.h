// keyHash: 64 bits of a key, for the tables of the regions.
//
// Purpose: a few nanoseconds for keys of some ten bytes, where std::hash takes several times that.
// Bounds:  not for keys that a stranger may choose freely: what is cached was found in the database first.
// source:  the folded 128-bit multiplication of wyhash (public domain).
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace ox::caching {

inline std::uint64_t foldedProduct(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t keyHash(BytesView bytes) {
  constexpr std::uint64_t kFirst = 0xa0761d6478bd642fULL, kSecond = 0xe7037ed1a0b428dbULL;
  const auto word = [](const char* at, std::size_t count) {
    std::uint64_t out = 0;
    std::memcpy(&out, at, count);
    return out;
  };
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = kFirst ^ bytes.size();
  for (; left >= 16; at += 16, left -= 16)
    hash = foldedProduct(word(at, 8) ^ kSecond, word(at + 8, 8) ^ hash);
  std::uint64_t low = 0, high = 0;
  if (left >= 8) {
    low = word(at, 8);
    high = word(at + left - 8, 8);  // overlaps: each byte counts
  } else if (left > 0) {
    low = word(at, left);
  }
  hash = foldedProduct(low ^ kSecond, high ^ hash);
  return foldedProduct(hash ^ kFirst, kSecond ^ bytes.size());
}

}  // namespace ox::caching

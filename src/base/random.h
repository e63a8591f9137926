// Random: the only way to randomness. Injected, so that a seed replays a simulation.
// Threads: SeededRandom belongs to one thread; secureRandom() is callable from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace ox {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  // True with probability numerator / denominator.
  bool chance(std::uint64_t numerator, std::uint64_t denominator) {
    return below(denominator) < numerator;
  }
};

// Deterministic (splitmix64): same seed, same numbers.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

// OpenSSL's generator: for ids, secrets, salts. Aborts if the system has no randomness.
Random& secureRandom();
// `bytes` random bytes as lower-case hex (2 * bytes characters).
std::string secureHex(std::size_t bytes);

}  // namespace ox

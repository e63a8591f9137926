#include <chrono>

#include <openssl/rand.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

namespace ox {
namespace {

class SystemClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  std::int64_t wallMillis() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

class SecureRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t value = 0;
    OX_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1);
    return value;
  }
};

}  // namespace

Clock& systemClock() {
  static SystemClock clock;
  return clock;
}

Random& secureRandom() {
  static SecureRandom random;
  return random;
}

std::string secureHex(std::size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string raw(bytes, '\0');
  OX_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) == 1);
  std::string hex;
  hex.reserve(2 * bytes);
  for (const char c : raw) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

}  // namespace ox

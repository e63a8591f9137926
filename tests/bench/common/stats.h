// Time and percentiles of the benches.
//
// Threads: plain functions and values. Units: nanoseconds unless a name says otherwise.
// nowNanos() is CLOCK_MONOTONIC: the same in all processes of the machine, so that a stamp taken in
// one may be compared in another.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ox::bench {

inline std::int64_t nowNanos() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class Samples {
 public:
  void reserve(std::size_t n) { nanos_.reserve(n); }
  void add(std::int64_t nanos) { nanos_.push_back(nanos); }
  void add(const Samples& other) {
    nanos_.insert(nanos_.end(), other.nanos_.begin(), other.nanos_.end());
  }
  std::size_t size() const { return nanos_.size(); }
  void clear() { nanos_.clear(); }
  // Smallest sample that at least `share` of all do not exceed; 0 without samples.
  double micros(double share) {
    if (nanos_.empty()) return 0;
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(nanos_.size() - 1));
    const auto at = nanos_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(nanos_.begin(), at, nanos_.end());
    return static_cast<double>(*at) / 1000.0;
  }

 private:
  std::vector<std::int64_t> nanos_;
};

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace ox::bench

// Cached gets on two threads, and the memory of a full region.
#include <sys/prctl.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "base/random.h"
#include "cases.h"
#include "coarse_clock.h"
#include "process.h"
#include "region.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr std::size_t kKeyBytes = 32, kValueBytes = 256;
constexpr std::size_t kBatch = 1'000;

Bytes keyOf(std::uint64_t number) {
  Bytes key = "key-" + std::to_string(number);
  key.resize(kKeyBytes, '.');
  return key;
}

caching::RegionSettings large() {
  caching::RegionSettings s;
  s.maxObjects = 0;
  return s;
}

// One lock around a plain map: what anybody would write first.
class PlainMap {
 public:
  void put(const Bytes& key, const Bytes& value) { values_[key] = value; }
  bool get(const Bytes& key, Bytes& value) {
    std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    if (found == values_.end()) return false;
    value.assign(found->second);
    return true;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Bytes, Bytes> values_;
};

// Nanoseconds of a get by batches, two threads at the same time, each on its processor.
template <typename Cache>
Samples gets(Cache& cache, const std::vector<Bytes>& keys, double seconds) {
  Samples all;
  std::mutex mutex;
  std::atomic<int> ready{0};
  std::atomic<bool> failed{false};
  const auto work = [&](int cpu) {
    pinThread(cpu);
    SeededRandom random(static_cast<std::uint64_t>(cpu) + 1);
    // Copies one behind the other: a caller has just made its key.
    std::vector<Bytes> order(1 << 16);
    for (auto& one : order) one = keys[random.below(keys.size())];
    Bytes value;
    Samples mine;
    ++ready;
    while (ready < 2) std::this_thread::yield();
    const std::int64_t until = nowNanos() + static_cast<std::int64_t>(seconds * 1e9);
    std::size_t at = 0;
    for (std::int64_t begun = nowNanos(); begun < until;) {
      for (std::size_t i = 0; i < kBatch; ++i)
        if (!cache.get(order[at++ & (order.size() - 1)], value)) failed = true;
      const std::int64_t ended = nowNanos();
      mine.add((ended - begun) / static_cast<std::int64_t>(kBatch));
      begun = ended;
    }
    std::lock_guard lock(mutex);
    all.add(mine);
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  if (failed) throw std::runtime_error("a cached value was missing");
  return all;
}

// Of few values the processor's caches hold most; of a million each get waits for memory several times,
// whatever the code does: those are compared to the plain map.
void getCase(CachingContext& context, std::uint64_t entries, bool few) {
  caching::Region region("Bench", large(), caching::coarseClock());
  PlainMap plain;
  std::vector<Bytes> keys;
  const Bytes value(kValueBytes, 'v');
  for (std::uint64_t i = 0; i < entries; ++i) {
    keys.push_back(keyOf(i));
    region.put(keys.back(), value);
    plain.put(keys.back(), value);
  }
  std::vector<double> p50, p99, other;
  for (int round = 0; round < context.rounds(); ++round) {
    Samples reference = gets(plain, keys, context.quick ? 0.2 : 0.5);
    Samples ours = gets(region, keys, context.quick ? 0.2 : 0.5);
    other.push_back(reference.micros(0.5));
    p50.push_back(ours.micros(0.5));
    p99.push_back(ours.micros(0.99));
  }
  Row row;
  row.name = "cached get, 2 threads, any of " + std::to_string(entries) + " keys of 32 B, values of 256 B";
  row.placement = "a thread on each processor";
  row.unit = "us";
  row.value = row.p50 = median(p50);
  row.p99 = median(p99);
  row.reference = "std::unordered_map behind one mutex, same keys and copies, p50 us";
  row.referenceValue = median(other);
  row.ratio = row.value / row.referenceValue;
  row.goal = few ? "below 0.2 us" : "at most 1.0 x";
  row.met = few ? row.value < 0.2 : row.ratio <= 1.0;
  row.note = "by batches of 1000 gets";
  context.report.add(row);
}

}  // namespace

void getCases(CachingContext& context) {
  getCase(context, 10'000, true);
  getCase(context, context.quick ? 100'000 : 1'000'000, false);
}

int memoryMain(const std::vector<std::string>& arguments) {
  prctl(PR_SET_PDEATHSIG, 9);
  const std::uint64_t entries = std::stoull(arguments.at(0));
  caching::Region region("Bench", large(), caching::coarseClock());
  const Bytes value(kValueBytes, 'v');
  region.put("first", value);  // what comes with the first use of anything
  region.clear();
  const double before = residentMiB();
  for (std::uint64_t i = 0; i < entries; ++i) region.put(keyOf(i), value);
  const double after = residentMiB();
  if (region.stats().count != entries) throw std::runtime_error("values are missing");
  std::cout << Line().put("grown", after - before).text() << std::endl;
  return 0;
}

void memoryCase(CachingContext& context) {
  const double entries = context.quick ? 100'000 : 1'000'000;
  Child child({"memory", std::to_string(static_cast<std::uint64_t>(entries))}, -1,
              context.dir + "/caching-members.log");
  const double grown = child.answer().at("grown") * 1024 * 1024 / entries;
  Row row;
  row.name = "memory of " + std::to_string(static_cast<std::uint64_t>(entries)) +
             " entries, keys of 32 B, values of 256 B";
  row.placement = "a process of its own";
  row.unit = "B an entry";
  row.value = grown;
  row.reference = "bytes of key and value";
  row.referenceValue = kKeyBytes + kValueBytes;
  row.ratio = grown / row.referenceValue;
  row.goal = "at most 1.15 x and 64 B";
  row.met = grown <= row.referenceValue * 1.15 + 64;
  context.report.add(row);
}

}  // namespace ox::bench

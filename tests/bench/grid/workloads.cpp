#include "workloads.h"

#include <absl/container/flat_hash_map.h>
#include <time.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "base/random.h"
#include "process.h"
#include "serialization/data.h"

namespace ox::bench {
namespace {
using services::MapOp;
using services::MapReply;
using services::MapRequest;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kBlobHead = serialization::kDataHeaderBytes + 4;  // with the text's length
constexpr std::size_t kKeysInUse = 10'000;
constexpr int kFillInFlight = 512;
constexpr std::size_t kMaxOpenInFlight = 20'000;
constexpr std::int64_t kStallNanos = 1'000'000;

MapRequest requestOf(MapOp op, const Bytes& key, const Bytes& value) {
  MapRequest r;
  r.op = op;
  r.key = key;
  if (op == MapOp::kSet) r.value = value;
  return r;
}

void sleepUntil(std::int64_t nanos) {
  timespec t{};
  t.tv_sec = nanos / 1'000'000'000;
  t.tv_nsec = nanos % 1'000'000'000;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

// Counts what is in flight; wait() until less than a limit is.
class InFlight {
 public:
  void begin() { ++count_; }
  void end() {
    const std::size_t left = --count_;
    if (left < limit_.load() || left == 0) {
      std::lock_guard lock(mutex_);
      changed_.notify_all();
    }
  }
  void waitBelow(std::size_t limit) {
    if (count_ < limit) return;
    limit_ = limit;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ < limit; });
    limit_ = 0;
  }

 private:
  std::atomic<std::size_t> count_{0}, limit_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};
}  // namespace

Bytes keyOf(std::uint64_t number) {
  std::string text = std::to_string(number);
  text.insert(0, kKeyBytes - kBlobHead - text.size(), 'k');
  return serialization::toData(text);
}

Bytes valueOf(std::uint64_t number, std::size_t bytes) {
  std::string text = std::to_string(number);
  text.resize(bytes - kBlobHead, 'v');
  return serialization::bytesToData(text);
}

std::vector<Bytes> chooseKeys(const MemberUnderTest& m, Keys whose, std::size_t count) {
  std::vector<Bytes> out;
  for (std::uint64_t n = 0; out.size() < count; ++n) {
    Bytes key = keyOf(n);
    const auto owner = m.engine->ownerOf(key);
    if (!owner) throw std::runtime_error("a partition has no owner");
    if (whose == Keys::kAny || owner->local == (whose == Keys::kOwn)) out.push_back(std::move(key));
    if (n > 100 * count) throw std::runtime_error("no partition of the wanted owner");
  }
  return out;
}

LoadResult closedLoop(const MemberUnderTest& m, MapOp op, int threads, double seconds,
                      std::size_t valueBytes, Keys whose, int cpu) {
  const auto keys = chooseKeys(m, whose, kKeysInUse);
  const Bytes value = valueOf(7, valueBytes);
  const auto map = m.map(kMap);
  if (op == MapOp::kGet)
    for (const auto& key : keys)
      if (!map->set(key, value)) throw std::runtime_error("filling failed");
  struct One {
    Samples samples;
    std::uint64_t failures = 0;
  };
  std::vector<One> parts(static_cast<std::size_t>(threads));
  std::vector<std::thread> callers;
  const std::int64_t begin = nowNanos();
  const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
  for (std::size_t t = 0; t < parts.size(); ++t)
    callers.emplace_back([&, t] {
      if (cpu >= 0) pinThread(cpu);
      One& mine = parts[t];
      mine.samples.reserve(1u << 16);
      std::size_t next = t * keys.size() / parts.size();
      for (std::int64_t before = nowNanos(); before < end;) {
        const auto reply = map->call(requestOf(op, keys[next], value));
        const std::int64_t now = nowNanos();
        mine.samples.add(now - before);
        if (!reply || (op == MapOp::kGet && !reply->value)) ++mine.failures;
        before = now;
        if (++next == keys.size()) next = 0;
      }
    });
  for (auto& c : callers) c.join();
  LoadResult out;
  for (auto& part : parts) {
    out.samples.add(part.samples);
    out.failures += part.failures;
  }
  out.perSecond = static_cast<double>(out.samples.size()) * 1e9 /
                  static_cast<double>(nowNanos() - begin);
  return out;
}

namespace {
// A map that does nothing, on the shard's thread: what is left is the way there and back.
class NoMap final : public services::GridMap {
 public:
  explicit NoMap(net::Shard& shard) : shard_(shard) {}
  const std::string& name() const override { return name_; }
  void execute(MapRequest, services::Completion<MapReply> done) override {
    shard_.post([done = std::move(done)] { done(MapReply{}); });
  }
  void size(services::Completion<std::uint64_t> done) override { done(std::uint64_t{0}); }
  void keys(services::Completion<std::vector<Bytes>> done) override { done(std::vector<Bytes>()); }
  void entries(services::Completion<std::vector<services::MapEntry>> done) override {
    done(std::vector<services::MapEntry>());
  }
  void clear(services::Completion<std::uint64_t> done) override { done(std::uint64_t{0}); }
  services::MapStats localStats() const override { return {}; }

 private:
  net::Shard& shard_;
  const std::string name_ = "none";
};
}  // namespace

TurnsResult inTurns(const MemberUnderTest& m, int turns, double seconds, std::size_t valueBytes,
                    int cpu) {
  const auto keys = chooseKeys(m, Keys::kOwn, kKeysInUse);
  const Bytes value = valueOf(7, valueBytes);
  const auto map = m.map(kMap);
  for (const auto& key : keys)
    if (!map->set(key, value)) throw std::runtime_error("filling failed");
  NoMap none(m.shards->at(0));
  TurnsResult out;
  std::uint64_t failures = 0;
  std::thread([&] {
    pinThread(cpu);
    std::size_t next = 0;
    const auto turn = [&](services::GridMap& on, MapOp op, Samples& all, std::vector<double>& p50) {
      Samples mine;
      const std::int64_t end = nowNanos() + static_cast<std::int64_t>(seconds * 1e9);
      for (std::int64_t before = nowNanos(); before < end;) {
        const auto reply = on.call(requestOf(op, keys[next], value));
        const std::int64_t now = nowNanos();
        mine.add(now - before);
        if (!reply) ++failures;
        before = now;
        if (++next == keys.size()) next = 0;
      }
      all.add(mine);
      p50.push_back(mine.micros(0.5));
    };
    for (int i = 0; i < turns; ++i) {
      turn(none, MapOp::kSet, out.empty, out.empty50);
      turn(*map, MapOp::kGet, out.get, out.get50);
      turn(*map, MapOp::kSet, out.set, out.set50);
    }
  }).join();
  if (failures > 0) throw std::runtime_error(std::to_string(failures) + " operations failed");
  return out;
}

LoadResult openLoop(const MemberUnderTest& m, double rate, double seconds,
                    std::size_t valueBytes) {
  const auto keys = chooseKeys(m, Keys::kAny, kKeysInUse);
  const Bytes value = valueOf(7, valueBytes);
  const auto map = m.map(kMap);
  const auto total = static_cast<std::size_t>(rate * seconds);
  std::vector<std::int64_t> took(total, 0), late(total, 0);
  std::atomic<std::uint64_t> failures{0};
  InFlight flight;
  const std::int64_t begin = nowNanos();
  for (std::size_t i = 0; i < total; ++i) {
    const std::int64_t due = begin + static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate);
    if (nowNanos() < due) sleepUntil(due);
    flight.waitBelow(kMaxOpenInFlight);
    flight.begin();
    late[i] = std::max<std::int64_t>(0, nowNanos() - due);
    map->execute(requestOf(MapOp::kSet, keys[i % keys.size()], value),
                 [&, i, due](Result<MapReply> r) {
                   took[i] = nowNanos() - due;
                   if (!r) ++failures;
                   flight.end();
                 });
  }
  flight.waitBelow(1);
  LoadResult out;
  out.perSecond = static_cast<double>(total) * 1e9 / static_cast<double>(nowNanos() - begin);
  std::int64_t stall = 0;
  for (std::size_t i = 0; i < total; ++i) {
    out.samples.add(took[i]);
    out.late.add(late[i]);
    if (took[i] > kStallNanos) {
      stall = std::max(stall, took[i]);
    } else if (stall > 0) {
      ++out.stalls;
      out.stalledMillis += static_cast<double>(stall) / 1e6;
      stall = 0;
    }
  }
  out.failures = failures;
  return out;
}

Samples insideShard(const MemberUnderTest& m, MapOp op, double seconds) {
  const auto keys = chooseKeys(m, Keys::kOwn, kKeysInUse);
  const Bytes value = valueOf(7, 100);
  const auto map = m.map(kMap);
  for (const auto& key : keys)
    if (!map->set(key, value)) throw std::runtime_error("filling failed");
  Samples samples;
  samples.reserve(1u << 22);
  bool bad = false;
  m.shards->at(0).runAndWait([&] {
    const std::int64_t end = nowNanos() + static_cast<std::int64_t>(seconds * 1e9);
    std::size_t next = 0;
    for (std::int64_t before = nowNanos(); before < end;) {
      bool answered = false;
      map->execute(requestOf(op, keys[next], value),
                   [&](Result<MapReply> r) { answered = r.ok() && r->applied; });
      const std::int64_t now = nowNanos();
      samples.add(now - before);
      bad = bad || !answered;
      before = now;
      if (++next == keys.size()) next = 0;
    }
  });
  if (bad) throw std::runtime_error("an operation inside the shard was not answered at once");
  return samples;
}

Samples plainHashMap(MapOp op, double seconds) {
  absl::flat_hash_map<std::string, std::string> map;
  std::vector<Bytes> keys;
  const Bytes value = valueOf(7, 100);
  for (std::size_t i = 0; i < kKeysInUse; ++i) {
    keys.push_back(keyOf(i));
    map[keys.back()] = value;
  }
  Samples samples;
  std::size_t next = 0, sum = 0;
  const std::int64_t end = nowNanos() + static_cast<std::int64_t>(seconds * 1e9);
  for (std::int64_t before = nowNanos(); before < end;) {
    MapRequest r = requestOf(op, keys[next], value);
    if (op == MapOp::kGet) {
      const std::string copy = map.find(r.key)->second;
      sum += copy.size();
    } else {
      map[r.key] = std::move(r.value);
    }
    const std::int64_t now = nowNanos();
    samples.add(now - before);
    before = now;
    if (++next == keys.size()) next = 0;
  }
  if (op == MapOp::kGet && sum == 0) throw std::runtime_error("the plain map is empty");
  return samples;
}

double fill(const MemberUnderTest& m, const std::string& name, std::uint64_t count,
            std::size_t valueBytes) {
  const auto map = m.map(name);
  InFlight flight;
  std::atomic<std::uint64_t> failures{0};
  const std::int64_t begin = nowNanos();
  for (std::uint64_t n = 0; n < count; ++n) {
    flight.waitBelow(kFillInFlight);
    flight.begin();
    map->execute(requestOf(MapOp::kSet, keyOf(n), valueOf(n, valueBytes)),
                 [&](Result<MapReply> r) {
                   if (!r) ++failures;
                   flight.end();
                 });
  }
  flight.waitBelow(1);
  if (failures > 0) throw std::runtime_error(std::to_string(failures) + " writes failed");
  return static_cast<double>(count) * 1e9 / static_cast<double>(nowNanos() - begin);
}

Background::Background(const MemberUnderTest& m, std::size_t valueBytes, std::uint64_t keys)
    : thread_([this, map = m.map(kMap), value = valueOf(7, valueBytes), keys] {
        SeededRandom random(7);
        for (std::int64_t before = nowNanos(); !stop_;) {
          const MapOp op = random.below(2) == 0 ? MapOp::kGet : MapOp::kSet;
          const auto reply = map->call(requestOf(op, keyOf(random.below(keys)), value));
          const std::int64_t now = nowNanos();
          result_.samples.add(now - before);
          if (!reply) ++result_.failures;
          before = now;
        }
      }) {}

Background::~Background() {
  if (thread_.joinable()) end();
}

LoadResult Background::end() {
  stop_ = true;
  thread_.join();
  return std::move(result_);
}

}  // namespace ox::bench

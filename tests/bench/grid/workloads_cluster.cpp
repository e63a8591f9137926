// Sessions, topics, fail-over.
#include <signal.h>
#include <time.h>

#include <chrono>
#include <cstring>
#include <future>
#include <map>
#include <stdexcept>

#include "portable_session.h"
#include "process.h"
#include "serialization/data.h"
#include "serialization/partition.h"
#include "session_values.h"
#include "workloads.h"

namespace ox::bench {
namespace {
using services::MapOp;
using services::MapReply;
using services::MapRequest;

constexpr const char* kTopic = "bench-topic";
constexpr std::int64_t kStallNanos = 5'000'000'000;
constexpr std::int64_t kBeforeKillNanos = 1'000'000'000;
constexpr std::int64_t kMaxFailOverNanos = 20'000'000'000;
constexpr std::int64_t kChainPauseNanos = 5'000'000;
constexpr std::int64_t kScanNanos = 200'000;

void pause(std::int64_t nanos) {
  const timespec t{0, static_cast<long>(nanos)};
  nanosleep(&t, nullptr);
}
}  // namespace

double fillSessions(const MemberUnderTest& m, std::uint64_t count) {
  const sessionstorage::Obfuscator obfuscator("a key for the bench");
  const auto map = m.map(kSessions);
  std::atomic<std::uint64_t> failures{0}, left{0};
  const std::int64_t begin = nowNanos();
  for (std::uint64_t n = 0; n < count; ++n) {
    while (left > 512) pause(50'000);
    const auto session = sessionOf(n);
    MapRequest request;
    request.op = MapOp::kSet;
    request.key = serialization::toData(session.sessionId);
    request.value = sessionstorage::encodeSession(session, obfuscator);
    ++left;
    map->execute(std::move(request), [&](Result<MapReply> r) {
      if (!r) ++failures;
      --left;
    });
  }
  while (left > 0) pause(50'000);
  if (failures > 0) throw std::runtime_error(std::to_string(failures) + " writes failed");
  return static_cast<double>(count) * 1e9 / static_cast<double>(nowNanos() - begin);
}

void lookUpSessions(const MemberUnderTest& m, std::uint64_t count) {
  namespace query = services::query;
  const auto map = m.map(kSessions);
  const auto one = sessionOf(count / 2);
  const auto ask = [&](const services::Predicate& predicate, std::size_t expected) {
    std::promise<Result<services::QueryResult>> answer;
    services::QueryOptions options;
    options.want = services::QueryWant::kKeys;
    map->query(predicate, options,
               [&](Result<services::QueryResult> r) { answer.set_value(std::move(r)); });
    const auto result = answer.get_future().get();
    if (!result) throw std::runtime_error("look-up of sessions: " + result.error().toString());
    if (result->entries.size() != expected)
      throw std::runtime_error("look-up by " + predicate.attribute + " found " +
                               std::to_string(result->entries.size()) + " sessions, not " +
                               std::to_string(expected));
  };
  ask(query::equal("altId", one.altId), 1);
  ask(query::equal("contextId", static_cast<std::int64_t>(one.contextId)), kUsersPerContext);
  ask(query::equal("userId", static_cast<std::int64_t>(one.userId)), count / kUsersPerContext);
  const auto stats = map->localStats();
  if (stats.indexedQueryCount == 0 || stats.indexedQueryCount != stats.queryCount)
    throw std::runtime_error("look-ups of sessions did not use the indexes");
}

Subscriber::Subscriber(const MemberUnderTest& m) : topic_(m.engine->topic(kTopic)) {
  samples_.reserve(1u << 22);
  subscription_ = topic_->subscribe([this](const services::TopicMessage& message) {
    const std::int64_t now = nowNanos();
    std::int64_t sent = 0;
    std::memcpy(&sent, message.payload.data(), sizeof sent);
    if (received_ == 0) first_ = now;
    samples_.add(now - sent);
    last_ = now;
    ++received_;  // last: whoever sees the count sees the rest
  });
}

std::string Subscriber::wait(std::uint64_t count) {
  std::uint64_t seen = 0;
  std::int64_t since = nowNanos();
  while (received_ < count) {
    const std::uint64_t now = received_;
    if (now != seen) {
      seen = now;
      since = nowNanos();
    }
    if (nowNanos() - since > kStallNanos)
      throw std::runtime_error("only " + std::to_string(now) + " of " + std::to_string(count) +
                               " messages came");
    pause(1'000'000);
  }
  const double seconds = static_cast<double>(last_ - first_) / 1e9;
  const std::string text = Line()
                               .put("p50", samples_.micros(0.5))
                               .put("p99", samples_.micros(0.99))
                               .put("rate", static_cast<double>(count - 1) / seconds)
                               .put("gaps", static_cast<double>(topic_->localStats().gapCount))
                               .text();
  samples_.clear();
  received_ = 0;
  return text;
}

std::uint64_t publish(const MemberUnderTest& m, std::uint64_t count, std::size_t bytes,
                      double rate) {
  const auto topic = m.engine->topic(kTopic);
  std::uint64_t refused = 0;
  const std::int64_t begin = nowNanos();
  for (std::uint64_t n = 0; n < count; ++n) {
    if (rate > 0) {
      const std::int64_t due =
          begin + static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / rate);
      timespec t{};
      t.tv_sec = due / 1'000'000'000;
      t.tv_nsec = due % 1'000'000'000;
      if (nowNanos() < due) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    }
    for (;;) {
      Bytes payload(bytes, 't');
      const std::int64_t now = nowNanos();
      std::memcpy(payload.data(), &now, sizeof now);
      const Status taken = topic->publish(std::move(payload));
      if (taken) break;
      if (taken.error().code != Code::kBusy) throw std::runtime_error(taken.error().toString());
      ++refused;
      pause(100'000);
    }
  }
  return refused;
}

std::string failOver(const MemberUnderTest& m, int victim) {
  const int partitions = m.engine->config().partitionCount;
  std::map<int, Bytes> keys;
  for (std::uint64_t n = 0; keys.size() < static_cast<std::size_t>(partitions); ++n) {
    Bytes key = keyOf(n);
    keys.emplace(serialization::partitionOf(key, partitions), std::move(key));
  }
  struct Chain {
    Bytes key;
    std::atomic<std::int64_t> done{1};  // 0 = under way
    std::int64_t begun = 0;
    std::atomic<bool> failed{false};
    std::int64_t served = 0;            // first answer to what began after the kill
  };
  std::vector<Chain> chains(static_cast<std::size_t>(partitions));
  for (auto& [partition, key] : keys) chains[static_cast<std::size_t>(partition)].key = key;
  const auto map = m.map(kMap);
  const Bytes value = valueOf(7, 100);
  const std::int64_t start = nowNanos();
  std::int64_t killed = 0;
  std::size_t left = chains.size();
  std::uint64_t writes = 0, failures = 0;
  while (left > 0) {
    const std::int64_t now = nowNanos();
    if (now - start > kMaxFailOverNanos) throw std::runtime_error("not served again in time");
    if (killed == 0 && now - start > kBeforeKillNanos) {
      if (kill(victim, SIGKILL) != 0) throw std::runtime_error("cannot kill the victim");
      killed = nowNanos();
    }
    for (Chain& c : chains) {
      const std::int64_t done = c.done;
      if (done == 0) continue;
      if (killed != 0 && c.begun >= killed && !c.failed && c.served == 0) {
        c.served = done;
        --left;
      }
      if (c.failed.exchange(false)) ++failures;
      if (killed == 0 && now - done < kChainPauseNanos) continue;
      if (killed != 0 && c.served != 0) continue;
      c.done = 0;
      c.begun = nowNanos();
      ++writes;
      MapRequest request;
      request.op = MapOp::kSet;
      request.key = c.key;
      request.value = value;
      map->execute(std::move(request), [&c](Result<MapReply> r) {
        if (!r) c.failed = true;
        c.done = nowNanos();
      });
    }
    pause(kScanNanos);
  }
  Samples times;
  for (const Chain& c : chains) times.add(c.served - killed);
  return Line()
      .put("all", times.micros(1))
      .put("p50", times.micros(0.5))
      .put("p99", times.micros(0.99))
      .put("writes", static_cast<double>(writes))
      .put("failures", static_cast<double>(failures))
      .text();
}

}  // namespace ox::bench

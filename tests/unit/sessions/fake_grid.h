// A grid of one process for tests: maps and topics in memory, failures on demand.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "services/grid.h"

namespace ox::test {

class FakeMap final : public services::GridMap {
 public:
  explicit FakeMap(std::string name) : name_(std::move(name)) {}
  struct Value {
    Bytes value;
    std::int64_t maxIdleMillis = -1;
  };

  const std::string& name() const override { return name_; }
  void execute(services::MapRequest r, services::Completion<services::MapReply> done) override {
    if (failures > 0) {
      --failures;
      done(Error(Code::kGridIndeterminate));
      return;
    }
    services::MapReply reply;
    {
      std::lock_guard lock(mutex);
      const auto it = values.find(r.key);
      const bool there = it != values.end();
      if (there) reply.value = it->second.value;
      using services::MapOp;
      switch (r.op) {
        case MapOp::kGet: case MapOp::kContainsKey: reply.applied = there; break;
        case MapOp::kTouch: reply.applied = there; ++touches; break;
        case MapOp::kSet: case MapOp::kPut:
          values[r.key] = {r.value, r.maxIdleMillis};
          reply.applied = true;
          break;
        case MapOp::kRemove:
          if (there) values.erase(it);
          reply.applied = there;
          break;
        default: done(Error(Code::kInvalid)); return;
      }
    }
    done(reply);
  }
  void size(services::Completion<std::uint64_t> done) override {
    std::lock_guard lock(mutex);
    done(static_cast<std::uint64_t>(values.size()));
  }
  void keys(services::Completion<std::vector<Bytes>> done) override { done(std::vector<Bytes>()); }
  void entries(services::Completion<std::vector<services::MapEntry>> done) override {
    done(std::vector<services::MapEntry>());
  }
  void clear(services::Completion<std::uint64_t> done) override { done(std::uint64_t(0)); }
  services::MapStats localStats() const override { return {}; }

  std::atomic<int> failures{0};  // so many operations fail first
  std::mutex mutex;
  std::map<Bytes, Value> values;
  int touches = 0;

 private:
  std::string name_;
};

// Messages go to every subscriber of this object, as if it were the whole cluster.
class FakeTopic final : public services::GridTopic,
                        public std::enable_shared_from_this<FakeTopic> {
 public:
  explicit FakeTopic(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  Status publish(Bytes payload) override {
    if (failing) return Error(Code::kGridNotJoined);
    published.push_back(payload);
    deliver({std::move(payload), "self", ++sequence_, 0, true});
    return {};
  }
  void deliver(const services::TopicMessage& message) {
    std::vector<services::TopicListener> now;
    {
      std::lock_guard lock(mutex_);
      for (const auto& [id, listener] : listeners_) now.push_back(listener);
    }
    for (const auto& listener : now) listener(message);
  }
  [[nodiscard]] std::unique_ptr<services::Subscription> subscribe(
      services::TopicListener listener) override {
    std::lock_guard lock(mutex_);
    listeners_.emplace(++next_, std::move(listener));
    return std::make_unique<Ending>(shared_from_this(), next_);
  }
  services::TopicStats localStats() const override { return {}; }

  bool failing = false;
  std::vector<Bytes> published;

 private:
  struct Ending final : services::Subscription {
    Ending(std::shared_ptr<FakeTopic> t, int i) : topic(std::move(t)), id(i) {}
    ~Ending() override {
      std::lock_guard lock(topic->mutex_);
      topic->listeners_.erase(id);
    }
    std::shared_ptr<FakeTopic> topic;
    int id;
  };
  std::string name_;
  std::mutex mutex_;
  std::map<int, services::TopicListener> listeners_;
  int next_ = 0;
  std::uint64_t sequence_ = 0;
};

// Time that stands until a test moves it.
class ManualClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return nanos_; }
  std::int64_t wallMillis() const override { return kStart + nanos_ / 1'000'000; }
  void advance(std::int64_t millis) { nanos_ += millis * 1'000'000; }
  static constexpr std::int64_t kStart = 1'700'000'000'000;

 private:
  std::atomic<std::int64_t> nanos_{1};
};

}  // namespace ox::test

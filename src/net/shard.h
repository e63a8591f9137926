// Shard: one thread with one event loop. Everything that belongs to a shard runs on its thread;
// other threads post. ShardSet holds the data shards of the process (default: one per core).
// Offered to bundles as "shards" (type ShardSet).
//
// Threads:   post() and index() from any thread; the rest on the shard's thread.
// Bounds:    post() queues without a limit of its own: callers bound what they have in flight.
// Boost.Asio stays behind loop() (declared only), so that few translation units pay for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio { class io_context; }

namespace ox::net {

using Task = std::function<void()>;

class Shard {
 public:
  Shard(int index, std::string threadName);
  ~Shard();  // stops and joins
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  int index() const { return index_; }
  bool onThisThread() const;
  void post(Task task);
  // Runs the task at once when already on the shard's thread, else posts it.
  void dispatch(Task task);
  // One-shot timer on the shard's thread. Returns an id for cancelTimer (from any thread).
  std::uint64_t runAfter(std::int64_t millis, Task task);
  void cancelTimer(std::uint64_t id);
  // Runs the task on the shard and waits for its end; not from a shard thread.
  void runAndWait(Task task);
  void stop();

  boost::asio::io_context& loop();

 private:
  struct Impl;
  int index_;
  std::unique_ptr<Impl> impl_;
};

class ShardSet {
 public:
  explicit ShardSet(int count);
  int count() const { return static_cast<int>(shards_.size()); }
  Shard& at(int index) { return *shards_[static_cast<std::size_t>(index)]; }
  void stop();

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace ox::net

// What maps answer when the engine does not have a feature, and the forms over many keys.
#include <deque>
#include <mutex>

#include "services/grid.h"

namespace ox::services {
namespace {
Error unsupported(const char* what) {
  return Error(Code::kGridIncompatible, std::string(what) + ": not supported by this engine");
}

// Runs `work` on every item, at most kManyAtOnce at a time, on whatever threads answer.
template <typename Item, typename Total>
class Many : public std::enable_shared_from_this<Many<Item, Total>> {
 public:
  using Next = std::function<void(Result<bool>)>;
  using Work = std::function<void(Item item, Many& all, Next next)>;
  Many(std::deque<Item> items, Work work, Completion<Total> done)
      : items_(std::move(items)), work_(std::move(work)), done_(std::move(done)) {}

  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (error_ || items_.empty() || running_ >= GridMap::kManyAtOnce) break;
      Item item = std::move(items_.front());
      items_.pop_front();
      ++running_;
      lock.unlock();
      work_(std::move(item), *this,
            [self = this->shared_from_this()](Result<bool> r) { self->ended(std::move(r)); });
    }
    finish();
  }
  template <typename Add>
  void add(Add add) {
    std::lock_guard lock(mutex_);
    add(total_);
  }

 private:
  void ended(Result<bool> r) {
    {
      std::lock_guard lock(mutex_);
      --running_;
      if (!r && !error_) error_ = r.error();
      // A completion that comes at once is met by the loop that started it.
      if (starting_) return;
      starting_ = true;
    }
    run();
  }
  void finish() {
    std::unique_lock lock(mutex_);
    starting_ = false;
    if (running_ > 0 || (!error_ && !items_.empty())) {
      if (running_ < GridMap::kManyAtOnce && !error_ && !items_.empty()) {
        starting_ = true;
        lock.unlock();
        return run();
      }
      return;
    }
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
    lock.unlock();
    if (error_) done(*error_);
    else done(std::move(total_));
  }

  std::mutex mutex_;
  std::deque<Item> items_;
  const Work work_;
  Completion<Total> done_;
  Total total_{};
  std::size_t running_ = 0;
  bool starting_ = true;
  std::optional<Error> error_;
};

template <typename Item, typename Total>
void overMany(std::deque<Item> items, typename Many<Item, Total>::Work work,
              Completion<Total> done) {
  std::make_shared<Many<Item, Total>>(std::move(items), std::move(work), std::move(done))->run();
}

QueryOptions keysOnly() {
  QueryOptions options;
  options.want = QueryWant::kKeys;
  return options;
}

std::deque<Bytes> keysOf(QueryResult& result) {
  std::deque<Bytes> keys;
  for (auto& e : result.entries) keys.push_back(std::move(e.key));
  return keys;
}
constexpr const char* kRemoveProcessor = "@remove";
}  // namespace

void GridMap::query(const Predicate&, QueryOptions, Completion<QueryResult> done) {
  done(unsupported("query"));
}
void GridMap::process(Bytes, const std::string&, Bytes, const Predicate*,
                      Completion<std::optional<Bytes>> done) {
  done(unsupported("entry processor"));
}
Result<std::unique_ptr<Subscription>> GridMap::addEntryListener(EntryListener, const Predicate*,
                                                                bool, bool) {
  return unsupported("entry listener");
}
void GridMap::lock(LockRequest, Completion<LockState> done) { done(unsupported("lock")); }
void GridMap::unlock(Bytes, std::uint32_t, Completion<LockState> done) {
  done(unsupported("lock"));
}
void GridMap::forceUnlock(Bytes, Completion<LockState> done) { done(unsupported("lock")); }
void GridMap::lockState(Bytes, Completion<LockState> done) { done(unsupported("lock")); }
Status Grid::registerProcessor(const std::string&, EntryProcessor) {
  return unsupported("entry processor");
}

// The keys first, then each by itself and only if it still matches: a retry never counts twice.
void GridMap::removeAll(const Predicate& predicate, Completion<std::uint64_t> done) {
  query(predicate, keysOnly(), [this, predicate, done = std::move(done)](Result<QueryResult> r) {
    if (!r) return done(r.error());
    overMany<Bytes, std::uint64_t>(
        keysOf(*r),
        [this, predicate](Bytes key, auto& all, auto next) {
          process(std::move(key), kRemoveProcessor, {}, &predicate,
                  [&all, next = std::move(next)](Result<std::optional<Bytes>> one) {
                    if (!one) return next(one.error());
                    if (*one) all.add([](std::uint64_t& n) { ++n; });
                    next(true);
                  });
        },
        done);
  });
}

void GridMap::processEntries(const Predicate& predicate, const std::string& processor,
                             Bytes argument, Completion<std::vector<ProcessorAnswer>> done) {
  query(predicate, keysOnly(),
        [this, predicate, processor, argument = std::move(argument),
         done = std::move(done)](Result<QueryResult> r) {
          if (!r) return done(r.error());
          overMany<Bytes, std::vector<ProcessorAnswer>>(
              keysOf(*r),
              [this, predicate, processor, argument](Bytes key, auto& all, auto next) {
                Bytes copy = key;
                process(std::move(key), processor, argument, &predicate,
                        [&all, key = std::move(copy),
                         next = std::move(next)](Result<std::optional<Bytes>> one) {
                          if (!one) return next(one.error());
                          if (*one)
                            all.add([&](std::vector<ProcessorAnswer>& answers) {
                              answers.push_back({key, std::move(**one)});
                            });
                          next(true);
                        });
              },
              done);
        });
}

void GridMap::getAll(std::vector<Bytes> keys, Completion<std::vector<MapEntry>> done) {
  overMany<Bytes, std::vector<MapEntry>>(
      {std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end())},
      [this](Bytes key, auto& all, auto next) {
        MapRequest request;
        request.op = MapOp::kGet;
        request.key = key;
        execute(std::move(request), [&all, key = std::move(key),
                                     next = std::move(next)](Result<MapReply> r) {
          if (!r) return next(r.error());
          if (r->value)
            all.add([&](std::vector<MapEntry>& found) {
              found.push_back({key, std::move(*r->value)});
            });
          next(true);
        });
      },
      std::move(done));
}

void GridMap::setAll(std::vector<MapEntry> entries, Completion<std::uint64_t> done) {
  overMany<MapEntry, std::uint64_t>(
      {std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end())},
      [this](MapEntry entry, auto& all, auto next) {
        MapRequest request;
        request.op = MapOp::kSet;
        request.key = std::move(entry.key);
        request.value = std::move(entry.value);
        execute(std::move(request), [&all, next = std::move(next)](Result<MapReply> r) {
          if (!r) return next(r.error());
          all.add([](std::uint64_t& n) { ++n; });
          next(true);
        });
      },
      std::move(done));
}

}  // namespace ox::services

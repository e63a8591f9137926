// Several nodes with sessions over maps in memory: failures on demand, answers held back on demand.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "attribute_record.h"
#include "fake_grid.h"
#include "serialization/portable.h"
#include "service.h"
#include "session_records.h"

namespace ox::test {

// A map that knows what SessionRecords uses: single operations, processors, equal and and.
class MemoryMap final : public services::GridMap {
 public:
  explicit MemoryMap(std::string name) : name_(std::move(name)) {}
  struct Value {
    Bytes value;
    std::int64_t ttlMillis = -1, maxIdleMillis = -1;
    int touches = 0;
  };

  const std::string& name() const override { return name_; }
  void execute(services::MapRequest r, services::Completion<services::MapReply> done) override {
    run([this, r = std::move(r), done = std::move(done)] {
      if (fails()) return done(Error(Code::kGridIndeterminate));
      done(apply(r));
    });
  }
  void query(const services::Predicate& predicate, services::QueryOptions options,
             services::Completion<services::QueryResult> done) override {
    run([this, predicate, options, done = std::move(done)] {
      if (fails()) return done(Error(Code::kGridIndeterminate));
      services::QueryResult out;
      {
        std::lock_guard lock(mutex);
        for (const auto& [key, value] : values)
          if (matches(predicate, value.value))
            out.entries.push_back(
                {key, options.want == services::QueryWant::kEntries ? value.value : Bytes()});
      }
      done(std::move(out));
    });
  }
  void process(Bytes key, const std::string& processor, Bytes argument,
               const services::Predicate*, services::Completion<std::optional<Bytes>> done) override {
    run([this, key = std::move(key), processor, argument = std::move(argument),
         done = std::move(done)] {
      if (fails()) return done(Error(Code::kGridIndeterminate));
      if (processor != sessionstorage::kAttributeProcessor) return done(Error(Code::kInvalid));
      services::EntryChange change;
      {
        std::lock_guard lock(mutex);
        const auto it = values.find(key);
        services::EntryView view{key, std::nullopt};
        if (it != values.end()) view.value = it->second.value;
        change = sessionstorage::runAttributeCommand(view, argument);
        if (change.action == services::EntryChange::Action::kSet)
          values[key] = {change.value, change.ttlMillis, change.maxIdleMillis};
        else if (change.action == services::EntryChange::Action::kRemove) values.erase(key);
      }
      done(std::optional(change.reply));
    });
  }
  void size(services::Completion<std::uint64_t> done) override {
    if (fails()) return done(Error(Code::kGridIndeterminate));
    std::lock_guard lock(mutex);
    done(static_cast<std::uint64_t>(values.size()));
  }
  void keys(services::Completion<std::vector<Bytes>> done) override { done(std::vector<Bytes>()); }
  void entries(services::Completion<std::vector<services::MapEntry>> done) override {
    done(std::vector<services::MapEntry>());
  }
  void clear(services::Completion<std::uint64_t> done) override { done(std::uint64_t(0)); }
  services::MapStats localStats() const override {
    services::MapStats out;
    std::lock_guard lock(mutex);
    out.ownedEntryCount = values.size();
    return out;
  }

  void holdAnswers(bool on) {
    std::lock_guard lock(mutex);
    held_ = on;
  }
  void answerAll() {
    for (;;) {
      std::function<void()> next;
      {
        std::lock_guard lock(mutex);
        if (waiting_.empty()) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      next();
    }
  }
  std::size_t held() const {
    std::lock_guard lock(mutex);
    return waiting_.size();
  }

  std::atomic<int> failures{0};  // so many operations fail first; -1 = all
  mutable std::mutex mutex;
  std::map<Bytes, Value> values;
  std::function<void(const services::EntryEvent&)> onEvent;

 private:
  bool fails() {
    if (failures == 0) return false;
    if (failures > 0) --failures;
    return true;
  }
  void run(std::function<void()> work) {
    {
      std::lock_guard lock(mutex);
      if (held_) {
        waiting_.push_back(std::move(work));
        return;
      }
    }
    work();
  }
  services::MapReply apply(const services::MapRequest& r) {
    services::MapReply reply;
    bool wrote = false;
    {
      std::lock_guard lock(mutex);
      const auto it = values.find(r.key);
      const bool there = it != values.end();
      if (there) reply.value = it->second.value;
      const auto put = [&] {
        values[r.key] = {r.value, r.ttlMillis, r.maxIdleMillis};
        wrote = reply.applied = true;
      };
      using services::MapOp;
      switch (r.op) {
        case MapOp::kGet: case MapOp::kContainsKey: reply.applied = there; break;
        case MapOp::kTouch:
          reply.applied = there;
          if (there) ++it->second.touches;
          break;
        case MapOp::kSet: case MapOp::kPut: put(); break;
        case MapOp::kPutIfAbsent:
          if (!there) put();
          break;
        case MapOp::kReplace:
          if (there) put();
          break;
        case MapOp::kReplaceIfSame:
          if (there && it->second.value == r.expected) put();
          break;
        case MapOp::kRemove:
          reply.applied = there;
          if (there) values.erase(it);
          break;
        case MapOp::kRemoveIfSame: break;
      }
    }
    if (wrote && onEvent) {
      services::EntryEvent event;
      event.type = services::EntryEventType::kAdded;
      event.key = r.key;
      event.value = r.value;
      onEvent(event);
    }
    return reply;
  }
  static bool matches(const services::Predicate& p, BytesView value) {
    if (p.kind == services::PredicateKind::kAnd) {
      for (const auto& child : p.children)
        if (!matches(child, value)) return false;
      return true;
    }
    const auto reader = serialization::PortableReader::open(value);
    if (!reader || p.kind != services::PredicateKind::kEqual) return false;
    if (const auto* text = std::get_if<std::string>(&p.values.front())) {
      const auto field = reader->utf(p.attribute);
      return field.ok() && *field == *text;
    }
    const auto field = reader->i32(p.attribute);
    return field.ok() && std::int64_t{*field} == std::get<std::int64_t>(p.values.front());
  }

  std::string name_;
  bool held_ = false;
  std::deque<std::function<void()>> waiting_;
};

struct SharedMaps {
  std::shared_ptr<MemoryMap> sessions = std::make_shared<MemoryMap>("sessions-7");
  std::shared_ptr<MemoryMap> attributes = std::make_shared<MemoryMap>("session-attributes-1");
  std::shared_ptr<MemoryMap> endings = std::make_shared<MemoryMap>("session-endings-1");
  sessionstorage::SessionRecords::Maps maps() const { return {sessions, attributes, endings}; }
};

// Word goes straight to the other nodes, except to those who are deaf.
class FakeWire {
 public:
  class End final : public sessionstorage::SessionWire {
   public:
    End(FakeWire& wire, std::string name) : wire_(wire), name_(std::move(name)) {}
    void notifyOthers(Bytes notice, services::Completion<services::NoticeAnswers> done) override {
      services::NoticeAnswers out;
      for (auto& [name, records] : wire_.nodes) {
        if (name == name_) continue;
        const auto to = records.lock();
        if (!to) continue;
        if (wire_.deaf.contains(name)) {
          ++out.silent;
          continue;
        }
        if (auto answer = to->noticed(notice)) out.answers.push_back(std::move(*answer));
      }
      done(std::move(out));
    }

   private:
    FakeWire& wire_;
    const std::string name_;
  };
  std::map<std::string, std::weak_ptr<sessionstorage::SessionRecords>> nodes;
  std::set<std::string> deaf;
};

struct SessionCluster {
  struct Node {
    Node(SessionCluster& cluster, const std::string& name, sessiond::SessiondSettings settings = {},
         const char* key = "key")
        : records(std::make_shared<sessionstorage::SessionRecords>(
              cluster.maps.maps(), std::make_shared<FakeWire::End>(cluster.wire, name),
              sessionstorage::StorageSettings(), key, clock)),
          service(settings, clock, records) {
      cluster.wire.nodes[name] = records;
    }
    ManualClock clock;
    std::shared_ptr<sessionstorage::SessionRecords> records;
    sessiond::SessiondService service;
  };
  SharedMaps maps;
  FakeWire wire;
};

inline services::Session login(std::int32_t user = 3, const std::string& client = "web",
                               bool stay = false) {
  services::Session s;
  s.loginName = "anton";
  s.password = "secret";
  s.contextId = 1;
  s.userId = user;
  s.client = client;
  s.staySignedIn = stay;
  return s;
}

}  // namespace ox::test

#include "session_node.h"

namespace ox::sim {
namespace {

using services::Completion;

constexpr std::int64_t kNoticeMillis = 2'000;
constexpr Micros kTick = 500 * kMillisecond;

// A map of the member. Requests go to the data side by an event of their own, as in the engine.
class SimMap final : public services::GridMap {
 public:
  SimMap(World& world, MemberId member, std::string name)
      : world_(world), member_(member), name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  void execute(services::MapRequest request, Completion<services::MapReply> done) override {
    later([name = name_, request = std::move(request), done = std::move(done)](SimMember& m) {
      m.data().execute(name, request, done);
    });
  }
  void query(const services::Predicate& predicate, services::QueryOptions options,
             Completion<services::QueryResult> done) override {
    later([name = name_, predicate, options, done = std::move(done)](SimMember& m) {
      m.data().query(name, predicate, options, done);
    });
  }
  void process(Bytes key, const std::string& processor, Bytes argument,
               const services::Predicate*, Completion<std::optional<Bytes>> done) override {
    later([name = name_, key = std::move(key), processor, argument = std::move(argument),
           done = std::move(done)](SimMember& m) {
      m.data().process(
          name, key, argument,
          [done](Result<services::MapReply> r) {
            if (!r) done(r.error());
            else done(std::move(r->value));
          },
          processor);
    });
  }
  void size(Completion<std::uint64_t> done) override {
    services::QueryOptions options;
    options.want = services::QueryWant::kKeys;
    query(services::query::always(), options, [done](const Result<services::QueryResult>& all) {
      if (!all) done(all.error());
      else done(std::uint64_t{all->entries.size()});
    });
  }
  void keys(Completion<std::vector<Bytes>> done) override { done(Error(Code::kUnavailable)); }
  void entries(Completion<std::vector<services::MapEntry>> done) override {
    done(Error(Code::kUnavailable));
  }
  void clear(Completion<std::uint64_t> done) override { done(Error(Code::kUnavailable)); }
  services::MapStats localStats() const override { return {}; }

 private:
  void later(std::function<void(SimMember&)> what) { world_.post(member_, 1, std::move(what)); }
  World& world_;
  const MemberId member_;
  const std::string name_;
};

class SimWire final : public sessionstorage::SessionWire {
 public:
  SimWire(World& world, MemberId member) : world_(world), member_(member) {}
  void notifyOthers(Bytes notice, Completion<services::NoticeAnswers> done) override {
    world_.post(member_, 1, [notice = std::move(notice), done = std::move(done)](SimMember& self) {
      if (!self.data().view()) return done(Error(Code::kGridNotJoined));
      struct All {
        services::NoticeAnswers answers;
        std::size_t left = 1;
      };
      auto all = std::make_shared<All>();
      const auto one = [all, done] {
        if (--all->left == 0) done(std::move(all->answers));
      };
      for (const grid::Member& m : self.data().view()->members) {
        if (m.id == self.id) continue;
        ++all->left;
        self.data().submitTask(m.id, kSessionTask, notice, kNoticeMillis,
                               [all, one](Result<Bytes> answer) {
                                 if (answer) all->answers.answers.push_back(std::move(*answer));
                                 else if (answer.error().code != Code::kGridMemberLost)
                                   ++all->answers.silent;
                                 one();
                               });
      }
      one();
    });
  }

 private:
  World& world_;
  const MemberId member_;
};

}  // namespace

SessionNode::SessionNode(World& world, SimMember& member, std::function<std::string()> newId)
    : world_(world), member_(member.id) {
  using sessionstorage::SessionRecords;
  const auto map = [&](const char* name) {
    return std::make_shared<SimMap>(world, member.id, name);
  };
  sessionstorage::StorageSettings storage;
  storage.defaultLifeMillis = kSimLifeMillis;
  storage.longLifeMillis = 10 * kSimLifeMillis;
  storage.slotMillis = kSimSlotMillis;
  records_ = std::make_shared<SessionRecords>(
      SessionRecords::Maps{map(sessionstorage::kSessionsMap), map(sessionstorage::kAttributesMap),
                           map(sessionstorage::kEndingsMap)},
      std::make_shared<SimWire>(world, member.id), storage, "key", member.clock);
  sessiond::SessiondSettings settings;
  settings.lifeTimes.defaultMillis = kSimLifeMillis;
  settings.lifeTimes.longMillis = 10 * kSimLifeMillis;
  settings.lifeTimes.shortSlotMillis = kSimSlotMillis;
  settings.lifeTimes.longSlotMillis = 10 * kSimSlotMillis;
  settings.maxSessionPerUser = 0;
  settings.newId = std::move(newId);
  core_ = std::make_shared<sessiond::SessionCore>(settings, member.clock, records_);
}

void SessionNode::start() {
  core_->start();
  world_.post(member_, 1, [](SimMember& m) {
    m.data().listen(kEndingListener, sessionstorage::kEndingsMap);
  });
  membersChanged();
  tick();
}

void SessionNode::membersChanged() {
  world_.post(member_, 1, [this](SimMember& m) {
    if (!m.view()) return;
    std::set<std::string> uuids;
    for (const grid::Member& one : m.view()->members) uuids.insert(one.id.toString());
    if (records_->membersAre(std::move(uuids))) unsettled_ = true;
  });
}

void SessionNode::tick() {
  world_.post(member_, kTick, [this](SimMember& m) {
    core_->tick();
    if (unsettled_ && m.data().view() && m.data().unsynced() == 0) {
      unsettled_ = false;
      records_->merged();
    }
    tick();
  });
}

}  // namespace ox::sim

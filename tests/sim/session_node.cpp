#include "session_node.h"

#include "sim_map.h"

namespace ox::sim {
namespace {

using services::Completion;

constexpr std::int64_t kNoticeMillis = 2'000;
constexpr Micros kTick = 500 * kMillisecond;

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
    return makeSimMap(world, member.id, name);
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

#include "workload.h"

#include <algorithm>
#include <set>

namespace ox::sim {

struct Workload::State : std::enable_shared_from_this<State> {
  State(World& w, Options o, std::uint64_t seed) : world(w), options(o), random(seed) {}

  World& world;
  Options options;
  SeededRandom random;
  History history;
  std::set<std::string> busy;
  bool running = false;
  std::size_t outstanding = 0;
  std::size_t acknowledged = 0;
  std::size_t unsuccessful = 0;
  std::uint64_t nextValue = 1;
  std::string failed;

  std::string keyName(std::uint64_t i) const { return "key-" + std::to_string(i); }

  SimMember* pickMember(std::uint64_t key) {
    std::vector<SimMember*> joined;
    for (SimMember* m : world.living())
      if (m->view()) joined.push_back(m);
    if (joined.empty()) return nullptr;
    if (!options.home) return joined[random.below(joined.size())];
    const auto port = 5701 + key % world.living().size();
    for (SimMember* m : joined)
      if (m->address.port == port) return m;
    return nullptr;
  }

  void fail(const std::string& what) {
    if (failed.empty()) failed = what + " at " + std::to_string(world.now() / 1000) + " ms";
  }

  void client() {
    if (!running) return;
    const std::uint64_t index = random.below(static_cast<std::uint64_t>(options.keys));
    const std::string key = keyName(index);
    SimMember* member = pickMember(index);
    if (member != nullptr && busy.count(key) == 0) operate(key, *member, true);
    else again();
  }

  void again() {
    world.after(static_cast<Micros>(random.below(20 * kMillisecond)) + 1,
                [self = shared_from_this()] { self->client(); });
  }

  void operate(const std::string& key, SimMember& member, bool loop) {
    services::MapRequest request;
    request.key = key;
    const std::uint64_t dice = loop ? random.below(10) : 9;
    if (dice < 5) request.op = services::MapOp::kSet;
    else if (dice < 7) request.op = services::MapOp::kPut;
    else if (dice < 8 && options.removals) request.op = services::MapOp::kRemove;
    const bool write = request.op != services::MapOp::kGet;
    if (write && request.op != services::MapOp::kRemove)
      request.value = "v" + std::to_string(nextValue++);
    const std::vector<Value> before = history.allowed(key);
    std::size_t number = 0;
    if (write)
      number = history.begin(key, request.op == services::MapOp::kRemove
                                      ? Value{}
                                      : Value{request.value});
    busy.insert(key);
    ++outstanding;
    const auto op = request.op;
    auto finished = std::make_shared<bool>(false);
    const auto end = [self = shared_from_this(), key, number, write, op, before, finished,
                      loop](bool memberDied, Result<services::MapReply> reply) {
      if (std::exchange(*finished, true)) return;
      self->busy.erase(key);
      --self->outstanding;
      self->judge(key, op, before, reply, loop);
      if (write) self->history.finish(key, number, outcomeOf(reply));
      if (reply) ++self->acknowledged;
      else if (!memberDied) {
        ++self->unsuccessful;
        self->world.note("client: " + key + ": " + reply.error().toString());
      }
      if (loop) self->again();
    };
    watch(member.id, finished, end);
    member.data().execute("work", std::move(request), [end](Result<services::MapReply> reply) {
      end(false, std::move(reply));
    });
  }

  // The caller of a process that died never gets an answer.
  template <typename End>
  void watch(const MemberId& member, const std::shared_ptr<bool>& finished, End end) {
    world.after(100 * kMillisecond, [self = shared_from_this(), member, finished, end] {
      if (*finished) return;
      if (SimMember* m = self->world.find(member); m == nullptr || !m->alive)
        return end(true, Error(Code::kGridIndeterminate));
      self->watch(member, finished, end);
    });
  }

  static Outcome outcomeOf(const Result<services::MapReply>& reply) {
    if (reply) return Outcome::kAcknowledged;
    const Code code = reply.error().code;
    return code == Code::kGridNotJoined || code == Code::kBusy ? Outcome::kRefused
                                                              : Outcome::kIndeterminate;
  }

  void judge(const std::string& key, services::MapOp op, const std::vector<Value>& before,
             const Result<services::MapReply>& reply, bool loop) {
    if (!reply) {
      if (!loop) fail("the final read of " + key + " failed: " + reply.error().toString());
      return;
    }
    if (loop && !options.judgeReads) return;
    if (op == services::MapOp::kGet) {
      if (const std::string wrong = history.judgeRead(key, reply->value); !wrong.empty())
        fail(wrong);
    } else if (op == services::MapOp::kPut) {
      if (std::find(before.begin(), before.end(), reply->value) == before.end())
        fail("put of " + key + " found '" + reply->value.value_or("(nothing)") +
             "', which cannot have been there");
    }
  }
};

Workload::Workload(World& world, Options options, std::uint64_t seed)
    : state_(std::make_shared<State>(world, options, seed)) {}
Workload::~Workload() = default;

void Workload::start() {
  if (std::exchange(state_->running, true)) return;
  for (int i = 0; i < state_->options.clients; ++i) state_->again();
}
void Workload::stop() { state_->running = false; }
bool Workload::idle() const { return state_->outstanding == 0; }
void Workload::readAll() {
  for (int i = 0; i < state_->options.keys; ++i) {
    const auto members = state_->world.living();
    if (members.empty()) return state_->fail("nobody is alive to read from");
    state_->operate(state_->keyName(static_cast<std::uint64_t>(i)),
                    *members[state_->random.below(members.size())], false);
  }
}
const std::string& Workload::failed() const { return state_->failed; }
std::size_t Workload::acknowledged() const { return state_->acknowledged; }
std::size_t Workload::unsuccessful() const { return state_->unsuccessful; }

}  // namespace ox::sim

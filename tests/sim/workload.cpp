#include "workload.h"

#include <algorithm>

namespace ox::sim {

struct Workload::State : std::enable_shared_from_this<State> {
  State(World& w, Options o, std::uint64_t seed) : world(w), options(o), random(seed) {}

  World& world;
  Options options;
  SeededRandom random;
  History history;
  std::map<std::string, std::string> lastSeen;  // for the conditional operations
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
    if (SimMember* member = pickMember(index)) operate(keyName(index), *member, Loop::kClient, index);
    else again();
  }

  // Reads its key four times within the idle time: the entry must never expire.
  void keep(std::uint64_t index) {
    SimMember* member = pickMember(index);
    if (member == nullptr) return keepLater(index);
    operate(keyName(index), *member, Loop::kKeeper, index);
  }
  void keepLater(std::uint64_t index) {
    world.after(options.idleMillis * kMillisecond / 4,
                [self = shared_from_this(), index] { self->keep(index); });
  }

  void again() {
    world.after(static_cast<Micros>(random.below(20 * kMillisecond)) + 1,
                [self = shared_from_this()] { self->client(); });
  }

  MapOp chooseKind() {
    static constexpr MapOp kUsual[] = {MapOp::kSet, MapOp::kSet, MapOp::kSet, MapOp::kSet,
                                       MapOp::kSet, MapOp::kPut, MapOp::kPut, MapOp::kRemove,
                                       MapOp::kGet, MapOp::kGet, MapOp::kGet};
    static constexpr MapOp kRare[] = {MapOp::kPutIfAbsent, MapOp::kReplace, MapOp::kReplaceIfSame,
                                      MapOp::kReplaceIfSame, MapOp::kRemoveIfSame,
                                      MapOp::kContainsKey};
    MapOp kind = options.every && random.chance(1, 4) ? kRare[random.below(std::size(kRare))]
                                                      : kUsual[random.below(std::size(kUsual))];
    if (!options.removals && (kind == MapOp::kRemove || kind == MapOp::kRemoveIfSame))
      kind = MapOp::kGet;
    return kind;
  }

  enum class Loop { kClient, kKeeper, kLastRead };
  void operate(const std::string& key, SimMember& member, Loop loop, std::uint64_t index) {
    services::MapRequest request;
    request.key = key;
    request.op = loop == Loop::kClient ? chooseKind() : MapOp::kGet;
    // Without clients a key is written once: from there on only reads keep it.
    if (loop == Loop::kKeeper && options.clients == 0 && !lastSeen.contains(key))
      request.op = MapOp::kSet;
    if (options.idleMillis > 0) request.maxIdleMillis = options.idleMillis;
    switch (request.op) {
      case MapOp::kGet:
      case MapOp::kContainsKey:
      case MapOp::kRemove:
      case MapOp::kTouch:
        break;
      case MapOp::kReplaceIfSame:
      case MapOp::kRemoveIfSame:
        request.expected = lastSeen[key];
        [[fallthrough]];
      default:
        // Four bytes that comparing ignores (as in serialized Data), then what is unique.
        if (request.op != MapOp::kRemoveIfSame)
          request.value = "----v" + std::to_string(nextValue++);
    }
    Op op;
    op.kind = request.op;
    op.value = request.value;
    op.expected = request.expected;
    op.place = member.address.port - 5701;
    const std::size_t number = history.begin(key, std::move(op), world.now());
    if (loop != Loop::kKeeper) ++outstanding;
    auto finished = std::make_shared<bool>(false);
    const auto end = [self = shared_from_this(), key, number, finished, loop, index](
                         bool memberDied, Result<services::MapReply> reply) {
      if (std::exchange(*finished, true)) return;
      if (loop != Loop::kKeeper) --self->outstanding;
      self->answered(key, number, reply, loop == Loop::kLastRead, memberDied);
      if (loop == Loop::kClient) self->again();
      else if (loop == Loop::kKeeper) self->keepLater(index);
    };
    watch(member.id, finished, end);
    member.data().execute("work", std::move(request), [end](Result<services::MapReply> reply) {
      end(false, std::move(reply));
    });
  }

  void answered(const std::string& key, std::size_t number,
                const Result<services::MapReply>& reply, bool lastRead, bool memberDied) {
    if (reply) {
      ++acknowledged;
      const Op& op = history.all().at(key)[number];
      if (reply->value) lastSeen[key] = *reply->value;
      if (!op.value.empty() && reply->applied) lastSeen[key] = op.value;
      history.end(key, number, Outcome::kAcknowledged, reply->applied, reply->value, world.now());
      return;
    }
    history.end(key, number, outcomeOf(reply.error().code), false, {}, world.now());
    if (lastRead) fail("the final read of " + key + " failed: " + reply.error().toString());
    if (memberDied) return;
    ++unsuccessful;
    world.note("client: " + key + ": " + reply.error().toString());
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

  static Outcome outcomeOf(Code code) {
    return code == Code::kGridNotJoined || code == Code::kBusy ? Outcome::kRefused
                                                              : Outcome::kIndeterminate;
  }
};

Workload::Workload(World& world, Options options, std::uint64_t seed)
    : state_(std::make_shared<State>(world, options, seed)) {}
Workload::~Workload() = default;

void Workload::start() {
  if (std::exchange(state_->running, true)) return;
  for (int i = 0; i < state_->options.clients; ++i) state_->again();
  if (state_->options.idleMillis > 0)
    for (int i = 0; i < state_->options.keys; ++i) state_->keep(static_cast<std::uint64_t>(i));
}
void Workload::stop() { state_->running = false; }
bool Workload::idle() const { return state_->outstanding == 0; }
void Workload::readAll() {
  for (int i = 0; i < state_->options.keys; ++i) {
    const auto members = state_->world.living();
    if (members.empty()) return state_->fail("nobody is alive to read from");
    state_->operate(state_->keyName(static_cast<std::uint64_t>(i)),
                    *members[state_->random.below(members.size())], State::Loop::kLastRead, 0);
  }
}
const std::string& Workload::failed() const { return state_->failed; }
std::size_t Workload::acknowledged() const { return state_->acknowledged; }
std::size_t Workload::unsuccessful() const { return state_->unsuccessful; }
History& Workload::history() { return state_->history; }
std::string Workload::keyName(int number) const {
  return state_->keyName(static_cast<std::uint64_t>(number));
}

}  // namespace ox::sim

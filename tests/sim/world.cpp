#include "world.h"

#include <algorithm>

namespace ox::sim {

Tunables randomTunables(Random& random) {
  const auto pick = [&](std::initializer_list<std::int64_t> values) {
    return *(values.begin() + static_cast<std::ptrdiff_t>(random.below(values.size())));
  };
  Tunables t;
  t.partitions = static_cast<int>(pick({7, 31, 31, 271}));
  t.shards = static_cast<int>(pick({1, 2, 3}));
  t.tickMillis = pick({10, 50, 100});
  t.heartbeatMillis = pick({200, 500, 1000});
  t.silenceMillis = t.heartbeatMillis * pick({5, 10});
  t.searchMillis = pick({500, 1000});
  t.compareMillis = pick({1000, 5000});
  t.migrationsPerMember = static_cast<int>(pick({1, 2, 8, 32}));
  t.dataTickMillis = pick({2, 10, 10, 40});
  t.retryMillis = pick({1, 20, 100});
  t.copyChunkBytes = static_cast<std::size_t>(pick({32, 4096, 256 << 10}));
  t.latency = pick({50, 300, 2000});
  t.jitter = pick({20, 400, 5000});
  return t;
}

SimMember::SimMember(World& world, Address where, MemberId who, std::vector<Address> candidates,
                     MemberOptions how, std::uint64_t seed)
    : id(who), address(std::move(where)), options(how), clock(world.clock), world_(world),
      random_(seed) {
  clock.set(options.wallOffsetMillis, options.driftPpm);
  grid::ControlSettings s;
  s.clusterName = "sim-10.1";
  s.self = asMember();
  s.partitionCount = world.tunables.partitions;
  s.candidates = std::move(candidates);
  s.backupCopies = std::max(1, world.tunables.backups + world.tunables.asyncBackups);
  s.tickMillis = world.tunables.tickMillis;
  s.heartbeatMillis = world.tunables.heartbeatMillis;
  s.silenceMillis = world.tunables.silenceMillis;
  s.searchMillis = world.tunables.searchMillis;
  s.leaveMillis = world.tunables.leaveMillis;
  s.migrationsPerMember = world.tunables.migrationsPerMember;
  s.protocolMax = options.protocolMax;
  if (world.tunables.hostGroups)
    s.groupOf = [](const grid::Member& m) { return std::optional<std::string>(m.address.host); };
  control_ = std::make_unique<grid::ControlCore>(std::move(s), clock, random_, *this);
}
SimMember::~SimMember() = default;

namespace {
void everyTick(World& world, const MemberId& id, Micros period, void (*what)(SimMember&)) {
  world.post(id, period, [&world, id, period, what](SimMember& self) {
    what(self);
    everyTick(world, id, period, what);
  });
}
}  // namespace

void SimMember::start() {
  control_->start();
  everyTick(world_, id, world_.tunables.tickMillis * kMillisecond,
            [](SimMember& m) { m.control().tick(); });
  everyTick(world_, id, world_.tunables.dataTickMillis * kMillisecond,
            [](SimMember& m) { m.data().tick(); });
}

LinkId SimMember::dial(const Address& to) { return world_.dial(*this, to); }
void SimMember::send(LinkId link, Bytes frame) {
  world_.sendControl(*this, link, std::move(frame));
}
void SimMember::close(LinkId link) { world_.closeControl(*this, link); }
void SimMember::installed(const ViewPtr& view) {
  ++world_.viewsInstalled;
  if (world_.onInstalled) world_.onInstalled(*this, view);
  dataPeers.clear();
  if (view && world_.tunables.dataLinks)
    for (const grid::Member& m : view->members)
      if (m.id != id) dataPeers.insert(m.id);
  // As in the engine: the shards hear of it later, on their own threads, in order.
  world_.post(id, 1, [view](SimMember& self) {
    self.data().installed(view);
  });
  world_.dataPeersChanged(*this);
}
void SimMember::confirmed(const std::vector<std::uint64_t>& fences) {
  world_.post(id, 1, [fences](SimMember& self) { self.data().confirmed(fences); });
}
void SimMember::keepEntriesForMerge() {
  world_.post(id, 1, [](SimMember& self) { self.data().keepEntriesForMerge(); });
}
std::uint64_t SimMember::ownedEntries() const { return data_->ownedEntries(); }
void SimMember::left() {
  leftWell = true;
  world_.post(id, 1, [this](SimMember& self) { world_.crash(self, false); });
}
void SimMember::log(int level, const std::string& text) {
  static const char* const kNames[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
  world_.note(address.toString() + " " + kNames[level + 1] + " " + text);
  if (text.find("not handed over") != std::string::npos) ++world_.lossesTold;
}

World::World(std::uint64_t seed, Tunables t, DataFactory factory)
    : random(seed), tunables(t), factory_(std::move(factory)) {}
World::~World() = default;

void World::note(const std::string& line) {
  if (log_.size() >= kMaxLogLines) log_.erase(log_.begin(), log_.begin() + kMaxLogLines / 4);
  log_.push_back(std::to_string(now() / 1000) + " ms " + line);
}

void World::after(Micros delay, std::function<void()> event) {
  events_.push_back({now() + delay, ++order_, std::move(event)});
  std::push_heap(events_.begin(), events_.end(), Later());
}

bool World::run(Micros limit, const std::function<bool()>& done) {
  const Micros end = now() + limit;
  if (done()) return true;
  while (!events_.empty() && events_.front().at <= end) {
    std::pop_heap(events_.begin(), events_.end(), Later());
    const Event e = std::move(events_.back());
    events_.pop_back();
    clock.now = e.at;
    e.run();
    if (done()) return true;
  }
  clock.now = end;
  return done();
}

void World::post(const MemberId& member, Micros delay, std::function<void(SimMember&)> event) {
  after(delay, [this, member, event = std::move(event)]() mutable {
    SimMember* m = find(member);
    if (m == nullptr || !m->alive) return;
    if (m->frozen)
      m->held.push_back([this, member, event = std::move(event)]() mutable {
        post(member, 0, std::move(event));
      });
    else
      event(*m);
  });
}

SimMember* World::find(const MemberId& id) {
  const auto it = byId_.find(id);
  return it == byId_.end() ? nullptr : it->second;
}

SimMember* World::at(const Address& address) {
  const auto it = byAddress_.find(address);
  return it == byAddress_.end() || !it->second->alive ? nullptr : it->second;
}

std::vector<SimMember*> World::living() {
  std::vector<SimMember*> list;
  for (auto& m : members_)
    if (m->alive && !m->leaving && !m->frozen) list.push_back(m.get());
  return list;
}

SimMember* World::frozen() {
  for (auto& m : members_)
    if (m->alive && m->frozen) return m.get();
  return nullptr;
}

SimMember& World::startMember(const Address& address) {
  powerless.erase(address);
  const MemberId id{random.next() | 1, nextMember_++};
  members_.push_back(std::make_unique<SimMember>(*this, address, id, candidates_,
                                                 options_[address], random.next()));
  SimMember& m = *members_.back();
  byId_[id] = byAddress_[address] = &m;
  m.attach(factory_(*this, m, random.next()));
  note(address.toString() + " starts as " + id.toString());
  m.start();
  return m;
}

void World::crash(SimMember& member, bool silently) {
  if (!member.alive) return;
  member.alive = false;
  if (silently) powerless.insert(member.address);
  if (!member.leftWell) note(member.address.toString() + (silently ? " loses power" : " crashes"));
  std::vector<std::uint64_t> mine;
  for (const auto& [id, c] : connections_)
    if (c->dialler.member == member.id || c->acceptor.member == member.id) mine.push_back(id);
  for (const std::uint64_t id : mine) {
    if (silently) connections_[id]->open = false;
    else breakConnection(id, LinkLoss::kReset, member.id);
  }
  for (auto& other : members_)
    if (tunables.dataLinks && other->alive && other->id != member.id) {
      if (silently) {
        ++data_[{member.id, other->id}].generation;
        ++data_[{other->id, member.id}].generation;
      } else {
        breakData(member.id, other->id);
      }
    }
}

void World::stop(SimMember& member) {
  note(member.address.toString() + " is asked to stop");
  member.leaving = true;
  post(member.id, 0, [](SimMember& m) { m.control().leave(); });
}

void World::freeze(SimMember& member, Micros length) {
  note(member.address.toString() + " stands still for " + std::to_string(length / 1000) + " ms");
  member.frozen = true;
  after(length, [this, id = member.id] {
    SimMember* m = find(id);
    m->frozen = false;
    auto held = std::exchange(m->held, {});
    for (auto& event : held) event();
  });
}

}  // namespace ox::sim

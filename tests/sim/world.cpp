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
  t.migrationsPerMember = static_cast<int>(pick({2, 8, 32}));
  t.latency = pick({50, 300, 2000});
  t.jitter = pick({20, 400, 5000});
  return t;
}

SimMember::SimMember(World& world, Address where, MemberId who, std::vector<Address> candidates,
                     std::uint64_t seed)
    : id(who), address(std::move(where)), world_(world), random_(seed) {
  grid::ControlSettings s;
  s.clusterName = "sim-10.1";
  s.self = {id, address, false};
  s.partitionCount = world.tunables.partitions;
  s.candidates = std::move(candidates);
  s.backupCopies = std::max(1, world.tunables.backups);
  s.tickMillis = world.tunables.tickMillis;
  s.heartbeatMillis = world.tunables.heartbeatMillis;
  s.silenceMillis = world.tunables.silenceMillis;
  s.searchMillis = world.tunables.searchMillis;
  s.leaveMillis = world.tunables.leaveMillis;
  s.migrationsPerMember = world.tunables.migrationsPerMember;
  control_ = std::make_unique<grid::ControlCore>(std::move(s), world.clock, random_, *this);
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
  everyTick(world_, id, 10 * kMillisecond, [](SimMember& m) { m.data().tick(); });
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
  if (view)
    for (const grid::Member& m : view->members)
      if (m.id != id) dataPeers.insert(m.id);
  // As in the engine: the shards hear of it later, on their own threads, in order.
  world_.post(id, 1, [view](SimMember& self) {
    self.data().installed(view);
  });
  world_.dataPeersChanged(*this);
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
  static const char* const kNames[] = {"INFO ", "WARN ", "ERROR"};
  world_.note(address.toString() + " " + kNames[level] + " " + text);
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
  events_.push({now() + delay, ++order_,
                std::make_shared<std::function<void()>>(std::move(event))});
}

bool World::run(Micros limit, const std::function<bool()>& done) {
  const Micros end = now() + limit;
  if (done()) return true;
  while (!events_.empty() && events_.top().at <= end) {
    const Event e = events_.top();
    events_.pop();
    clock.now = e.at;
    (*e.run)();
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
  for (auto& m : members_)
    if (m->id == id) return m.get();
  return nullptr;
}

SimMember* World::at(const Address& address) {
  for (auto& m : members_)
    if (m->alive && m->address == address) return m.get();
  return nullptr;
}

std::vector<SimMember*> World::living() {
  std::vector<SimMember*> list;
  for (auto& m : members_)
    if (m->alive && !m->leaving && !m->frozen) list.push_back(m.get());
  return list;
}

SimMember& World::startMember(const Address& address) {
  powerless.erase(address);
  const MemberId id{random.next() | 1, nextMember_++};
  members_.push_back(std::make_unique<SimMember>(*this, address, id, candidates_, random.next()));
  SimMember& m = *members_.back();
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
    if (other->alive && other->id != member.id) {
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

// --- network ---------------------------------------------------------------------------------

Micros World::travel() {
  Micros t = tunables.latency + static_cast<Micros>(
      random.below(static_cast<std::uint64_t>(tunables.jitter) + 1));
  Micros timeout = 200 * kMillisecond;
  for (int i = 0; i < 4 && static_cast<int>(random.below(100)) < tunables.lossPercent; ++i) {
    t += timeout;
    timeout *= 2;
  }
  return t;
}

bool World::isCut(const Address& a, const Address& b) const {
  return cuts_.count({std::min(a, b), std::max(a, b)}) != 0;
}
void World::cut(const Address& a, const Address& b, bool on) {
  const std::pair key(std::min(a, b), std::max(a, b));
  if (on) cuts_.insert(key);
  else cuts_.erase(key);
}

// At time `at`, or when the cut between the two has healed, if `still` holds then.
void World::deliver(const MemberId& to, const Address& from, const Address& toAddress, Micros when,
                    std::function<bool()> still, std::function<void(SimMember&)> event) {
  post(to, when - now(), [=, this](SimMember& m) {
    if (!still()) return;
    if (isCut(from, toAddress))
      deliver(to, from, toAddress, now() + 50 * kMillisecond, still, event);
    else
      event(m);
  });
}

LinkId World::dial(SimMember& from, const Address& to) {
  const LinkId link = nextLink_++;
  const std::uint64_t id = link;
  auto c = std::make_shared<Connection>();
  c->dialler = {from.id, link, 0};
  connections_[id] = c;
  connectionOf_[link] = id;
  const Address source = from.address;
  after(travel(), [this, id, c, source, to] {
    if (connections_.count(id) == 0) return;
    SimMember* target = at(to);
    const auto lost = [&](LinkLoss why, Micros delay) {
      post(c->dialler.member, delay, [this, id, c, why](SimMember& m) {
        if (connections_.erase(id) != 0) m.control().linkLost(c->dialler.link, why);
      });
    };
    if (isCut(source, to)) return lost(LinkLoss::kTimeout, 3 * kSecond);
    if (target == nullptr)
      return lost(powerless.count(to) != 0 ? LinkLoss::kTimeout : LinkLoss::kRefused,
                  powerless.count(to) != 0 ? 3 * kSecond : travel());
    c->acceptor = {target->id, nextLink_++, 0};
    connectionOf_[c->acceptor.link] = id;
    // The acceptor is up first; the dialler when the last word of the handshake arrives.
    post(target->id, 0, [this, id, c, source](SimMember& acceptor) {
      SimMember* dialler = find(c->dialler.member);
      if (connections_.count(id) == 0 || dialler == nullptr || !dialler->alive) return;
      c->open = true;
      c->dialler.lastArrival = now() + travel();
      post(dialler->id, c->dialler.lastArrival - now(), [this, id, c](SimMember& m) {
        SimMember* other = find(c->acceptor.member);
        if (connections_.count(id) != 0 && c->open && other != nullptr)
          m.control().linkUp(c->dialler.link, {other->id, other->address, false, false});
      });
      acceptor.control().linkUp(c->acceptor.link, {dialler->id, dialler->address, false, true});
    });
  });
  return link;
}

void World::sendControl(SimMember& from, LinkId link, Bytes frame) {
  const auto known = connectionOf_.find(link);
  if (known == connectionOf_.end()) return;
  const auto found = connections_.find(known->second);
  if (found == connections_.end() || !found->second->open) return;
  const auto c = found->second;
  End& end = c->dialler.link == link ? c->acceptor : c->dialler;
  SimMember* target = find(end.member);
  if (target == nullptr) return;
  end.lastArrival = std::max(end.lastArrival + 1, now() + travel());
  deliver(end.member, from.address, target->address, end.lastArrival, [c] { return c->open; },
          [to = end.link, frame = std::move(frame)](SimMember& m) {
            m.control().received(to, frame);
          });
}

void World::closeControl(SimMember& from, LinkId link) {
  if (const auto known = connectionOf_.find(link); known != connectionOf_.end())
    breakConnection(known->second, LinkLoss::kReset, from.id);
}

// Everything in flight is lost; both ends are told, except the one that did it. A cut keeps the
// news away until it heals.
void World::breakConnection(std::uint64_t id, LinkLoss why, const MemberId& except) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const auto c = found->second;
  connections_.erase(found);
  connectionOf_.erase(c->dialler.link);
  connectionOf_.erase(c->acceptor.link);
  const bool wasOpen = std::exchange(c->open, false);
  SimMember* dialler = find(c->dialler.member);
  SimMember* acceptor = find(c->acceptor.member);
  if (dialler == nullptr || acceptor == nullptr) return;
  const auto tell = [&](const End& end, const SimMember& to, const SimMember& other) {
    if (end.member == except || (!wasOpen && end.link == c->acceptor.link)) return;
    deliver(end.member, other.address, to.address, now() + travel(), [] { return true; },
            [link = end.link, why](SimMember& m) { m.control().linkLost(link, why); });
  };
  tell(c->dialler, *dialler, *acceptor);
  tell(c->acceptor, *acceptor, *dialler);
}

void World::resetLinks(const MemberId& a, const MemberId& b) {
  std::vector<std::uint64_t> list;
  for (const auto& [id, c] : connections_)
    if ((c->dialler.member == a && c->acceptor.member == b) ||
        (c->dialler.member == b && c->acceptor.member == a))
      list.push_back(id);
  for (const std::uint64_t id : list) breakConnection(id, LinkLoss::kReset, MemberId{});
  breakData(a, b);
}

// --- data links: one way per sending shard; all of a pair break together ----------------------

void World::dataPeersChanged(SimMember& member) {
  // Links to members that are no longer in the view are closed.
  for (auto& [pair, path] : data_) {
    if (pair.first != member.id || !(path.up || path.dialling)) continue;
    if (member.dataPeers.count(pair.second) != 0) continue;
    ++path.generation;
    path.up = path.dialling = false;
    path.lastArrival.clear();
    post(member.id, 2, [to = pair.second](SimMember& self) { self.data().peer(to, false); });
  }
  for (const MemberId& to : member.dataPeers) dialData(member.id, to);
}

void World::dialData(const MemberId& from, const MemberId& to) {
  DataPath& path = data_[{from, to}];
  if (path.up || path.dialling) return;
  path.dialling = true;
  const std::uint64_t generation = path.generation;
  post(from, 2 * travel() + kMillisecond, [=, this](SimMember& self) {
    DataPath& p = data_[{from, to}];
    if (p.generation != generation) return;  // broken meanwhile, dialled anew
    p.dialling = false;
    SimMember* other = find(to);
    if (self.dataPeers.count(to) == 0 || other == nullptr) return;
    if (!other->alive || other->frozen || isCut(self.address, other->address)) {
      p.dialling = true;
      post(from, 100 * kMillisecond, [=, this](SimMember&) {
        DataPath& again = data_[{from, to}];
        if (again.generation != generation) return;
        again.dialling = false;
        dialData(from, to);
      });
      return;
    }
    p.up = true;
    self.data().peer(to, true);
  });
}

void World::breakData(const MemberId& a, const MemberId& b) {
  Micros told = 0;
  const Micros ab = travel();
  const Micros ba = travel();
  told = std::max(ab, ba);
  for (const auto& [from, to, delay] : {std::tuple(a, b, ab), std::tuple(b, a, ba)}) {
    DataPath& path = data_[{from, to}];
    const bool was = path.up || path.dialling;
    ++path.generation;
    path.up = false;
    path.dialling = was;  // until dialled again below
    path.lastArrival.clear();
    if (!was) continue;
    const std::uint64_t generation = path.generation;
    post(from, delay, [to = to](SimMember& self) { self.data().peer(to, false); });
    post(from, told + 20 * kMillisecond, [this, from = from, to = to, generation](SimMember&) {
      DataPath& p = data_[{from, to}];
      if (p.generation != generation) return;
      p.dialling = false;
      dialData(from, to);
    });
  }
}

void World::sendData(SimMember& from, int shard, const MemberId& to, Bytes frame) {
  const auto found = data_.find({from.id, to});
  SimMember* target = find(to);
  if (found == data_.end() || !found->second.up || target == nullptr) return;
  DataPath& path = found->second;
  Micros& last = path.lastArrival[shard];
  last = std::max(last + 1, now() + travel());
  const std::uint64_t generation = path.generation;
  deliver(to, from.address, target->address, last,
          [this, key = std::pair(from.id, to), generation] {
            return data_[key].generation == generation;
          },
          [sender = from.id, frame = std::move(frame)](SimMember& m) {
            m.data().received(sender, frame);
          });
}

}  // namespace ox::sim

// The network of the simulated world: control links, data links, cuts.
#include <algorithm>

#include "world.h"

namespace ox::sim {

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

bool World::isCut(const Address& from, const Address& to) const {
  return !cuts_.empty() && cuts_.count({from, to}) != 0;
}
void World::cutOneWay(const Address& from, const Address& to, bool on) {
  if (on) cuts_.insert({from, to});
  else cuts_.erase({from, to});
}
void World::cut(const Address& a, const Address& b, bool on) {
  cutOneWay(a, b, on);
  cutOneWay(b, a, on);
}

// At time `at`, or when the cut between the two has healed, if `still` holds then.
void World::deliver(const MemberId& to, const Address& from, const Address& toAddress, Micros when,
                    std::function<bool()> still, std::function<void(SimMember&)> event) {
  post(to, when - now(), [this, to, from, toAddress, still = std::move(still),
                          event = std::move(event)](SimMember& m) {
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
  c->id = id;
  connections_[id] = c;
  connectionOf_[link] = c;
  const Address source = from.address;
  after(travel(), [this, id, c, source, to] {
    if (connections_.count(id) == 0) return;
    SimMember* target = at(to);
    const auto lost = [&](LinkLoss why, Micros delay) {
      post(c->dialler.member, delay, [this, id, c, why](SimMember& m) {
        if (connections_.erase(id) == 0) return;
        connectionOf_.erase(c->dialler.link);
        m.control().linkLost(c->dialler.link, why);
      });
    };
    if (!canDial(source, to)) return lost(LinkLoss::kTimeout, 3 * kSecond);
    if (target == nullptr)
      return lost(powerless.count(to) != 0 ? LinkLoss::kTimeout : LinkLoss::kRefused,
                  powerless.count(to) != 0 ? 3 * kSecond : tunables.latency);
    c->acceptor = {target->id, nextLink_++, 0};
    connectionOf_[c->acceptor.link] = c;
    // The acceptor is up first; the dialler when the last word of the handshake arrives.
    post(target->id, 0, [this, id, c, source](SimMember& acceptor) {
      SimMember* dialler = find(c->dialler.member);
      if (connections_.count(id) == 0 || dialler == nullptr || !dialler->alive) return;
      c->open = true;
      c->dialler.lastArrival = now() + travel();
      post(dialler->id, c->dialler.lastArrival - now(), [this, id, c](SimMember& m) {
        SimMember* other = find(c->acceptor.member);
        if (connections_.count(id) != 0 && c->open && other != nullptr)
          m.control().linkUp(c->dialler.link,
                             {other->id, other->address, other->options.lite, false,
                              std::min(m.protocol(), other->protocol())});
      });
      acceptor.control().linkUp(
          c->acceptor.link, {dialler->id, dialler->address, dialler->options.lite, true,
                             std::min(acceptor.protocol(), dialler->protocol())});
    });
  });
  return link;
}

void World::sendControl(SimMember& from, LinkId link, Bytes frame) {
  const auto known = connectionOf_.find(link);
  if (known == connectionOf_.end() || !known->second->open) return;
  const auto c = known->second;
  ++control.messages;
  control.bytes += frame.size();
  if (!frame.empty() && static_cast<grid::Kind>(frame[0]) == grid::Kind::kHeartbeat) {
    ++heartbeats.messages;
    heartbeats.bytes += frame.size();
  }
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
    breakConnection(known->second->id, LinkLoss::kReset, from.id);
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
  if (!tunables.dataLinks) return;
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
    if (!other->alive || other->frozen || !canDial(self.address, other->address)) {
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
  ++data.messages;
  data.bytes += frame.size();
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

#include "engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "engine_impl.h"
#include "membership/failure_detector.h"
#include "engine_structures.h"
#include "net/interfaces.h"

namespace ox::grid {

Engine::Impl::Impl(GridConfig c, std::shared_ptr<net::ShardSet> s, std::shared_ptr<net::Workers> w,
                   Clock& k)
    : config(std::move(c)), shards(std::move(s)), workers(std::move(w)), clock(k),
      id{secureRandom().next(), secureRandom().next()},
      refusals(std::make_shared<RefusalLog>(k)), random(secureRandom().next()) {}

Status Engine::Impl::start() {
  auto tls = openEncryption(config.encryption);
  if (!tls) return tls.error();
  encryption->set(std::move(*tls));
  control = std::make_unique<net::Shard>(-1, "grid-control");
  auto opened = net::Acceptor::open(
      *control, config.bindHost, config.port, config.portTries,
      protocols());
  if (!opened) {
    control->stop();
    return opened.error();
  }
  address = Address{config.announcedHost, (*opened)->port()};

  auto shared = std::make_shared<LinkContext>();
  shared->identity.clusterName = config.clusterName;
  shared->identity.self = Member{id, address, config.lite};
  shared->identity.partitionCount = static_cast<std::uint32_t>(config.partitionCount);
  shared->identity.groups = config.partitionGroup.text();
  shared->identity.mapsDigest = digestOf(describeMaps(*config.maps));
  shared->identity.key = deriveLinkKey(config.password, config.clusterName);
  shared->from.host = config.bindHost;
  if (!config.outboundPorts.empty())
    shared->from.ports = std::make_shared<net::SourcePorts>(config.outboundPorts);
  shared->connectMillis = config.connectMillis;
  shared->refusals = refusals;
  shared->encryption = encryption;
  context = shared;
  if (const Status discovering = startDiscovery(); !discovering) {
    control->runAndWait([&] { discovery->stop(); });
    opened->reset();
    pooled.close();
    control->stop();
    return discovering;
  }

  ControlSettings settings;
  settings.maps = describeMaps(*config.maps);
  settings.mapsDigest = shared->identity.mapsDigest;
  settings.clusterName = config.clusterName;
  settings.self = shared->identity.self;
  settings.partitionCount = config.partitionCount;
  settings.backupCopies = config.maps->maxCopies();
  settings.heartbeatMillis = config.heartbeatMillis;
  settings.silenceMillis = config.silenceMillis;
  settings.leaveMillis = config.leaveMillis;
  settings.mergeFirstMillis = config.mergeFirstMillis;
  settings.mergeNextMillis = config.mergeNextMillis;
  settings.groupOf = planning().groupOf;
  settings.migrationsPerMember = kMigrationsPerMember;

  const std::weak_ptr<Impl> weak = weak_from_this();
  Lane::Hooks hooks;
  hooks.migrationDone = [weak](const ViewId& v, const Migration& m) {
    if (const auto self = weak.lock())
      self->control->post([p = self.get(), v, m] {
        if (!p->core) return;
        p->core->migrationDone(v, m);
        p->tickSoon();
      });
  };
  hooks.broken = [weak](const MemberId& peer, std::uint64_t session) {
    if (const auto self = weak.lock())
      self->control->post([p = self.get(), peer, session] {
        if (!p->sessions) return;
        p->sessions->broken(peer, session);
        p->linkResets = p->sessions->resets();
      });
  };
  hooks.paused = [weak](std::uint64_t fence) {
    if (const auto self = weak.lock())
      self->control->post([p = self.get(), fence] {
        if (p->core) p->core->confirmView(fence);
      });
  };
  hooks.topicSink = [weak](const std::string& topic) {
    const auto self = weak.lock();
    return self ? self->topicSink(topic) : nullptr;
  };
  memory = std::make_shared<MemoryBudget>(config.maxBytes, config.discardableMaxBytes,
                                          shards->count());
  structures = std::make_shared<EngineStructures>(shared_from_this());
  hooks.entryEvent = [listeners = entryListeners](std::uint64_t listener,
                                                  services::EntryEvent event) {
    listeners->deliver(listener, std::move(event));
  };
  hooks.processors = processors;
  std::vector<std::weak_ptr<Lane>> all;
  for (int i = 0; i < shards->count(); ++i) {
    ShardSettings s;
    s.self = id;
    s.shardIndex = i;
    s.shardCount = shards->count();
    s.callTimeoutMillis = config.callTimeoutMillis;
    s.fenceMillis = FailureDetector::leastSilence(config.silenceMillis, config.heartbeatMillis) / 2;
    s.tombstoneMillis = config.tombstoneMillis;
    s.memory = memory;
    s.copyBytesPerSecond = config.migrationBytesPerSecond / shards->count();
    lanes.push_back(
        std::make_shared<Lane>(shards->at(i), s, config.maps, context, clock, hooks));
    structures->prepare(lanes.back());
    all.push_back(lanes.back());
  }
  for (const auto& lane : lanes) lane->post([all](Lane& l) { l.start(all); });

  DataSessions::Hooks data;
  data.open = [this](const Member& m, std::uint64_t session) {
    for (const auto& lane : lanes)
      lane->post([m, session](Lane& l) { l.links().open(m, session); });
  };
  data.close = [this](const MemberId& m, std::uint64_t session) {
    for (const auto& lane : lanes)
      lane->post([m, session](Lane& l) { l.links().close(m, session); });
  };
  data.after = [this](std::int64_t millis, std::function<void()> task) {
    return control->runAfter(millis, std::move(task));
  };
  running = true;
  control->runAndWait([&] {
    sessions = std::make_unique<DataSessions>(id, clock, std::move(data));
    settings.candidates = candidates;
    core = std::make_unique<ControlCore>(std::move(settings), clock, random, *this);
    acceptor = std::move(*opened);
    lastTick = clock.steadyMillis();
    core->start();
    tick();
  });
  log::info("grid member " + id.toString() + " of cluster " + config.clusterName +
            " listens on " + Address{config.bindHost, address.port}.toString() + ", announced as " +
            address.toString());
  return {};
}

void Engine::Impl::tick() {
  if (!core) return;
  const std::int64_t now = clock.steadyMillis();
  const std::int64_t late = now - lastTick - ControlSettings{}.tickMillis;
  lastTick = now;
  if (late > kPauseMillis) {
    ++pauses;
    longestPause = std::max(longestPause.load(), late);
    log::warn("this node stood still for " + std::to_string(late) +
              " ms; others may have suspected it");
  }
  core->tick();
  if (!core) return;
  sessions->tick();
  control->runAfter(ControlSettings{}.tickMillis, [this] { tick(); });
}

// Joins, removals and migrations go on with the messages they wait for, several in one tick.
void Engine::Impl::tickSoon() {
  if (!core || soon) return;
  soon = true;
  control->runAfter(kSoonMillis, [this] {
    soon = false;
    if (core) core->tick();
  });
}

void Engine::Impl::accepted(net::Detached connection, const std::string& remote) {
  if (handshakes.size() >= kMaxHandshakes || !core) {
    ++busyHandshakes;
    return;
  }
  const std::uint64_t number = ++lastHandshake;
  handshakes[number] = acceptLink(
      *control, context, std::move(connection), remote, [this](AcceptedLink& l) { ready(l); },
      [this, number] { handshakes.erase(number); });
}

void Engine::Impl::ready(AcceptedLink& link) {
  const LinkPeer& peer = link.handshake.peer();
  if (!core) return link.refuse(Refusal::kBusy, "this member is stopping");
  if (peer.purpose.kind == LinkKind::kControl) {
    link.stream->send(link.handshake.welcome());
    addControlLink(++lastLink, link.stream, peer, true);
    return;
  }
  if (const Refusal why = sessions->accepts(peer); why != Refusal::kNone) {
    refusals->note(peer.member.address.toString(), why, false, "data link");
    return link.refuse(why, "data link of session " + std::to_string(peer.purpose.session));
  }
  auto connection = std::make_shared<net::Detached>(link.stream->detach());
  if (!connection->valid()) return;  // closed: the peer sees it and the session starts anew
  lanes[peer.purpose.shard % lanes.size()]->post(
      [connection, from = peer.member.id, session = peer.purpose.session,
       welcome = link.handshake.welcome()](Lane& l) {
        l.links().adopt(from, session, std::move(*connection), welcome);
      });
}

void Engine::Impl::addControlLink(LinkId link, std::shared_ptr<net::Stream> stream,
                                  const LinkPeer& peer, bool incoming) {
  ControlLink& entry = links[link];
  entry.dial.reset();
  entry.stream = stream;
  linkCount = links.size();
  stream->handlers(
      [this, link](BytesView frame) {
        if (!core) return;
        const bool heartbeat = !frame.empty() && frame[0] == static_cast<char>(Kind::kHeartbeat);
        core->received(link, frame);
        // Whatever asks for an answer of the core gets it now; heartbeats do only while looking.
        if (core && (!heartbeat || !core->joined())) tickSoon();
      },
      [this, link](net::CloseReason why, const std::string&) {
        links.erase(link);
        linkCount = links.size();
        if (core)
          core->linkLost(link, why == net::CloseReason::kProtocol ? LinkLoss::kProtocol
                                                                  : LinkLoss::kReset);
        tickSoon();
      });
  core->linkUp(link, PeerInfo{peer.member.id, peer.member.address, peer.member.lite, incoming,
                              peer.protocol, peer.mapsDigest});
}

LinkId Engine::Impl::dial(const Address& target) {
  const LinkId link = ++lastLink;
  links[link].dial = dialLink(*control, context, target, LinkPurpose{}, MemberId{},
                              [this, link](DialResult result) {
                                const auto it = links.find(link);
                                if (it == links.end() || !core) {
                                  if (result.stream) result.stream->close();
                                  return;
                                }
                                if (result.stream)
                                  return addControlLink(link, std::move(result.stream),
                                                        result.peer, false);
                                links.erase(it);
                                linkCount = links.size();
                                core->linkLost(link, result.loss);
                                tickSoon();
                              });
  linkCount = links.size();
  return link;
}

void Engine::Impl::send(LinkId link, Bytes frame) {
  const auto it = links.find(link);
  if (it != links.end() && it->second.stream) it->second.stream->send(frame);
}

void Engine::Impl::close(LinkId link) {
  const auto it = links.find(link);
  if (it == links.end()) return;
  const ControlLink old = std::move(it->second);
  links.erase(it);
  linkCount = links.size();
  if (old.dial) old.dial->cancel();
  if (old.stream) old.stream->closeWhenWritten();
}

void Engine::Impl::installed(const ViewPtr& next) {
  for (const auto& lane : lanes)
    lane->post([next](Lane& l) { l.core()->viewInstalled(next); });
  sessions->wanted(next ? next->members : std::vector<Member>());
  discovery->members(next ? next->members : std::vector<Member>());
  {
    std::lock_guard lock(mutex);
    view = next;
    viewChanged.notify_all();
  }
  notifyMembers();
}

void Engine::Impl::notifyMembers() {
  if (notifying.exchange(true)) return;  // the one that waits will see the newest state
  if (!pooled.enter()) return;
  const bool queued = workers->submit([self = shared_from_this()] {
    self->notifying = false;
    self->memberListeners->call(self->state());
    self->pooled.leave();
  });
  if (queued) return;
  pooled.leave();
  notifying = false;
  control->runAfter(ControlSettings{}.tickMillis, [this] { notifyMembers(); });
}

void Engine::Impl::keepEntriesForMerge() {
  for (const auto& lane : lanes)
    lane->post([](Lane& l) { l.core()->keepEntriesForMerge(); });
}

std::uint64_t Engine::Impl::ownedEntries() const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes) sum += lane->ownedEntries();
  return sum;
}

void Engine::Impl::confirmed(const std::vector<std::uint64_t>& fences) {
  for (const auto& lane : lanes) lane->post([fences](Lane& l) { l.core()->confirmed(fences); });
}

void Engine::Impl::left() {
  std::lock_guard lock(mutex);
  hasLeft = true;
  leftChanged.notify_all();
}

void Engine::Impl::shut(bool abruptly) {
  if (!running.exchange(false)) return;
  acceptor->close();
  control->runAndWait([&] {
    discovery->stop();
    sessions->stop();
    for (auto& [link, entry] : links) {
      if (entry.dial) entry.dial->cancel();
      if (!entry.stream) continue;
      if (abruptly) entry.stream->close();
      else entry.stream->closeWhenWritten();
    }
    links.clear();
    linkCount = 0;
    for (auto& [number, handshake] : handshakes) handshake->cancel();
    handshakes.clear();
    core.reset();
  });
  for (const auto& lane : lanes)
    lane->shard().runAndWait([&] { lane->close(abruptly); });
  structures->close();
  pooled.close();
  // What waited for writing goes out in the turns of the loop before this one is reached.
  for (int turn = 0; turn < 2; ++turn) control->runAndWait([] {});
  control->stop();
  std::lock_guard lock(mutex);
  view.reset();
}

Engine::Engine(GridConfig config, std::shared_ptr<net::ShardSet> shards,
               std::shared_ptr<net::Workers> workers, Clock& clock)
    : impl_(std::make_shared<Impl>(std::move(config), std::move(shards), std::move(workers),
                                   clock)) {}

Engine::~Engine() {
  impl_->shut(true);
  // The proxies hold the inside, which holds the proxies.
  std::lock_guard lock(impl_->mutex);
  impl_->maps.clear();
}

Status Engine::start() { return impl_->start(); }

bool Engine::waitJoined(std::int64_t millis) {
  std::unique_lock lock(impl_->mutex);
  return impl_->viewChanged.wait_for(lock, std::chrono::milliseconds(millis),
                                     [this] { return impl_->view != nullptr; });
}

void Engine::abandon() { impl_->shut(true); }

}  // namespace ox::grid

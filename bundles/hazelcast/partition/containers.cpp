// Containers: requests at the owner, parked requests, the backup side, copying, ticks, and the merge
// of their contents after a split. What a request means is the container's own business.
#include <algorithm>

#include "base/check.h"
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

// --- state

HeldContainer* Impl::findContainer(const Replica& replica, std::size_t map) const {
  return map < replica.containers.size() ? replica.containers[map].get() : nullptr;
}

HeldContainer* Impl::container(Replica& replica, MapInfo& m) {
  if (HeldContainer* held = findContainer(replica, m.index)) return held;
  auto held = std::make_unique<HeldContainer>();
  held->state = registry_->create(m.name);
  if (!held->state) held->state = mapContainer(m.name);
  if (!held->state) return nullptr;
  if (replica.containers.size() <= m.index) replica.containers.resize(maps_.size());
  replica.containers[m.index] = std::move(held);
  return replica.containers[m.index].get();
}

// A member of protocol 1 knows no containers, so there are none as long as one is in the cluster.
bool Impl::containersSpoken() const { return view_ && view_->protocol >= kContainerProtocol; }

Error Impl::containersUnspoken() {
  return Error(Code::kGridIncompatible,
               "a member of an older version is in the cluster: there are no structures beside maps "
               "and topics until it has been updated");
}

ContainerContext Impl::containerContext(const Partition& p, const MemberId& caller) {
  ContainerContext context;
  context.now = wall();
  context.caller = caller;
  context.term = p.data.term;
  context.random = &random_;
  return context;
}

// A new owner holds writes that the other backups may not have: answers wait for them.
void Impl::containersOwned(Partition& p) {
  p.membersChanged = true;
  for (auto& held : p.data.containers)
    if (held) held->seq = p.data.versions[0];
}

// --- requests

void Impl::invoke(const std::string& name, int number, Bytes request, std::int64_t waitMillis,
                  services::Completion<Bytes> done) {
  OX_CHECK(number >= 0 && mine(number));
  enter();
  if (!isContainerName(name) || name.size() > kMaxNameBytes) {
    done(Error(Code::kInvalid, "a container name begins with '@' and has at most " +
                                   std::to_string(kMaxNameBytes) + " bytes"));
    return;
  }
  if (request.size() > kMaxContainerPiece) {
    done(Error(Code::kNetTooLarge, name.substr(0, 80) + ": a request may have " +
                                       std::to_string(kMaxContainerPiece) + " bytes"));
    return;
  }
  if (calls_.size() + pendingWrites_ >= settings_.maxPendingOperations) {
    done(Error(Code::kBusy, "more than " + std::to_string(settings_.maxPendingOperations) +
                                " operations of this shard are under way"));
    return;
  }
  services::MapRequest body;
  body.value = std::move(request);
  body.ttlMillis = std::clamp<std::int64_t>(waitMillis, 0, maxParkMillis());
  InternalDone internal = [done = std::move(done)](Result<OpResult> r) {
    if (!r) done(r.error());
    else done(std::move(r->reply.value).value_or(Bytes()));
  };
  Partition* p = partition(number);
  if (p != nullptr && serving(*p) && p->calls.idle())
    return runLocal(*p, name, OpKind::kContainer, body, 0, nullptr, {}, std::move(internal));
  Call call;
  call.partition = number;
  call.kind = OpKind::kContainer;
  call.map = name;
  call.request = std::move(body);
  call.internal = std::move(internal);
  submit(std::move(call));
}

// Requests of this member's callers, at the owner.
void Impl::containerLocal(Partition& p, MapInfo& m, OpKind kind, services::MapRequest& request,
                          InternalDone done) {
  ContainerCall call;
  call.kind = kind;
  call.map = m.index;
  call.request = std::move(request.value);
  call.waitUntil = steady() + std::clamp<std::int64_t>(request.ttlMillis, 0, maxParkMillis());
  call.internal = std::move(done);
  containerCall(p, std::move(call));
}

// Requests of other members' callers, at the owner, known ones aside.
void Impl::containerRemote(const MemberId& from, Partition& p, MapInfo& m,
                           const OperationMessage& message) {
  if (p.data.recent.forgotten(message.id))
    return reply(from, p.number, message.id.counter, message.stream,
                 Error(Code::kGridIndeterminate));
  ContainerCall call;
  call.kind = message.kind;
  call.map = m.index;
  call.request = Bytes(message.value);
  call.waitUntil = steady() + std::clamp<std::int64_t>(message.ttlMillis, 0, maxParkMillis());
  call.caller = from;
  call.counter = message.id.counter;
  call.stream = message.stream;
  containerCall(p, std::move(call));
}

void Impl::containerCall(Partition& p, ContainerCall call) {
  const std::size_t map = call.map;
  std::vector<ContainerAnswer> answers;
  const bool changed = runContainer(p, call, answers);
  if (call.parked) {
    if (p.parkedCalls.size() < kMaxParkedCalls) p.parkedCalls.push_back(std::move(call));
    else answers.push_back({std::move(call), 0, Error(Code::kBusy, "too many requests wait here")});
  }
  if (changed) wakeParked(p, map, answers);
  giveAnswers(p, answers);
}

// True = the container has changed. The call is moved into `answers` unless it is parked.
bool Impl::runContainer(Partition& p, ContainerCall& call, std::vector<ContainerAnswer>& answers) {
  call.parked = false;
  if (call.write) return runParkedWrite(p, call, answers);
  MapInfo& m = *maps_[call.map];
  if (!containersSpoken()) {
    answers.push_back({std::move(call), 0, containersUnspoken()});
    return false;
  }
  HeldContainer* held = container(p.data, m);
  if (held == nullptr) {
    answers.push_back({std::move(call), 0,
                       Error(Code::kInvalid, "'" + m.name.substr(0, 80) +
                                                 "': this member knows no such structure")});
    return false;
  }
  ContainerContext context =
      containerContext(p, call.caller.valid() ? call.caller : settings_.self);
  context.lastTry = call.waitUntil <= steady();
  ContainerOutcome outcome = call.kind == OpKind::kMergeContainer
                                 ? held->state->merge(call.request, context)
                                 : held->state->apply(call.request, context);
  if (outcome.park && !context.lastTry) {
    call.parked = true;
    return false;
  }
  if (outcome.park) outcome.error = Error(Code::kNetTimeout);
  if (outcome.error) {
    answers.push_back({std::move(call), 0, *outcome.error});
    return false;
  }
  OpResult result;
  result.reply.applied = !outcome.delta.empty();
  result.reply.value = std::move(outcome.reply);
  const bool changed = !outcome.delta.empty();
  if (changed) {
    const OpId id{call.caller, call.counter};
    const bool remote = call.caller.valid();
    held->seq = replicateContainer(p, m, outcome.delta, remote ? &id : nullptr,
                                   *result.reply.value);
    if (remote) {
      RecentOperations::Entry recent;
      recent.id = id;
      recent.at = steady();
      recent.seq = held->seq;
      recent.applied = true;
      recent.value = result.reply.value;
      p.data.recent.add(std::move(recent), 2 * settings_.callTimeoutMillis);
    }
  }
  answers.push_back({std::move(call), held->seq, std::move(result)});
  return changed;
}

std::uint64_t Impl::replicateContainer(Partition& p, MapInfo& m, BytesView delta,
                                       const OpId* remote, BytesView result) {
  BackupMessage b;
  if (remote != nullptr) {
    b.hasOp = true;
    b.id = *remote;
    b.applied = true;
  }
  b.effect = Effect::kContainer;
  b.map = m.name;
  b.value = delta;
  b.result = result;
  return replicate(p, m, b);
}

// Those that wait for a change of the container, in the order they came; again while one of them
// changes it (bounded: each such round has one waiting request less).
void Impl::wakeParked(Partition& p, std::size_t map, std::vector<ContainerAnswer>& answers) {
  bool again = true;
  while (again) {
    again = false;
    std::deque<ContainerCall> kept;
    for (ContainerCall& call : p.parkedCalls) {
      if (call.map == map) again = runContainer(p, call, answers) || again;
      if (call.map != map || call.parked) kept.push_back(std::move(call));
    }
    p.parkedCalls = std::move(kept);
  }
}

// At the end, as callers may ask for the next thing at once.
void Impl::giveAnswers(Partition& p, std::vector<ContainerAnswer>& answers) {
  for (auto& [call, waitFor, result] : answers) {
    PendingWrite w;
    w.seq = waitFor;
    w.deadline = steady() + settings_.callTimeoutMillis;
    w.internal = std::move(call.internal);
    w.caller = call.caller;
    w.counter = call.counter;
    w.stream = call.stream;
    const int sync = maps_[call.write ? call.write->map : call.map]->sync;
    ++pendingWrites_;
    if (p.owner && result && watermark(p, sync) < waitFor) {
      w.result = std::move(result).value();
      p.pending[sync].push_back(std::move(w));
    } else {
      answer(p, std::move(w), std::move(result));
    }
  }
}

// The partition has gone to another owner: ask there.
void Impl::parkedElsewhere(Partition& p) {
  auto parked = std::move(p.parkedCalls);
  p.parkedCalls.clear();
  for (ContainerCall& one : parked) {
    if (one.caller.valid()) {
      reply(one.caller, p.number, one.counter, one.stream, Error(Code::kGridWrongTarget));
      continue;
    }
    Call call;
    call.partition = p.number;
    call.kind = one.kind;
    call.internal = std::move(one.internal);
    if (one.write) {
      call.map = maps_[one.write->map]->name;
      call.cursor = one.write->token;
      call.request = std::move(one.write->request);
    } else {
      call.map = maps_[one.map]->name;
      call.request.value = std::move(one.request);
      call.request.ttlMillis = std::max<std::int64_t>(one.waitUntil - steady(), 0);
    }
    submit(std::move(call));
  }
}

// --- time and members

void Impl::containersTick(std::int64_t now) {
  const bool tick = now >= containerTickAt_;
  if (tick) containerTickAt_ = now + kContainerTickMillis;
  for (auto& p : partitions_) {
    if (!p || !serving(*p)) continue;
    if (tick && !p->data.containers.empty()) containerHooks(*p);
    if (p->parkedCalls.empty()) continue;
    std::vector<ContainerAnswer> answers;
    for (std::size_t i = 0; i < p->parkedCalls.size();) {
      if (p->parkedCalls[i].waitUntil > now) {
        ++i;
        continue;
      }
      ContainerCall call = std::move(p->parkedCalls[i]);
      p->parkedCalls.erase(p->parkedCalls.begin() + static_cast<std::ptrdiff_t>(i));
      const std::size_t map = call.map;
      if (!runContainer(*p, call, answers)) continue;
      wakeParked(*p, map, answers);
      i = 0;
    }
    giveAnswers(*p, answers);
  }
}

void Impl::containerHooks(Partition& p) {
  const bool members = std::exchange(p.membersChanged, false);
  std::vector<ContainerAnswer> answers;
  for (std::size_t map = 0; map < p.data.containers.size(); ++map) {
    HeldContainer* held = p.data.containers[map].get();
    if (held == nullptr) continue;
    MapInfo& m = *maps_[map];
    const ContainerContext context = containerContext(p, settings_.self);
    bool changed = false;
    const auto spread = [&](const Bytes& delta) {
      if (delta.empty()) return;
      changed = true;
      held->seq = replicateContainer(p, m, delta, nullptr, {});
    };
    if (members)
      spread(held->state->membersChanged(
          [&](const MemberId& id) { return view_->find(id) != nullptr; }, context));
    spread(held->state->tick(context));
    if (changed) wakeParked(p, map, answers);
    if (held->state->empty() && watermark(p, m.sync) >= held->seq)
      p.data.containers[map].reset();
  }
  giveAnswers(p, answers);
}

// --- backups and copies

bool Impl::replayContainer(Replica& replica, MapInfo& m, BytesView delta) {
  HeldContainer* held = container(replica, m);
  if (held == nullptr || !held->state->replay(delta)) {
    ++badMessages_;
    return false;
  }
  if (held->state->empty()) replica.containers[m.index].reset();
  return true;
}

bool Impl::restoreContainer(Replica& replica, BytesView name, BytesView piece) {
  MapInfo* m = map(name);
  HeldContainer* held = m != nullptr ? container(replica, *m) : nullptr;
  if (held != nullptr && held->state->restore(piece)) return true;
  ++badMessages_;
  return false;
}

// Lowest level that a copy for `level` covers as far as containers go.
std::uint8_t Impl::containersValidFrom(const Replica& replica, std::uint8_t level) const {
  std::uint8_t from = 0;
  for (std::size_t map = 0; map < replica.containers.size(); ++map) {
    const HeldContainer* held = replica.containers[map].get();
    if (held == nullptr || held->state->empty() || maps_[map]->copies >= level) continue;
    from = std::max(from, static_cast<std::uint8_t>(maps_[map]->copies + 1));
  }
  return from;
}

void Impl::raiseContainers(Replica& replica, std::uint8_t level) {
  replica.validFrom = std::max(replica.validFrom, containersValidFrom(replica, level));
  for (std::size_t map = 0; map < replica.containers.size(); ++map)
    if (maps_[map]->copies < level) replica.containers[map].reset();
}

void Impl::copyContainers(const Replica& replica, std::uint8_t level,
                          const std::function<void(BytesView, BytesView)>& piece) const {
  if (!containersSpoken()) return;
  for (std::size_t map = 0; map < replica.containers.size(); ++map) {
    const HeldContainer* held = replica.containers[map].get();
    if (held == nullptr || held->state->empty() || maps_[map]->copies < level) continue;
    held->state->snapshot([&](BytesView bytes) { piece(maps_[map]->name, bytes); });
  }
}

std::uint64_t Impl::containerBytes() const {
  std::uint64_t sum = 0;
  for (const auto& p : partitions_) {
    if (!p) continue;
    for (const auto& held : p->data.containers) sum += held ? held->state->bytes() : 0;
  }
  return sum;
}

// --- tasks

void Impl::submitTask(const MemberId& to, int slot, const std::string& name, Bytes argument,
                      std::int64_t timeoutMillis, services::Completion<Bytes> done) {
  OX_CHECK(slot >= 0 && mine(slot));
  if (!view_) return done(Error(Code::kGridNotJoined));
  if (view_->find(to) == nullptr) return done(Error(Code::kGridMemberLost, "no such member"));
  if (to != settings_.self && !containersSpoken()) return done(containersUnspoken());
  tasks_.submit(to, static_cast<std::uint16_t>(slot), name, std::move(argument), timeoutMillis,
                steady(), std::move(done));
}

void Impl::onTask(Kind kind, const MemberId& from, int slot, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  if (kind == Kind::kTask) {
    const auto message = TaskMessage::decode(in);
    if (!message) return bad(from, message.error().message);
    return tasks_.received(from, static_cast<std::uint16_t>(slot), *message);
  }
  const auto message = TaskReplyMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  if (!tasks_.answered(from, *message)) bad(from, "result of a task that was not submitted");
}

}  // namespace ox::grid

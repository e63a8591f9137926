// Writes to a key that somebody else has locked: parked at the owner among the requests that wait
// for the locks of the map, in the order they came, until the lock ends (unlocked, lease over, its
// member gone) or the caller's time does. Writes of one caller to one key keep their order.
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using services::MapOp;

namespace {
bool writesKey(OpKind kind) {
  return kind == OpKind::kProcess || (isMapOp(kind) && isWrite(kind));
}
std::size_t bytesOf(const services::MapRequest& r) {
  return r.key.size() + r.value.size() + r.expected.size();
}
}  // namespace

bool Impl::mayWrite(Partition& p, MapInfo& m, OpKind kind, BytesView key, const OpId* remote,
                    std::uint32_t token, Executed& out) {
  if (!writesKey(kind)) return true;
  const LockTable* locks = lockTable(p, m);
  if (locks == nullptr) return true;
  const auto holder = locks->holder(key, wall());
  const MemberId& caller = remote != nullptr ? remote->member : settings_.self;
  if (!holder || *holder == LockTable::Holder{caller, token}) return true;
  const Member* member = view_ ? view_->find(holder->member) : nullptr;
  out.locked = true;
  out.error = Error(Code::kBusy, "map '" + m.name.substr(0, 80) + "': the key is locked by " +
                                     (member != nullptr ? member->address.toString()
                                                        : holder->member.toString()) +
                                     ", token " + std::to_string(holder->token));
  return false;
}

// An older write of the key waits, and the lock is not the caller's own.
bool Impl::behindParked(const Partition& p, const MapInfo& m, OpKind kind, BytesView key,
                        const MemberId& caller, std::uint32_t token) const {
  if (p.parkedCalls.empty() || m.locks == kNoMap || !writesKey(kind)) return false;
  const BytesView wanted = comparable(key);
  const bool waits = std::any_of(p.parkedCalls.begin(), p.parkedCalls.end(), [&](const auto& call) {
    return call.write && call.write->map == m.index &&
           comparable(call.write->request.key) == wanted;
  });
  if (!waits) return false;
  const LockTable* locks = lockTable(p, m);
  return locks == nullptr || locks->holder(key, wall()) != LockTable::Holder{caller, token};
}

// Asked again because the answer takes long.
bool Impl::parkedAlready(Partition& p, const MemberId& from, const OperationMessage& message) {
  for (ContainerCall& parked : p.parkedCalls) {
    if (parked.caller != from || parked.counter != message.id.counter) continue;
    parked.stream = message.stream;
    return true;
  }
  return false;
}

void Impl::parkWrite(Partition& p, const MapInfo& m, ContainerCall call, LockedWrite write) {
  std::size_t bytes = bytesOf(write.request);
  for (const ContainerCall& other : p.parkedCalls)
    if (other.write) bytes += bytesOf(other.write->request);
  const std::int64_t most = settings_.callTimeoutMillis;
  call.map = m.locks;
  call.waitUntil = steady() + most - std::min(kLockAnswerMillis, most / 4);
  call.parked = true;
  call.write = std::make_unique<LockedWrite>(std::move(write));
  if (p.parkedCalls.size() < kMaxParkedCalls && bytes <= kMaxParkedWriteBytes) {
    p.parkedCalls.push_back(std::move(call));
    return;
  }
  std::vector<ContainerAnswer> answers;
  answers.push_back({std::move(call), 0,
                     Error(Code::kBusy, "map '" + m.name.substr(0, 80) +
                                            "': too many writes wait for locked keys here")});
  giveAnswers(p, answers);
}

// False: the locks have not changed. Moved into `answers` unless it goes on waiting.
bool Impl::runParkedWrite(Partition& p, ContainerCall& call,
                          std::vector<ContainerAnswer>& answers) {
  const services::MapRequest& request = call.write->request;
  const OpId id{call.caller, call.counter};
  const OperationInput in{static_cast<MapOp>(call.kind), request.key, request.value,
                          request.expected, request.ttlMillis, request.maxIdleMillis};
  Executed e = run(p, *maps_[call.write->map], call.kind, in, call.write->token, nullptr,
                   call.caller.valid() ? &id : nullptr);
  if (e.locked && call.waitUntil > steady()) {
    call.parked = true;
    return false;
  }
  if (e.error) {
    if (e.locked)
      e.error->message += "; the write waited as long as a call may";
    answers.push_back({std::move(call), 0, std::move(*e.error)});
  } else {
    answers.push_back({std::move(call), e.waitFor, std::move(e.result)});
  }
  return false;
}

}  // namespace ox::grid

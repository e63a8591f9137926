// Operations of this member's callers: done here when this member owns the partition, else sent
// to the owner, again and again (same operation id) until answered or out of time.
#include <algorithm>

#include "base/check.h"
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

void Impl::execute(const std::string& name, int number, services::MapRequest request,
                   MapDone done) {
  OX_CHECK(number >= 0 && mine(number));
  enter();
  if (request.key.size() > kMaxKeyBytes || request.value.size() > kMaxValueBytes ||
      request.expected.size() > kMaxValueBytes) {
    done(Error(Code::kNetTooLarge, "map '" + name.substr(0, 80) + "': a key may have " +
                                       std::to_string(kMaxKeyBytes) + " bytes and a value " +
                                       std::to_string(kMaxValueBytes)));
    return;
  }
  if (name.empty() || name.size() > kMaxNameBytes || isContainerName(name)) {
    done(Error(Code::kInvalid, "a map name has 1.." + std::to_string(kMaxNameBytes) +
                                   " bytes and does not begin with '@'"));
    return;
  }
  if (calls_.size() + pendingWrites_ >= settings_.maxPendingOperations) {
    done(Error(Code::kBusy, "more than " + std::to_string(settings_.maxPendingOperations) +
                                " operations of this shard are under way"));
    return;
  }
  const auto kind = static_cast<OpKind>(request.op);
  const std::uint32_t token = request.lockToken;
  start(name, number, kind, std::move(request), token, std::move(done));
}

void Impl::start(const std::string& name, int number, OpKind kind, services::MapRequest request,
                 std::uint32_t cursor, MapDone done) {
  Partition* p = partition(number);
  if (p != nullptr && readHere(*p, name, kind, request, done)) return;
  if (p != nullptr && serving(*p) && p->calls.idle()) {
    runLocal(*p, name, kind, request, cursor, nullptr, std::move(done), {});
    return;
  }
  Call call;
  call.partition = number;
  call.kind = kind;
  call.map = name;
  call.cursor = cursor;
  call.request = std::move(request);
  call.done = std::move(done);
  submit(std::move(call));
}

void Impl::submit(Call call) {
  call.counter = ++nextCounter_;
  call.deadline = steady() + settings_.callTimeoutMillis;
  deadlines_.emplace_back(call.deadline, call.counter);
  auto owned = std::make_unique<Call>(std::move(call));
  Call& c = *owned;
  calls_.emplace(c.counter, std::move(owned));
  Partition* p = partition(c.partition);
  // Never overtake what waits already.
  if (p == nullptr || !p->calls.idle()) wait(p, c, 0);
  else dispatch(*p, c);
}

bool Impl::wait(Partition* p, Call& call, std::int64_t pause) {
  call.inFlight = false;
  if (p == nullptr) return false;  // before the first view; collected when it comes
  p->calls.waiting.push_back(call.counter);
  if (pause > 0 && p->calls.retryAt == 0) p->calls.retryAt = steady() + pause;
  return false;
}

bool Impl::dispatch(Partition& p, Call& call) {
  if (!view_) return wait(&p, call, 0);
  const Replicas& replicas = view_->partitions[static_cast<std::size_t>(p.number)];
  if (replicas.count == 0) return wait(&p, call, 0);
  const MemberId& owner = replicas.at[0];
  if (owner == settings_.self) {
    if (!serving(p)) return wait(&p, call, 0);
    const auto it = calls_.find(call.counter);
    const std::unique_ptr<Call> own = std::move(it->second);
    calls_.erase(it);
    if (own->everSent && isWrite(own->kind)) {
      // It was sent to the former owner and may have come along with its writes.
      const OpId id{settings_.self, own->counter};
      if (const auto* known = p.data.recent.find(id)) {
        PendingWrite w;
        w.seq = std::min(known->seq, p.data.versions[0]);
        w.deadline = own->deadline;
        w.done = std::move(own->done);
        w.internal = std::move(own->internal);
        w.result.reply.applied = known->applied;
        w.result.reply.value = known->value;
        w.result.count = known->count;
        MapInfo* m = map(own->map);
        if (m != nullptr) w.key = mark(*m, own->request.key);
        p.pending[m != nullptr ? m->sync : 0].push_back(std::move(w));
        ++pendingWrites_;
        settle(p);
        return true;
      }
    }
    runLocal(p, own->map, own->kind, own->request, own->cursor, &own->meta, std::move(own->done),
             std::move(own->internal));
    return true;
  }
  if (!up(owner)) return wait(&p, call, 0);
  if (isContainerOp(call.kind) && !containersSpoken()) {
    finish(call.counter, containersUnspoken());
    return true;
  }
  OperationMessage m;
  m.id = {settings_.self, call.counter};
  m.stream = p.calls.attempt;
  m.kind = call.kind;
  m.cursor = call.cursor;
  m.ttlMillis = call.request.ttlMillis;
  m.maxIdleMillis = call.request.maxIdleMillis;
  m.map = call.map;
  m.key = call.request.key;
  m.value = call.request.value;
  m.expected = call.request.expected;
  m.meta = call.meta;
  call.everSent = call.inFlight = true;
  call.target = owner;
  call.attempt = m.stream;
  call.sentAt = steady();
  host_.send(owner, m.encode(static_cast<std::uint16_t>(p.number)));
  return true;
}

// Sends everything that waits on the partition, in the order it was given. What completions add
// meanwhile is younger and comes after.
void Impl::flush(Partition& p) {
  if (p.calls.flushing) return;
  p.calls.flushing = true;
  p.calls.retryAt = 0;
  ++p.calls.attempt;
  auto waiting = std::move(p.calls.waiting);
  p.calls.waiting.clear();
  std::sort(waiting.begin(), waiting.end());
  waiting.erase(std::unique(waiting.begin(), waiting.end()), waiting.end());
  bool blocked = false;
  for (std::size_t i = 0; i < waiting.size() && !blocked; ++i) {
    const auto it = calls_.find(waiting[i]);
    if (it == calls_.end() || it->second->inFlight) continue;
    blocked = !dispatch(p, *it->second);
    if (blocked)
      p.calls.waiting.insert(p.calls.waiting.end(),
                             waiting.begin() + static_cast<std::ptrdiff_t>(i) + 1, waiting.end());
  }
  p.calls.flushing = false;
  if (!blocked && !p.calls.waiting.empty()) p.calls.retryAt = steady() + 1;
}

void Impl::finish(std::uint64_t counter, Result<OpResult> result) {
  const auto it = calls_.find(counter);
  if (it == calls_.end()) return;
  const std::unique_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  if (call->done) {
    if (result) call->done(std::move(result->reply));
    else call->done(result.error());
  } else {
    call->internal(std::move(result));
  }
}

void Impl::onReply(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = ReplyMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const auto it = calls_.find(message->counter);
  if (it == calls_.end()) return;  // timed out, or answered twice after a retry
  Call& call = *it->second;
  if (call.partition != p.number || !call.everSent)
    return bad(from, "reply to an operation that was not sent");
  if (message->status == ReplyStatus::kWrongTarget) {
    // An answer to a former attempt says nothing about the present one.
    if (!call.inFlight || call.target != from || call.attempt != message->stream) return;
    wait(&p, call, settings_.retryMillis);
    return;
  }
  if (message->status == ReplyStatus::kError)
    return finish(call.counter, Error(codeByName(message->code), std::string(message->text)));
  OpResult result;
  result.reply.applied = message->applied;
  if (message->hasValue) result.reply.value = Bytes(message->value);
  result.count = message->count;
  result.cursor = message->cursor;
  result.entries.reserve(message->entries.size());
  for (const auto& e : message->entries) result.entries.push_back({Bytes(e.key), Bytes(e.value)});
  finish(call.counter, std::move(result));
}

void Impl::parkCalls(const std::function<bool(const Call&)>& which, std::int64_t pause) {
  for (auto& [_, call] : calls_)
    if (which(*call)) wait(partition(call->partition), *call, pause);
}

// Calls that nobody can answer: no member may hold data, and it did not change for a while. What is
// kept for a merge goes on waiting.
void Impl::refuseUnowned(std::int64_t now) {
  if (unownedSince_ == 0 || fenced_ || now - unownedSince_ < kNoHolderMillis || calls_.empty()) return;
  std::vector<std::uint64_t> refused;
  for (const auto& [counter, call] : calls_)
    if (!isMerge(call->kind)) refused.push_back(counter);
  std::sort(refused.begin(), refused.end());
  const std::string why =
      fullMembers_ == 0
          ? "all " + std::to_string(view_->members.size()) +
                " members of the cluster are lite (liteMember=true); start a full one"
          : "no member belongs to a partition group that may hold data";
  for (const std::uint64_t counter : refused) {
    const auto it = calls_.find(counter);
    if (it == calls_.end()) continue;
    const bool unknown = it->second->everSent && isWrite(it->second->kind);
    if (Partition* p = partition(it->second->partition)) std::erase(p->calls.waiting, counter);
    finish(counter, Error(unknown ? Code::kGridIndeterminate : Code::kGridNoPartition, why));
  }
}

void Impl::callsTick(std::int64_t now) {
  refuseUnowned(now);
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const auto counter = deadlines_.front().second;
    deadlines_.pop_front();
    const auto it = calls_.find(counter);
    if (it == calls_.end()) continue;
    const Call& call = *it->second;
    Code code = Code::kNetTimeout;
    if (call.everSent && isWrite(call.kind)) code = Code::kGridIndeterminate;
    else if (!view_) code = Code::kGridNotJoined;
    else if (!call.inFlight &&
             (call.partition >= partitionCount_ ||
              view_->partitions[static_cast<std::size_t>(call.partition)].count == 0))
      code = Code::kGridNoPartition;
    if (Partition* p = partition(call.partition)) std::erase(p->calls.waiting, counter);
    finish(counter, Error(code));
  }
  // Answers lost on the way back although the link is up again.
  if (now >= resendAt_) {
    resendAt_ = now + kResendMillis / 4;
    parkCalls([&](const Call& c) { return c.inFlight && now - c.sentAt >= kResendMillis; }, 1);
  }
  if (calls_.empty()) return;
  for (auto& p : partitions_)
    if (p && p->calls.retryAt != 0 && p->calls.retryAt <= now) flush(*p);
}

}  // namespace ox::grid

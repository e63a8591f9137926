#include "links_data.h"

#include <algorithm>

#include "base/log.h"

namespace ox::grid {

LaneLinks::LaneLinks(net::Shard& shard, int index, std::shared_ptr<const LinkContext> context,
                     Events events)
    : shard_(shard), index_(index), context_(std::move(context)), events_(std::move(events)) {}

void LaneLinks::open(const Member& member, std::uint64_t session) {
  Peer& peer = peers_[member.id];
  drop(peer, true);
  peer = Peer{};
  peer.session = session;
  const LinkPurpose purpose{LinkKind::kData, static_cast<std::uint16_t>(index_), session};
  peer.dial = dialLink(shard_, context_, member.address, purpose, member.id,
                       [weak = weak_from_this(), id = member.id, session](DialResult result) {
                         if (auto self = weak.lock()) self->dialled(id, session, std::move(result));
                         else if (result.stream) result.stream->close();
                       });
}

void LaneLinks::dialled(const MemberId& id, std::uint64_t session, DialResult result) {
  const auto it = peers_.find(id);
  if (it == peers_.end() || it->second.session != session) {
    if (result.stream) result.stream->close();
    return;
  }
  Peer& peer = it->second;
  peer.dial.reset();
  if (!result.stream) return lost(id, session);
  peer.out = std::move(result.stream);
  const auto end = [weak = weak_from_this(), id, session](net::CloseReason, const std::string&) {
    if (auto self = weak.lock()) self->lost(id, session);
  };
  // Messages flow one way; whatever comes back on our own link is a broken peer.
  peer.out->handlers([end](BytesView) { end(net::CloseReason::kProtocol, {}); }, end);
  if (!peer.waiting.empty()) peer.out->sendRaw(std::exchange(peer.waiting, Bytes()));
  events_.peerUp(id);
}

void LaneLinks::lost(const MemberId& id, std::uint64_t session) {
  const auto it = peers_.find(id);
  if (it == peers_.end() || it->second.session != session) return;
  Peer old = std::move(it->second);
  peers_.erase(it);
  drop(old, true);
  events_.peerDown(id);
  events_.broken(id, session);
}

void LaneLinks::close(const MemberId& id, std::uint64_t session) {
  const auto it = peers_.find(id);
  if (it == peers_.end() || it->second.session != session) return;
  Peer old = std::move(it->second);
  peers_.erase(it);
  drop(old, false);
  events_.peerDown(id);
}

void LaneLinks::adopt(const MemberId& id, std::uint64_t session, net::Detached connection,
                      Bytes welcome) {
  const auto it = peers_.find(id);
  if (it == peers_.end() || it->second.session != session) return;  // over already: closed
  net::Stream::Limits limits;
  limits.frameBytes = kMaxFrameBytes;
  auto stream = net::Stream::adopt(shard_, std::move(connection), limits);
  const auto weak = weak_from_this();
  stream->start(
      [weak, id, session, s = stream.get()](BytesView frame) {
        auto self = weak.lock();
        if (!self) return;
        if (frame.size() < 3 || static_cast<std::uint8_t>(frame[0]) < 0x40) {
          self->context_->refusals->note(s->remote(), Refusal::kBadMessage, false,
                                         "no data message on a data link");
          return self->lost(id, session);
        }
        self->events_.frame(id, frame);
      },
      [weak, id, session](net::CloseReason, const std::string&) {
        if (auto self = weak.lock()) self->lost(id, session);
      });
  stream->send(welcome);
  it->second.in.push_back(std::move(stream));
}

void LaneLinks::send(const MemberId& to, BytesView frame) {
  const auto it = peers_.find(to);
  if (it == peers_.end()) return;
  Peer& peer = it->second;
  if (peer.out) {
    peer.out->send(frame);
    return;
  }
  if (peer.waiting.size() + frame.size() + 4 > kMaxWaitingBytes) {
    // Later, not in the middle of the sender's work.
    shard_.post([weak = weak_from_this(), to, session = peer.session] {
      if (auto self = weak.lock()) self->lost(to, session);
    });
    return;
  }
  ByteWriter head;
  head.u32(static_cast<std::uint32_t>(frame.size()));
  peer.waiting.append(head.bytes());
  peer.waiting.append(frame);
}

std::size_t LaneLinks::mostQueued() const {
  std::size_t most = 0;
  for (const auto& [_, peer] : peers_)
    most = std::max(most, peer.out ? peer.out->queuedBytes() : peer.waiting.size());
  return most;
}

void LaneLinks::drop(Peer& peer, bool abruptly) {
  if (peer.dial) peer.dial->cancel();
  if (peer.out) {
    if (abruptly) peer.out->close();
    else peer.out->closeWhenWritten();
  }
  for (const auto& stream : peer.in) stream->close();
  peer.in.clear();
}

void LaneLinks::closeAll(bool abruptly) {
  auto peers = std::move(peers_);
  peers_.clear();
  for (auto& [id, peer] : peers) drop(peer, abruptly);
}

void LaneLinks::pauseReading() {
  for (auto& [id, peer] : peers_)
    for (const auto& stream : peer.in) stream->pauseReading();
}

void LaneLinks::resumeReading() {
  // Reading again may deliver frames at once, and these may end links: no iterator survives that.
  std::vector<std::shared_ptr<net::Stream>> streams;
  for (auto& [id, peer] : peers_) streams.insert(streams.end(), peer.in.begin(), peer.in.end());
  for (const auto& stream : streams) stream->resumeReading();
}

void DataSessions::begin(Pair& pair) {
  pair.session = ++lastSession_;
  pair.highest = pair.session;
  pair.openedAt = clock_.steadyMillis();
  hooks_.open(pair.member, pair.session);
}

void DataSessions::end(Pair& pair) {
  if (pair.session == 0) return;
  hooks_.close(pair.member.id, pair.session);
  pair.session = 0;
}

void DataSessions::wanted(const std::vector<Member>& members) {
  if (stopped_) return;
  for (auto it = pairs_.begin(); it != pairs_.end();) {
    Pair& pair = it->second;
    const bool stays = std::any_of(members.begin(), members.end(), [&](const Member& m) {
      return m.id == pair.member.id;
    });
    if (!stays && pair.inView) {
      end(pair);
      // A leader's redial that is still pending finds no pair and does nothing.
      it = pairs_.erase(it);
    } else {
      ++it;
    }
  }
  for (const Member& m : members) {
    if (m.id == self_) continue;
    Pair& pair = pairs_[m.id];
    pair.member = m;
    const bool isNew = !pair.inView;
    pair.inView = true;
    if (isNew && leads(m.id) && pair.session == 0 && !pair.redialPending) begin(pair);
  }
}

Refusal DataSessions::accepts(const LinkPeer& peer) {
  if (stopped_) return Refusal::kBusy;
  const MemberId& id = peer.member.id;
  const std::uint64_t session = peer.purpose.session;
  auto it = pairs_.find(id);
  if (leads(id))
    return it != pairs_.end() && it->second.session == session && session != 0 ? Refusal::kNone
                                                                               : Refusal::kStale;
  if (it == pairs_.end()) {
    if (pairs_.size() >= kMaxPeers) return Refusal::kBusy;
    it = pairs_.emplace(id, Pair{}).first;
    it->second.member = peer.member;
    it->second.strangerSince = clock_.steadyMillis();
  }
  Pair& pair = it->second;
  if (session == pair.session && session != 0) return Refusal::kNone;
  if (session <= pair.highest) return Refusal::kStale;
  end(pair);
  pair.member = peer.member;
  pair.session = pair.highest = session;
  pair.openedAt = clock_.steadyMillis();
  hooks_.open(pair.member, session);
  return Refusal::kNone;
}

void DataSessions::broken(const MemberId& id, std::uint64_t session) {
  const auto it = pairs_.find(id);
  if (stopped_ || it == pairs_.end() || it->second.session != session) return;
  Pair& pair = it->second;
  ++resets_;
  const bool steady = clock_.steadyMillis() - pair.openedAt >= kSteadyMillis;
  pair.pause = steady ? kRedialMinMillis : std::min(pair.pause * 2, kRedialMaxMillis);
  end(pair);
  if (!leads(id) || !pair.inView) return;
  pair.redialPending = true;
  hooks_.after(pair.pause, [this, id] {
    const auto again = pairs_.find(id);
    if (stopped_ || again == pairs_.end() || !again->second.redialPending) return;
    again->second.redialPending = false;
    if (again->second.inView && again->second.session == 0) begin(again->second);
  });
}

void DataSessions::tick() {
  const std::int64_t now = clock_.steadyMillis();
  for (auto it = pairs_.begin(); it != pairs_.end();) {
    Pair& pair = it->second;
    if (!pair.inView && now - pair.strangerSince > kStrangerMillis) {
      end(pair);
      it = pairs_.erase(it);
    } else {
      ++it;
    }
  }
}

void DataSessions::stop() {
  for (auto& [id, pair] : pairs_) end(pair);
  pairs_.clear();
  stopped_ = true;
}

}  // namespace ox::grid

// Data links: between two members every shard of each has its own link to the other, and all of
// these belong to one numbered session.
//
// Why sessions: when one link breaks, all links between the two must go and come again, or the two
// would disagree about what was lost. The member with the lower id leads: it alone begins a
// session, with a number greater than all before; the other one answers the first link of a new
// session by giving up the old one and dialling its own links with the new number. A link with any
// other number is refused as stale. So both sides see the same sequence of sessions.
// Within a session nothing is lost: what a shard sends while its own link is still being dialled
// waits (bounded) and is written once the link is up.
//
// Threads:   DataSessions on the control thread; LaneLinks on its data shard; they post.
// Bounds:    kMaxWaitingBytes per link before it is up; redial pauses kRedialMin..kRedialMax.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "links.h"

namespace ox::grid {

inline constexpr std::int64_t kRedialMinMillis = 20;
inline constexpr std::int64_t kRedialMaxMillis = 1000;
inline constexpr std::int64_t kSteadyMillis = 5000;    // a session this old resets the pause
inline constexpr std::int64_t kStrangerMillis = 10'000;  // for a peer that is not in our view yet
inline constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxPeers = 1024;

// The data links of one shard.
class LaneLinks : public std::enable_shared_from_this<LaneLinks> {
 public:
  struct Events {
    std::function<void(const MemberId&)> peerUp;
    std::function<void(const MemberId&)> peerDown;
    std::function<void(const MemberId& from, BytesView frame)> frame;
    // To the control thread: this session must end; this lane's link is up.
    std::function<void(const MemberId&, std::uint64_t session)> broken;
  };
  LaneLinks(net::Shard& shard, int index, std::shared_ptr<const LinkContext> context,
            Events events);

  void open(const Member& peer, std::uint64_t session);
  void close(const MemberId& peer, std::uint64_t session);
  // The peer's link of that session to us; `welcome` is the handshake's last frame.
  void adopt(const MemberId& peer, std::uint64_t session, net::Detached connection, Bytes welcome);
  void send(const MemberId& to, BytesView frame);
  void closeAll(bool abruptly);
  // Bytes that wait for the peer that is furthest behind.
  std::size_t mostQueued() const;
  // All incoming links: our side cannot take more for the moment.
  void pauseReading();
  void resumeReading();

 private:
  struct Peer {
    std::uint64_t session = 0;
    std::shared_ptr<Dial> dial;
    std::shared_ptr<net::Stream> out;            // null while being dialled
    Bytes waiting;                               // u32 length + frame, until `out` is up
    std::vector<std::shared_ptr<net::Stream>> in;
  };
  void dialled(const MemberId& peer, std::uint64_t session, DialResult result);
  void lost(const MemberId& peer, std::uint64_t session);
  void drop(Peer& peer, bool abruptly);

  net::Shard& shard_;
  const int index_;
  const std::shared_ptr<const LinkContext> context_;
  Events events_;
  std::unordered_map<MemberId, Peer> peers_;
};

// Which sessions there are.
class DataSessions {
 public:
  struct Hooks {
    std::function<void(const Member&, std::uint64_t session)> open;     // on every lane
    std::function<void(const MemberId&, std::uint64_t session)> close;  // on every lane
    std::function<std::uint64_t(std::int64_t millis, std::function<void()>)> after;
  };
  DataSessions(MemberId self, Clock& clock, Hooks hooks)
      : self_(self), clock_(clock), hooks_(std::move(hooks)) {}

  // The other members of the view (empty: not joined).
  void wanted(const std::vector<Member>& members);
  // Whether a proven incoming data link may be used; opens the session where we follow.
  Refusal accepts(const LinkPeer& peer);
  void broken(const MemberId& peer, std::uint64_t session);
  void tick();        // strangers that never came into the view
  void stop();
  std::uint64_t resets() const { return resets_; }

 private:
  struct Pair {
    Member member;
    bool inView = false;
    std::int64_t strangerSince = 0;
    std::uint64_t session = 0;    // 0 = none
    std::uint64_t highest = 0;
    std::int64_t openedAt = 0;
    std::int64_t pause = kRedialMinMillis;
    bool redialPending = false;
  };
  bool leads(const MemberId& peer) const { return self_ < peer; }
  void begin(Pair& pair);
  void end(Pair& pair);

  const MemberId self_;
  Clock& clock_;
  Hooks hooks_;
  std::unordered_map<MemberId, Pair> pairs_;
  std::uint64_t lastSession_ = 0;  // over all peers, so that a peer that comes back gets a greater
  std::uint64_t resets_ = 0;
  bool stopped_ = false;
};

}  // namespace ox::grid

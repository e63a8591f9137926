// The inside of ControlCore, cut by concept: control_core.cpp (links, frames, the clock),
// heartbeats.cpp, connectivity.cpp (who hears whom),
// joining.cpp, relatives.cpp (other clusters of our name), master.cpp (making views),
// mastership.cpp (who may make them), confirming.cpp (after a pause), leaving.cpp. Not for use outside this folder.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <map>
#include <optional>
#include <set>

#include "member_protocol/control_messages.h"
#include "membership/control_core.h"
#include "membership/failure_detector.h"
#include "partition/planner.h"

namespace ox::grid {

inline constexpr std::int64_t kLookMillis = 200;          // between two rounds of dialling
inline constexpr std::int64_t kDialLimitMillis = 3000;    // a dial without an answer is given up
inline constexpr std::int64_t kFoundFallbackMillis = 5000;  // waiting for another founder
inline constexpr std::int64_t kAgainMillis = 50;          // first pause before asking again
inline constexpr std::int64_t kMaxExclusionMillis = 60'000;
inline constexpr std::int64_t kExclusionForgotten = 5;    // times its wait, then it counts as new
inline constexpr std::int64_t kWaitTellMillis = 10'000;    // how often a waiting leaver says so
inline constexpr std::int64_t kSkewWarnMillis = 500;      // clocks further apart are a warning
inline constexpr int kSkewBeats = 3;                      // in as many heartbeats
inline constexpr std::size_t kMaxNamesLogged = 400;       // bytes
inline constexpr std::size_t kMaxSeenAddresses = 2048;
inline constexpr std::size_t kSeenPerSearch = 32;  // addresses nobody lists that are dialled at once
inline constexpr std::size_t kMaxLinks = 4096;
inline constexpr std::size_t kMaxFences = 1024;   // shards that wait for a confirmation
inline constexpr std::size_t kMaxPending = 4096;  // joins, done migrations of one tick

class ControlCore::Impl {
 public:
  Impl(ControlSettings settings, Clock& clock, Random& random, ControlHost& host);

  void start();
  void tick();
  void linkUp(LinkId id, const PeerInfo& peer);
  void linkLost(LinkId id, LinkLoss why);
  void received(LinkId id, BytesView frame);
  void migrationDone(const ViewId& view, const Migration& migration);
  void leave(bool waitSafe);
  void setCandidates(std::vector<Address> candidates);
  void confirmView(std::uint64_t fence);

  const ViewPtr& view() const { return view_; }
  bool isMaster() const { return view_ && view_->id.master == self().id; }

 private:
  struct Link {
    Address dialled;  // empty host = incoming
    bool up = false;
    bool incoming = false;
    MemberId peer;
    std::int64_t since = 0;
    std::int64_t heard = 0;
  };
  struct Peer {
    PeerInfo info;
    LinkId link = 0;  // the one we send on; 0 = none
    std::optional<Heartbeat> said;
    std::int64_t saidAt = 0;
    ViewId acked;
    std::int64_t viewSentAt = 0;
    std::int64_t dialledAt = 0;
    std::int64_t foreignSince = 0;  // seen as master of another cluster since; 0 = is not
    std::int64_t expelsSince = 0;   // its newer view lacks us since; 0 = does not
    std::int64_t strayedSince = 0;  // it serves another cluster of an older view since; 0 = does not
    LinkId confirmLink = 0;         // protocol 1: questions that are not answered yet, and where
    int confirmsOut = 0;
    bool mapsTold = false;
    std::int64_t mergeTold = 0;     // foreignSince of which the log told
    int skewed = 0;                 // heartbeats with a clock far from ours, one after the other
  };
  struct Excluded {  // cut off from some members, connectivity.cpp
    std::int64_t wait = 0;
    std::int64_t until = 0;
    bool healed = false;
    bool logged = false;
  };
  struct Confirming {  // confirming.cpp
    std::uint64_t nonce = 0;
    std::int64_t askedAt = 0;
    std::set<MemberId> same;  // whose view is ours, by an answer to a question of this nonce
  };
  struct Query {  // becoming master
    std::uint64_t epoch = 0;
    std::int64_t sentAt = 0;
    std::set<MemberId> waiting;
    ClusterView best;
  };

  // confirming.cpp
  void noticePause();
  bool overtaken();

  // control_core.cpp
  const Member& self() const { return settings_.self; }
  std::int64_t now() const { return clock_.steadyMillis(); }
  void info(const std::string& text) { host_.log(0, text); }
  void warn(const std::string& text) { host_.log(1, text); }
  bool ownAddress(const Address& a) const;
  void dial(const Address& address);
  Peer* peerAt(const Address& address);
  Peer* linkedPeer(const MemberId& id);
  void closeLink(LinkId id);
  void lostUpLink(const Link& link, LinkId id);
  void probeAnswered(const Address& address);
  bool settleDuplicate(Peer& peer, LinkId fresh);
  void dispatch(Peer& peer, BytesView frame);
  template <typename Message>
  void sendTo(Peer& peer, const Message& message) {
    if (peer.link != 0) host_.send(peer.link, encodeFrame(message));
  }
  Heartbeat commonHeartbeat() const;  // what is the same for every peer
  void address(Heartbeat& h, const Peer& peer);
  void heartbeatAll();
  void heartbeatTo(Peer& peer);
  void tellAddresses(Heartbeat& h, bool ours) const;
  void heartbeat(Peer& peer, Heartbeat h);
  void react();
  bool inView(const MemberId& id) const { return inView_.count(id) != 0; }
  bool inView(const Address& a) const { return viewAddresses_.count(a) != 0; }
  const Member* memberAt(const Address& a) const;  // of the view
  void indexView();
  void erasePeer(std::map<MemberId, Peer>::iterator peer);
  void expireDials();
  void keepLinks();
  void hintSuspects();
  void compareMaps(Peer& peer, const MapList& list);
  void addSeen(const Address& address);
  void install(ViewPtr view);
  void forgetCluster();
  std::uint64_t clusterEntries() const;
  void badFrame(LinkId id, const std::string& why);

  // joining.cpp
  void look();
  void dialAround();
  bool askToJoin();
  void considerFounding();
  void found();
  void gotView(Peer& peer, BytesView body);

  // relatives.cpp
  void search();
  const Address& nextOutside() const;  // in turn; there is one
  void relatives();
  bool foreign(const Peer& peer) const;
  void unite(Peer& other);
  bool mergeLater(Peer& other, const std::string& who);
  void dissolveInto(const Address& target, const std::string& why);
  void watchExpulsion(Peer& peer);

  // master.cpp
  void masterTick();
  bool allAcked() const;
  std::optional<std::vector<MemberId>> dead();
  bool elsewhere(const MemberId& id) const;
  bool admit(ClusterView& next);
  void publish(ClusterView next);
  void sendView(Peer& peer);
  void joinRequest(Peer& peer, const JoinRequest& request);
  void doneReport(Peer* from, const MigrationDone& report);
  bool applyDone(ClusterView& next);
  void tellMissingCopies(const ClusterView* before);
  std::uint16_t commonProtocol(const ClusterView& view) const;
  PlanSettings planSettings() const {
    return {settings_.backupCopies, settings_.migrationsPerMember, settings_.groupOf};
  }

  // mastership.cpp
  void considerMastership();
  bool eldersAlive() const;
  bool cannotLead(const MemberId& elder) const;
  void beginQuery(std::uint64_t epoch);
  void queryTick();
  void answerHeld();
  void askLater();
  void viewQuery(Peer& peer, const ViewQuery& query);
  void viewAnswer(Peer& peer, ViewAnswer answer);
  void takeOver();

  // connectivity.cpp
  bool fresh(const Peer& peer) const;
  bool mutual(const Peer& peer) const;
  bool silently(const MemberId& id) const;
  std::vector<Unheard> unheard() const;
  std::vector<MemberId> strangers() const;
  bool heardByOthers(const MemberId& id) const;
  bool keepLargestMesh(std::vector<MemberId>& dead, const std::vector<MemberId>& doubtful);
  void resign(const std::string& why);
  void exclude(const Address& address);
  bool admissible(const MemberId& id, const Address& address);
  void watchSkew(Peer& peer);

  // confirming.cpp
  std::vector<MemberId> confirmers() const;
  void confirmTick();
  void confirmAsked(Peer& peer, const Confirm& question);
  void confirmAnswered(Peer& peer, const ViewId& view, std::uint64_t promised);
  void confirmAgain(bool justJoined);
  void confirmedNow();

  // leaving.cpp
  int copiesWithoutUs() const;
  void waitUntilSafe();
  void beginLeave(std::int64_t until);
  void leaveTick();
  bool releaseLeavers(ClusterView& next, std::vector<MemberId>& released);
  void departAsMaster(ClusterView last);
  void departTick();
  void letGo(const ClusterView& next);
  void finishLeave(const std::string& how, std::size_t notHandedOver);
  std::size_t ownedPartitions() const;

  ControlSettings settings_;
  Clock& clock_;
  Random& random_;
  ControlHost& host_;
  FailureDetector detector_;

  ViewPtr view_;
  absl::flat_hash_set<MemberId, std::hash<MemberId>> inView_;
  std::map<Address, std::size_t> viewAddresses_;  // place in the view's list
  std::uint64_t promised_ = 0;
  std::map<LinkId, Link> links_;       // ordered: the same run for the same seed
  std::set<Address> dialling_;         // of links_ that are not up yet
  std::map<MemberId, Peer> peers_;
  // Usually few, where peers_ and seen_ hold the whole cluster: nothing that happens for each link
  // or heartbeat may walk over all members.
  std::set<MemberId> outsiders_;       // of peers_, not in the view
  std::set<Address> outside_;          // of seen_, not in the view
  std::set<Address> seen_;
  Address searched_;                   // the last of outside_ that was dialled
  std::set<Address> ownAliases_;       // addresses at which we met ourselves
  std::uint64_t badFrames_ = 0;

  std::int64_t heartbeatAt_ = 0;
  std::int64_t linksAt_ = 0;
  std::int64_t searchAt_ = 0;
  std::int64_t mergeAt_ = 0;
  std::int64_t lookAt_ = 0;

  // looking
  std::int64_t lookingSince_ = 0;
  std::set<Address> probed_;           // candidates that answered or refused since then
  std::set<MemberId> requested_;       // masters asked for admission
  std::optional<Address> joinTarget_;  // after dissolving: whom to join
  std::optional<Address> waitsFor_;
  std::int64_t waitsSince_ = 0;
  std::set<Address> givenUp_;          // founders waited for too long

  // master
  std::map<MemberId, Member> joins_;
  std::set<MemberId> leaveRequests_;
  std::vector<MigrationDone> done_;
  std::map<std::uint16_t, ViewId> orderedIn_;  // running migration: view that ordered it
  std::int64_t publishedAt_ = 0;
  std::optional<Query> query_;
  std::int64_t queryAt_ = 0;  // not before
  std::int64_t queryPause_ = 0;  // doubles while others disagree
  std::optional<std::pair<MemberId, ViewQuery>> held_;  // asked before we suspected the elder
  int copiesTold_ = 0;          // that can be held, of which the log told; 0 = all
  std::optional<ViewId> idle_;  // nothing was to be planned for this view
  std::map<Address, Excluded> excluded_;
  std::vector<MemberId> meshOut_;  // who would have to go, and since when that is the answer
  std::int64_t meshSince_ = 0;

  // own migrations that are complete, told until a view takes notice
  std::vector<MigrationDone> reports_;

  std::optional<Confirming> confirming_;
  std::set<std::uint64_t> fences_;  // of shards that wait for it
  std::int64_t lastWall_ = 0;  // of the last entry, noticePause()

  bool started_ = false;
  bool leaving_ = false;
  bool waitSafe_ = false;
  std::int64_t waitToldAt_ = 0;
  bool left_ = false;
  std::int64_t leaveUntil_ = 0;
  std::optional<ClusterView> last_;  // master that left: told until all have it
};

}  // namespace ox::grid

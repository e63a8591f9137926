// World: a whole cluster in one thread: virtual time, network and members, all from one seed.
//
// Purpose:   drives the same cores as the engine. Nothing here sleeps, opens a socket or asks a
//            clock: the same seed gives the same run, event by event.
// Threads:   one per World; Worlds share nothing.
// Network:   links are reliable and in order, like TCP: loss delays (retransmission), a reset
//            loses what is in flight and tells both ends, a cut holds all back until it heals.
//            A cut has a direction; no link can be dialled while either direction is cut.
// Units:     microseconds inside, milliseconds at the cores.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "data_side.h"
#include "member_protocol/message.h"
#include "membership/control_core.h"

namespace ox::sim {

using grid::Address;
using grid::LinkId;
using grid::LinkLoss;
using grid::MemberId;
using grid::ViewPtr;
using Micros = std::int64_t;

inline constexpr Micros kMillisecond = 1000;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr std::size_t kMaxLogLines = 400;

class VirtualClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return (now + 1'000'000'000) * 1000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000 + now / 1000; }
  Micros now = 0;
};

// The clock of one member: runs as fast as the world's, its wall time may differ, drift and jump.
class MemberClock final : public Clock {
 public:
  explicit MemberClock(const VirtualClock& world) : world_(world), since_(world.now) {}
  std::int64_t steadyNanos() const override { return world_.steadyNanos(); }
  std::int64_t wallMillis() const override {
    return world_.wallMillis() + offset() + (world_.now - since_) / 1000 * driftPpm_ / 1'000'000;
  }
  void set(std::int64_t offsetMillis, std::int64_t driftPpm) {
    offset_ = offsetMillis;
    driftPpm_ = driftPpm;
  }
  void jump(std::int64_t millis) { offset_ += millis; }
  std::int64_t offset() const { return offset_; }

 private:
  const VirtualClock& world_;
  Micros since_;
  std::int64_t offset_ = 0;
  std::int64_t driftPpm_ = 0;
};

// What one member is configured with; kept per address, so that a restart finds it again.
struct MemberOptions {
  bool lite = false;
  std::uint16_t protocolMax = grid::kProtocolMax;
  std::int64_t wallOffsetMillis = 0;
  std::int64_t driftPpm = 0;
};

// What a seed chooses besides the order of things.
struct Tunables {
  int partitions = 31;
  int shards = 2;
  int backups = 1;
  int asyncBackups = 0;
  bool hostGroups = false;      // partition groups HOST_AWARE
  std::int64_t tickMillis = 50;
  std::int64_t dataTickMillis = 10;
  std::int64_t heartbeatMillis = 500;
  std::int64_t silenceMillis = 5000;
  std::int64_t searchMillis = 1000;
  std::int64_t leaveMillis = 60000;
  std::int64_t callTimeoutMillis = 30000;
  std::int64_t compareMillis = 2000;
  std::int64_t retryMillis = 20;
  std::size_t copyChunkBytes = 256 << 10;
  std::uint64_t ringCapacity = 10'000;
  int minClusterSize = 0;        // of the map "protected"
  std::int64_t memoryBytes = 0;  // that the entries of a member may take; 0 = no limit
  int migrationsPerMember = 8;
  Micros latency = 300;         // one way, least
  Micros jitter = 400;          // and up to that much more
  int lossPercent = 0;          // a lost packet costs a retransmission time-out
  bool dataLinks = true;        // false: a data half that sends nothing, in a large cluster
};
Tunables randomTunables(Random& random);

class World;

// One process of one member: crashes and restarts make a new one at the same address.
class SimMember final : public grid::ControlHost {
 public:
  SimMember(World& world, Address address, MemberId id, std::vector<Address> candidates,
            MemberOptions options, std::uint64_t seed);
  ~SimMember() override;

  void attach(std::unique_ptr<DataSide> data) { data_ = std::move(data); }
  void start();
  grid::ControlCore& control() { return *control_; }
  DataSide& data() { return *data_; }
  const DataSide& data() const { return *data_; }
  const ViewPtr& view() const { return control_->view(); }

  const MemberId id;
  const Address address;
  const MemberOptions options;
  MemberClock clock;
  std::uint16_t protocol() const { return options.protocolMax; }
  grid::Member asMember() const { return {id, address, options.lite}; }
  bool alive = true;     // false after crash or leaving
  bool leftWell = false; // left() was called
  bool leaving = false;
  bool frozen = false;
  std::vector<std::function<void()>> held;  // events that wait for the thaw
  std::set<MemberId> dataPeers;             // data links we want (members of our view)

  // ControlHost
  LinkId dial(const Address& to) override;
  void send(LinkId link, Bytes frame) override;
  void close(LinkId link) override;
  void installed(const ViewPtr& view) override;
  void confirmed(const std::vector<std::uint64_t>& fences) override;
  void keepEntriesForMerge() override;
  std::uint64_t ownedEntries() const override;
  void left() override;
  void log(int level, const std::string& text) override;

 private:
  World& world_;
  SeededRandom random_;
  std::unique_ptr<DataSide> data_;
  std::unique_ptr<grid::ControlCore> control_;
};

class World {
 public:
  World(std::uint64_t seed, Tunables tunables, DataFactory factory);
  ~World();

  // Time and events
  void after(Micros delay, std::function<void()> event);
  // Runs until `done` (asked after each event) or the limit. True = done.
  bool run(Micros limit, const std::function<bool()>& done);
  Micros now() const { return clock.now; }
  // Runs for the member if it is the same process and alive; held back while it is frozen.
  void post(const MemberId& member, Micros delay, std::function<void(SimMember&)> event);

  // Members
  SimMember& startMember(const Address& address);
  void crash(SimMember& member, bool silently);  // silently = power cut: nobody is told
  void stop(SimMember& member);                  // graceful
  void freeze(SimMember& member, Micros length);
  std::vector<SimMember*> living();              // alive, not frozen or leaving
  SimMember* frozen();                           // one that stands still, if any
  SimMember* find(const MemberId& id);
  void setCandidates(std::vector<Address> list) { candidates_ = std::move(list); }
  MemberOptions& optionsOf(const Address& address) { return options_[address]; }

  // Network
  void resetLinks(const MemberId& a, const MemberId& b);
  void cut(const Address& a, const Address& b, bool on);     // both directions
  void cutOneWay(const Address& from, const Address& to, bool on);
  void healAll() { cuts_.clear(); }
  bool anyCut() const { return !cuts_.empty(); }
  bool isCut(const Address& from, const Address& to) const;  // this direction
  bool canDial(const Address& a, const Address& b) const { return !isCut(a, b) && !isCut(b, a); }
  LinkId dial(SimMember& from, const Address& to);
  void sendControl(SimMember& from, LinkId link, Bytes frame);
  void closeControl(SimMember& from, LinkId link);
  void sendData(SimMember& from, int shard, const MemberId& to, Bytes frame);
  void dataPeersChanged(SimMember& member);

  void note(const std::string& line);            // into the log shown with a failure
  const std::vector<std::string>& log() const { return log_; }

  VirtualClock clock;
  SeededRandom random;
  Tunables tunables;
  std::set<Address> powerless;  // machines without power answer nothing, not even "refused"
  std::uint64_t viewsInstalled = 0;
  std::uint64_t lossesTold = 0;  // records of leavers that could not hand everything over
  struct Traffic {
    std::uint64_t messages = 0, bytes = 0;
  };
  Traffic control, data, heartbeats;  // sent so far; heartbeats are part of control
  std::function<void(SimMember&, const ViewPtr&)> onInstalled;
  std::function<void(SimMember&, const std::string& topic, const services::TopicMessage&)> onTopic;
  std::function<void(SimMember&, std::uint64_t listener, const services::EntryEvent&)> onEntry;
  std::function<void(SimMember&, const std::string& task, const Bytes& argument,
                     services::Completion<Bytes>)> onTask;

 private:
  struct Event {
    Micros at;
    std::uint64_t order;
    std::function<void()> run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  struct End {
    MemberId member;
    LinkId link = 0;
    Micros lastArrival = 0;  // at this end: order is kept
  };
  struct Connection {
    std::uint64_t id = 0;
    End dialler, acceptor;
    bool open = false;
  };
  struct DataPath {  // one direction of a pair of members
    bool up = false;
    bool dialling = false;
    std::uint64_t generation = 0;
    std::map<int, Micros> lastArrival;  // per sending shard
  };

  Micros travel();
  void deliver(const MemberId& to, const Address& from, const Address& toAddress, Micros at,
               std::function<bool()> still, std::function<void(SimMember&)> event);
  void breakConnection(std::uint64_t id, LinkLoss why, const MemberId& except);
  void dialData(const MemberId& from, const MemberId& to);
  void breakData(const MemberId& a, const MemberId& b);
  SimMember* at(const Address& address);

  DataFactory factory_;
  std::vector<Address> candidates_;
  std::map<Address, MemberOptions> options_;
  std::vector<Event> events_;  // a heap, the earliest in front
  std::uint64_t order_ = 0;
  std::uint64_t nextLink_ = 1;
  std::uint64_t nextMember_ = 1;
  std::vector<std::unique_ptr<SimMember>> members_;
  std::unordered_map<MemberId, SimMember*> byId_;
  std::map<Address, SimMember*> byAddress_;  // the latest process there
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  // Asked for each message, never walked over.
  std::unordered_map<LinkId, std::shared_ptr<Connection>> connectionOf_;
  std::map<std::pair<MemberId, MemberId>, DataPath> data_;
  std::set<std::pair<Address, Address>> cuts_;
  std::vector<std::string> log_;
};

}  // namespace ox::sim

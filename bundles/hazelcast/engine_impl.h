// The inside of Engine, cut by concept: engine.cpp (start, stop, links, the control thread),
// engine_grid.cpp (maps, topics, state for callers). Not for use outside engine*.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/gate.h"
#include "base/random.h"
#include "discovery/discovery.h"
#include "engine.h"
#include "engine_lane.h"
#include "engine_listeners.h"
#include "map/entry_processors.h"
#include "net/acceptor.h"

namespace ox::grid {

// A listener that is not running and not called once its Subscription is gone. The lock is
// recursive, so that a listener may end its own subscription.
template <typename Argument>
struct ListenerSlot {
  std::recursive_mutex mutex;
  std::shared_ptr<const std::function<void(const Argument&)>> listener;
  void call(const Argument& argument) {
    std::lock_guard lock(mutex);
    const auto keep = listener;  // survives being ended by itself
    if (keep) (*keep)(argument);
  }
};

template <typename Argument>
class Listeners : public std::enable_shared_from_this<Listeners<Argument>> {
 public:
  using Slot = ListenerSlot<Argument>;
  std::unique_ptr<services::Subscription> add(std::function<void(const Argument&)> listener) {
    auto slot = std::make_shared<Slot>();
    slot->listener =
        std::make_shared<const std::function<void(const Argument&)>>(std::move(listener));
    std::lock_guard lock(mutex_);
    auto more = std::make_shared<Slots>(*slots_);
    more->push_back(slot);
    slots_ = std::move(more);
    any_ = true;
    return std::make_unique<Handle>(this->weak_from_this(), std::move(slot));
  }
  void call(const Argument& argument) {
    if (!any_) return;
    std::shared_ptr<const Slots> slots;
    {
      std::lock_guard lock(mutex_);
      slots = slots_;
    }
    for (const auto& slot : *slots) slot->call(argument);
  }

 private:
  class Handle final : public services::Subscription {
   public:
    Handle(std::weak_ptr<Listeners> owner, std::shared_ptr<Slot> slot)
        : owner_(std::move(owner)), slot_(std::move(slot)) {}
    ~Handle() override {
      if (const auto owner = owner_.lock()) {
        std::lock_guard lock(owner->mutex_);
        auto less = std::make_shared<Slots>(*owner->slots_);
        std::erase(*less, slot_);
        owner->any_ = !less->empty();
        owner->slots_ = std::move(less);
      }
      std::lock_guard lock(slot_->mutex);
      slot_->listener = nullptr;
    }

   private:
    std::weak_ptr<Listeners> owner_;
    std::shared_ptr<Slot> slot_;
  };
  // Replaced, never changed, so that a call need not copy it.
  using Slots = std::vector<std::shared_ptr<Slot>>;
  std::mutex mutex_;
  std::shared_ptr<const Slots> slots_ = std::make_shared<Slots>();
  std::atomic<bool> any_{false};
};

class TopicProxy;
class EngineStructures;

struct Engine::Impl final : public ControlHost, public std::enable_shared_from_this<Engine::Impl> {
  Impl(GridConfig c, std::shared_ptr<net::ShardSet> s, std::shared_ptr<net::Workers> w, Clock& k);

  // engine.cpp
  Status start();
  bool leaveCluster();  // engine_stop.cpp
  PlanSettings planning() const;
  void shut(bool abruptly);
  void tick();
  std::vector<net::Acceptor::Protocol> protocols();  // engine_tls.cpp
  void tickSoon();
  void accepted(net::Detached connection, const std::string& remote);
  void ready(AcceptedLink& link);
  void addControlLink(LinkId link, std::shared_ptr<net::Stream> stream, const LinkPeer& peer,
                      bool incoming);
  void notifyMembers();

  // engine_discovery.cpp
  Status startDiscovery();

  // ControlHost, on the control thread
  LinkId dial(const Address& address) override;
  void send(LinkId link, Bytes frame) override;
  void close(LinkId link) override;
  void installed(const ViewPtr& view) override;
  void keepEntriesForMerge() override;
  std::uint64_t ownedEntries() const override;
  void confirmed(const std::vector<std::uint64_t>& fences) override;
  void left() override;
  void log(int level, const std::string& text) override { logGrid(level, text); }

  // engine_grid.cpp
  ViewPtr currentView() const;
  services::GridState state() const;
  bool onEngineThread() const;
  ShardCore::TopicSink topicSink(const std::string& topic);  // null: nobody here asked for it
  std::shared_ptr<services::GridMap> map(const std::string& name);
  std::shared_ptr<TopicProxy> topicProxy(const std::string& name);

  const GridConfig config;
  const std::shared_ptr<net::ShardSet> shards;
  const std::shared_ptr<net::Workers> workers;
  Clock& clock;
  MemberId id;
  Address address;
  std::shared_ptr<RefusalLog> refusals;
  const std::shared_ptr<LinkEncryption> encryption = std::make_shared<LinkEncryption>(nullptr);
  std::shared_ptr<const LinkContext> context;
  std::vector<std::shared_ptr<Lane>> lanes;
  std::shared_ptr<MemoryBudget> memory;  // of all lanes
  const std::shared_ptr<EntryListeners> entryListeners = std::make_shared<EntryListeners>();
  const std::shared_ptr<EntryProcessors> processors = std::make_shared<EntryProcessors>();
  Gate pooled;  // tasks of ours in the workers
  std::shared_ptr<EngineStructures> structures;  // set once by start()

  std::unique_ptr<net::Shard> control;
  // Control thread only.
  struct ControlLink {
    std::shared_ptr<Dial> dial;
    std::shared_ptr<net::Stream> stream;
  };
  SeededRandom random;
  std::unique_ptr<net::Acceptor> acceptor;
  std::unique_ptr<ControlCore> core;
  std::unique_ptr<DataSessions> sessions;
  std::unordered_map<LinkId, ControlLink> links;
  LinkId lastLink = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<Dial>> handshakes;  // incoming ones
  std::uint64_t lastHandshake = 0;
  std::int64_t lastTick = 0;
  bool soon = false;  // a tick between the regular ones is under way
  std::shared_ptr<Discovery> discovery;  // set once by start()
  std::vector<Address> candidates;       // what it told last

  std::atomic<bool> running{false};
  std::atomic<bool> notifying{false};
  std::atomic<std::uint64_t> pauses{0}, linkResets{0}, busyHandshakes{0};
  std::atomic<std::int64_t> longestPause{0};
  std::atomic<std::size_t> linkCount{0};

  mutable std::mutex mutex;  // everything below
  std::condition_variable leftChanged;
  std::condition_variable viewChanged;
  bool hasLeft = false;
  bool withoutBound = false;  // of the hand-over
  ViewPtr view;
  std::map<std::string, std::shared_ptr<services::GridMap>> maps;
  std::map<std::string, std::shared_ptr<TopicProxy>> topics;
  const std::shared_ptr<Listeners<services::GridState>> memberListeners =
      std::make_shared<Listeners<services::GridState>>();
};

}  // namespace ox::grid

// SessionContainers: where this node keeps its sessions, and when they go. Pure logic.
//
// Purpose:   short-term slots of 6 minutes and long-term slots of an hour. A session that is used
//            moves to the first short-term slot; what falls out of the last one goes to the first
//            long-term slot when its user stays signed in and it is not transient, else it is removed.
// Threads:   none of its own: the caller locks, but for usedNow(), which any thread may call at any
//            time: it has stripes with locks of their own, so that requests of different sessions do not
//            wait for each other. Told the time (steady milliseconds).
// Cost:      put, find, remove: one hash look-up; a rotation: the sessions of one slot.
// Source:    the original's SessionHandler and its containers (slot lengths, moving on access).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "services/sessions.h"

namespace ox::sessiond {

inline constexpr std::int64_t kShortSlotMillis = 6 * 60'000;
inline constexpr std::int64_t kLongSlotMillis = 60 * 60'000;

struct LifeTimes {
  std::int64_t defaultMillis = kLongSlotMillis;
  std::int64_t longMillis = 7 * 24 * kLongSlotMillis;
  std::int64_t shortSlotMillis = kShortSlotMillis;  // others in the simulator only
  std::int64_t longSlotMillis = kLongSlotMillis;

  // Lower bounds: 6 minutes; one hour and not below the default life time.
  static LifeTimes bounded(std::int64_t defaultMillis, std::int64_t longMillis);
  std::size_t shortSlots() const;
  std::size_t longSlots() const;
};

class SessionContainers {
 public:
  SessionContainers(LifeTimes lifeTimes, std::int64_t nowMillis);

  // Into the first short-term slot; replaces one with the same id.
  void put(services::SessionPtr session);
  // Null when unknown. Moves to the first short-term slot, stamped with `wallMillis` when it moved;
  // `moved` (may be null) says so: the first use within the present slot.
  services::SessionPtr use(const std::string& id, std::int64_t wallMillis, bool* moved = nullptr);
  // What use() would answer without doing anything: the session when its slot is the present one,
  // else null, which says nothing.
  services::SessionPtr usedNow(const std::string& id) const;
  services::SessionPtr peek(const std::string& id) const;
  services::SessionPtr remove(const std::string& id);
  // Keeps the slot; nothing when unknown.
  void refresh(services::SessionPtr session);
  services::SessionPtr byAltId(const std::string& altId) const;
  std::vector<services::SessionPtr> ofUser(std::int32_t contextId, std::int32_t userId) const;
  std::vector<services::SessionPtr> ofContext(std::int32_t contextId) const;  // looks at all
  std::vector<std::string> ids() const;
  // True once per `period` for each session, first at once: its attributes are to be touched now.
  bool attributesDue(const std::string& id, std::int64_t nowMillis, std::int64_t period);

  // Rotates as often as slots have passed since the last call; returns what was removed.
  std::vector<services::SessionPtr> rotate(std::int64_t nowMillis);

  std::size_t size() const { return entries_.size(); }
  std::size_t shortTerm() const;
  std::size_t longTerm() const;
  std::vector<std::size_t> shortSlotSizes() const;
  std::vector<std::size_t> longSlotSizes() const;
  std::size_t transient() const { return transient_; }
  struct Count {
    std::size_t stored = 0;  // or to be stored
    std::size_t transient = 0;
  };
  // Of a user; `client` may be null: of all clients.
  Count count(std::int32_t contextId, std::int32_t userId, const std::string* client = nullptr) const;
  bool hasAuthId(const std::string& authId) const;

 private:
  using Slot = std::unordered_set<std::string>;
  struct Entry {
    services::SessionPtr session;
    std::optional<std::int64_t> attributesAt;
    Slot* slot = nullptr;  // slots are deque elements: their addresses stay while they live
  };
  using UserKey = std::pair<std::int32_t, std::int32_t>;
  struct UserHash {
    std::size_t operator()(const UserKey& key) const noexcept {
      return std::hash<std::uint64_t>()((static_cast<std::uint64_t>(
                                             static_cast<std::uint32_t>(key.first)) << 32) |
                                        static_cast<std::uint32_t>(key.second));
    }
  };
  // The sessions of short_.front(); keys lie in the session that the value points to.
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string_view, services::SessionPtr> sessions;
  };
  static constexpr std::size_t kStripes = 64;
  Stripe& stripe(std::string_view id) const;
  void keepPresent(const services::SessionPtr& session);
  void dropPresent(const std::string& id);
  void rotateShort(std::vector<services::SessionPtr>& removed);
  void rotateLong(std::vector<services::SessionPtr>& removed);
  void place(Entry& entry, const std::string& id, Slot& slot);
  services::SessionPtr erase(const std::string& id);

  const LifeTimes lifeTimes_;
  std::int64_t shortRotatedAt_;
  std::int64_t longRotatedAt_;
  std::deque<Slot> short_;  // newest first
  std::deque<Slot> long_;
  std::size_t transient_ = 0;
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<UserKey, std::unordered_set<std::string>, UserHash> byUser_;
  std::unordered_map<std::string, std::string> byAltId_;
  std::unordered_multiset<std::string> authIds_;
  const std::unique_ptr<Stripe[]> present_ = std::make_unique<Stripe[]>(kStripes);
};

}  // namespace ox::sessiond

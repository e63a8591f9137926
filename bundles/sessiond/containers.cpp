#include "containers.h"

#include <algorithm>

namespace ox::sessiond {

using services::SessionPtr;

LifeTimes LifeTimes::bounded(std::int64_t defaultMillis, std::int64_t longMillis) {
  LifeTimes out;
  out.defaultMillis = std::max(defaultMillis, kShortSlotMillis);
  out.longMillis = std::max({longMillis, kLongSlotMillis, out.defaultMillis});
  return out;
}

std::size_t LifeTimes::shortSlots() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, defaultMillis / shortSlotMillis));
}
std::size_t LifeTimes::longSlots() const {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(1, (longMillis - defaultMillis) / longSlotMillis));
}

SessionContainers::SessionContainers(LifeTimes lifeTimes, std::int64_t nowMillis)
    : lifeTimes_(lifeTimes), shortRotatedAt_(nowMillis), longRotatedAt_(nowMillis),
      short_(lifeTimes.shortSlots()), long_(lifeTimes.longSlots()) {}

void SessionContainers::place(Entry& entry, const std::string& id, Slot& slot) {
  if (entry.slot == &slot) return;
  if (entry.slot) entry.slot->erase(id);
  slot.insert(id);
  entry.slot = &slot;
  if (&slot == &short_.front()) keepPresent(entry.session);
}

SessionContainers::Stripe& SessionContainers::stripe(std::string_view id) const {
  return present_[std::hash<std::string_view>()(id) % kStripes];
}

void SessionContainers::keepPresent(const SessionPtr& session) {
  const std::string_view id = session->sessionId;
  Stripe& s = stripe(id);
  SessionPtr former;  // the key lies in it: it goes behind the lock, after its place
  std::lock_guard lock(s.mutex);
  if (const auto it = s.sessions.find(id); it != s.sessions.end()) {
    former = std::move(it->second);
    s.sessions.erase(it);
  }
  s.sessions.emplace(id, session);
}

void SessionContainers::dropPresent(const std::string& id) {
  Stripe& s = stripe(id);
  SessionPtr former;
  std::lock_guard lock(s.mutex);
  if (const auto it = s.sessions.find(id); it != s.sessions.end()) {
    former = std::move(it->second);
    s.sessions.erase(it);
  }
}

SessionPtr SessionContainers::usedNow(const std::string& id) const {
  const Stripe& s = stripe(id);
  std::lock_guard lock(s.mutex);
  const auto it = s.sessions.find(id);
  return it == s.sessions.end() ? nullptr : it->second;
}

void SessionContainers::put(SessionPtr session) {
  const std::string id = session->sessionId;
  erase(id);
  byUser_[{session->contextId, session->userId}].insert(id);
  if (!session->altId.empty()) byAltId_[session->altId] = id;
  if (session->transient) ++transient_;
  authIds_.insert(session->authId);
  Entry& entry = entries_[id];
  entry.session = std::move(session);
  place(entry, id, short_.front());
}

SessionPtr SessionContainers::use(const std::string& id, std::int64_t wallMillis, bool* moved) {
  if (moved) *moved = false;
  const auto it = entries_.find(id);
  if (it == entries_.end()) return nullptr;
  Entry& entry = it->second;
  if (entry.slot != &short_.front()) {
    if (moved) *moved = true;
    auto stamped = std::make_shared<services::Session>(*entry.session);
    stamped->localLastActive = wallMillis;
    entry.session = std::move(stamped);
    place(entry, id, short_.front());
  }
  return entry.session;
}

SessionPtr SessionContainers::peek(const std::string& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.session;
}

SessionPtr SessionContainers::remove(const std::string& id) { return erase(id); }

SessionPtr SessionContainers::erase(const std::string& id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return nullptr;
  SessionPtr session = std::move(it->second.session);
  it->second.slot->erase(id);
  dropPresent(id);
  if (session->transient) --transient_;
  authIds_.erase(authIds_.find(session->authId));  // one of them
  if (const auto alt = byAltId_.find(session->altId); alt != byAltId_.end() && alt->second == id)
    byAltId_.erase(alt);
  if (const auto user = byUser_.find({session->contextId, session->userId});
      user != byUser_.end()) {
    user->second.erase(id);
    if (user->second.empty()) byUser_.erase(user);
  }
  entries_.erase(it);
  return session;
}

void SessionContainers::rotateShort(std::vector<SessionPtr>& removed) {
  const Slot oldest = short_.back();  // a copy: its sessions leave the slot one by one
  for (const auto& id : oldest) {
    Entry& entry = entries_.at(id);
    if (entry.session->staySignedIn && !entry.session->transient) place(entry, id, long_.front());
    else removed.push_back(erase(id));
  }
  short_.pop_back();
  short_.emplace_front();
  for (std::size_t i = 0; i < kStripes; ++i) {
    std::unordered_map<std::string_view, SessionPtr> former;
    std::lock_guard lock(present_[i].mutex);
    former.swap(present_[i].sessions);
  }
}

void SessionContainers::rotateLong(std::vector<SessionPtr>& removed) {
  const Slot oldest = long_.back();
  for (const auto& id : oldest) removed.push_back(erase(id));
  long_.pop_back();
  long_.emplace_front();
}

std::vector<SessionPtr> SessionContainers::rotate(std::int64_t nowMillis) {
  std::vector<SessionPtr> removed;
  // Never more often than there are slots: after so many all are empty anyway.
  const auto due = [&](std::int64_t& rotatedAt, std::int64_t slotMillis, std::size_t slots) {
    const std::int64_t passed = std::max<std::int64_t>(0, (nowMillis - rotatedAt) / slotMillis);
    rotatedAt += passed * slotMillis;
    return std::min(static_cast<std::size_t>(passed), slots);
  };
  // Long first: what leaves the short-term slots now has its whole long-term time before it.
  for (std::size_t n = due(longRotatedAt_, lifeTimes_.longSlotMillis, long_.size()); n > 0; --n)
    rotateLong(removed);
  for (std::size_t n = due(shortRotatedAt_, lifeTimes_.shortSlotMillis, short_.size()); n > 0; --n)
    rotateShort(removed);
  return removed;
}

std::vector<std::size_t> SessionContainers::shortSlotSizes() const {
  std::vector<std::size_t> out;
  for (const auto& slot : short_) out.push_back(slot.size());
  return out;
}
std::vector<std::size_t> SessionContainers::longSlotSizes() const {
  std::vector<std::size_t> out;
  for (const auto& slot : long_) out.push_back(slot.size());
  return out;
}
std::size_t SessionContainers::shortTerm() const {
  std::size_t n = 0;
  for (const auto& slot : short_) n += slot.size();
  return n;
}
std::size_t SessionContainers::longTerm() const { return entries_.size() - shortTerm(); }

void SessionContainers::refresh(SessionPtr session) {
  const auto it = entries_.find(session->sessionId);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (entry.session->altId != session->altId) {
    byAltId_.erase(entry.session->altId);
    if (!session->altId.empty()) byAltId_[session->altId] = session->sessionId;
  }
  if (entry.session->authId != session->authId) {
    authIds_.erase(authIds_.find(entry.session->authId));
    authIds_.insert(session->authId);
  }
  entry.session = std::move(session);
  if (entry.slot == &short_.front()) keepPresent(entry.session);
}

SessionPtr SessionContainers::byAltId(const std::string& altId) const {
  const auto it = byAltId_.find(altId);
  return it == byAltId_.end() ? nullptr : peek(it->second);
}

std::vector<SessionPtr> SessionContainers::ofUser(std::int32_t contextId,
                                                  std::int32_t userId) const {
  std::vector<SessionPtr> out;
  const auto it = byUser_.find({contextId, userId});
  if (it == byUser_.end()) return out;
  for (const auto& id : it->second) out.push_back(entries_.at(id).session);
  return out;
}

std::vector<SessionPtr> SessionContainers::ofContext(std::int32_t contextId) const {
  std::vector<SessionPtr> out;
  for (const auto& [id, entry] : entries_)
    if (entry.session->contextId == contextId) out.push_back(entry.session);
  return out;
}

bool SessionContainers::attributesDue(const std::string& id, std::int64_t nowMillis,
                                      std::int64_t period) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return false;
  std::optional<std::int64_t>& at = it->second.attributesAt;
  if (at && nowMillis - *at < period) return false;
  at = nowMillis;
  return true;
}

std::vector<std::string> SessionContainers::ids() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) out.push_back(id);
  return out;
}

SessionContainers::Count SessionContainers::count(std::int32_t contextId, std::int32_t userId,
                                                  const std::string* client) const {
  Count out;
  const auto it = byUser_.find({contextId, userId});
  if (it == byUser_.end()) return out;
  for (const auto& id : it->second) {
    const SessionPtr& session = entries_.at(id).session;
    if (client && session->client != *client) continue;
    ++(session->transient ? out.transient : out.stored);
  }
  return out;
}

bool SessionContainers::hasAuthId(const std::string& authId) const {
  return authIds_.contains(authId);
}

}  // namespace ox::sessiond

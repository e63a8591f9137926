#include "http/http_sessions.h"

namespace ox::http {
namespace {
constexpr std::size_t kExactBelow = 4096;
}

HttpSessions::HttpSessions(std::size_t maxActive, std::int64_t maxInactiveMillis, Clock& clock)
    : used_(maxActive != 0 && maxActive < kExactBelow ? 1 : kStripes),
      limit_((maxActive + used_ - 1) / used_), maxInactive_(maxInactiveMillis), clock_(clock) {}

bool HttpSessions::tooOld(const Entry& entry, std::int64_t now) const {
  return maxInactive_ >= 0 && now - entry.usedAt > maxInactive_;
}

void HttpSessions::dropLast(Stripe& s) {
  s.byId.erase(s.byUse.back().id);
  s.byUse.pop_back();
}

void HttpSessions::add(std::uint64_t id) {
  Stripe& s = stripe(id);
  const std::int64_t now = clock_.steadyMillis();
  std::lock_guard lock(s.mutex);
  // In order of use: those that ended by time are all at the end.
  while (!s.byUse.empty() && tooOld(s.byUse.back(), now)) dropLast(s);
  if (s.byId.contains(id)) return;
  while (limit_ != 0 && s.byUse.size() >= limit_) {
    dropLast(s);
    ++dropped_;
  }
  s.byUse.push_front({id, now});
  s.byId.emplace(id, s.byUse.begin());
  ++created_;
}

bool HttpSessions::use(std::uint64_t id) {
  Stripe& s = stripe(id);
  const std::int64_t now = clock_.steadyMillis();
  std::lock_guard lock(s.mutex);
  const auto found = s.byId.find(id);
  if (found == s.byId.end()) return false;
  if (tooOld(*found->second, now)) {
    s.byUse.erase(found->second);
    s.byId.erase(found);
    return false;
  }
  found->second->usedAt = now;
  s.byUse.splice(s.byUse.begin(), s.byUse, found->second);
  return true;
}

void HttpSessions::remove(std::uint64_t id) {
  Stripe& s = stripe(id);
  std::lock_guard lock(s.mutex);
  const auto found = s.byId.find(id);
  if (found == s.byId.end()) return;
  s.byUse.erase(found->second);
  s.byId.erase(found);
}

std::size_t HttpSessions::active() const {
  std::size_t sum = 0;
  for (const Stripe& s : stripes_) {
    std::lock_guard lock(s.mutex);
    sum += s.byUse.size();
  }
  return sum;
}

}  // namespace ox::http

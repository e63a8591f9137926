#include "discovery/multicast_plan.h"

#include <algorithm>
#include <iterator>

namespace ox::grid {
namespace {
constexpr std::int64_t kFirstSteps[] = {50, 100, 200, 400};  // between the first announcements
}

void MulticastPlan::members(std::size_t count, std::int64_t now) {
  const bool before = looking();
  members_ = count;
  // Alone again: begin anew, at once.
  if (!before && looking()) {
    sent_ = 0;
    sendAt_ = now;
  }
}

bool MulticastPlan::heard(const Announcement& from, std::int64_t now) {
  if (from.member.id == self_.id || from.member.address == self_.address) return false;
  const auto it = heard_.find(from.member.address);
  const bool fresh = it == heard_.end();
  if (!fresh) it->second = now;
  else if (heard_.size() < kMaxHeard) heard_.emplace(from.member.address, now);
  else return false;
  if (!any_) {
    any_ = true;
    firstHeard_ = now;
  }
  if (!from.looking) return fresh;
  const std::int64_t answer =
      std::max(now + static_cast<std::int64_t>(random_.below(kAnswerMillis)), sentAt_ + kQuietMillis);
  sendAt_ = std::min(sendAt_, answer);
  return fresh;
}

bool MulticastPlan::send(std::int64_t now) {
  if (now < sendAt_) return false;
  sentAt_ = now;
  std::int64_t pause = kSettledMillis;
  if (looking())
    pause = sent_ < static_cast<int>(std::size(kFirstSteps)) ? kFirstSteps[sent_] : kLookingMillis;
  ++sent_;
  // Spread, so that members started together do not send together for ever.
  sendAt_ = now + pause + static_cast<std::int64_t>(random_.below(
                              static_cast<std::uint64_t>(pause) / 8 + 1));
  return true;
}

bool MulticastPlan::looked(std::int64_t now) const {
  return now - started_ >= kFirstLookMillis || (any_ && now - firstHeard_ >= kGatherMillis);
}

std::vector<Address> MulticastPlan::candidates(std::int64_t now) {
  std::erase_if(heard_, [&](const auto& e) { return now - e.second > kForgetMillis; });
  std::vector<Address> out;
  for (const auto& [address, when] : heard_) out.push_back(address);
  return out;
}

}  // namespace ox::grid

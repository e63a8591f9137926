// When to announce ourselves and whom we have heard of: the decisions of multicast discovery,
// without a socket.
//
// Purpose:   a member that looks sends at once, in growing steps, then every kLookingMillis; whoever
//            hears it answers soon, spread over kAnswerMillis so that not all answer at once. In a
//            cluster of several it still sends every kSettledMillis, so that halves that a split
//            left apart find each other when the network is whole again.
// Threads:   none; times in steady milliseconds.
// Bounds:    kMaxHeard addresses are remembered; one unheard for kForgetMillis is forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/random.h"
#include "discovery/multicast_packet.h"

namespace ox::grid {

class MulticastPlan {
 public:
  static constexpr std::int64_t kLookingMillis = 1000;
  static constexpr std::int64_t kSettledMillis = 5000;
  static constexpr std::int64_t kAnswerMillis = 100;
  static constexpr std::int64_t kQuietMillis = 250;      // least time between two answers
  static constexpr std::int64_t kForgetMillis = 60'000;
  static constexpr std::int64_t kFirstLookMillis = 700;  // nobody answered: nobody is there
  static constexpr std::int64_t kGatherMillis = 150;     // after the first answer, for the others
  static constexpr std::size_t kMaxHeard = 1000;

  MulticastPlan(Member self, Random& random, std::int64_t now)
      : self_(std::move(self)), random_(random), started_(now), sendAt_(now) {}

  // Of the installed view.
  void members(std::size_t count, std::int64_t now);
  // True when the address is new.
  bool heard(const Announcement& from, std::int64_t now);
  // True when an announcement is due; the next one is planned then.
  bool send(std::int64_t now);
  bool looking() const { return members_ <= 1; }
  // Whether the first look is over.
  bool looked(std::int64_t now) const;
  std::int64_t nextAt() const { return sendAt_; }
  std::vector<Address> candidates(std::int64_t now);

 private:
  const Member self_;
  Random& random_;
  const std::int64_t started_;
  std::int64_t sendAt_;
  std::int64_t sentAt_ = -kSettledMillis;
  int sent_ = 0;
  std::size_t members_ = 0;
  std::int64_t firstHeard_ = 0;
  bool any_ = false;
  std::map<Address, std::int64_t> heard_;  // when last
};

}  // namespace ox::grid

// CacheNode: the caches of one simulated member: the daemon's regions, EventSender and EventReceiver over the
// member's topics. What the bundle does with threads is done with the world's events here.
#pragma once

#include <memory>
#include <string>

#include "event_receiver.h"
#include "event_sender.h"
#include "regions.h"
#include "world.h"

namespace ox::sim {

inline constexpr std::int64_t kSimRepairMillis = 10'000;
inline constexpr std::int64_t kSimAnnounceMillis = 1'000;
inline constexpr Micros kSimCacheTick = 250 * kMillisecond;
inline constexpr const char* kSimRegion = "Sim";

class CacheNode {
 public:
  CacheNode(World& world, SimMember& member, std::uint64_t process);

  void start();  // announcements and looks, for as long as the process lives
  void membersChanged();
  void onTopic(const std::string& topic, const services::TopicMessage& message);
  static bool listens(const std::string& topic);

  services::CacheRegion& region() { return *region_; }
  // Forgets the key here and tells the others.
  void changed(std::int32_t key);
  std::uint64_t flushes() const { return flushes_; }

 private:
  void tick();
  void flush(const std::optional<std::string>& why);

  World& world_;
  const MemberId member_;
  caching::EventSender sender_;
  caching::EventReceiver receiver_;
  caching::Regions regions_;
  std::shared_ptr<services::CacheRegion> region_;
  std::int64_t announcedMillis_ = 0;
  std::uint64_t flushes_ = 0;
};

}  // namespace ox::sim

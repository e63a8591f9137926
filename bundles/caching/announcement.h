// Announcement: what a node says of its own cache events at fixed intervals, so that others notice a loss
// even when nothing follows it.
//
// Threads: pure functions. Bounds: kMaxAnnounced topics; everything else is refused with RUN-0004.
// Form:    own, on a topic of its own (kAnnouncementTopic), big-endian: u32 "OXCA", u8 version 1, u8 flags
//          (1 ended, 2 lateral connection), u64 process, u64 losses, i32 topicCount, u32 n,
//          n x (i32 topic, u64 last number). Page: docs/operating/caching.md.
#pragma once

#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::caching {

inline constexpr const char* kAnnouncementTopic = "ox-cache-announcements";
inline constexpr std::size_t kMaxAnnounced = 2'000;
inline constexpr int kSingleTopic = -1;  // cacheEvents-3 without a number

struct Announcement {
  std::uint64_t process = 0;     // random, one per start of the node
  bool ended = false;            // the node stops: nothing will follow
  bool lateral = false;          // its events go over the lateral TCP connection
  std::uint64_t losses = 0;      // rises when an event could not be sent to anybody
  std::int32_t topicCount = 0;
  std::map<int, std::uint64_t> last;  // topic -> number of the last message, in the topic's envelope

  Bytes encode() const;
  static Result<Announcement> decode(BytesView bytes);
};

}  // namespace ox::caching

#include "announcement.h"

namespace ox::caching {
namespace {

constexpr std::uint32_t kMagic = 0x4f584341;  // "OXCA"
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kEnded = 1, kLateral = 2;

}  // namespace

Bytes Announcement::encode() const {
  ByteWriter out;
  out.u32(kMagic);
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>((ended ? kEnded : 0) | (lateral ? kLateral : 0)));
  out.u64(process);
  out.u64(losses);
  out.i32(topicCount);
  out.u32(static_cast<std::uint32_t>(last.size()));
  for (const auto& [topic, number] : last) {
    out.i32(topic);
    out.u64(number);
  }
  return out.take();
}

Result<Announcement> Announcement::decode(BytesView bytes) {
  ByteReader in(bytes);
  const auto broken = [](const char* what) {
    return Error(Code::kInvalid, std::string("cache announcement: ") + what);
  };
  if (in.u32() != kMagic || in.u8() != kVersion) return broken("another format or version");
  Announcement out;
  const std::uint8_t flags = in.u8();
  out.ended = (flags & kEnded) != 0;
  out.lateral = (flags & kLateral) != 0;
  out.process = in.u64();
  out.losses = in.u64();
  out.topicCount = in.i32();
  const std::uint32_t count = in.count(12);
  if (count > kMaxAnnounced) return broken("too many topics");
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::int32_t topic = in.i32();
    const std::uint64_t number = in.u64();
    if (topic < kSingleTopic) return broken("impossible topic");
    out.last[topic] = number;
  }
  if (!in.ok() || !in.atEnd()) return broken("cut off, or more than it says");
  return out;
}

}  // namespace ox::caching

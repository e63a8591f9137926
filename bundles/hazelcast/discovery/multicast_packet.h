// The datagram by which members with join=multicast find each other.
//
// Format:  docs/formats/multicast.md; integers big-endian.
// Bounds:  kMaxAnnouncement bytes; a host is a numeric address that can be dialled.
// Errors:  a reason for each kind of packet that is not for us, so that each is counted apart.
#pragma once

#include <cstdint>
#include <string>

#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxAnnouncement = 512;
inline constexpr std::uint8_t kAnnouncementVersion = 1;

struct Announcement {
  bool looking = false;          // wants to hear from the others at once
  std::string clusterName;
  std::uint16_t protocolMin = 1;
  std::uint16_t protocolMax = 1;
  Member member;
  std::uint32_t members = 0;     // of its cluster; 0 = none yet
};

enum class Heard : std::uint8_t {
  kOurs,       // our cluster's name, and proven where a password is set
  kForeign,    // another cluster or a later version of the packet: none of our business
  kUnproven,   // our name, but another password, or only one side has one
  kBad,        // undecodable
};

// `key`: LinkIdentity::key; empty = no password, and no proof in the packet.
Bytes encodeAnnouncement(const Announcement& a, const Bytes& key);
Heard decodeAnnouncement(BytesView packet, const std::string& clusterName, const Bytes& key,
                         Announcement& out);

}  // namespace ox::grid

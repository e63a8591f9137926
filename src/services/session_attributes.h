// Named attributes of sessions: each stored and versioned by itself. bundles/sessiond offers
// "session-attributes".
//
// Purpose:   data that requests of one session write side by side, on whichever nodes: no write of one
//            attribute ever touches another. Read from the grid each time, so never stale.
// Threads:   any that may block on the grid.
// Promise:   a write is acknowledged when its copies exist (docs/operating/promises.md). After a split
//            the newest write of each attribute stays. Attributes go with their session.
// Errors:    SES-0203 no such session; RUN-0004 name or value out of bounds; RUN-0005 too many
//            attributes; RUN-0007 the storage does not answer; what the grid reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace ox::services {

inline constexpr std::size_t kMaxAttributeNameBytes = 128;  // letters, digits, '.', '_', '-'
inline constexpr std::size_t kMaxAttributeValueBytes = 64 * 1024;
inline constexpr std::size_t kMaxAttributesPerSession = 256;  // a few more under parallel writers

struct SessionAttribute {
  std::string name;
  std::string value;
  std::int64_t version = 0;    // rises with each write of this attribute
  std::int64_t modified = 0;   // ms since 1970, by the writer's clock
};

struct AttributeWrite {
  std::string name;
  std::optional<std::string> value;               // nothing = remove
  std::optional<std::int64_t> expectedVersion;    // write only over this version; 0 = not there yet
};
struct AttributeWritten {
  bool applied = false;       // false: the version was another one
  std::int64_t version = 0;   // now in force; 0 = not there
};

bool validAttributeName(const std::string& name);

class SessionAttributes {
 public:
  virtual ~SessionAttributes() = default;
  virtual Result<std::optional<SessionAttribute>> get(const std::string& sessionId,
                                                      const std::string& name) = 0;
  virtual Result<std::vector<SessionAttribute>> all(const std::string& sessionId) = 0;
  virtual Result<AttributeWritten> set(const std::string& sessionId, AttributeWrite write) = 0;
};

}  // namespace ox::services

// Presence: when a node of the older cluster was last heard of, kept in a file over restarts.
//
// Purpose:   a bridge that stayed installed after the upgrade says so at start.
// Threads:   start-up on one; heard() on another afterwards (it locks).
// Format:    <directory>/<package>.seen, one line: "<first start> <last answer>\n", ms since 1970,
//            0 = never. Anything else counts as never; an unwritable place only loses the memory.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace ox::upgrade {

inline constexpr std::int64_t kForgottenMillis = 24LL * 3600 * 1000;
inline constexpr std::int64_t kNoteEveryMillis = 60'000;  // the file is written at most so often

class Presence {
 public:
  // An empty directory = nothing is remembered.
  Presence(const std::string& directory, const std::string& package);
  // Reads the file and notes the first start. The sentence for the log when the upgrade seems to be
  // over (no answer for kForgottenMillis), else empty.
  std::string begin(std::int64_t nowMillis);
  void heard(std::int64_t nowMillis);

 private:
  void write() const;
  const std::string package_, path_;
  std::mutex mutex_;
  std::int64_t first_ = 0, last_ = 0;
};

}  // namespace ox::upgrade

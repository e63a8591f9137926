// Logging in the original's layout (source: facts on the original's logback pattern):
//   2026-01-31T12:34:56,789+0100 INFO  [thread] class.method(File.cpp:42)
//   message
//   <blank line>
//
// Purpose: log::info("grid joined") etc. from any thread; the place is taken from the call site.
// Secrets: never log a password, secret, session id's secret or key. Control characters in a
//          message are replaced, so that outside bytes cannot forge a record.
// Sinks:   the console (standard error) always, unless log::openFile() was called, which then
//          writes <dir>/open-xchange.log.0 with rotation by size.
#pragma once

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>

namespace ox::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

void setLevel(Level least);
Level level();
// Name shown in brackets; at most 32 characters are kept.
void setThreadName(std::string_view name);
std::string threadName();

// Switches to DIR/open-xchange.log.0, rotated to .1 ... .files when larger than maxBytes.
// False (and the console stays) when the directory cannot be written.
bool openFile(const std::string& directory, std::uint64_t maxBytes, int files);

void write(Level level, std::string_view message, const std::source_location& where);

inline void debug(std::string_view m, std::source_location w = std::source_location::current()) {
  write(Level::kDebug, m, w);
}
inline void info(std::string_view m, std::source_location w = std::source_location::current()) {
  write(Level::kInfo, m, w);
}
inline void warn(std::string_view m, std::source_location w = std::source_location::current()) {
  write(Level::kWarn, m, w);
}
inline void error(std::string_view m, std::source_location w = std::source_location::current()) {
  write(Level::kError, m, w);
}

// Tests: every record also goes to `observer` (may be empty). Returns the former one.
using Observer = std::function<void(Level, std::string_view)>;
Observer setObserver(Observer observer);
// Records written at WARN and ERROR since start (shown as metrics).
std::uint64_t warnCount();
std::uint64_t errorCount();

}  // namespace ox::log

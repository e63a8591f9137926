#include "run_control.h"

#include <ctime>

namespace ox::update {

const char* stopWord(StopReason reason) {
  switch (reason) {
    case StopReason::kNone: return "";
    case StopReason::kPaused: return "paused";
    case StopReason::kWindowOver: return "window over";
    case StopReason::kAborted: return "aborted";
  }
  return "";
}

StopReason RunControl::reason(Clock& clock) const {
  if (aborted_) return StopReason::kAborted;
  const std::int64_t until = until_;
  if (until > 0 && clock.wallMillis() >= until) return StopReason::kWindowOver;
  return paused_ ? StopReason::kPaused : StopReason::kNone;
}

Result<std::int64_t> nextTimeOfDay(const std::string& text, std::int64_t nowWallMillis) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 100;
  };
  const int hour = digit(0) * 10 + digit(1);
  const int minute = digit(3) * 10 + digit(4);
  if (text.size() != 5 || text[2] != ':' || hour > 23 || minute > 59)
    return Error(Code::kInvalid,
                 "until is '" + text.substr(0, 20) + "'; allowed is HH:MM from 00:00 to 23:59");
  const std::time_t now = static_cast<std::time_t>(nowWallMillis / 1000);
  std::tm parts{};
  if (localtime_r(&now, &parts) == nullptr) return Error(Code::kInternal, "no local time");
  const auto at = [&](int dayOffset) {
    std::tm then = parts;
    then.tm_mday += dayOffset;
    then.tm_hour = hour;
    then.tm_min = minute;
    then.tm_sec = 0;
    then.tm_isdst = -1;
    return static_cast<std::int64_t>(std::mktime(&then)) * 1000;
  };
  const std::int64_t today = at(0);
  return today > nowWallMillis ? today : at(1);
}

}  // namespace ox::update

#include "session_load.h"

namespace ox::sim {

std::string explainRead(const std::vector<SessionWrite>& writes, const std::string& value,
                        Micros begun, Micros ended) {
  const SessionWrite* source = nullptr;
  for (const SessionWrite& w : writes)
    if (w.value == value && w.begun <= ended) source = &w;
  if (source == nullptr && !value.empty()) return "'" + value + "' was never written";
  for (const SessionWrite& w : writes) {
    const bool before = w.ended >= 0 && w.ended < begun;
    if (!before || &w == source) continue;
    // What was read must not have been over before this acknowledged write began.
    const bool sourceOver = source == nullptr || (source->ended >= 0 && source->ended < w.begun);
    if (sourceOver)
      return "'" + value + "' is older than '" + w.value + "', acknowledged at " +
             std::to_string(w.ended / 1000) + " ms";
  }
  return {};
}

}  // namespace ox::sim

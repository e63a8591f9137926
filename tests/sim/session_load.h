// Sessions load: users who log in, click, write attributes, change and log out on all members; judge.
//
// Judged:   (1) a stored session that its user keeps using is never answered as expired; (2) once a logout
//           was acknowledged no later request of that session is answered, and after a split none once
//           the halves have merged; (3) of each attribute the newest acknowledged write is there at the end,
//           or one that was never answered; (4) no request is answered from a state older than a change
//           that was acknowledged before it began; (5) sessions that nobody uses are gone in the end.
// Loose:    from `sessions loose` (before a cut) to `sessions strict` (healed and settled) only (3) is
//           kept: each half answers from what it holds.
// Commands: sessions on | off | loose | strict | judge | expire
#pragma once

#include <string>
#include <vector>

#include "side_load.h"

namespace ox::sim {

// Writes of one value as a client saw them, and whether a value read at some time explains them.
struct SessionWrite {
  std::string value;  // empty = removed or never written
  Micros begun = 0;
  Micros ended = -1;  // -1 = never answered
};
// Empty when `value`, read from `begun` to `ended`, is neither older than an acknowledged write nor made
// up; else what is wrong.
std::string explainRead(const std::vector<SessionWrite>& writes, const std::string& value,
                        Micros begun, Micros ended);

}  // namespace ox::sim

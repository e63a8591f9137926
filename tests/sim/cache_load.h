// Caches load: values of one database that all members change and read through their caches; judge.
//
// Judged:   no read gives a value that was changed longer ago than the repair interval, whatever is lost
//           or cut off; values are never invented or older than what the database ever held.
// Faults:   `drop P`: P percent of the topic messages for caches vanish at each receiver.
// Commands: caches on [drop P] | off | judge [flushed | quiet]
//           flushed: something was missed and flushed, so that the scenario has shown something;
//           quiet: nothing was ever flushed after `on` had settled, and no read was older than a second.
#pragma once

#include <string>
#include <vector>

#include "side_load.h"

namespace ox::sim {

// Empty when a value of number `read` (of `changes`, the times at which the values 1, 2, ... were made and
// published) may be read at `now`; else what is wrong. Value 0 was there from the beginning.
std::string judgeAge(const std::vector<Micros>& changes, std::uint64_t read, Micros now, Micros most);

}  // namespace ox::sim

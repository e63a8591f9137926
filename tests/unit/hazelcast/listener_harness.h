// An entry listener of a member of a data_harness.h cluster, and what it has heard.
//
// Threads:   that of the test.
// Ownership: the events are shared by the test and the member's core.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "data_harness.h"
#include "map/entry_listeners.h"

namespace ox::grid::test {

using services::EntryEvent;
using services::EntryEventType;

struct Heard {
  std::vector<EntryEvent> events;
  std::size_t gaps() const {
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [](const auto& e) {
      return e.type == EntryEventType::kGap;
    }));
  }
  std::string text() const {
    static const char* names[] = {"+", "~", "-", "evicted ", "expired ", "merged ", "cleared", "GAP"};
    std::string out;
    for (const auto& e : events) {
      out += names[static_cast<int>(e.type)] + e.key;
      if (e.value) out += "=" + *e.value;
      if (e.oldValue) out += "(" + *e.oldValue + ")";
      out += " ";
    }
    return out;
  }
};
inline std::shared_ptr<Heard> listen(Cluster& c, int n, std::uint8_t flags = 3, const Bytes& only = {}) {
  auto heard = std::make_shared<Heard>();
  c.core(n).setEntryEvents(
      [heard](std::uint64_t, EntryEvent e) { heard->events.push_back(std::move(e)); });
  Answer<bool> a;
  c.core(n).listen(1, "m", flags, only, a.take());
  c.run(300);
  CHECK(a.value());
  return heard;
}

}  // namespace ox::grid::test

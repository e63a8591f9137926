// A read that is done once more when its connection turns out to be dead: a pool lends what rested a moment ago
// without asking the server, which may have gone since.
//
// Threads: pure functions on what they are given. For reads only: a change is never repeated.
#pragma once

#include <functional>

#include "database/connection.h"

namespace ox::database {

template <typename T>
Result<T> lookUp(const std::function<Result<db::Lease>()>& lend,
                 const std::function<Result<T>(db::Connection&)>& ask) {
  for (bool again : {true, false}) {
    auto lease = lend();
    if (!lease) return lease.error();
    auto answer = ask(**lease);
    if (answer || !again || !(*lease)->broken()) return answer;
  }
  return Error(Code::kInternal);
}

}  // namespace ox::database

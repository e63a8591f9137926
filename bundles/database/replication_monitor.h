// Decides whether a replica has seen this node's last change of a context.
//
// Every master connection that changed something raises replicationMonitor.transaction of its
// context when it comes back, and remembers the number; a replica with a smaller one is behind.
// Threads: any. Limits: kMaxContexts remembered numbers, forgotten all at once beyond that.
// Source:  the original's ReplicationMonitor (its rules for fall-back are kept).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "database/connection.h"

namespace ox::database {

struct ReplicationStats {
  std::uint64_t masterFetched = 0;
  std::uint64_t slaveFetched = 0;
  std::uint64_t masterInsteadOfSlave = 0;
};

class ReplicationMonitor {
 public:
  static constexpr std::size_t kMaxContexts = 200'000;

  void enable(bool on) { enabled_ = on; }
  bool enabled() const { return enabled_; }
  // Called with the master's connection when it is given back.
  void written(db::Connection& master, std::int32_t contextId);
  // True when the replica may be used; a replica that cannot tell counts as behind.
  bool upToDate(db::Connection& replica, std::int32_t contextId);
  void countMaster() { ++master_; }
  void countSlave() { ++slave_; }
  void countInstead() { ++instead_; }
  ReplicationStats stats() const { return {master_, slave_, instead_}; }

 private:
  std::atomic<bool> enabled_{true};
  std::atomic<std::uint64_t> master_{0}, slave_{0}, instead_{0};
  std::mutex mutex_;
  std::unordered_map<std::int32_t, std::int64_t> remembered_;
};

}  // namespace ox::database

// HazelcastSessionStorage: every session of the cluster in one distributed map.
//
// Purpose:   service "session-storage" on the grid. Key = session id, value = PortableSession; idle
//            time per entry = default life time, or the long one for users who stay signed in.
// Threads:   any thread that may block (never a shard's); touch() does not wait.
// Errors:    what the grid reports, for store, lookup and remove. A record that cannot be decoded is
//            counted, logged without its content and treated as absent.
// Source:    the original's HazelcastSessionStorageService.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "obfuscator.h"
#include "services/grid.h"
#include "services/sessions.h"

namespace ox::sessionstorage {

struct StorageSettings {
  std::int64_t defaultLifeMillis = 3'600'000;
  std::int64_t longLifeMillis = 604'800'000;
};

struct StorageCounters {
  std::uint64_t stored = 0;
  std::uint64_t lookups = 0;
  std::uint64_t notFound = 0;
  std::uint64_t removed = 0;
  std::uint64_t touched = 0;
  std::uint64_t failures = 0;     // operations that the grid refused or did not answer
  std::uint64_t undecodable = 0;  // records treated as absent
};

class HazelcastSessionStorage final : public services::SessionStorage {
 public:
  HazelcastSessionStorage(std::shared_ptr<services::GridMap> map, StorageSettings settings,
                          const std::string& encryptionKey);

  Status store(const services::Session& session) override;
  Result<services::SessionPtr> lookup(const std::string& sessionId) override;
  Result<bool> remove(const std::string& sessionId) override;
  void touch(const std::string& sessionId) override;

  const std::string& mapName() const { return map_->name(); }
  services::MapStats mapStats() const { return map_->localStats(); }
  StorageCounters counters() const;

 private:
  struct Counts {  // shared with completions that may outlive the storage
    std::atomic<std::uint64_t> stored{0}, lookups{0}, notFound{0}, removed{0}, touched{0},
        failures{0}, undecodable{0};
  };
  const std::shared_ptr<services::GridMap> map_;
  const StorageSettings settings_;
  const Obfuscator obfuscator_;
  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace ox::sessionstorage

// TokenStore: short-lived one-time tokens that lead to a value, on this node or in the whole cluster.
//
// Purpose:   token login (server token -> session) and application tokens.
// Threads:   any; with a map of the grid add() and take() may block on it.
// Units:     milliseconds of the wall clock, which the nodes have in step (skew is measured).
// Bounds:    kMaxTokens of this node; a value has at most kMaxTokenValue bytes.
// Errors:    kBusy when there are too many; what the grid answers. take(): nothing = unknown, used or
//            too old; a token that was asked for is gone in any case.
// Source:    the original's token sessions (map serverTokenMap, 60 s). The form of the value is ours.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "services/grid.h"

namespace ox::login {

inline constexpr std::size_t kMaxTokens = 100'000;
inline constexpr std::size_t kMaxTokenValue = 1024;

class TokenStore {
 public:
  // `map` null: on this node only.
  TokenStore(std::shared_ptr<services::GridMap> map, std::int64_t lifeMillis, Clock& clock)
      : map_(std::move(map)), life_(lifeMillis), clock_(clock) {}

  Result<std::string> add(const std::string& value);
  Result<std::optional<std::string>> take(const std::string& token);
  // Values of tokens that this node handed out and nobody took in time. Cheap when there is none.
  std::vector<std::string> expired();

 private:
  struct Entry {
    std::string value;  // empty when the map has it
    std::int64_t made;
  };
  std::vector<std::pair<std::string, Entry>> tooOld(std::int64_t now);

  const std::shared_ptr<services::GridMap> map_;
  const std::int64_t life_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> mine_;
  std::int64_t nextExpiry_ = 0;
};

}  // namespace ox::login

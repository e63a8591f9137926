// TokenStore: short-lived one-time tokens that lead to a value, on this node or in the whole cluster.
//
// Purpose:   token login (server token -> session), application tokens, random tokens of logins.
// Threads:   any; nothing waits in the forms with a completion, which may run on an engine thread and
//            need the store until then. The others wait for the grid.
// Units:     milliseconds of the wall clock, which the nodes have in step (skew is measured): a token lives
//            longer or shorter by as much as two clocks differ.
// Bounds:    kMaxTokens of this node; a value has at most kMaxTokenValue bytes.
// Errors:    kBusy when there are too many; what the grid answers. take(): nothing = unknown, used or
//            too old; a token that was asked for is gone in any case. With a map a token is taken at most
//            once, from any node, also when members crash; in each half of a split cluster once.
// Source:    the original's token sessions (map serverTokenMap, 60 s). The form of the value is ours.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "services/grid.h"

namespace ox::login {

inline constexpr std::size_t kMaxTokens = 100'000;
inline constexpr std::size_t kMaxTokenValue = 1024;
inline constexpr std::size_t kTokenBytes = 16;

class TokenStore {
 public:
  // What happens to tokens that nobody takes: expired() tells of them, or the map lets them go unseen.
  enum class Abandoned : std::uint8_t { kTold, kForgotten };
  // `map` null: on this node only. `newToken` gives 2 * kTokenBytes hex digits that nobody can guess.
  TokenStore(std::shared_ptr<services::GridMap> map, std::int64_t lifeMillis, Clock& clock,
             std::function<std::string()> newToken = [] { return secureHex(kTokenBytes); },
             Abandoned abandoned = Abandoned::kTold)
      : map_(std::move(map)), life_(lifeMillis), clock_(clock), newToken_(std::move(newToken)),
        told_(abandoned == Abandoned::kTold) {}

  void add(const std::string& value, services::Completion<std::string> done);
  void take(const std::string& token, services::Completion<std::optional<std::string>> done);
  void expired(services::Completion<std::vector<std::string>> done);

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
  void fetch(const std::string& token, services::Completion<std::optional<std::string>> done);

  const std::shared_ptr<services::GridMap> map_;
  const std::int64_t life_;
  Clock& clock_;
  const std::function<std::string()> newToken_;
  const bool told_;
  std::mutex mutex_;
  std::map<std::string, Entry> mine_;
  std::int64_t nextExpiry_ = 0;
};

}  // namespace ox::login

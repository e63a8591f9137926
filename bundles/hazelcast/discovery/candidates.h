// From listed hosts to addresses to try, and what is new in a list. Pure.
//
// Threads: plain values; candidateAddresses() calls `resolve`, which may block.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/host_list.h"
#include "types.h"

namespace ox::grid {

inline constexpr int kProbedPorts = 3;                 // of a node without port
inline constexpr std::size_t kMaxCandidates = 3000;
inline constexpr std::int64_t kRelookMillis = 1000;    // while somebody listed is missing
inline constexpr std::int64_t kSettledRelookMillis = 10'000;  // all listed ones are members

// The list as addresses to try: names through `resolve` (blocking), every node without port with
// `port` and the next two. What cannot be used is left out, with its reason in `failed`.
using Resolver = std::function<Result<std::vector<std::string>>(const std::string& host)>;
std::vector<Address> candidateAddresses(const std::vector<config::HostPort>& nodes,
                                        std::uint16_t port, const Resolver& resolve,
                                        std::map<std::string, std::string>& failed);
// The port and the next two, of every host.
void addProbed(const std::string& host, std::uint16_t port, std::vector<Address>& out);
// False for what no link can be dialled to: no numeric address, one with a scope ("fe80::1%eth0"),
// a multicast, unspecified or broadcast one.
bool dialable(const std::string& host);

// Remembers what was told last, so that each change is told and logged once.
class CandidateList {
 public:
  // True when `found` differs from before (as a set) or is the first list. At most
  // kMaxCandidates are kept.
  bool update(std::vector<Address> found);
  const std::vector<Address>& all() const { return all_; }
  bool known() const { return known_; }
  // Of the last update that returned true: "6 addresses; new 10.0.0.7:5711; gone 10.0.0.5:5711".
  const std::string& text() const { return text_; }
  // Whether each host of the list has a member.
  bool covered(const std::vector<Member>& members) const;
  // How many members the list names.
  std::size_t joined(const std::vector<Member>& members) const;

 private:
  bool known_ = false;
  std::vector<Address> all_;   // sorted
  std::string text_;
};

// Which names fail, and why: what is new in it is logged once.
class FailureList {
 public:
  // Sentences for what began to fail, fails otherwise, or works again; the reasons name it.
  std::vector<std::string> update(const std::map<std::string, std::string>& failed);
  bool any() const { return !failed_.empty(); }

 private:
  std::map<std::string, std::string> failed_;
};

}  // namespace ox::grid

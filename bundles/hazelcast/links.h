// Opening links between members: dial or accept, handshake with its deadline, refusals.
//
// Purpose:   turns an address or an accepted connection into a stream whose other side is known
//            (member_protocol/handshake.h); what flows afterwards is the caller's.
// Threads:   dialLink and acceptLink on the given shard's thread, which their callbacks use, too.
//            RefusalLog from any thread.
// Bounds:    kHandshakeMillis per handshake; kMaxRefusalLog addresses remembered.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "encryption.h"
#include "member_protocol/handshake.h"
#include "membership/control_core.h"
#include "net/shard.h"
#include "net/stream.h"

namespace ox::grid {

// Refused links: each is counted; logged once per address and reason in kQuietMillis.
class RefusalLog {
 public:
  static constexpr std::size_t kMaxRefusalLog = 1024;
  static constexpr std::int64_t kQuietMillis = 60'000;
  static constexpr std::size_t kReasons = kRefusals;

  explicit RefusalLog(Clock& clock) : clock_(clock) {}
  void note(const std::string& address, Refusal reason, bool byPeer, const std::string& text);
  // A dial found no source port free; logged once in kQuietMillis.
  void noteSourcePorts(const std::string& text);
  std::uint64_t count(Refusal reason) const { return counts_[static_cast<std::size_t>(reason)]; }

 private:
  Clock& clock_;
  std::array<std::atomic<std::uint64_t>, kReasons> counts_{};
  std::mutex mutex_;
  std::map<std::pair<std::string, Refusal>, std::int64_t> lastLogged_;
  std::optional<std::int64_t> sourcePortsLogged_;
};

// What every link of this member shares; immutable once the port is known.
struct LinkContext {
  LinkIdentity identity;
  net::Source from;                        // local address and ports to dial from
  std::int64_t connectMillis = 10'000;
  std::shared_ptr<RefusalLog> refusals;
  std::shared_ptr<LinkEncryption> encryption = std::make_shared<LinkEncryption>(nullptr);
};

struct DialResult {
  std::shared_ptr<net::Stream> stream;  // null = failed
  LinkPeer peer;
  LinkLoss loss = LinkLoss::kRefused;
  Refusal refused = Refusal::kNone;
};

// One handshake under way; cancel() drops it without an answer. It keeps itself alive until then.
class Dial {
 public:
  virtual ~Dial() = default;
  virtual void cancel() = 0;
};
std::shared_ptr<Dial> dialLink(net::Shard& shard, std::shared_ptr<const LinkContext> context,
                               const Address& address, const LinkPurpose& purpose,
                               MemberId expected, std::function<void(DialResult)> done);

// An accepted link after the dialler proved itself. The receiver either calls refuse(), or sends
// `handshake.welcome()` first on the stream (which it may detach before, being inside onFrame).
struct AcceptedLink {
  std::shared_ptr<net::Stream> stream;
  Handshake& handshake;
  void refuse(Refusal reason, const std::string& text);
};
// `ended` is called once: after `ready`, or when the handshake failed; not after cancel().
std::shared_ptr<Dial> acceptLink(net::Shard& shard, std::shared_ptr<const LinkContext> context,
                                 net::Detached connection, const std::string& remote,
                                 std::function<void(AcceptedLink&)> ready,
                                 std::function<void()> ended);

// First bytes of a connection that begins with TLS: a handshake record.
inline const std::string kTlsMagic = "\x16\x03";
// One side encrypts and the other does not: logs and counts it, tells the other side in clear text
// (there is no common language), and closes.
void refuseConnection(net::Shard& shard, const LinkContext& context, net::Detached connection,
                      const std::string& remote);

}  // namespace ox::grid

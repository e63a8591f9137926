// Stream: a TCP connection that carries frames: u32 length (big-endian), then that many bytes.
//
// Purpose:   the one way by which members talk, in the clear or inside TLS (secure()).
// Threads:   all of it on the shard it was made for; the callbacks run there, too.
// Ownership: shared. An open stream keeps itself alive; close() (ours) or the peer's end releases
//            the callbacks, so a callback may hold its owner.
// Bounds:    a frame at most Limits::frameBytes (longer: closed as protocol error); what waits
//            for writing at most Limits::queuedBytes (beyond: closed as overflow, since the peer
//            does not read); several waiting frames go out in one write.
// TLS:       its state moves with the connection from shard to shard. Frames that are sent before
//            the TLS handshake is over wait; a handshake that fails is CloseReason::kTls. The
//            limits count clear bytes.
// Options:   TCP_NODELAY and keepalive are on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "net/shard.h"
#include "net/source_ports.h"

namespace ox::net {

class TlsSession;

// kTls: certificate, key or version refused here; kTlsByPeer: over there; kPlainPeer: the other
// side answers in the clear although TLS was begun.
enum class CloseReason : std::uint8_t {
  kPeer, kReset, kProtocol, kOverflow, kTls, kTlsByPeer, kPlainPeer
};

// A connection taken off its shard, to be adopted on another one. Owns the descriptor.
class Detached {
 public:
  Detached();
  Detached(int fd, Bytes unread);
  Detached(int fd, Bytes unread, std::unique_ptr<TlsSession> tls);
  Detached(Detached&& other) noexcept;
  Detached& operator=(Detached&& other) noexcept;
  ~Detached();  // closes what nobody adopted
  bool valid() const { return fd_ >= 0; }

 private:
  friend class Stream;
  int fd_ = -1;
  Bytes unread_;
  std::unique_ptr<TlsSession> tls_;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  struct Limits {
    std::uint32_t frameBytes = 32u << 20;
    std::size_t queuedBytes = std::size_t{64} << 20;
    // No frames: whatever has arrived is handed out as it is, and sent with sendRaw() only.
    bool raw = false;
  };
  using OnFrame = std::function<void(BytesView frame)>;  // valid during the call
  using OnClosed = std::function<void(CloseReason why, const std::string& text)>;
  using OnConnected = std::function<void(Result<std::shared_ptr<Stream>>)>;

  // Dials a numeric address from `from`. The answer comes later on the shard, by timeoutMillis at
  // the latest. Errors: kNetRefused (nobody listens there), kNetTimeout, kBusy (every source port
  // is in use), kNetClosed (anything else).
  static void connect(Shard& shard, const std::string& host, std::uint16_t port, const Source& from,
                      std::int64_t timeoutMillis, Limits limits, OnConnected done);
  static std::shared_ptr<Stream> adopt(Shard& shard, Detached connection, Limits limits);
  ~Stream();

  // Everything from here on goes through TLS, also what is unread; before start().
  void secure(std::unique_ptr<TlsSession> session);
  // Begins to read. onClosed is called once, unless close() came first.
  void start(OnFrame onFrame, OnClosed onClosed);
  // Replaces the callbacks of a started stream (handshake over, traffic begins).
  void handlers(OnFrame onFrame, OnClosed onClosed);
  // Frames may be small until the other side is known.
  void setFrameLimit(std::uint32_t bytes);
  // False when the stream is closed, or is being closed because its queue is full.
  bool send(BytesView frame);
  // Bytes without a length before them: the first bytes of a protocol, or all with Limits::raw (then
  // false as send()).
  bool sendRaw(Bytes bytes);
  // Takes the connection off this shard. Only from inside onFrame, when nothing waits for writing
  // (else the answer is invalid and the stream closed); the stream is closed afterwards.
  Detached detach();
  void close();
  // Reads no more, writes what waits (at most a second), then closes.
  void closeWhenWritten();
  // While paused nothing is read, so that TCP slows the peer down.
  void pauseReading();
  void resumeReading();

  bool open() const;
  std::size_t queuedBytes() const;
  std::string remote() const;  // "10.0.0.15:40312"

 private:
  struct Impl;
  explicit Stream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::net

#include "net/stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "net/dial.h"
#include "net/tls.h"

namespace ox::net {
namespace {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kBlockBytes = 256u << 10;  // what waits is written block by block
constexpr std::size_t kKeepBytes = 1u << 20;  // a larger buffer is given back once it is empty
constexpr std::size_t kTlsChunkBytes = 256u << 10;   // encrypted at once, then written
constexpr std::size_t kTlsRecordBytes = 16u << 10;
constexpr std::int64_t kDrainMillis = 1000;
constexpr int kKeepIdleSeconds = 30, kKeepIntervalSeconds = 10, kKeepCount = 3;

void setOptions(tcp::socket& socket) {
  // A failure here only costs latency or late detection: heartbeats notice a dead peer as well.
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int fd = socket.native_handle();
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepIdleSeconds, sizeof kKeepIdleSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepIntervalSeconds, sizeof kKeepIntervalSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepCount, sizeof kKeepCount);
}

std::string nameOf(const tcp::endpoint& e) {
  const std::string host = e.address().to_string();
  return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

CloseReason reasonOf(const error_code& error) {
  return error == asio::error::eof ? CloseReason::kPeer : CloseReason::kReset;
}
}  // namespace

Detached::Detached() = default;
Detached::Detached(int fd, Bytes unread) : fd_(fd), unread_(std::move(unread)) {}
Detached::Detached(int fd, Bytes unread, std::unique_ptr<TlsSession> tls)
    : fd_(fd), unread_(std::move(unread)), tls_(std::move(tls)) {}
Detached::Detached(Detached&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)),
      tls_(std::move(other.tls_)) {}
Detached& Detached::operator=(Detached&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(unread_, other.unread_);
  std::swap(tls_, other.tls_);
  return *this;
}
Detached::~Detached() {
  if (fd_ >= 0) ::close(fd_);
}

struct Stream::Impl {
  struct Callbacks {
    OnFrame frame;
    OnClosed closed;
  };
  Impl(Shard& s, tcp::socket so, Limits l) : shard(s), socket(std::move(so)), limits(l) {
    error_code ignored;
    const auto remote = socket.remote_endpoint(ignored);
    if (!ignored) remoteName = nameOf(remote);
    setOptions(socket);
  }

  Shard& shard;
  tcp::socket socket;
  Limits limits;
  std::string remoteName;
  // Shared, so that a callback may replace or release itself while it runs.
  std::shared_ptr<Callbacks> callbacks;
  bool open = true, reading = false, paused = false, processing = false;
  bool writing = false, flushPosted = false, draining = false;
  std::string in;             // bytes [begin, end) are received and not yet handed out
  std::size_t begin = 0, end = 0;
  // Waits for writing: the full blocks, then the one that grows. A written block is used again, so
  // that a long queue neither moves its bytes nor asks for fresh memory all the time.
  std::deque<Bytes> blocks;
  std::size_t blockBytes = 0;
  Bytes waiting, inFlight, spare;
  // With TLS: bytes as they are on the network; inFlight is encrypted up to `encrypted`.
  std::unique_ptr<TlsSession> tls;
  Bytes cipherIn, cipherOut;
  std::size_t encrypted = 0;
  bool farewell = false;

  void readTls(const std::shared_ptr<Stream>& self);
  void decrypt(BytesView cipher, const std::shared_ptr<Stream>& self);
  void failTls();
  void flushTls(const std::shared_ptr<Stream>& self);
  void read(const std::shared_ptr<Stream>& self);
  void process(const std::shared_ptr<Stream>& self);
  void flush(const std::shared_ptr<Stream>& self);
  void scheduleFlush(const std::shared_ptr<Stream>& self);
  void shut();
  void fail(CloseReason why, const std::string& text);
  bool overflow(const std::shared_ptr<Stream>& self, std::size_t bytes);
  void makeRoom();
  bool nothingWaits() const { return waiting.empty() && blocks.empty(); }
  std::size_t queued() const { return blockBytes + waiting.size() + inFlight.size(); }
  void endBlock();
  void nextBlock();
  std::size_t frameLength() const {
    const auto* p = reinterpret_cast<const unsigned char*>(in.data() + begin);
    return (std::size_t{p[0]} << 24) | (std::size_t{p[1]} << 16) | (std::size_t{p[2]} << 8) | p[3];
  }
};

void Stream::Impl::shut() {
  open = false;
  error_code ignored;
  socket.close(ignored);
  callbacks.reset();
}

void Stream::Impl::endBlock() {
  if (waiting.size() < kBlockBytes) return;
  blockBytes += waiting.size();
  blocks.push_back(std::move(waiting));
  waiting = std::move(spare);
  waiting.clear();
  waiting.reserve(kBlockBytes + kBlockBytes / 4);
}

void Stream::Impl::nextBlock() {
  if (inFlight.capacity() <= kKeepBytes && inFlight.capacity() > spare.capacity())
    spare.swap(inFlight);
  if (blocks.empty()) {
    inFlight = std::exchange(waiting, std::move(spare));
    waiting.clear();
  } else {
    inFlight = std::move(blocks.front());
    blocks.pop_front();
    blockBytes -= inFlight.size();
  }
}

void Stream::Impl::fail(CloseReason why, const std::string& text) {
  if (!open) return;
  const auto last = callbacks;
  shut();
  if (last && last->closed) last->closed(why, text);
}

// Always false.
bool Stream::Impl::overflow(const std::shared_ptr<Stream>& self, std::size_t bytes) {
  const std::string text = std::to_string(queued()) + " bytes wait for writing, " +
                           std::to_string(bytes) + " more do not fit";
  shard.post([this, self, text] { fail(CloseReason::kOverflow, text); });
  return false;
}

void Stream::Impl::makeRoom() {
  if (begin == end) {
    begin = end = 0;
    if (in.size() > kKeepBytes) std::string().swap(in);
  } else if (begin != 0) {
    std::memmove(in.data(), in.data() + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  // Grows with what really arrived, not with what a length field claims.
  std::size_t want = kReadBytes;
  if (end >= 4 && !limits.raw)
    want = std::max(want, std::min(4 + frameLength(), 2 * end + kReadBytes));
  if (in.size() < want) in.resize(want);
}

void Stream::Impl::read(const std::shared_ptr<Stream>& self) {
  if (!open || reading || paused || draining) return;
  if (tls) return readTls(self);
  makeRoom();
  reading = true;
  socket.async_read_some(asio::buffer(in.data() + end, in.size() - end),
                         [this, self](const error_code& error, std::size_t n) {
                           reading = false;
                           if (!open || draining) return;
                           if (error) return fail(reasonOf(error), error.message());
                           end += n;
                           process(self);
                         });
}

void Stream::Impl::readTls(const std::shared_ptr<Stream>& self) {
  // Only now: what was decrypted before the end has been handed out.
  if (tls->failed()) return failTls();
  if (tls->ended()) return fail(CloseReason::kPeer, "the other side said goodbye");
  if (cipherIn.size() < kReadBytes) cipherIn.resize(kReadBytes);
  reading = true;
  socket.async_read_some(asio::buffer(cipherIn.data(), cipherIn.size()),
                         [this, self](const error_code& error, std::size_t n) {
                           reading = false;
                           if (!open || draining) return;
                           if (error)
                             return fail(reasonOf(error),
                                         error.message() +
                                             (tls->ready() ? "" : ", before TLS was set up"));
                           decrypt(BytesView(cipherIn.data(), n), self);
                           process(self);
                         });
}

void Stream::Impl::decrypt(BytesView cipher, const std::shared_ptr<Stream>& self) {
  // A failure is remembered by the session, and reported when the frames before it are through.
  static_cast<void>(tls->feed(cipher));
  makeRoom();
  for (;;) {
    if (in.size() - end < kTlsRecordBytes) in.resize(std::max(end + kReadBytes, in.size() * 3 / 2));
    const std::size_t n = tls->read(in.data() + end, in.size() - end);
    if (n == 0) break;
    end += n;
  }
  if (!tls->output().empty() || (tls->ready() && !nothingWaits())) scheduleFlush(self);
}

void Stream::Impl::failTls() {
  // The alert says to the other side why; it is lost only when the socket is full.
  const Bytes& alert = tls->output();
  if (!writing && !alert.empty())
    static_cast<void>(::send(socket.native_handle(), alert.data(), alert.size(),
                             MSG_DONTWAIT | MSG_NOSIGNAL));
  fail(tls->plainPeer()       ? CloseReason::kPlainPeer
       : tls->refusedByPeer() ? CloseReason::kTlsByPeer
                              : CloseReason::kTls,
       tls->problem());
}

void Stream::Impl::flushTls(const std::shared_ptr<Stream>& self) {
  if (tls->ready() && !tls->failed()) {
    if (encrypted == inFlight.size()) {
      encrypted = 0;
      nextBlock();
    }
    const std::size_t n = std::min(kTlsChunkBytes, inFlight.size() - encrypted);
    tls->write(BytesView(inFlight).substr(encrypted, n));
    encrypted += n;
    if (draining && !farewell && encrypted == inFlight.size() && nothingWaits()) {
      farewell = true;
      tls->finish();
    }
  }
  if (tls->output().empty()) {
    if (draining) shut();
    return;
  }
  writing = true;
  cipherOut.clear();
  cipherOut.swap(tls->output());
  asio::async_write(socket, asio::buffer(cipherOut), [this, self](const error_code& error,
                                                                  std::size_t) {
    // An alert that says why may still be waiting to be read; nothing is written any more.
    if (error && open && reading) return;
    writing = false;
    if (!open) return;
    if (error) return fail(reasonOf(error), error.message());
    flush(self);
  });
}

void Stream::Impl::process(const std::shared_ptr<Stream>& self) {
  if (processing) return;  // resumed from inside a callback: the loop below goes on
  processing = true;
  while (limits.raw && open && !paused && !draining && end > begin) {
    const BytesView all(in.data() + begin, end - begin);
    begin = end;
    const auto current = callbacks;
    if (current && current->frame) current->frame(all);
  }
  while (!limits.raw && open && !paused && !draining && end - begin >= 4) {
    const std::size_t length = frameLength();
    if (length == 0 || length > limits.frameBytes) {
      fail(CloseReason::kProtocol, "frame of " + std::to_string(length) + " bytes, allowed are 1.." +
                                       std::to_string(limits.frameBytes));
      break;
    }
    if (end - begin < 4 + length) break;
    const BytesView frame(in.data() + begin + 4, length);
    begin += 4 + length;
    const auto current = callbacks;
    if (current && current->frame) current->frame(frame);
  }
  processing = false;
  read(self);
}

void Stream::Impl::scheduleFlush(const std::shared_ptr<Stream>& self) {
  if (writing || flushPosted) return;
  // Later in this turn of the loop: what is sent until then shares the write.
  flushPosted = true;
  asio::post(socket.get_executor(), [this, self] {
    flushPosted = false;
    flush(self);
  });
}

void Stream::Impl::flush(const std::shared_ptr<Stream>& self) {
  if (!open || writing) return;
  if (tls) return flushTls(self);
  if (nothingWaits()) {
    if (draining) shut();
    return;
  }
  writing = true;
  nextBlock();
  asio::async_write(socket, asio::buffer(inFlight), [this, self](const error_code& error,
                                                                 std::size_t) {
    writing = false;
    if (!open) return;
    if (error) return fail(reasonOf(error), error.message());
    if (inFlight.capacity() > kKeepBytes) Bytes().swap(inFlight);
    else inFlight.clear();
    flush(self);
  });
}

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;

void Stream::connect(Shard& shard, const std::string& host, std::uint16_t port, const Source& from,
                     std::int64_t timeoutMillis, Limits limits, OnConnected done) {
  dialTcp(shard, host, port, from, timeoutMillis,
          [&shard, limits, done = std::move(done)](Result<Detached> connected) {
            if (!connected) return done(connected.error());
            done(adopt(shard, std::move(connected.value()), limits));
          });
}

std::shared_ptr<Stream> Stream::adopt(Shard& shard, Detached connection, Limits limits) {
  const int fd = std::exchange(connection.fd_, -1);
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  tcp::socket socket(shard.loop());
  error_code error;
  socket.assign(own.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, error);
  auto impl = std::make_unique<Impl>(shard, std::move(socket), limits);
  if (error) {
    ::close(fd);
    impl->open = false;
  }
  impl->in = std::move(connection.unread_);
  impl->end = impl->in.size();
  impl->tls = std::move(connection.tls_);
  return std::shared_ptr<Stream>(new Stream(std::move(impl)));
}

void Stream::start(OnFrame onFrame, OnClosed onClosed) {
  handlers(std::move(onFrame), std::move(onClosed));
  const auto self = shared_from_this();
  // Never from inside start(): the caller may still be arranging itself.
  impl_->shard.post([this, self] {
    if (!impl_->open) return impl_->fail(CloseReason::kReset, "connection closed");
    if (impl_->tls) impl_->decrypt(std::exchange(impl_->cipherIn, Bytes()), self);
    impl_->process(self);
  });
}

void Stream::secure(std::unique_ptr<TlsSession> session) {
  Impl& i = *impl_;
  i.tls = std::move(session);
  i.cipherIn.assign(i.in, i.begin, i.end - i.begin);
  i.begin = i.end = 0;
}

void Stream::handlers(OnFrame onFrame, OnClosed onClosed) {
  impl_->callbacks = std::make_shared<Impl::Callbacks>(
      Impl::Callbacks{std::move(onFrame), std::move(onClosed)});
}

void Stream::setFrameLimit(std::uint32_t bytes) { impl_->limits.frameBytes = bytes; }

bool Stream::send(BytesView frame) {
  Impl& i = *impl_;
  if (!i.open || i.draining) return false;
  if (frame.size() > i.limits.frameBytes ||
      i.queued() + frame.size() + 4 > i.limits.queuedBytes)
    return i.overflow(shared_from_this(), frame.size());
  const auto n = static_cast<std::uint32_t>(frame.size());
  const char head[4] = {static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                        static_cast<char>(n >> 8), static_cast<char>(n)};
  i.waiting.append(head, sizeof head);
  i.waiting.append(frame);
  i.endBlock();
  i.scheduleFlush(shared_from_this());
  return true;
}

bool Stream::sendRaw(Bytes bytes) {
  Impl& i = *impl_;
  if (!i.open || i.draining) return false;
  if (i.limits.raw && i.queued() + bytes.size() > i.limits.queuedBytes)
    return i.overflow(shared_from_this(), bytes.size());
  i.waiting.append(bytes);
  i.endBlock();
  i.scheduleFlush(shared_from_this());
  return true;
}

Detached Stream::detach() {
  Impl& i = *impl_;
  const bool unsent = !i.nothingWaits() || (i.tls && !i.tls->output().empty());
  if (!i.open || i.writing || unsent || i.reading) {
    close();
    return {};
  }
  Bytes unread = i.in.substr(i.begin, i.end - i.begin);
  i.open = false;
  i.callbacks.reset();
  error_code error;
  const int fd = i.socket.release(error);
  if (error) return {};
  return Detached(fd, std::move(unread), std::move(i.tls));
}

void Stream::close() {
  if (impl_->open) impl_->shut();
}

void Stream::closeWhenWritten() {
  Impl& i = *impl_;
  if (!i.open || i.draining) return;
  i.draining = true;
  i.callbacks.reset();
  const auto self = shared_from_this();
  i.scheduleFlush(self);
  i.shard.runAfter(kDrainMillis, [this, self] { close(); });
}

void Stream::pauseReading() { impl_->paused = true; }

void Stream::resumeReading() {
  if (!impl_->paused) return;
  impl_->paused = false;
  if (impl_->open) impl_->process(shared_from_this());
}

bool Stream::open() const { return impl_->open && !impl_->draining; }
std::size_t Stream::queuedBytes() const { return impl_->queued(); }
std::string Stream::remote() const { return impl_->remoteName; }

}  // namespace ox::net

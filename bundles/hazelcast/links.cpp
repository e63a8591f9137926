#include "links.h"

#include "base/log.h"
#include "base/random.h"
#include "net/tls.h"

namespace ox::grid {
namespace {

Bytes freshNonce() {
  ByteWriter out;
  for (std::size_t i = 0; i < kNonceBytes / 8; ++i) out.u64(secureRandom().next());
  return out.take();
}

constexpr net::Stream::Limits kBeforeHandshake{static_cast<std::uint32_t>(kMaxHandshakeFrame),
                                               std::size_t{64} << 20};

// With TLS as configured now; certificates may have been reloaded since the last link.
bool secure(net::Stream& stream, const LinkContext& context, net::TlsSession::Side side) {
  auto tls = context.encryption->get();
  if (!tls) return false;
  stream.secure(std::make_unique<net::TlsSession>(std::move(tls), side));
  return true;
}

// A link that ended because of TLS, in the log of this side. False: for another reason.
bool noteTls(const LinkContext& context, const std::string& address, net::CloseReason why,
             const std::string& text) {
  if (why == net::CloseReason::kPlainPeer)
    context.refusals->note(address, Refusal::kEncryption, false,
                           "this member encrypts its links, the other side does not");
  else if (why == net::CloseReason::kTls || why == net::CloseReason::kTlsByPeer)
    context.refusals->note(address, Refusal::kTls, why == net::CloseReason::kTlsByPeer, text);
  else
    return false;
  return true;
}

// Before a peer has told who it is only its address means something, not its dialling port.
std::string hostOf(const std::string& remote) { return remote.substr(0, remote.rfind(':')); }

class DialImpl final : public Dial, public std::enable_shared_from_this<DialImpl> {
 public:
  DialImpl(net::Shard& shard, std::shared_ptr<const LinkContext> context, const Address& address,
           const LinkPurpose& purpose, MemberId expected, std::function<void(DialResult)> done)
      : shard_(shard), context_(std::move(context)), address_(address.toString()),
        handshake_(Handshake::dial(context_->identity, purpose, freshNonce(), expected)),
        done_(std::move(done)) {}

  void start(const Address& address) {
    net::Stream::connect(shard_, address.host, address.port, context_->from,
                         context_->connectMillis, kBeforeHandshake,
                         [self = shared_from_this()](auto result) {
                           if (!self->done_) return;
                           // Refused means that nobody listens there, and nothing else does.
                           if (!result) {
                             if (result.error().code == Code::kBusy)
                               self->context_->refusals->noteSourcePorts(result.error().message);
                             return self->fail(result.error().code == Code::kNetRefused
                                                   ? LinkLoss::kRefused
                                                   : LinkLoss::kTimeout);
                           }
                           self->greet(std::move(result.value()));
                         });
  }

  void cancel() override {
    done_ = nullptr;
    end();
    if (stream_) stream_->close();
    stream_.reset();
  }

 private:
  void greet(std::shared_ptr<net::Stream> stream) {
    stream_ = std::move(stream);
    timer_ = shard_.runAfter(kHandshakeMillis, [self = shared_from_this()] {
      if (self->stream_) self->stream_->close();
      self->fail(LinkLoss::kTimeout);
    });
    // Inside TLS its own first bytes say what is spoken (ALPN).
    if (!secure(*stream_, *context_, net::TlsSession::Side::kDialler)) stream_->sendRaw(kMagic);
    stream_->send(handshake_.hello());
    stream_->start([self = shared_from_this()](BytesView frame) { self->received(frame); },
                   [self = shared_from_this()](net::CloseReason why, const std::string& text) {
                     const bool tls = noteTls(*self->context_, self->address_, why, text);
                     self->fail(tls ? LinkLoss::kProtocol : LinkLoss::kReset);
                   });
  }

  void received(BytesView frame) {
    if (!done_) return;
    const auto step = handshake_.received(frame);
    if (step.send) stream_->send(*step.send);
    if (step.refused != Refusal::kNone) {
      context_->refusals->note(address_, step.refused, step.byPeer, step.text);
      stream_->closeWhenWritten();
      return fail(LinkLoss::kProtocol, step.refused);
    }
    if (!step.done) return;
    end();
    stream_->setFrameLimit(kMaxFrameBytes);
    DialResult result;
    result.stream = std::move(stream_);
    result.peer = handshake_.peer();
    answer(std::move(result));
  }

  void fail(LinkLoss loss, Refusal refused = Refusal::kNone) {
    end();
    stream_.reset();
    DialResult result;
    result.loss = loss;
    result.refused = refused;
    answer(std::move(result));
  }
  void answer(DialResult result) {
    if (!done_) return;
    const auto once = std::exchange(done_, nullptr);
    once(std::move(result));
  }
  void end() {
    if (timer_ != 0) shard_.cancelTimer(std::exchange(timer_, 0));
  }

  net::Shard& shard_;
  const std::shared_ptr<const LinkContext> context_;
  const std::string address_;
  Handshake handshake_;
  std::function<void(DialResult)> done_;
  std::shared_ptr<net::Stream> stream_;
  std::uint64_t timer_ = 0;
};

struct Accepting final : Dial {
  Accepting(net::Shard& s, std::shared_ptr<const LinkContext> c)
      : shard(s), context(std::move(c)),
        handshake(Handshake::accept(context->identity, freshNonce())) {}

  net::Shard& shard;
  const std::shared_ptr<const LinkContext> context;
  Handshake handshake;
  std::string remote;
  std::shared_ptr<net::Stream> stream;
  std::function<void(AcceptedLink&)> ready;
  std::function<void()> ended;
  std::uint64_t timer = 0;

  void received(BytesView frame) {
    if (!stream) return;
    const auto step = handshake.received(frame);
    // Told who it is, a peer is named by its listening address: its dialling port means nothing.
    if (handshake.peer().member.id.valid()) remote = handshake.peer().member.address.toString();
    if (step.send) stream->send(*step.send);
    if (step.refused != Refusal::kNone) {
      context->refusals->note(remote, step.refused, step.byPeer, step.text);
      stream->closeWhenWritten();
      return end();
    }
    if (!step.done) return;
    shard.cancelTimer(timer);
    stream->setFrameLimit(kMaxFrameBytes);
    AcceptedLink link{stream, handshake};
    ready(link);
    end();
  }
  void end() {
    if (!stream) return;
    stream.reset();
    shard.cancelTimer(timer);
    if (const auto once = std::exchange(ended, nullptr)) once();
  }
  void cancel() override {
    ended = nullptr;
    if (stream) stream->close();
    end();
  }
};

}  // namespace

void RefusalLog::note(const std::string& address, Refusal reason, bool byPeer,
                      const std::string& text) {
  ++counts_[static_cast<std::size_t>(reason)];
  // Everyday events of links that cross each other; counted only.
  if (reason == Refusal::kSelf || reason == Refusal::kStale || reason == Refusal::kBusy) return;
  const std::int64_t now = clock_.steadyMillis();
  {
    std::lock_guard lock(mutex_);
    const auto key = std::make_pair(address, reason);
    const auto it = lastLogged_.find(key);
    if (it != lastLogged_.end() && now - it->second < kQuietMillis) return;
    if (it == lastLogged_.end() && lastLogged_.size() >= kMaxRefusalLog) {
      std::erase_if(lastLogged_, [&](const auto& e) { return now - e.second >= kQuietMillis; });
      if (lastLogged_.size() >= kMaxRefusalLog) return;
    }
    lastLogged_[key] = now;
  }
  log::warn("member link with " + address + " refused by " + (byPeer ? "the other side" : "us") +
            " (" + refusalName(reason) + "): " + text);
}

void RefusalLog::noteSourcePorts(const std::string& text) {
  const std::int64_t now = clock_.steadyMillis();
  {
    std::lock_guard lock(mutex_);
    if (sourcePortsLogged_ && now - *sourcePortsLogged_ < kQuietMillis) return;
    sourcePortsLogged_ = now;
  }
  log::warn(text + ": more outbound ports are needed, at least two for each data shard and two "
            "more; the link is tried again");
}

std::shared_ptr<Dial> dialLink(net::Shard& shard, std::shared_ptr<const LinkContext> context,
                               const Address& address, const LinkPurpose& purpose,
                               MemberId expected, std::function<void(DialResult)> done) {
  auto dial = std::make_shared<DialImpl>(shard, std::move(context), address, purpose, expected,
                                         std::move(done));
  dial->start(address);
  return dial;
}

void AcceptedLink::refuse(Refusal reason, const std::string& text) {
  const auto step = handshake.refuse(reason, text);
  if (step.send) stream->send(*step.send);
  stream->closeWhenWritten();
}

std::shared_ptr<Dial> acceptLink(net::Shard& shard, std::shared_ptr<const LinkContext> context,
                                 net::Detached connection, const std::string& remote,
                                 std::function<void(AcceptedLink&)> ready,
                                 std::function<void()> ended) {
  auto a = std::make_shared<Accepting>(shard, std::move(context));
  a->remote = remote;
  a->ready = std::move(ready);
  a->ended = std::move(ended);
  a->stream = net::Stream::adopt(shard, std::move(connection), kBeforeHandshake);
  a->timer = shard.runAfter(kHandshakeMillis, [a] {
    if (!a->stream) return;
    a->context->refusals->note(a->remote, Refusal::kBadMessage, false,
                               "the handshake was not finished in time");
    a->stream->close();
    a->end();
  });
  secure(*a->stream, *a->context, net::TlsSession::Side::kAcceptor);
  a->stream->start([a](BytesView frame) { a->received(frame); },
                   [a](net::CloseReason why, const std::string& text) {
                     if (!a->stream) return;
                     if (noteTls(*a->context, hostOf(a->remote), why, text)) return a->end();
                     a->context->refusals->note(a->remote, Refusal::kBadMessage, false,
                                                "closed during the handshake: " + text);
                     a->end();
                   });
  return a;
}

void refuseConnection(net::Shard& shard, const LinkContext& context, net::Detached connection,
                      const std::string& remote) {
  const bool encrypted = context.encryption->get() != nullptr;
  context.refusals->note(hostOf(remote), Refusal::kEncryption, false,
                         encrypted ? "the other side does not encrypt its links, this member does"
                                   : "the other side encrypts its links, this member does not");
  const auto step = Handshake::accept(context.identity, freshNonce())
                        .refuse(Refusal::kEncryption,
                                context.identity.self.address.toString() +
                                    (encrypted ? " encrypts its links" : " does not encrypt its links"));
  const auto stream = net::Stream::adopt(shard, std::move(connection), kBeforeHandshake);
  stream->send(*step.send);
  stream->closeWhenWritten();
}

}  // namespace ox::grid

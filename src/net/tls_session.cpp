#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#include "base/check.h"
#include "net/tls_impl.h"
#include "net/tls_store.h"

namespace ox::net {
namespace {

constexpr std::size_t kRecordBytes = 16u << 10;
constexpr std::size_t kKeepBytes = 1u << 20;
// First byte of a record: change_cipher_spec, alert, handshake, application data.
constexpr char kFirstRecord = 20, kLastRecord = 23;

// OpenSSL reads and writes the session's own buffers: no copy in between, and writing never waits.
int bioRead(BIO* bio, char* into, int room) {
  BIO_clear_retry_flags(bio);
  auto& s = *static_cast<TlsSession::Impl*>(BIO_get_data(bio));
  const std::size_t n = std::min(s.in.size() - s.taken, static_cast<std::size_t>(room));
  if (n == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(into, s.in.data() + s.taken, n);
  s.taken += n;
  return static_cast<int>(n);
}

int bioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<TlsSession::Impl*>(BIO_get_data(bio))->out.append(bytes, static_cast<std::size_t>(size));
  return size;
}

long bioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* bioMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls session");
    OX_CHECK(m != nullptr);
    BIO_meth_set_read(m, bioRead);
    BIO_meth_set_write(m, bioWrite);
    BIO_meth_set_ctrl(m, bioControl);
    return m;
  }();
  return method;
}

// An alert of the other side, as a sentence. OpenSSL numbers these reasons 1000 + alert.
std::string alertText(int alert, bool askedWithKey) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return std::string("the other side does not accept the certificate of this node: ") +
             SSL_alert_desc_string_long(alert);
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return "the other side uses another kind of encryption than this node, or is no member of "
             "a grid";
    case SSL_AD_PROTOCOL_VERSION:
      return "the other side and this node have no version of TLS in common";
    default:
      break;
  }
  std::string text = std::string("the other side ended TLS: ") + SSL_alert_desc_string_long(alert);
  if (askedWithKey && (alert == SSL_AD_DECRYPT_ERROR || alert == SSL_AD_ILLEGAL_PARAMETER))
    text = "password, salt or iteration count of the encryption differ between this node and the "
           "other side";
  return text;
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, Side side)
    : impl_(std::make_unique<Impl>()) {
  impl_->side = side;
  impl_->context = std::move(context);
  SSL* ssl = impl_->ssl = SSL_new(impl_->context->impl_->context);
  BIO* bio = BIO_new(bioMethod());
  OX_CHECK(ssl != nullptr && bio != nullptr);  // memory only
  BIO_set_data(bio, impl_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, impl_.get());
  if (side == Side::kDialler) SSL_set_connect_state(ssl);
  else SSL_set_accept_state(ssl);
  impl_->advance();  // a dialler speaks first
}

TlsSession::~TlsSession() = default;
TlsSession::Impl::~Impl() { SSL_free(ssl); }

void TlsSession::Impl::fail(std::string text) {
  failed = true;
  problem = std::move(text);
  ERR_clear_error();
}

std::string TlsSession::Impl::explain() {
  if (!refusal.empty()) return refusal;
  const bool askedWithKey = side == Side::kDialler && !context->impl_->key.empty() && !ready;
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  byPeer = reason >= SSL_AD_REASON_OFFSET;
  if (byPeer) return alertText(reason - SSL_AD_REASON_OFFSET, askedWithKey);
  switch (reason) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
      return "password, salt or iteration count of the encryption differ between this node and "
             "the other side";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the other side shows no certificate";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
      return "the other side and this node have no version of TLS in common";
    default:
      return "TLS failed: " + opensslReason();
  }
}

void TlsSession::Impl::advance() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl);
  if (done != 1) {
    const int why = SSL_get_error(ssl, done);
    if (why != SSL_ERROR_WANT_READ) fail(explain());
    return;
  }
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  const BytesView spoken(reinterpret_cast<const char*>(name), size);
  if (spoken != context->impl_->protocol.name)
    return fail("the other side speaks TLS, but is no member of a grid");
  // Belt and braces: with a shared key nothing else may have proved the other side.
  if (!context->impl_->key.empty() && SSL_session_reused(ssl) != 1)
    return fail("the other side did not prove to know the shared key");
  ready = true;
}

Status TlsSession::feed(BytesView cipher) {
  Impl& s = *impl_;
  if (s.failed) return Error(Code::kNetProtocol, s.problem);
  if (!s.begun && !cipher.empty()) {
    s.begun = true;
    if (cipher.front() < kFirstRecord || cipher.front() > kLastRecord) {
      s.plain = true;
      s.fail("the other side answers without encryption");
      return Error(Code::kNetProtocol, s.problem);
    }
  }
  if (s.taken == s.in.size()) {
    s.in.clear();
    s.taken = 0;
    if (s.in.capacity() > kKeepBytes) Bytes().swap(s.in);
  } else if (s.taken > s.in.size() / 2) {
    s.in.erase(0, s.taken);
    s.taken = 0;
  }
  s.in.append(cipher);
  if (!s.ready) {
    s.handshakeBytes += cipher.size();
    s.advance();
    if (!s.failed && !s.ready && s.handshakeBytes > kMaxTlsHandshake)
      s.fail("more than " + std::to_string(kMaxTlsHandshake) + " bytes before TLS was set up");
  }
  if (s.failed) return Error(Code::kNetProtocol, s.problem);
  return {};
}

std::size_t TlsSession::read(char* into, std::size_t room) {
  Impl& s = *impl_;
  if (!s.ready || s.failed || s.ended || room == 0) return 0;
  ERR_clear_error();
  std::size_t n = 0;
  const int done = SSL_read_ex(s.ssl, into, room, &n);
  if (done == 1) return n;
  switch (SSL_get_error(s.ssl, done)) {
    case SSL_ERROR_WANT_READ:
      break;
    case SSL_ERROR_ZERO_RETURN:
      s.ended = true;
      break;
    default:
      s.fail(s.explain());
  }
  return 0;
}

void TlsSession::write(BytesView plain) {
  Impl& s = *impl_;
  if (!s.ready || s.failed || plain.empty()) return;
  s.records += (plain.size() + kRecordBytes - 1) / kRecordBytes;
  ERR_clear_error();
  if (s.records > s.context->impl_->rekeyRecords && SSL_version(s.ssl) == TLS1_3_VERSION) {
    s.records = 0;
    if (SSL_key_update(s.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1) ++s.rekeys;
  }
  std::size_t n = 0;
  if (SSL_write_ex(s.ssl, plain.data(), plain.size(), &n) != 1 || n != plain.size())
    s.fail(s.explain());
}

void TlsSession::finish() {
  if (!impl_->ready || impl_->failed) return;
  ERR_clear_error();
  SSL_shutdown(impl_->ssl);
  ERR_clear_error();
}

Bytes& TlsSession::output() { return impl_->out; }
bool TlsSession::ready() const { return impl_->ready; }
bool TlsSession::failed() const { return impl_->failed; }
bool TlsSession::ended() const { return impl_->ended; }
bool TlsSession::plainPeer() const { return impl_->plain; }
bool TlsSession::refusedByPeer() const { return impl_->byPeer; }
const std::string& TlsSession::problem() const { return impl_->problem; }
std::uint64_t TlsSession::rekeys() const { return impl_->rekeys; }

}  // namespace ox::net

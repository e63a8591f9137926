#include <cstring>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/check.h"
#include "net/tls_impl.h"
#include "net/tls_store.h"

namespace ox::net {
namespace {

// Names the group of keys, not a person: the proof is the key itself.
constexpr std::string_view kKeyIdentity = "ox member link";
constexpr unsigned char kSessionContext[] = {'o', 'x'};
constexpr unsigned char kAes256GcmSha384[2] = {0x13, 0x02};

const TlsContext::Impl& implOf(SSL* ssl) {
  return *static_cast<const TlsContext::Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}
TlsSession::Impl& sessionOf(SSL* ssl) {
  return *static_cast<TlsSession::Impl*>(SSL_get_app_data(ssl));
}

Bytes wireName(const TlsProtocol& protocol) {
  OX_CHECK(protocol.name.size() < 256);
  return static_cast<char>(protocol.name.size()) + protocol.name;
}

// Says which certificate was refused and why; the decision stays OpenSSL's.
int verified(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return 1;
  auto* ssl = static_cast<SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  std::string text = std::string("the certificate of the other side is not accepted: ") +
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  if (const X509* bad = X509_STORE_CTX_get_current_cert(store))
    text += " (" + subjectOf(bad) + ", valid from " + utcText(validFromMillis(bad)) + " until " +
            utcText(validUntilMillis(bad)) + ")";
  sessionOf(ssl).refusal = std::move(text);
  return 0;
}

int greeted(SSL* ssl, int* alert, void*) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  const TlsProtocol& protocol = implOf(ssl).protocol;
  const bool offers =
      SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                &size) == 1;
  const BytesView names(reinterpret_cast<const char*>(data), offers ? size : 0);
  if (protocol.name.empty() || alpnOffers(names, protocol.name)) return SSL_CLIENT_HELLO_SUCCESS;
  sessionOf(ssl).refusal = alpnOffers(names, protocol.otherName)
                               ? protocol.otherText
                               : "the other side speaks TLS, but is no member of a grid";
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

int chosen(SSL* ssl, const unsigned char** out, unsigned char* outSize, const unsigned char*,
           unsigned, void*) {
  // greeted() has seen that it was offered.
  const std::string& name = implOf(ssl).protocol.name;
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;
  *out = reinterpret_cast<const unsigned char*>(name.data());
  *outSize = static_cast<unsigned char>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

SSL_SESSION* sessionOfKey(SSL* ssl) {
  const Bytes& key = implOf(ssl).key;
  SSL_SESSION* session = SSL_SESSION_new();
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, kAes256GcmSha384);
  if (session != nullptr && cipher != nullptr &&
      SSL_SESSION_set1_master_key(session, reinterpret_cast<const unsigned char*>(key.data()),
                                  key.size()) == 1 &&
      SSL_SESSION_set1_id_context(session, kSessionContext, sizeof kSessionContext) == 1 &&
      SSL_SESSION_set_cipher(session, cipher) == 1 &&
      SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
    return session;
  SSL_SESSION_free(session);
  return nullptr;
}

int useKey(SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* idSize,
           SSL_SESSION** session) {
  *session = sessionOfKey(ssl);
  *id = reinterpret_cast<const unsigned char*>(kKeyIdentity.data());
  *idSize = kKeyIdentity.size();
  return *session != nullptr ? 1 : 0;
}

int findKey(SSL* ssl, const unsigned char* id, std::size_t idSize, SSL_SESSION** session) {
  *session = nullptr;  // unknown: no key in common, and a certificate is not there either
  if (BytesView(reinterpret_cast<const char*>(id), idSize) != kKeyIdentity) return 1;
  *session = sessionOfKey(ssl);
  return *session != nullptr ? 1 : 0;
}

// What both kinds have in common.
bool prepare(TlsContext::Impl& impl, int lowest, int highest) {
  impl.context = SSL_CTX_new(TLS_method());
  if (impl.context == nullptr) return false;
  SSL_CTX* c = impl.context;
  SSL_CTX_set_app_data(c, &impl);
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                             SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(c, 0);
  SSL_CTX_set_max_early_data(c, 0);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verified);
  SSL_CTX_set_verify_depth(c, kMaxChainDepth);
  SSL_CTX_set_client_hello_cb(c, greeted, nullptr);
  SSL_CTX_set_alpn_select_cb(c, chosen, nullptr);
  const Bytes name = wireName(impl.protocol);
  // Needed with a verified peer; nothing is ever resumed.
  return SSL_CTX_set_session_id_context(c, kSessionContext, sizeof kSessionContext) == 1 &&
         SSL_CTX_set_min_proto_version(c, lowest) == 1 &&
         SSL_CTX_set_max_proto_version(c, highest) == 1 &&
         SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM") == 1 &&
         (impl.protocol.name.empty() ||
          SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(name.data()),
                                  static_cast<unsigned>(name.size())) == 0);
}

bool install(SSL_CTX* c, const StoreContent& keys, const StoreContent& trusted) {
  if (SSL_CTX_use_certificate(c, keys.certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(c, keys.key.get()) != 1 || SSL_CTX_check_private_key(c) != 1)
    return false;
  for (std::size_t i = 1; i < keys.certificates.size(); ++i)
    if (SSL_CTX_add1_chain_cert(c, keys.certificates[i].get()) != 1) return false;
  X509_STORE* store = SSL_CTX_get_cert_store(c);
  // A listed certificate is trusted as it is: it may be an intermediate, or a member's own.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const auto& certificate : trusted.certificates)
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return false;
  return true;
}

}  // namespace

bool alpnOffers(BytesView extension, std::string_view name) {
  ByteReader in(extension);
  if (in.u16() + 2u != extension.size() || !in.ok()) return false;
  for (std::size_t at = 2; at < extension.size();) {
    const std::size_t size = static_cast<unsigned char>(extension[at]);
    if (size == 0 || at + 1 + size > extension.size()) return false;
    if (extension.substr(at + 1, size) == name) return true;
    at += 1 + size;
  }
  return false;
}

TlsContext::Impl::~Impl() {
  SSL_CTX_free(context);
  OPENSSL_cleanse(key.data(), key.size());
}

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;
const std::string& TlsContext::summary() const { return impl_->summary; }
std::int64_t TlsContext::validUntilMillis() const { return impl_->validUntil; }

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsCertificates& settings) {
  auto keys = readStore(settings.keys, true);
  if (!keys) return keys.error();
  auto trusted = readStore(settings.trusted, false);
  if (!trusted) return trusted.error();
  auto impl = std::make_unique<Impl>();
  impl->protocol = settings.protocol;
  impl->rekeyRecords = settings.rekeyRecords;
  OX_CHECK(settings.allow12 || settings.allow13);
  if (!prepare(*impl, settings.allow12 ? TLS1_2_VERSION : TLS1_3_VERSION,
               settings.allow13 ? TLS1_3_VERSION : TLS1_2_VERSION) ||
      !install(impl->context, *keys, *trusted))
    return Error(Code::kConfig, "\"" + settings.keys.path + "\" with \"" + settings.trusted.path +
                                    "\" cannot be used for TLS: " + opensslReason());
  impl->validUntil = net::validUntilMillis(keys->certificates.front().get());
  impl->summary = std::string("TLS ") + (settings.allow12 ? "1.2" : "") +
                  (settings.allow12 && settings.allow13 ? " or " : "") +
                  (settings.allow13 ? "1.3" : "") + ", certificate " +
                  subjectOf(keys->certificates.front().get()) + " valid until " +
                  utcText(impl->validUntil) + ", " +
                  std::to_string(trusted->certificates.size()) + " trusted";
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsSharedKey& settings) {
  OX_CHECK(settings.key.size() == kTlsKeyBytes);
  auto impl = std::make_unique<Impl>();
  impl->protocol = settings.protocol;
  impl->rekeyRecords = settings.rekeyRecords;
  impl->key = settings.key;
  impl->summary = "TLS 1.3 with a shared key, TLS_AES_256_GCM_SHA384";
  if (!prepare(*impl, TLS1_3_VERSION, TLS1_3_VERSION) ||
      SSL_CTX_set_ciphersuites(impl->context, "TLS_AES_256_GCM_SHA384") != 1)
    return Error(Code::kInternal, "TLS cannot be set up: " + opensslReason());
  SSL_CTX_set_psk_use_session_callback(impl->context, useKey);
  SSL_CTX_set_psk_find_session_callback(impl->context, findKey);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

}  // namespace ox::net

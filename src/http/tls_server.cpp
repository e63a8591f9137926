#include "http/tls_server.h"

#include <algorithm>
#include <cstring>

#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>

#include "base/log.h"
#include "config/keys_http.h"
#include "http/settings.h"
#include "net/tls_store.h"

namespace ox::http {
namespace {

constexpr unsigned char kProtocols[] = "\x08http/1.1";

int chooseProtocol(SSL*, const unsigned char** out, unsigned char* outSize,
                   const unsigned char* offered, unsigned size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, outSize, kProtocols, sizeof kProtocols - 1, offered, size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = found;
  return SSL_TLSEXT_ERR_OK;
}

Error refused(const config::Key<std::string>& key, const std::string& why) {
  return Error(Code::kConfig, "HTTPS connector: " + key.name() + " " + why);
}

}  // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> serverTls(const HttpSettings& settings) {
  namespace keys = config::keys;
  if (settings.tlsKeystore.empty())
    return refused(keys::kHttpKeystorePath, "is empty; it names the file with key and certificate");
  const auto store = net::readStore({settings.tlsKeystore, settings.tlsPassword}, true);
  if (!store) return refused(keys::kHttpKeystorePath, store.error().message);

  auto out = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  SSL_CTX* context = out->native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  // An idle connection holds no buffers of OpenSSL's.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
  if (SSL_CTX_use_certificate(context, store->certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, store->key.get()) != 1)
    return refused(keys::kHttpKeystorePath, "cannot be used: " + net::opensslReason());
  for (std::size_t i = 1; i < store->certificates.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, store->certificates[i].get()) != 1)
      return refused(keys::kHttpKeystorePath, "has an unusable chain: " + net::opensslReason());
  if (!settings.tlsCiphers.empty()) {
    std::string names = settings.tlsCiphers;
    std::replace(names.begin(), names.end(), ',', ':');
    names.erase(std::remove(names.begin(), names.end(), ' '), names.end());
    if (SSL_CTX_set_cipher_list(context, names.c_str()) != 1)
      return refused(keys::kHttpCiphers, "holds no cipher suite that is known here");
  }
  log::info("HTTPS connector: certificate " + net::subjectOf(store->certificates.front().get()) +
            " valid until " +
            net::utcText(net::validUntilMillis(store->certificates.front().get())));
  return out;
}

}  // namespace ox::http

#include "net/tls_store.h"

#include <sys/stat.h>

#include <cstdio>
#include <ctime>
#include <cstring>
#include <fstream>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

namespace ox::net {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

Error unusable(const TlsStore& store, const std::string& why) {
  ERR_clear_error();
  return Error(Code::kConfig, "\"" + store.path + "\" " + why);
}

// A file may hold a key: its bytes are wiped.
struct Content {
  std::string bytes;
  Content() = default;
  Content(Content&&) = default;
  Content& operator=(Content&&) = default;
  ~Content() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

Result<Content> load(const TlsStore& store) {
  struct stat facts {};
  if (::stat(store.path.c_str(), &facts) != 0)
    return unusable(store, std::string("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return unusable(store, "is no file");
  if (static_cast<std::size_t>(facts.st_size) > kMaxStoreBytes)
    return unusable(store, "has " + std::to_string(facts.st_size) + " bytes; allowed are at most " +
                               std::to_string(kMaxStoreBytes));
  std::ifstream in(store.path, std::ios::binary);
  Content out;
  out.bytes.resize(static_cast<std::size_t>(facts.st_size));
  if (!in || !in.read(out.bytes.data(), static_cast<std::streamsize>(out.bytes.size())))
    return unusable(store, std::string("cannot be read: ") + std::strerror(errno));
  return out;
}

bool javaStore(const std::string& bytes) {
  return bytes.starts_with("\xfe\xed\xfe\xed") || bytes.starts_with("\xce\xce\xce\xce");
}

std::string converted(const std::string& path) {
  const auto dot = path.rfind('.');
  const auto slash = path.rfind('/');
  const bool extension = dot != std::string::npos && (slash == std::string::npos || dot > slash);
  return path.substr(0, extension ? dot : path.size()) + ".p12";
}

int givePassword(char* buffer, int size, int, void* user) {
  const auto& password = *static_cast<const std::string*>(user);
  if (password.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password.data(), password.size());
  return static_cast<int>(password.size());
}

CertificatePtr own(X509* certificate) { return CertificatePtr(certificate, X509_free); }

Result<StoreContent> readPem(const TlsStore& store, const Content& content, bool wantKey) {
  StoreContent out;
  const auto bio = [&] {
    return BioPtr(BIO_new_mem_buf(content.bytes.data(), static_cast<int>(content.bytes.size())),
                  BIO_free);
  };
  const auto certificates = bio();
  while (X509* found = PEM_read_bio_X509_AUX(certificates.get(), nullptr, nullptr, nullptr)) {
    out.certificates.push_back(own(found));
    if (out.certificates.size() > kMaxStoreCertificates)
      return unusable(store, "has more than " + std::to_string(kMaxStoreCertificates) +
                                 " certificates");
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return unusable(store, "has a certificate that cannot be read: " + opensslReason());
  ERR_clear_error();
  if (!wantKey) return out;
  const auto keys = bio();
  std::string password = store.password;
  EVP_PKEY* key = PEM_read_bio_PrivateKey(keys.get(), nullptr, givePassword, &password);
  OPENSSL_cleanse(password.data(), password.size());
  if (key == nullptr) {
    if (content.bytes.find("PRIVATE KEY-----") == std::string::npos)
      return unusable(store, "has no private key; a PEM key store holds the key, its certificate "
                             "and the certificates of its issuers");
    return unusable(store, content.bytes.find("ENCRYPTED") == std::string::npos
                               ? "has a private key that cannot be read: " + opensslReason()
                               : "has a private key that its password does not open");
  }
  out.key = KeyPtr(key, EVP_PKEY_free);
  return out;
}

Result<StoreContent> readPkcs12(const TlsStore& store, const Content& content) {
  const BioPtr bio(BIO_new_mem_buf(content.bytes.data(), static_cast<int>(content.bytes.size())),
                   BIO_free);
  const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> p12(d2i_PKCS12_bio(bio.get(), nullptr),
                                                            PKCS12_free);
  if (!p12) return unusable(store, "is neither PEM nor PKCS12");
  EVP_PKEY* key = nullptr;
  X509* first = nullptr;
  STACK_OF(X509)* rest = nullptr;
  const bool parsed = PKCS12_parse(p12.get(), store.password.c_str(), &key, &first, &rest) == 1;
  StoreContent out;
  if (key != nullptr) out.key = KeyPtr(key, EVP_PKEY_free);
  if (first != nullptr) out.certificates.push_back(own(first));
  while (rest != nullptr && sk_X509_num(rest) > 0) out.certificates.push_back(own(sk_X509_shift(rest)));
  sk_X509_free(rest);
  if (!parsed) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE)
      return unusable(store, "is not opened by its password");
    // RC2 and DES of old tools; OpenSSL 3 has them in its legacy provider only.
    return unusable(store, "is protected with an outdated cipher; convert it with: openssl pkcs12 "
                           "-legacy -in " + store.path + " -nodes -out store.pem && openssl pkcs12 "
                           "-export -in store.pem -out " + store.path + " && rm store.pem");
  }
  if (out.certificates.size() > kMaxStoreCertificates)
    return unusable(store, "has more than " + std::to_string(kMaxStoreCertificates) +
                               " certificates");
  return out;
}

std::int64_t millisOf(const ASN1_TIME* time) {
  std::tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1
             ? static_cast<std::int64_t>(timegm(&parts)) * 1000 : 0;
}

}  // namespace

Result<StoreContent> readStore(const TlsStore& store, bool wantKey) {
  auto content = load(store);
  if (!content) return content.error();
  const std::string& bytes = content->bytes;
  if (javaStore(bytes))
    return unusable(store, "is a Java key store (JKS), which is not read here; convert it with: "
                           "keytool -importkeystore -srckeystore " + store.path +
                               " -srcstoretype JKS -destkeystore " + converted(store.path) +
                               " -deststoretype PKCS12");
  auto read = bytes.find("-----BEGIN ") != std::string::npos ? readPem(store, *content, wantKey)
                                                             : readPkcs12(store, *content);
  if (!read) return read;
  if (read->certificates.empty()) return unusable(store, "has no certificate");
  if (!wantKey) return read;
  if (!read->key) return unusable(store, "has no private key");
  for (std::size_t i = 0; i < read->certificates.size(); ++i) {
    if (X509_check_private_key(read->certificates[i].get(), read->key.get()) != 1) continue;
    std::swap(read->certificates[0], read->certificates[i]);
    ERR_clear_error();
    return read;
  }
  return unusable(store, "has no certificate that belongs to its private key");
}

std::string subjectOf(const X509* certificate) {
  const BioPtr text(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  constexpr std::size_t kShown = 200;
  return std::string(data, std::min(static_cast<std::size_t>(size), kShown));
}

std::int64_t validFromMillis(const X509* certificate) {
  return millisOf(X509_get0_notBefore(certificate));
}
std::int64_t validUntilMillis(const X509* certificate) {
  return millisOf(X509_get0_notAfter(certificate));
}

std::string utcText(std::int64_t millis) {
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

std::string opensslReason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  const std::string out = text != nullptr ? text : "no reason given";
  ERR_clear_error();
  return out;
}

}  // namespace ox::net

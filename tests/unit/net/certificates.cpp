#include "net/certificates.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace ox::test {
namespace {

constexpr long kDay = 24 * 3600;

struct Pair {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  Pair() = default;
  Pair(Pair&& o) noexcept
      : key(std::exchange(o.key, nullptr)), certificate(std::exchange(o.certificate, nullptr)) {}
  ~Pair() {
    EVP_PKEY_free(key);
    X509_free(certificate);
  }
};

void extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
  OX_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Without an issuer: one that signs itself.
Pair make(const std::string& name, const Pair* issuer, int fromDays, int untilDays) {
  static long serial = 0;
  Pair out;
  out.key = EVP_EC_gen("P-256");
  X509* c = out.certificate = X509_new();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(c), fromDays * kDay);
  X509_gmtime_adj(X509_getm_notAfter(c), untilDays * kDay);
  X509_set_pubkey(c, out.key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* by = issuer != nullptr ? issuer->certificate : c;
  X509_set_issuer_name(c, X509_get_subject_name(by));
  extend(c, by, NID_basic_constraints, issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE");
  OX_CHECK(X509_sign(c, issuer != nullptr ? issuer->key : out.key, EVP_sha256()) > 0);
  return out;
}

std::string pem(const X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

std::string pem(const EVP_PKEY* key, const std::string& password) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, password.empty() ? nullptr : EVP_aes_256_cbc(),
                                password.data(), static_cast<int>(password.size()), nullptr,
                                nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

std::string pkcs12(const Pair& pair, bool withKey, const std::string& password) {
  STACK_OF(X509)* rest = nullptr;
  if (!withKey) {
    rest = sk_X509_new_null();
    sk_X509_push(rest, pair.certificate);
  }
  PKCS12* p12 = PKCS12_create(password.c_str(), "member", withKey ? pair.key : nullptr,
                              withKey ? pair.certificate : nullptr, rest, 0, 0, 0, 0, 0);
  OX_CHECK(p12 != nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS12(p12, &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  PKCS12_free(p12);
  sk_X509_free(rest);
  return out;
}
}  // namespace

struct Issuer::Impl {
  Pair pair;
};
Issuer::Issuer(const std::string& name)
    : impl(new Impl{make(name, nullptr, -1000, 1000)}) {}
Issuer::~Issuer() = default;

Certificates::Certificates() {
  char name[] = "/tmp/ox-certificates-XXXXXX";
  OX_CHECK(::mkdtemp(name) != nullptr);
  directory_ = name;
}
Certificates::~Certificates() { std::filesystem::remove_all(directory_); }

std::string Certificates::write(const std::string& file, const std::string& bytes) const {
  std::ofstream(path(file), std::ios::binary) << bytes;
  return path(file);
}
std::string Certificates::pemTrust(const std::string& file, const Issuer& issuer) const {
  return write(file, pem(issuer.impl->pair.certificate));
}
std::string Certificates::pkcs12Trust(const std::string& file, const Issuer& issuer,
                                      const std::string& password) const {
  return write(file, pkcs12(issuer.impl->pair, false, password));
}
std::string Certificates::pemKeys(const std::string& file, const Issuer& issuer,
                                  const std::string& name, const std::string& password,
                                  int fromDays, int untilDays) const {
  const Pair pair = make(name, &issuer.impl->pair, fromDays, untilDays);
  return write(file, pem(pair.key, password) + pem(pair.certificate));
}
std::string Certificates::pkcs12Keys(const std::string& file, const Issuer& issuer,
                                     const std::string& name, const std::string& password) const {
  return write(file, pkcs12(make(name, &issuer.impl->pair, -1, 30), true, password));
}

}  // namespace ox::test

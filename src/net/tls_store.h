// Reading keys and certificates from PEM and PKCS12 files. Used by tls_context.cpp and the HTTPS
// connector.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "net/tls.h"

struct evp_pkey_st;
struct x509_st;

namespace ox::net {

using KeyPtr = std::shared_ptr<evp_pkey_st>;
using CertificatePtr = std::shared_ptr<x509_st>;

struct StoreContent {
  KeyPtr key;                                // null = none in the file
  std::vector<CertificatePtr> certificates;  // with a key: the first one belongs to it
};

// kConfig with file and reason. `wantKey`: a file without key and matching certificate is an error.
Result<StoreContent> readStore(const TlsStore& store, bool wantKey);
// "CN=node1,O=x", and its validity as ms since 1970.
std::string subjectOf(const x509_st* certificate);
std::int64_t validFromMillis(const x509_st* certificate);
std::int64_t validUntilMillis(const x509_st* certificate);
std::string utcText(std::int64_t millis);  // "2027-01-31T12:00:00Z"
// The newest reason in OpenSSL's queue, which is empty afterwards.
std::string opensslReason();

}  // namespace ox::net

// The insides shared by tls_context.cpp and tls_session.cpp. Not for use elsewhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/tls.h"

struct ssl_ctx_st;
struct ssl_st;

namespace ox::net {

// Whether the ALPN extension of a ClientHello (u16 length, then u8 length and name, repeated)
// offers that name. Any bytes.
bool alpnOffers(BytesView extension, std::string_view name);

struct TlsContext::Impl {
  ssl_ctx_st* context = nullptr;
  TlsProtocol protocol;
  Bytes key;  // shared key; empty with certificates
  std::uint64_t rekeyRecords = kRekeyRecords;
  std::string summary;
  std::int64_t validUntil = 0;
  ~Impl();
};

struct TlsSession::Impl {
  std::shared_ptr<const TlsContext> context;
  ssl_st* ssl = nullptr;
  Side side = Side::kDialler;
  Bytes in;                // ciphertext that OpenSSL has not taken yet, from `taken` on
  std::size_t taken = 0;
  Bytes out;               // for the network
  std::size_t handshakeBytes = 0;
  std::uint64_t records = 0, rekeys = 0;
  bool begun = false, ready = false, failed = false, ended = false, plain = false,
       byPeer = false;
  std::string problem;
  std::string refusal;     // what a callback of ours refused, said in its words

  ~Impl();
  void advance();          // the handshake, as far as the bytes go
  void fail(std::string text);
  std::string explain();
};

}  // namespace ox::net

// TLS for member links: what is trusted (TlsContext), and one connection (TlsSession) as pure logic
// between two byte streams, so that it moves between shards together with its connection.
//
// Purpose:   two kinds. Certificates: mutual TLS 1.3 (or 1.2), both sides show a certificate of a
//            trusted issuer; host names are not compared, since members are dialled by address.
//            Shared key: TLS 1.3 with an external PSK, psk_dhe_ke and TLS_AES_256_GCM_SHA384 only,
//            no certificates. No session tickets, no early data, no renegotiation.
// Threads:   TlsContext is immutable, any thread. A TlsSession on one thread at a time.
// Ownership: a session keeps its context alive.
// Bounds:    kMaxTlsHandshake bytes may come in before the handshake is over; a store has at most
//            kMaxStoreBytes and kMaxStoreCertificates; a chain kMaxChainDepth certificates.
//            Sending keys are renewed after kRekeyRecords records (RFC 8446, 5.5; TLS 1.3 only).
// Errors:    sentences without any secret; passwords and keys are wiped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::net {

inline constexpr std::size_t kMaxTlsHandshake = 128u << 10;
inline constexpr std::size_t kMaxStoreBytes = 4u << 20;
inline constexpr std::size_t kMaxStoreCertificates = 1000;
inline constexpr int kMaxChainDepth = 8;
inline constexpr std::uint64_t kRekeyRecords = std::uint64_t{1} << 23;
inline constexpr std::size_t kTlsKeyBytes = 48;
inline constexpr int kMinKeyIterations = 100'000;

// A file with keys or certificates: PEM or PKCS12, told apart by its content. JKS is recognised
// and refused with the command that converts it.
struct TlsStore {
  std::string path;
  std::string password;  // may be empty
};

// What is spoken inside (ALPN); an empty name asks for nothing (members of other makes). A peer that offers `otherName` instead is refused with `otherText`.
struct TlsProtocol {
  std::string name;
  std::string otherName;
  std::string otherText;
};

struct TlsCertificates {
  TlsStore keys;     // the node's key, its certificate and the rest of its chain
  TlsStore trusted;  // certificates of issuers (or of single members)
  bool allow12 = false;
  bool allow13 = true;
  TlsProtocol protocol;
  std::uint64_t rekeyRecords = kRekeyRecords;
};

struct TlsSharedKey {
  Bytes key;  // of keyOfPassword(), kTlsKeyBytes
  TlsProtocol protocol;
  std::uint64_t rekeyRecords = kRekeyRecords;
};

class TlsContext {
 public:
  // kConfig: the sentence names the file and what is wrong with it.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsCertificates& settings);
  static Result<std::shared_ptr<const TlsContext>> make(const TlsSharedKey& settings);
  ~TlsContext();

  // For the log: "TLS 1.3, certificate CN=node1 valid until 2027-01-31T12:00:00Z".
  const std::string& summary() const;
  // End of the own certificate's validity, ms since 1970; 0 = there is no certificate.
  std::int64_t validUntilMillis() const;

  struct Impl;

 private:
  friend class TlsSession;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class TlsSession {
 public:
  enum class Side : std::uint8_t { kDialler, kAcceptor };
  TlsSession(std::shared_ptr<const TlsContext> context, Side side);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Bytes from the network; what they mean is read with read(). An error is final; what output()
  // still has then (an alert) should go out before the connection is closed.
  Status feed(BytesView cipher);
  // Decrypted bytes; 0 = none now. After an error of its own it answers 0 and failed() is set.
  std::size_t read(char* into, std::size_t room);
  // Encrypts; only when ready() and not failed().
  void write(BytesView plain);
  // Says goodbye (close_notify).
  void finish();
  // Bytes for the network, to be taken after each of the calls above.
  Bytes& output();

  bool ready() const;      // the handshake is over
  bool failed() const;
  bool ended() const;      // the other side said goodbye
  bool plainPeer() const;  // failed: the other side speaks, but no TLS
  bool refusedByPeer() const;  // failed: by an alert of the other side
  const std::string& problem() const;  // why it failed, one sentence
  std::uint64_t rekeys() const;        // of our sending keys

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::net

// Encryption of the links between members: settings, and what is in force.
//
// Purpose:   none, TLS with certificates on both sides (network.ssl), or TLS 1.3 with a key made of
//            password and salt (network.symmetricEncryption). All members of a cluster use the same.
// Threads:   readEncryption() and openEncryption() anywhere (they read files; the key takes tens of
//            milliseconds). LinkEncryption from any thread.
// Errors:    Problems with file, line and key; no secret in any text.
// Source of the keys: the original's hazelcast.properties.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"

namespace ox::net {
class TlsContext;
}

namespace ox::grid {

inline constexpr std::int64_t kExpiryWarnDays = 30;

struct GridEncryption {
  enum class Kind : std::uint8_t { kNone, kCertificates, kSharedKey };
  Kind kind = Kind::kNone;
  // certificates; absolute paths
  std::string keyStore, keyStorePassword, trustStore, trustStorePassword;
  bool allow12 = false, allow13 = true;
  // shared key
  std::string password, salt;
  int iterations = 0;
};

GridEncryption readEncryption(const config::Config& config,
                              std::vector<config::Problem>& problems);
// Null for kNone.
Result<std::shared_ptr<const net::TlsContext>> openEncryption(const GridEncryption& settings);
// A sentence when the own certificate is over, not begun, or ends within kExpiryWarnDays.
std::string expiryWarning(const net::TlsContext& tls, std::int64_t nowMillis);

// What new links use; a reload puts another one in.
class LinkEncryption {
 public:
  explicit LinkEncryption(std::shared_ptr<const net::TlsContext> tls) : tls_(std::move(tls)) {}
  std::shared_ptr<const net::TlsContext> get() const {
    std::lock_guard lock(mutex_);
    return tls_;
  }
  void set(std::shared_ptr<const net::TlsContext> tls) {
    std::lock_guard lock(mutex_);
    tls_ = std::move(tls);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const net::TlsContext> tls_;
};

}  // namespace ox::grid

// Obfuscator: hides the password inside a stored session.
//
// Form:     "ox1:" + base64(nonce, 12 bytes | AES-256-GCM ciphertext | tag, 16 bytes). The key is
//           HKDF-SHA-256 of com.openexchange.sessiond.encryptionKey; the session id is authenticated
//           with it, so that a password cannot be moved into another session.
// Threads:  any; the key is read only.
// Errors:   RUN-0004 for text of another form or another key; the text is never repeated.
// Page:     docs/formats/portable-session.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ox::sessionstorage {

inline constexpr std::size_t kMaxPasswordBytes = 64 * 1024;

class Obfuscator {
 public:
  explicit Obfuscator(std::string_view encryptionKey);
  ~Obfuscator();  // wipes the key
  Obfuscator(const Obfuscator&) = delete;
  Obfuscator& operator=(const Obfuscator&) = delete;

  std::string hide(std::string_view password, std::string_view sessionId) const;
  Result<std::string> reveal(std::string_view hidden, std::string_view sessionId) const;

 private:
  std::array<unsigned char, 32> key_{};
};

}  // namespace ox::sessionstorage

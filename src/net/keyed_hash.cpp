#include "net/keyed_hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace ox::net {
namespace {
const unsigned char* in(BytesView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(Bytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
}  // namespace

Bytes hmacSha256(BytesView key, BytesView text) {
  Bytes proof(kHmacBytes, '\0');
  unsigned size = 0;
  OX_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), in(text), text.size(),
                out(proof), &size) != nullptr);
  OX_CHECK(size == kHmacBytes);
  return proof;
}

Bytes keyOfPassword(const std::string& password, const std::string& salt, int rounds,
                    std::size_t bytes) {
  Bytes key(bytes, '\0');
  OX_CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), in(salt),
                             static_cast<int>(salt.size()), rounds, EVP_sha256(),
                             static_cast<int>(bytes), out(key)) == 1);
  return key;
}

bool sameProof(BytesView a, BytesView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ox::net

#include "obfuscator.h"

#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace ox::sessionstorage {
namespace {

constexpr std::string_view kMark = "ox1:";
constexpr std::string_view kPurpose = "open-xchange session password v1";
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string encode64(std::string_view raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(bytes(out), bytes(raw), static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

bool decode64(std::string_view text, std::string& out) {
  if (text.empty() || text.size() % 4 != 0) return false;
  out.assign(text.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(bytes(out), bytes(text), static_cast<int>(text.size()));
  if (n < 0) return false;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(static_cast<std::size_t>(n) - padding);
  // Bits behind the last byte must be as we write them: another text is a changed text.
  return encode64(out) == text;
}

}  // namespace

Obfuscator::Obfuscator(std::string_view encryptionKey) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  OX_CHECK(kdf != nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  EVP_KDF_free(kdf);
  OX_CHECK(context != nullptr);
  std::string digest = "SHA256";
  std::string secret(encryptionKey);
  std::string info(kPurpose);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end()};
  const int derived = EVP_KDF_derive(context, key_.data(), key_.size(), parameters);
  EVP_KDF_CTX_free(context);
  OPENSSL_cleanse(secret.data(), secret.size());
  OX_CHECK(derived == 1);
}

Obfuscator::~Obfuscator() { OPENSSL_cleanse(key_.data(), key_.size()); }

std::string Obfuscator::hide(std::string_view password, std::string_view sessionId) const {
  std::string raw(kNonceBytes + password.size() + kTagBytes, '\0');
  // A fresh nonce per record: with one key, a nonce that repeats would give the passwords away.
  OX_CHECK(RAND_bytes(bytes(raw), kNonceBytes) == 1);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int n = 0;
  int written = 0;
  const bool ok =
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes(raw)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &n, bytes(sessionId),
                        static_cast<int>(sessionId.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes(raw) + kNonceBytes, &written, bytes(password),
                        static_cast<int>(password.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes(raw) + kNonceBytes + written, &n) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          bytes(raw) + kNonceBytes + password.size()) == 1;
  OX_CHECK(ok);
  return std::string(kMark) + encode64(raw);
}

Result<std::string> Obfuscator::reveal(std::string_view hidden, std::string_view sessionId) const {
  const auto broken = [] {
    return Error(Code::kInvalid, "a stored password is not in our form or of another key "
                                 "(com.openexchange.sessiond.encryptionKey must be equal on all "
                                 "nodes)");
  };
  std::string raw;
  if (!hidden.starts_with(kMark) || hidden.size() > 2 * kMaxPasswordBytes ||
      !decode64(hidden.substr(kMark.size()), raw) || raw.size() < kNonceBytes + kTagBytes)
    return broken();
  const std::size_t length = raw.size() - kNonceBytes - kTagBytes;
  std::string out(length + kTagBytes, '\0');  // never empty, so that data() is writable
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int n = 0;
  int written = 0;
  const bool ok =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes(raw)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &n, bytes(sessionId),
                        static_cast<int>(sessionId.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(out), &written, bytes(raw) + kNonceBytes,
                        static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                          bytes(raw) + kNonceBytes + length) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes(out) + written, &n) == 1;
  if (!ok) return broken();
  out.resize(length);
  return out;
}

}  // namespace ox::sessionstorage

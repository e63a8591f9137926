#include "cookie_names.h"

#include <array>
#include <functional>

#include <openssl/evp.h>

#include "base/check.h"

namespace ox::login {
namespace {

constexpr std::size_t kHashBytes = 16;
constexpr std::size_t kUsualText = 256;
constexpr std::size_t kLongestKept = 1024;

// Each part with its length, so that no two lists of parts give the same text.
void append(std::string& into, std::string_view part) {
  into += std::to_string(part.size()) + ":";
  into += part;
}

std::string freshDigest(const std::string& text) {
  // Fetched once: to look an algorithm up costs more than the digest of a few bytes.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  OX_CHECK(kSha256 && EVP_Digest(text.data(), text.size(), out, &length, kSha256, nullptr) == 1);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * kHashBytes);
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    hex.push_back(kDigits[out[i] >> 4]);
    hex.push_back(kDigits[out[i] & 15]);
  }
  return hex;
}

// Every request of a browser asks for the same one again: each thread keeps what it computed last.
std::string digest(const std::string& text) {
  struct Known {
    std::string text, hex;
  };
  static constexpr std::size_t kKept = 64;
  thread_local std::array<Known, kKept> kept;
  if (text.size() > kLongestKept) return freshDigest(text);
  Known& known = kept[std::hash<std::string_view>{}(text) % kKept];
  if (known.hex.empty() || known.text != text) known = {text, freshDigest(text)};
  return known.hex;
}

std::string_view headerOf(const http::Request& request, std::string_view name) {
  const std::string* value = request.header(name);
  return value ? std::string_view(*value) : std::string_view();
}

}  // namespace

std::string sessionHash(const http::Request& request, const std::string& client,
                        const LoginSettings& settings) {
  std::string text;
  text.reserve(kUsualText);
  append(text, headerOf(request, "user-agent"));
  append(text, client);
  for (const auto& field : settings.hashFields) append(text, headerOf(request, field));
  append(text, settings.hashSalt);
  return digest(text);
}

namespace {
std::string guestOf(const std::string& plain, const services::Session& session) {
  std::string text;
  append(text, plain);
  append(text, std::to_string(session.contextId));
  append(text, std::to_string(session.userId));
  return digest(text);
}
}  // namespace

std::string guestHash(const http::Request& request, const services::Session& session,
                      const LoginSettings& settings) {
  return guestOf(sessionHash(request, session.client, settings), session);
}

std::string cookieHash(const http::Request& request, const services::Session& session,
                       const LoginSettings& settings) {
  if (settings.rememberHash) return session.hash;
  std::string plain = sessionHash(request, session.client, settings);
  if (plain == session.hash) return plain;
  std::string guest = guestOf(plain, session);
  return guest == session.hash ? guest : plain;
}

std::string agentHash(const http::Request& request, const LoginSettings& settings) {
  std::string text;
  append(text, headerOf(request, "user-agent"));
  append(text, settings.hashSalt);
  return digest(text);
}

}  // namespace ox::login

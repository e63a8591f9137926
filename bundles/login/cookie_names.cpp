#include "cookie_names.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace ox::login {
namespace {

constexpr std::size_t kHashBytes = 16;

// Each part with its length, so that no two lists of parts give the same text.
void append(std::string& into, std::string_view part) {
  into += std::to_string(part.size()) + ":";
  into += part;
}

std::string digest(const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  OX_CHECK(EVP_Digest(text.data(), text.size(), out, &length, EVP_sha256(), nullptr) == 1);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    hex.push_back(kDigits[out[i] >> 4]);
    hex.push_back(kDigits[out[i] & 15]);
  }
  return hex;
}

std::string_view headerOf(const http::Request& request, std::string_view name) {
  const std::string* value = request.header(name);
  return value ? std::string_view(*value) : std::string_view();
}

}  // namespace

std::string sessionHash(const http::Request& request, const std::string& client,
                        const LoginSettings& settings) {
  std::string text;
  append(text, headerOf(request, "user-agent"));
  append(text, client);
  for (const auto& field : settings.hashFields) append(text, headerOf(request, field));
  append(text, settings.hashSalt);
  return digest(text);
}

std::string guestHash(const http::Request& request, const services::Session& session,
                      const LoginSettings& settings) {
  std::string text;
  append(text, sessionHash(request, session.client, settings));
  append(text, std::to_string(session.contextId));
  append(text, std::to_string(session.userId));
  return digest(text);
}

std::string cookieHash(const http::Request& request, const services::Session& session,
                       const LoginSettings& settings) {
  if (settings.rememberHash) return session.hash;
  std::string guest = guestHash(request, session, settings);
  return guest == session.hash ? guest : sessionHash(request, session.client, settings);
}

std::string agentHash(const http::Request& request, const LoginSettings& settings) {
  std::string text;
  append(text, headerOf(request, "user-agent"));
  append(text, settings.hashSalt);
  return digest(text);
}

}  // namespace ox::login

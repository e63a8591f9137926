#include "outside_text.h"

#include <idn2.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

#include <openssl/evp.h>

#include "http/url.h"

namespace ox::login {
namespace {

constexpr std::string_view kBasic = "basic ";
constexpr std::size_t kMaxShown = 256;

std::string shown(std::string_view text) {
  std::string out(text.substr(0, kMaxShown));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out.empty() ? "-" : out;
}

std::string valueOf(std::string_view name, const LineFacts& f) {
  if (name == "login") return "Login:" + shown(f.login);
  if (name == "ip") return "IP:" + shown(f.address);
  if (name == "auth") return "AuthID:" + shown(f.authId);
  if (name == "agent") return "Agent:" + shown(f.agent);
  if (name == "client") return "Client:" + shown(f.client);
  if (name == "c") return "Context:" + std::to_string(f.contextId);
  if (name == "u") return "User:" + std::to_string(f.userId);
  if (name == "s") return "Session:-";
  return "$" + std::string(name);
}

}  // namespace

std::optional<std::pair<std::string, std::string>> basicCredentials(std::string_view header) {
  if (header.size() > kMaxBasicBytes || header.size() <= kBasic.size()) return std::nullopt;
  for (std::size_t i = 0; i < kBasic.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(header[i])) != kBasic[i]) return std::nullopt;
  header.remove_prefix(kBasic.size());
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  if (header.empty() || header.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && header[header.size() - 1 - padding] == '=') ++padding;
  for (std::size_t i = 0; i + padding < header.size(); ++i) {
    const auto c = static_cast<unsigned char>(header[i]);
    if (!std::isalnum(c) && c != '+' && c != '/') return std::nullopt;
  }
  std::vector<unsigned char> raw(header.size());
  const int n = EVP_DecodeBlock(raw.data(), reinterpret_cast<const unsigned char*>(header.data()),
                                static_cast<int>(header.size()));
  if (n < 0 || static_cast<std::size_t>(n) < padding) return std::nullopt;
  const std::string text(raw.begin(), raw.begin() + n - static_cast<int>(padding));
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('\0') != std::string::npos || !http::validUtf8(text))
    return std::nullopt;
  return std::pair{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::string> nativeDomain(const std::string& login) {
  const std::size_t at = login.rfind('@');
  const std::string domain = at == std::string::npos ? login : login.substr(at + 1);
  std::string lower = domain;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (domain.size() > kMaxIdnBytes || lower.find("xn--") == std::string::npos) return std::nullopt;
  char* out = nullptr;
  const int failed = idn2_to_unicode_8z8z(domain.c_str(), &out, 0);
  const std::unique_ptr<char, void (*)(void*)> owner(out, idn2_free);
  if (failed != IDN2_OK || out == nullptr || domain == out) return std::nullopt;
  std::string native = (at == std::string::npos ? std::string() : login.substr(0, at + 1)) + out;
  if (native.size() > kMaxIdnBytes || !http::validUtf8(native)) return std::nullopt;
  return native;
}

std::string logLine(std::string_view form, const LineFacts& facts) {
  std::string out;
  while (!form.empty()) {
    const std::size_t dollar = std::min(form.find('$'), form.size());
    out += form.substr(0, dollar);
    form.remove_prefix(dollar);
    if (form.empty()) break;
    std::size_t end = 1;
    while (end < form.size() && std::isalpha(static_cast<unsigned char>(form[end]))) ++end;
    out += valueOf(form.substr(1, end - 1), facts);
    form.remove_prefix(end);
  }
  return out;
}

}  // namespace ox::login

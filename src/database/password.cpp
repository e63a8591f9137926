#include "database/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cctype>
#include <cstring>
#include <memory>
#include <vector>

#include "base/random.h"

namespace ox::db {
namespace {

constexpr std::size_t kMaxPasswordBytes = 1024;
constexpr std::size_t kBcryptBytes = 72;
constexpr int kBcryptCost = 10;  // as the original's default
constexpr std::size_t kMaxMpasswd = 1u << 20;
// A bcrypt of that cost nobody knows the password of.
constexpr const char* kNobody = "$2a$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u";

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::string> unbase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  std::size_t size = static_cast<std::size_t>(n);
  while (!text.empty() && text.back() == '=' && size > 0) {
    --size;
    text.remove_suffix(1);
  }
  out.resize(size);
  return out;
}

bool sameText(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string randomBytes(std::size_t count) {
  std::string out;
  while (out.size() < count) {
    const std::uint64_t word = secureRandom().next();
    out.append(reinterpret_cast<const char*>(&word), std::min(sizeof word, count - out.size()));
  }
  return out;
}

std::string digest(const EVP_MD* algorithm, std::string_view password, std::string_view salt) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  OX_CHECK(context != nullptr);
  OX_CHECK(EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
  EVP_DigestUpdate(context.get(), password.data(), password.size());
  EVP_DigestUpdate(context.get(), salt.data(), salt.size());
  OX_CHECK(EVP_DigestFinal_ex(context.get(), out, &length) == 1);
  return base64(std::string_view(reinterpret_cast<const char*>(out), length));
}

const EVP_MD* algorithmOf(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::kSha1: return EVP_sha1();
    case Mechanism::kSha256: return EVP_sha256();
    case Mechanism::kSha512: return EVP_sha512();
    default: return nullptr;
  }
}

// crypt(3) with own memory; empty on failure.
std::string cryptText(std::string_view password, const std::string& setting) {
  const std::string phrase(password);
  auto data = std::make_unique<crypt_data>();
  std::memset(data.get(), 0, sizeof(crypt_data));
  const char* out = crypt_r(phrase.c_str(), setting.c_str(), data.get());
  std::string result = out == nullptr || out[0] == '*' ? std::string() : std::string(out);
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return result;
}

}  // namespace

std::optional<Mechanism> mechanismByName(std::string_view name) {
  if (name.size() > 32) return std::nullopt;
  if (name.size() >= 2 && name.front() == '{' && name.back() == '}')
    name = name.substr(1, name.size() - 2);
  std::string upper;
  for (const char c : name)
    if (c != '-') upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "CRYPT") return Mechanism::kCrypt;
  if (upper == "SHA" || upper == "SHA1") return Mechanism::kSha1;
  if (upper == "SHA256") return Mechanism::kSha256;
  if (upper == "SHA512") return Mechanism::kSha512;
  if (upper == "BCRYPT") return Mechanism::kBcrypt;
  return std::nullopt;
}

std::string_view mechanismName(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::kCrypt: return "{CRYPT}";
    case Mechanism::kSha1: return "{SHA}";
    case Mechanism::kSha256: return "{SHA-256}";
    case Mechanism::kSha512: return "{SHA-512}";
    case Mechanism::kBcrypt: return "{BCRYPT}";
  }
  return "";
}

bool verifyPassword(std::string_view password, const PasswordHash& stored) {
  const auto mechanism = mechanismByName(stored.mechanism);
  if (!mechanism || password.empty() || stored.hash.empty()) return false;
  if (password.size() > kMaxPasswordBytes || password.find('\0') != std::string_view::npos)
    return false;
  if (const EVP_MD* algorithm = algorithmOf(*mechanism))
    return sameText(digest(algorithm, password, stored.salt), stored.hash);
  const std::string computed = cryptText(password, stored.hash);
  return !computed.empty() && sameText(computed, stored.hash);
}

Result<PasswordHash> makePassword(std::string_view password, Mechanism mechanism) {
  if (password.empty() || password.size() > kMaxPasswordBytes ||
      password.find('\0') != std::string_view::npos)
    return Error(Code::kInvalid, "a password must have 1 to 1024 bytes and no zero byte");
  if (mechanism == Mechanism::kBcrypt && password.size() > kBcryptBytes)
    mechanism = Mechanism::kSha512;
  PasswordHash out;
  out.mechanism = std::string(mechanismName(mechanism));
  if (const EVP_MD* algorithm = algorithmOf(mechanism)) {
    // The classic {SHA} has no salt: old nodes would not find it.
    if (mechanism != Mechanism::kSha1)
      out.salt = randomBytes(mechanism == Mechanism::kSha256 ? 64 : 128);
    out.hash = digest(algorithm, password, out.salt);
    return out;
  }
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const std::string random = randomBytes(16);
  const bool bcrypt = mechanism == Mechanism::kBcrypt;
  if (!crypt_gensalt_rn(bcrypt ? "$2a$" : "", bcrypt ? kBcryptCost : 0, random.data(),
                        static_cast<int>(random.size()), setting, sizeof setting))
    return Error(Code::kInvalid, "this system's crypt library does not know mechanism " +
                                     out.mechanism);
  out.hash = cryptText(password, setting);
  if (out.hash.empty()) return Error(Code::kInternal, "hashing the password failed");
  return out;
}

bool needsRehash(const PasswordHash& stored) {
  const auto mechanism = mechanismByName(stored.mechanism);
  if (!mechanism) return false;
  if (*mechanism == Mechanism::kCrypt || *mechanism == Mechanism::kSha1) return true;
  return *mechanism != Mechanism::kBcrypt && stored.salt.empty();
}

void spendVerification(std::string_view password) {
  const std::string_view part = password.substr(0, kBcryptBytes);
  static_cast<void>(cryptText(part.empty() ? "x" : part, kNobody));
}

Result<std::map<std::string, PasswordHash>> parseMpasswd(std::string_view text) {
  if (text.size() > kMaxMpasswd) return Error(Code::kInvalid, "mpasswd is larger than 1 MiB");
  std::map<std::string, PasswordHash> out;
  int number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())))
      line.remove_suffix(1);
    if (line.empty() || line.front() == '#' || line.find(':') == std::string_view::npos) continue;
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == ':') fields.emplace_back();
      else fields.back() += c;
    }
    const std::string where = "mpasswd line " + std::to_string(number) + ": ";
    PasswordHash password;
    if (fields.size() == 2) {
      password = {"{CRYPT}", fields[1], {}};
    } else if (fields.size() == 3 || fields.size() == 4) {
      password = {fields[1], fields[2], {}};
      if (!mechanismByName(fields[1]))
        return Error(Code::kInvalid, where + "unknown mechanism; allowed are {CRYPT}, {SHA}, "
                                             "{SHA-256}, {SHA-512} and {BCRYPT}");
      if (fields.size() == 4) {
        auto salt = unbase64(fields[3]);
        if (!salt) return Error(Code::kInvalid, where + "the salt is not Base64");
        password.salt = std::move(*salt);
      }
    } else {
      return Error(Code::kInvalid, where + "invalid format; expected user:mechanism:hash");
    }
    if (fields[0].empty() || password.hash.empty())
      return Error(Code::kInvalid, where + "user or hash is empty");
    out[fields[0]] = std::move(password);
  }
  return out;
}

std::string mpasswdLine(const MasterAccount& account) {
  std::string line = account.user + ":" + account.password.mechanism + ":" + account.password.hash;
  if (!account.password.salt.empty()) line += ":" + base64(account.password.salt);
  return line + "\n";
}

}  // namespace ox::db

#include <algorithm>
#include <filesystem>

#include "base/clock.h"
#include "config/keys_hazelcast.h"
#include "config/rules.h"
#include "config/value.h"
#include "encryption.h"
#include "net/keyed_hash.h"
#include "net/tls.h"

namespace ox::grid {
namespace {
namespace keys = config::keys;
using config::Problem;
using Severity = Problem::Severity;

// Names of the protocol inside TLS; the two kinds tell each other apart by them.
constexpr const char* kWithCertificates = "oxm1";
constexpr const char* kWithKey = "oxm1-key";
constexpr std::int64_t kDayMillis = 24LL * 3600 * 1000;

struct Reader {
  const config::Config& config;
  std::vector<Problem>& problems;
  template <typename T>
  void add(Severity severity, const config::Key<T>& key, std::string text) {
    problems.push_back(config::problemAt(config, key.info(), severity, std::move(text)));
  }
};

std::string text(const config::Config& config, const config::Key<std::string>& key) {
  return std::string(config::trimmed(config.get(key)));
}

// A relative path counts from the configuration directory.
std::string file(const config::Config& config, const config::Key<std::string>& key) {
  const std::string path = text(config, key);
  if (path.empty()) return path;
  return (std::filesystem::path(config.directory()) / path).lexically_normal().string();
}

// As in the original the list is tried from its end, and the first usable name wins.
void readProtocols(Reader& reader, GridEncryption& out) {
  auto names = reader.config.get(keys::kGridSslProtocols);
  std::reverse(names.begin(), names.end());
  const auto is = [](const std::string& name, const char* wanted) {
    return config::lowered(config::trimmed(name)) == wanted;
  };
  const auto has12 = [&] {
    return std::any_of(names.begin(), names.end(), [&](const auto& n) { return is(n, "tlsv1.2"); });
  };
  for (const auto& name : names) {
    if (is(name, "tlsv1.3") || is(name, "tls")) {
      out.allow12 = is(name, "tlsv1.3") && has12();
      out.allow13 = true;
      return;
    }
    if (is(name, "tlsv1.2")) {
      out.allow12 = true;
      out.allow13 = false;
      return;
    }
  }
  reader.add(Severity::kError, keys::kGridSslProtocols,
             "has no version that is safe to use; allowed: TLSv1.3, TLSv1.2");
}

void checkType(Reader& reader, const config::Key<std::string>& key) {
  const std::string type = config::lowered(text(reader.config, key));
  if (type.empty() || type == "pem" || type == "pkcs12" || type == "p12") return;
  if (type == "jks" || type == "jceks")
    reader.add(Severity::kWarn, key, "says JKS; the content of the file decides, and it must be PEM "
                                     "or PKCS12");
  else
    reader.add(Severity::kError, key, "\"" + reader.config.get(key) +
                                          "\" is no format of a store; allowed: PEM, PKCS12, or "
                                          "nothing");
}

void readCertificates(Reader& reader, GridEncryption& out) {
  const auto before = reader.problems.size();
  readProtocols(reader, out);
  checkType(reader, keys::kGridSslKeyStoreType);
  checkType(reader, keys::kGridSslTrustStoreType);
  for (const auto* key : {&keys::kGridSslTrustManagerAlgorithm, &keys::kGridSslKeyManagerAlgorithm})
    if (!text(reader.config, *key).empty())
      reader.add(Severity::kWarn, *key, "has no effect: OpenSSL verifies the chains");
  out.keyStore = file(reader.config, keys::kGridSslKeyStore);
  out.keyStorePassword = reader.config.get(keys::kGridSslKeyStorePassword);
  out.trustStore = file(reader.config, keys::kGridSslTrustStore);
  out.trustStorePassword = reader.config.get(keys::kGridSslTrustStorePassword);
  for (const auto* key : {&keys::kGridSslKeyStore, &keys::kGridSslTrustStore})
    if (text(reader.config, *key).empty())
      reader.add(Severity::kError, *key,
                 "is missing, but " + keys::kGridSsl.name() + " is true; allowed: a PEM or PKCS12 file");
  const auto failed = [](const Problem& p) { return p.severity == Severity::kError; };
  if (std::any_of(reader.problems.begin() + static_cast<long>(before), reader.problems.end(), failed))
    return;
  const auto opened = openEncryption(out);
  if (!opened) {
    const bool trust = opened.error().message.starts_with("\"" + out.trustStore + "\"");
    reader.add(Severity::kError, trust ? keys::kGridSslTrustStore : keys::kGridSslKeyStore,
               opened.error().message);
  } else if (const auto soon = expiryWarning(**opened, systemClock().wallMillis()); !soon.empty()) {
    reader.add(Severity::kWarn, keys::kGridSslKeyStore, soon);
  }
}

void readSharedKey(Reader& reader, GridEncryption& out) {
  const std::string cipher = text(reader.config, keys::kSymmetricAlgorithm);
  const std::string family = config::lowered(cipher.substr(0, cipher.find('/')));
  const bool original = family == "des" || family == "desede" || family == "blowfish" ||
                        family == "aes" || family.starts_with("pbewith");
  if (original)
    reader.add(Severity::kWarn, keys::kSymmetricAlgorithm,
               "\"" + cipher + "\" is not used: members speak TLS 1.3 with TLS_AES_256_GCM_SHA384, "
                               "the key made by PBKDF2-HMAC-SHA256");
  else if (family != "tls_aes_256_gcm_sha384")
    reader.add(Severity::kError, keys::kSymmetricAlgorithm,
               "\"" + cipher + "\" is no known cipher; allowed: TLS_AES_256_GCM_SHA384, or (with a "
                               "WARN) the names of the original");
  out.password = reader.config.get(keys::kSymmetricPassword);
  out.salt = reader.config.get(keys::kSymmetricSalt);
  for (const auto* key : {&keys::kSymmetricPassword, &keys::kSymmetricSalt})
    if (reader.config.get(*key).empty())
      reader.add(Severity::kError, *key,
                 "is missing, but " + keys::kSymmetricEncryption.name() +
                     " is true; allowed: a text of your own, the same on every node");
  const auto rounds = reader.config.get(keys::kSymmetricIterationCount);
  out.iterations = static_cast<int>(std::max<std::int64_t>(rounds, net::kMinKeyIterations));
  if (rounds < net::kMinKeyIterations)
    reader.add(Severity::kWarn, keys::kSymmetricIterationCount,
               std::to_string(rounds) + " is too few and raised to " +
                   std::to_string(net::kMinKeyIterations));
}

}  // namespace

GridEncryption readEncryption(const config::Config& config, std::vector<Problem>& problems) {
  GridEncryption out;
  Reader reader{config, problems};
  const bool ssl = config.get(keys::kGridSsl), key = config.get(keys::kSymmetricEncryption);
  if (ssl && key)
    reader.add(Severity::kWarn, keys::kSymmetricEncryption,
               "has no effect: " + keys::kGridSsl.name() + " is true and wins");
  if (ssl) {
    out.kind = GridEncryption::Kind::kCertificates;
    readCertificates(reader, out);
  } else if (key) {
    out.kind = GridEncryption::Kind::kSharedKey;
    readSharedKey(reader, out);
  }
  return out;
}

Result<std::shared_ptr<const net::TlsContext>> openEncryption(const GridEncryption& settings) {
  if (settings.kind == GridEncryption::Kind::kCertificates) {
    net::TlsCertificates tls;
    tls.keys = {settings.keyStore, settings.keyStorePassword};
    tls.trusted = {settings.trustStore, settings.trustStorePassword};
    tls.allow12 = settings.allow12;
    tls.allow13 = settings.allow13;
    tls.protocol = {kWithCertificates, kWithKey,
                    "the other side uses symmetricEncryption, this member uses ssl"};
    return net::TlsContext::make(tls);
  }
  if (settings.kind == GridEncryption::Kind::kSharedKey) {
    net::TlsSharedKey tls;
    tls.key = net::keyOfPassword(settings.password, settings.salt, settings.iterations,
                                 net::kTlsKeyBytes);
    tls.protocol = {kWithKey, kWithCertificates,
                    "the other side uses ssl, this member uses symmetricEncryption"};
    return net::TlsContext::make(tls);
  }
  return std::shared_ptr<const net::TlsContext>();
}

std::string expiryWarning(const net::TlsContext& tls, std::int64_t nowMillis) {
  const std::int64_t end = tls.validUntilMillis();
  if (end == 0 || end - nowMillis > kExpiryWarnDays * kDayMillis) return {};
  if (end <= nowMillis)
    return "the certificate of this node is over, and every other member refuses it: " + tls.summary();
  return "the certificate of this node ends in " + std::to_string((end - nowMillis) / kDayMillis) +
         " days: " + tls.summary();
}

}  // namespace ox::grid

#include "config/secrets.h"

#include "config/catalog.h"
#include "config/keys_database.h"
#include "config/keys_hazelcast.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/rules.h"
#include "config/value.h"

namespace ox::config {
namespace {

using Severity = Problem::Severity;

struct Published {
  const char* key;
  const char* value;
};
constexpr Published kPublished[] = {
    {"com.openexchange.sessiond.encryptionKey",
     "auw948cz,spdfgibcsp9e8ri+<#qawcghgifzign7c6gnrns9oysoeivn"},
    {"com.openexchange.cookie.hash.salt", "replaceMe1234567890"},
    {"com.openexchange.hazelcast.group.password", "wtV6$VQk8#+3ds!a"},
    {"com.openexchange.hazelcast.network.symmetricEncryption.salt", "2mw67LqNDEb3"},
    {"com.openexchange.hazelcast.network.symmetricEncryption.salt", "X-k4nY-Y*v38f=dSJrr)"},
    {"com.openexchange.hazelcast.network.symmetricEncryption.password", "D2xhL8mPkjsF"},
    {"com.openexchange.hazelcast.network.symmetricEncryption.password", "&3sFs<^6[cKbWDW#du9s"},
    {"readProperty.N", "password=secret"},
    {"writeProperty.N", "password=secret"},
};

}  // namespace

bool isStockSecret(const std::string& key, const std::string& value) {
  const KeyInfo* info = Catalog::instance().find(key);
  const std::string& name = info != nullptr ? info->name : key;
  const std::string wanted = lowered(trimmed(value));
  for (const auto& published : kPublished)
    if (name == published.key && wanted == lowered(published.value)) return true;
  return false;
}

std::vector<Problem> checkSecrets(const Config& config) {
  std::vector<Problem> out;
  const std::string join = config.get(keys::kNetworkJoin);
  const bool alone = join == "empty" || !config.get(keys::kHazelcastEnabled);
  const bool allowed = config.get(keys::kAllowStockSecrets);
  const Severity severity = alone || allowed ? Severity::kWarn : Severity::kError;
  const std::string text =
      std::string("a secret that is published with the product is in use; allowed: a random value "
                  "of your own, the same on every node") +
      (severity == Severity::kError
           ? " (or " + keys::kAllowStockSecrets.name() + "=true in a test cluster)" : "");
  // Without a line of their own these two are in force with their published defaults.
  for (const auto* key : {&keys::kSessiondEncryptionKey, &keys::kCookieHashSalt})
    if (isStockSecret(key->name(), config.get(*key)))
      out.push_back(problemAt(config, key->info(), severity, text));
  for (const auto* key : {&keys::kGroupPassword, &keys::kSymmetricSalt, &keys::kSymmetricPassword})
    if (config.has(key->name()) && isStockSecret(key->name(), config.get(*key)))
      out.push_back(problemAt(config, key->info(), severity, text));
  for (const char* prefix : {"readProperty.", "writeProperty."})
    for (const auto& [name, setting] : config.withPrefix(prefix))
      if (isStockSecret(name, setting.value))
        out.push_back({severity, setting.file, setting.line, name, text});
  return out;
}

}  // namespace ox::config

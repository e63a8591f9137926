#include "config/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "config/check.h"
#include "config/keys_database.h"
#include "config/keys_hazelcast.h"
#include "config/keys_logging.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/keys_system.h"
#include "config/keys_update.h"
#include "config/rules.h"
#include "config/secrets.h"
#include "scratch.h"
#include "test_log.h"

using namespace ox::config;
using ox::test::Scratch;

namespace {
// Problems as one text, for "does it say so" checks.
std::string problems(const Config& config) {
  std::string out;
  for (const auto& p : config.problems()) out += p.toString() + "\n";
  return out;
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("config: typed values and defaults") {
  Scratch etc;
  etc.write("hazelcast.properties",
            "com.openexchange.hazelcast.enabled = FALSE\n"
            "com.openexchange.hazelcast.network.port=5801\n"
            "com.openexchange.hazelcast.network.join=EMPTY\n"
            "com.openexchange.hazelcast.network.join.static.nodes= a , b:1 \n"
            "com.openexchange.hazelcast.merge.runDelay=3m\n"
            "com.openexchange.hazelcast.liteMember=\n");
  const auto config = Config::load(etc.path());
  CHECK_FALSE(config->hasErrors());
  CHECK(config->get(keys::kHazelcastEnabled) == false);
  CHECK(config->get(keys::kNetworkPort) == 5801);
  CHECK(config->get(keys::kNetworkJoin) == "empty");  // the spelling of the catalog
  CHECK(config->get(keys::kStaticNodes) == std::vector<std::string>{"a", "b:1"});
  CHECK(config->get(keys::kMergeRunDelay) == Millis{180'000});
  CHECK(config->get(keys::kLiteMember) == false);
  CHECK(config->get(keys::kBackendRoute) == "OX0");
  CHECK(config->get(keys::kWorkers) == 32);
  CHECK(config->get(keys::kWorkersQueue) == 1000);
  CHECK(config->get(keys::kSessionLongLifeTime) == Millis{604'800'000});
  CHECK(config->has("com.openexchange.hazelcast.enabled"));
  CHECK_FALSE(config->has("com.openexchange.hazelcast.liteMember"));
  CHECK(config->raw("com.openexchange.hazelcast.network.port")->line == 2);
  CHECK_FALSE(config->raw("com.openexchange.hazelcast.network.portOffset").has_value());
}

TEST_CASE("config: interfaces absent is loopback, present but empty is every address") {
  Scratch etc;
  CHECK(Config::load(etc.path())->get(keys::kNetworkInterfaces) ==
        std::vector<std::string>{"127.0.0.1"});
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.network.interfaces=\n");
  CHECK(Config::load(etc.path())->get(keys::kNetworkInterfaces).empty());
}

TEST_CASE("config: after an error the default is in force") {
  Scratch etc;
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.network.port=x\n"
                                    "com.openexchange.hazelcast.network.join=often\n");
  const auto config = Config::load(etc.path());
  CHECK(config->hasErrors());
  CHECK(config->get(keys::kNetworkPort) == 5701);
  CHECK(config->get(keys::kNetworkJoin) == "empty");
}

TEST_CASE("config: structure files are apart from each other") {
  Scratch etc;
  const std::string map = "com.openexchange.hazelcast.configuration.map.";
  etc.write("hazelcast/sessions.properties", map + "name=sessions-7\n" + map + "backupCount=2\n" +
                                                 map + "indexes.attributes=altId, contextId\n");
  etc.write("hazelcast/other.properties", map + "NAME=other-1\n" + map + "backupcount=1\n");
  etc.write("excludedupdatetasks.properties", "# none of these\ncom.example.TaskA\ncom.example.TaskB\n");
  const auto config = Config::load(etc.path());
  CHECK_FALSE(contains(problems(*config), "already"));
  CHECK(config->getFrom("hazelcast/sessions.properties", keys::kMapBackupCount) == 2);
  CHECK(config->getFrom("hazelcast/other.properties", keys::kMapBackupCount) == 1);
  CHECK(config->getFrom("hazelcast/other.properties", keys::kMapName) == "other-1");
  CHECK(config->getFrom("hazelcast/none.properties", keys::kMapBackupCount) == 1);
  CHECK(config->getFrom("hazelcast/sessions.properties", keys::kMapIndexesAttributes).size() == 2);
  CHECK_FALSE(config->raw(map + "name").has_value());
  const auto tasks = config->file("excludedupdatetasks.properties");
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[1].first == "com.example.TaskB");
  CHECK_FALSE(contains(problems(*config), "TaskA"));
}

TEST_CASE("config: prefixes") {
  Scratch etc;
  etc.write("configdb.properties", "readProperty.1=user=ox\nreadProperty.2=password=x\nreadUrl=jdbc:mysql://h/c\n");
  const auto config = Config::load(etc.path());
  const auto read = config->withPrefix("readProperty.");
  REQUIRE(read.size() == 2);
  CHECK(read[0].second.value == "user=ox");
  CHECK(config->get(keys::kReadUrl) == "jdbc:mysql://h/c");
}

TEST_CASE("config: the stock directory has no errors and warns of the stock secrets only") {
  const auto config = Config::load(std::string(OX_SOURCE_ROOT) + "/etc");
  CHECK_FALSE(config->hasErrors());
  CHECK(config->problems().size() == 4);
  for (const auto& p : config->problems()) CHECK(contains(p.text, "secret that is published"));
}

TEST_CASE("config: a secret is never printed") {
  Scratch etc;
  etc.write("configdb.properties", "readProperty.1=TopSecretWithoutName\nreadProperty.2=password=secret\n");
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.network.join=static\n"
                                    "com.openexchange.hazelcast.group.password=wtV6$VQk8#+3ds!a\n");
  std::ostringstream out;
  CHECK(checkConfiguration(etc.path(), out) == 1);
  CHECK(contains(out.str(), "configdb.properties:1: readProperty.1: the value has no name"));
  CHECK_FALSE(contains(out.str(), "TopSecret"));
  CHECK_FALSE(contains(out.str(), "password=secret"));
  CHECK_FALSE(contains(out.str(), "wtV6"));
  CHECK_FALSE(contains(out.str(), "auw948cz"));
}

TEST_CASE("config: stock secrets warn alone, stop a cluster, and can be allowed knowingly") {
  const std::string cluster =
      "com.openexchange.hazelcast.network.join=static\n"
      "com.openexchange.hazelcast.group.name=a\n"
      "com.openexchange.hazelcast.network.join.static.nodes=127.0.0.1\n";
  Scratch etc;
  CHECK_FALSE(Config::load(etc.path())->hasErrors());
  etc.write("hazelcast.properties", cluster);
  CHECK(Config::load(etc.path())->hasErrors());
  etc.write("server.properties", "com.openexchange.security.allowStockSecrets=true\n");
  const auto allowed = Config::load(etc.path());
  CHECK_FALSE(allowed->hasErrors());
  CHECK(contains(problems(*allowed), "WARN sessiond.properties: com.openexchange.sessiond.encryptionKey"));
  CHECK(isStockSecret("writeProperty.9", "Password=Secret"));
  CHECK_FALSE(isStockSecret("writeProperty.9", "password=other"));
}

TEST_CASE("config: an open grid is noticed") {
  Scratch etc;
  const auto open = [&](const std::string& text) {
    etc.write("hazelcast.properties", text);
    return gridIsOpen(*Config::load(etc.path()));
  };
  const std::string hz = "com.openexchange.hazelcast.";
  CHECK_FALSE(open(""));
  CHECK(open(hz + "network.interfaces=\n"));
  CHECK(open(hz + "network.interfaces=10.0.0.*\n"));
  CHECK(open(hz + "network.interfaces=127.0.0.1,10.0.0.*\n"));
  CHECK_FALSE(open(hz + "network.interfaces=127.0.0.*,::1\n"));
  CHECK_FALSE(open(hz + "network.interfaces=10.0.0.*\n" + hz + "group.password=x\n"));
  CHECK_FALSE(open(hz + "network.interfaces=10.0.0.*\n" + hz + "enabled=false\n"));
  CHECK(open(hz + "socket.bindAny=true\n"));
  // The record is at the key that opens it, and names those that close it.
  const auto config = Config::load(etc.path());
  const auto& problems = config->problems();
  const auto at = std::find_if(problems.begin(), problems.end(), [&](const Problem& p) {
    return p.key == hz + "socket.bindAny";
  });
  REQUIRE(at != problems.end());
  CHECK(at->line == 1);
  for (const char* key : {"group.password", "network.ssl", "network.symmetricEncryption"})
    CHECK(contains(at->text, hz + key));
}

TEST_CASE("config: hidden files, links in a circle and a missing directory") {
  Scratch etc;
  etc.write(".hidden.properties", "com.openexchange.hazelcast.network.port=1\n");
  etc.write("..data/hazelcast.properties", "com.openexchange.hazelcast.network.port=2\n");
  etc.write("sub/a.properties", "SERVER_NAME=ox\n");
  std::filesystem::create_directory_symlink(etc.path(), etc.path() + "/sub/loop");
  const auto config = Config::load(etc.path());
  CHECK(config->files() == std::vector<std::string>{"sub/a.properties"});
  CHECK(config->get(keys::kServerName) == "ox");
  const auto missing = Config::load(etc.path() + "/nowhere");
  CHECK(missing->hasErrors());
  CHECK(contains(problems(*missing), "does not exist"));
}

TEST_CASE("check: extra checks count, as long as their handle lives") {
  Scratch etc;
  etc.write("server.properties", "com.openexchange.cookie.hash.salt=a\n"
                                 "com.openexchange.sessiond.encryptionKey=b\n");
  const ExtraCheck grid = [](const Config& c, std::vector<Problem>& out) {
    out.push_back(problemAt(c, keys::kNetworkInterfaces.info(), Problem::Severity::kError,
                            "no interface matches\nforged"));
  };
  std::ostringstream plain, handed, registeredOut, after;
  CHECK(checkConfiguration(etc.path(), plain) == 0);
  CHECK(plain.str() == "configuration " + etc.path() + ": 1 files, 0 errors, 0 warnings\n");
  CHECK(checkConfiguration(etc.path(), handed, {grid}) == 1);
  CHECK(contains(handed.str(), "ERROR hazelcast.properties: com.openexchange.hazelcast.network."
                               "interfaces: no interface matches?forged\n"));
  {
    const auto handle = registerCheck(grid);
    CHECK(checkConfiguration(etc.path(), registeredOut) == 1);
  }
  CHECK(checkConfiguration(etc.path(), after) == 0);
}

TEST_CASE("check: a key that is refused already is not refused twice") {
  Scratch etc;
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.network.join=sometimes\n");
  const auto config = Config::load(etc.path());
  const ExtraCheck again = [](const Config& c, std::vector<Problem>& out) {
    for (const auto* info : {&keys::kNetworkJoin.info(), &keys::kGroupName.info()})
      out.push_back(problemAt(c, *info, Problem::Severity::kError, "bad"));
  };
  const auto found = runExtraChecks(*config, {again});
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == keys::kGroupName.name());
}

TEST_CASE("check: a line that is warned of already is not warned of twice") {
  Scratch etc;
  etc.write("hazelcast.properties", "hazelcast.unheard.of=1\n");
  const auto config = Config::load(etc.path());
  REQUIRE_FALSE(config->problems().empty());
  const Problem known = config->problems().front();
  REQUIRE(known.key == "hazelcast.unheard.of");
  const ExtraCheck again = [&known](const Config&, std::vector<Problem>& out) {
    for (const int line : {known.line, known.line + 1}) {
      out.push_back(known);
      out.back().line = line;
    }
    out.push_back(known);
    out.back().severity = Problem::Severity::kError;
  };
  const auto found = runExtraChecks(*config, {again});
  REQUIRE(found.size() == 2);  // another line; an error where only a warning was known
  CHECK(found[0].line == known.line + 1);
  CHECK(found[1].severity == Problem::Severity::kError);
}

TEST_CASE("reload: listeners see both, a bad directory changes nothing") {
  Scratch etc;
  const std::string nodes = "com.openexchange.hazelcast.network.join.static.nodes=";
  etc.write("hazelcast.properties", nodes + "a\n");
  ConfigService service(Config::load(etc.path()));
  int calls = 0;
  std::vector<std::string> before, after;
  auto handle = service.onReload([&](const Config& old, const Config& now) {
    ++calls;
    before = old.get(keys::kStaticNodes);
    after = now.get(keys::kStaticNodes);
    CHECK(service.current()->get(keys::kStaticNodes) == after);
  });
  etc.write("hazelcast.properties", nodes + "a,b\n");
  CHECK(service.reload().ok());
  CHECK(calls == 1);
  CHECK(before.size() == 1);
  CHECK(after.size() == 2);

  etc.write("hazelcast.properties", nodes + "not/a/host\n");
  const auto refused = service.reload();
  REQUIRE_FALSE(refused.ok());
  CHECK(contains(refused.error().message, "hazelcast.properties:1"));
  CHECK(calls == 1);
  CHECK(service.current()->get(keys::kStaticNodes).size() == 2);

  handle.reset();
  etc.write("hazelcast.properties", nodes + "a\n");
  CHECK(service.reload().ok());
  CHECK(calls == 1);
}

TEST_CASE("reload: a change that needs a restart is a warning with the key and without the value") {
  Scratch etc;
  etc.write("system.properties", "com.openexchange.shards=2\n");
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.group.password=one\n");
  ConfigService service(Config::load(etc.path()));
  etc.write("system.properties", "com.openexchange.shards=4\ncom.openexchange.log.level=debug\n");
  etc.write("hazelcast.properties", "com.openexchange.hazelcast.group.password=two\n");
  std::string seen;
  const auto former = ox::log::setObserver([&](ox::log::Level level, std::string_view text) {
    if (level == ox::log::Level::kWarn) seen += std::string(text) + "\n";
  });
  const auto status = service.reload();
  ox::log::setObserver(former);
  CHECK(status.ok());
  CHECK(contains(seen, "com.openexchange.shards has changed"));
  CHECK(contains(seen, "group.password has changed"));
  CHECK_FALSE(contains(seen, "two"));
  CHECK_FALSE(contains(seen, "log.level has changed"));
  CHECK(service.current()->get(keys::kLogLevel) == "DEBUG");
}

TEST_CASE("reload: a listener may drop itself and another one") {
  Scratch etc;
  ConfigService service(Config::load(etc.path()));
  int first = 0, second = 0;
  std::shared_ptr<void> a, b;
  a = service.onReload([&](const Config&, const Config&) {
    ++first;
    b.reset();
    a.reset();
  });
  b = service.onReload([&](const Config&, const Config&) { ++second; });
  CHECK(service.reload().ok());
  CHECK(service.reload().ok());
  CHECK(first == 1);
  CHECK(second == 0);
}

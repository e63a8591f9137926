// Encrypted links between real members, and the keys that describe them.
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "base/log.h"
#include "config/scratch.h"
#include "engine_fixture.h"
#include "net/certificates.h"
#include "net/tls.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using ox::test::Certificates;
using ox::test::Issuer;
using ox::test::Scratch;

namespace {
constexpr const char* kHz = "com.openexchange.hazelcast.network.";

GridEncryption certificates(const std::string& keys, const std::string& trust) {
  GridEncryption e;
  e.kind = GridEncryption::Kind::kCertificates;
  e.keyStore = keys;
  e.trustStore = trust;
  return e;
}

GridEncryption sharedKey(const std::string& password) {
  GridEncryption e;
  e.kind = GridEncryption::Kind::kSharedKey;
  e.password = password;
  e.salt = "salt of the tests";
  e.iterations = 1000;
  return e;
}

// The records of one test, to look for sentences.
class Records {
 public:
  Records() {
    former_ = log::setObserver([this](log::Level level, std::string_view text) {
      if (former_) former_(level, text);
      std::lock_guard lock(mutex_);
      all_.emplace_back(text);
    });
  }
  ~Records() { log::setObserver(former_); }
  bool has(const std::vector<std::string>& parts) {
    std::lock_guard lock(mutex_);
    return std::any_of(all_.begin(), all_.end(), [&](const std::string& record) {
      return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
        return record.find(part) != std::string::npos;
      });
    });
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
  log::Observer former_;
};

void carries(Cluster& cluster) {
  REQUIRE(eventually([&] { return cluster.whole(); }));
  const auto map = cluster[0].map("m"), other = cluster[1].map("m");
  for (int i = 0; i < 200; ++i)
    REQUIRE(map->set(toData("key " + std::to_string(i)), Bytes(100, 'v')));
  REQUIRE(map->set(toData(std::string("large")), Bytes(1 << 20, 'l')));
  for (int i = 0; i < 200; ++i)
    CHECK(other->get(toData("key " + std::to_string(i))).value() == Bytes(100, 'v'));
  CHECK(other->get(toData(std::string("large"))).value() == Bytes(1 << 20, 'l'));
  CHECK(cluster[0].figures().encrypted);
}

std::uint64_t refused(Engine& engine, const std::string& reason) {
  for (const auto& [name, count] : engine.figures().refused)
    if (name == reason) return count;
  return 0;
}

// Two members with different encryption: each for itself, and each names the reason.
void refuseEachOther(const GridEncryption& a, const GridEncryption& b,
                     const std::vector<std::string>& inA, const std::vector<std::string>& inB) {
  Records records;
  const std::uint16_t port = freePorts(2);
  const std::vector<std::uint16_t> ports{port, static_cast<std::uint16_t>(port + 1)};
  GridConfig first = configFor(ports[0], ports), second = configFor(ports[1], ports);
  first.encryption = a;
  second.encryption = b;
  const auto one = startNode(first), two = startNode(second);
  CHECK(eventually([&] { return records.has(inA); }));
  CHECK(eventually([&] { return records.has(inB); }));
  CHECK(eventually([&] { return (*one)->state().joined && (*two)->state().joined; }));
  CHECK((*one)->state().members.size() == 1);
  CHECK((*two)->state().members.size() == 1);
  CHECK(refused(*one->engine, "encryption") + refused(*one->engine, "tls") > 0);
  CHECK(refused(*two->engine, "encryption") + refused(*two->engine, "tls") > 0);
}

struct Read {
  GridEncryption settings;
  std::vector<config::Problem> problems;
  bool has(config::Problem::Severity severity, const std::string& key, const std::string& part) const {
    return std::any_of(problems.begin(), problems.end(), [&](const auto& p) {
      return p.severity == severity && p.key == kHz + key && p.text.find(part) != std::string::npos;
    });
  }
  bool error(const std::string& key, const std::string& part) const {
    return has(config::Problem::Severity::kError, key, part);
  }
  bool warns(const std::string& key, const std::string& part) const {
    return has(config::Problem::Severity::kWarn, key, part);
  }
};

Read read(const std::vector<std::pair<std::string, std::string>>& settings) {
  Scratch etc;
  std::string text;
  for (const auto& [key, value] : settings) text += kHz + key + "=" + value + "\n";
  etc.write("hazelcast.properties", text);
  Read out;
  out.settings = readEncryption(*config::Config::load(etc.path()), out.problems);
  return out;
}
}  // namespace

TEST_CASE("members with certificates form a cluster and carry data") {
  Certificates files;
  const Issuer issuer("issuer");
  const auto trust = files.pemTrust("trust.pem", issuer);
  int number = 0;
  Cluster cluster(2, [&](GridConfig& c) {
    const std::string name = "node" + std::to_string(++number);
    c.encryption = certificates(files.pemKeys(name + ".pem", issuer, name), trust);
    c.password = number > 0 ? "group password" : "";
  });
  carries(cluster);
  CHECK(cluster[0].figures().certificateUntilMillis > systemClock().wallMillis());
}

TEST_CASE("members with a shared key form a cluster and carry data") {
  Cluster cluster(2, [](GridConfig& c) { c.encryption = sharedKey("secret"); });
  carries(cluster);
  CHECK(cluster[0].figures().certificateUntilMillis == 0);
}

TEST_CASE("encrypted and plain members refuse each other in both logs") {
  refuseEachOther(sharedKey("secret"), GridEncryption{},
                  {"refused by", "(encryption)", "this member encrypts its links, the other side does not"},
                  {"refused by us (encryption)", "the other side encrypts its links, this member does not"});
}

TEST_CASE("different passwords, and different kinds of encryption, refuse each other in both logs") {
  refuseEachOther(sharedKey("one"), sharedKey("two"),
                  {"by us (tls)", "password, salt or iteration count"},
                  {"by the other side (tls)", "password, salt or iteration count"});
  Certificates files;
  const Issuer issuer("issuer");
  refuseEachOther(certificates(files.pemKeys("a.pem", issuer, "a"), files.pemTrust("t.pem", issuer)),
                  sharedKey("one"), {"by us (tls)", "uses s"},
                  {"by the other side (tls)", "another kind of encryption"});
}

TEST_CASE("an expired certificate is named in both logs") {
  Certificates files;
  const Issuer issuer("issuer");
  const auto trust = files.pemTrust("trust.pem", issuer);
  refuseEachOther(certificates(files.pemKeys("a.pem", issuer, "good"), trust),
                  certificates(files.pemKeys("b.pem", issuer, "late", "", -10, -1), trust),
                  {"by us (tls)", "expired", "CN=late"},
                  {"by the other side (tls)", "does not accept the certificate of this node"});
}

TEST_CASE("a reload reads the certificates again; what is unusable leaves the former ones") {
  Certificates files;
  const Issuer issuer("issuer");
  const auto trust = files.pemTrust("trust.pem", issuer);
  const auto keys = files.pemKeys("node.pem", issuer, "before");
  GridConfig c = configFor(freePorts(1), {});
  c.join = "empty";
  c.encryption = certificates(keys, trust);
  const auto node = startNode(c);
  Records records;
  Scratch etc;
  etc.write("hazelcast.properties", std::string(kHz) + "ssl=true\n" + kHz + "ssl.keyStore=" + keys +
                                        "\n" + kHz + "ssl.trustStore=" + trust + "\n");
  const auto config = config::Config::load(etc.path());
  files.pemKeys("node.pem", issuer, "after", "", -1, 300);
  (*node)->reloadEncryption(*config);
  CHECK(records.has({"new links", "CN=after"}));
  const auto until = (*node)->figures().certificateUntilMillis;
  CHECK(until > systemClock().wallMillis() + 200LL * 24 * 3600 * 1000);
  files.write("node.pem", "nothing");
  (*node)->reloadEncryption(*config);
  CHECK(records.has({"the former ones stay"}));
  CHECK((*node)->figures().certificateUntilMillis == until);
}

TEST_CASE("keys of ssl: stores, versions, types") {
  Certificates files;
  const Issuer issuer("issuer");
  const auto keys = files.pkcs12Keys("node.p12", issuer, "node", "hidden");
  const auto trust = files.pkcs12Trust("trust.p12", issuer, "changeit");
  const std::vector<std::pair<std::string, std::string>> good{
      {"ssl", "true"}, {"ssl.keyStore", keys}, {"ssl.keyStorePassword", "hidden"},
      {"ssl.trustStore", trust}, {"ssl.trustStorePassword", "changeit"}};
  const auto with = [&](const std::string& key, const std::string& value) {
    auto all = good;
    all.emplace_back(key, value);
    return read(all);
  };
  const Read plain = read(good);
  CHECK(plain.settings.kind == GridEncryption::Kind::kCertificates);
  CHECK(!plain.settings.allow12);
  CHECK(plain.settings.allow13);
  CHECK(plain.warns("ssl.keyStore", "ends in"));  // 30 days, the tests' certificates
  CHECK(with("ssl.protocols", "TLS,TLSv1,TLSv1.1,TLSv1.2").settings.allow12);
  CHECK(!with("ssl.protocols", "TLS,TLSv1,TLSv1.1,TLSv1.2").settings.allow13);
  const Read both = with("ssl.protocols", "TLSv1.2, TLSv1.3");
  CHECK(both.settings.allow12);
  CHECK(both.settings.allow13);
  CHECK(!with("ssl.protocols", "TLSv1.2,TLS").settings.allow12);
  CHECK(with("ssl.protocols", "SSLv3,TLSv1").error("ssl.protocols", "allowed: TLSv1.3, TLSv1.2"));
  CHECK(with("ssl.keyStoreType", "BKS").error("ssl.keyStoreType", "allowed: PEM, PKCS12"));
  CHECK(with("ssl.keyStoreType", "JKS").warns("ssl.keyStoreType", "content of the file decides"));
  CHECK(with("ssl.trustManagerAlgorithm", "SunX509").warns("ssl.trustManagerAlgorithm", "no effect"));
  CHECK(with("symmetricEncryption", "true").warns("symmetricEncryption", "wins"));
  CHECK(read({{"ssl", "true"}}).error("ssl.keyStore", "is missing"));
  CHECK(read({{"ssl", "true"}}).error("ssl.trustStore", "is missing"));
  const Read jks = read({{"ssl", "true"}, {"ssl.keyStore", keys}, {"ssl.keyStorePassword", "hidden"},
                         {"ssl.trustStore", files.write("t.jks", "\xfe\xed\xfe\xed")}});
  CHECK(jks.error("ssl.trustStore", "keytool -importkeystore"));
  const Read wrong = read({{"ssl", "true"}, {"ssl.keyStore", keys}, {"ssl.keyStorePassword", "other"},
                           {"ssl.trustStore", trust}, {"ssl.trustStorePassword", "changeit"}});
  CHECK(wrong.error("ssl.keyStore", "is not opened by its password"));
  for (const auto& p : wrong.problems) {
    CHECK(p.text.find("hidden") == std::string::npos);
    CHECK(p.text.find("changeit") == std::string::npos);
  }
}

TEST_CASE("keys of symmetricEncryption: names of the original, rounds, what is missing") {
  const std::vector<std::pair<std::string, std::string>> good{
      {"symmetricEncryption", "true"}, {"symmetricEncryption.password", "p"},
      {"symmetricEncryption.salt", "s"}};
  const Read plain = read(good);
  CHECK(plain.problems.empty());
  CHECK(plain.settings.kind == GridEncryption::Kind::kSharedKey);
  CHECK(plain.settings.iterations == 100'000);
  auto old = good;
  old.emplace_back("symmetricEncryption.iterationCount", "19");
  old.emplace_back("symmetricEncryption.algorithm", "DES/ECB/PKCS5Padding");
  const Read raised = read(old);
  CHECK(raised.settings.iterations == 100'000);
  CHECK(raised.warns("symmetricEncryption.iterationCount", "raised to 100000"));
  CHECK(raised.warns("symmetricEncryption.algorithm", "TLS_AES_256_GCM_SHA384"));
  auto unknown = good;
  unknown.emplace_back("symmetricEncryption.algorithm", "ROT13");
  CHECK(read(unknown).error("symmetricEncryption.algorithm", "no known cipher"));
  CHECK(read({{"symmetricEncryption", "true"}}).error("symmetricEncryption.password", "is missing"));
  CHECK(read({{"symmetricEncryption", "true"}}).error("symmetricEncryption.salt", "is missing"));
  CHECK(read({}).settings.kind == GridEncryption::Kind::kNone);
}

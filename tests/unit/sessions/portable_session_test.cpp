// PortableSession and the obfuscated password: form, order, hostile records.
#include <doctest/doctest.h>

#include <set>

#include "base/random.h"
#include "portable_session.h"
#include "serialization/data.h"
#include "serialization/portable.h"

using namespace ox;
using namespace ox::sessionstorage;
using services::Session;

namespace {
Session full() {
  Session s;
  s.loginName = "anton@example.org";
  s.password = "geh\xc3\xa4im";
  s.contextId = 42;
  s.userId = 3;
  s.sessionId = "0123456789abcdef0123456789abcdef";
  s.secret = "sec";
  s.login = "anton";
  s.randomToken = "tok";
  s.localIp = "10.0.0.1";
  s.authId = "auth";
  s.hash = "hash";
  s.client = "open-xchange-appsuite";
  s.userLogin = "anton";
  s.altId = "alt";
  s.userAgent = "Mozilla/5.0";
  s.loginTime = 1'700'000'000'000;
  s.changedMillis = 1'700'000'000'001;
  s.remoteParameters = "{\"a\":1}";
  s.origin = "HTTP_JSON";
  s.staySignedIn = true;
  return s;
}
}  // namespace

TEST_CASE("fields, their order, class and version are those of the original") {
  const Obfuscator o("key");
  const Bytes data = encodeSession(full(), o);
  const auto reader = serialization::PortableReader::open(data);
  REQUIRE(reader.ok());
  CHECK(reader->type() == serialization::PortableClass{873, 1, 5});
  CHECK(reader->fieldNames() ==
        std::vector<std::string>{"loginName", "password", "contextId", "userId", "sessionId",
                                 "secret", "login", "randomToken", "localIp", "authId", "hash",
                                 "client", "userLogin", "altId", "userAgent", "loginTime",
                                 "localLastActive", "remoteParameters", "origin", "staySignedIn"});
}

TEST_CASE("a session comes back whole, and the password is not readable in the record") {
  const Obfuscator o("key");
  const Session s = full();
  const Bytes data = encodeSession(s, o);
  CHECK(data.find(s.password) == Bytes::npos);
  const auto back = decodeSession(data, o);
  REQUIRE(back.ok());
  CHECK(back->password == s.password);
  CHECK(back->loginName == s.loginName);
  CHECK(back->contextId == 42);
  CHECK(back->altId == "alt");
  CHECK(back->loginTime == s.loginTime);
  CHECK(back->changedMillis == s.changedMillis);
  CHECK(back->localLastActive == s.changedMillis);
  CHECK(back->remoteParameters == s.remoteParameters);
  CHECK(back->origin == "HTTP_JSON");
  CHECK(back->staySignedIn);

  Session empty;
  empty.sessionId = "x";
  const auto none = decodeSession(encodeSession(empty, o), o);
  REQUIRE(none.ok());
  CHECK(none->password.empty());
  CHECK(none->loginTime == 0);
}

TEST_CASE("the same password never looks the same twice") {
  const Obfuscator o("key");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) CHECK(seen.insert(o.hide("p", "id")).second);
  for (const auto& hidden : seen) CHECK(*o.reveal(hidden, "id") == "p");
  CHECK(*o.reveal(o.hide("", "id"), "id") == "");
}

TEST_CASE("another key, another session or changed text is refused without repeating it") {
  const Obfuscator o("key"), other("other");
  const std::string hidden = o.hide("topsecret", "id");
  CHECK_FALSE(other.reveal(hidden, "id").ok());
  CHECK_FALSE(o.reveal(hidden, "id2").ok());
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    std::string changed = hidden;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto result = o.reveal(changed, "id");
    CHECK_FALSE(result.ok());
    if (!result.ok()) CHECK(result.error().message.find("topsecret") == std::string::npos);
  }
  for (const char* bad : {"", "ox1:", "ox1:====", "ox1:AAAA", "ox1:AAA", "plain"})
    CHECK_FALSE(o.reveal(bad, "id").ok());
}

TEST_CASE("cut off, changed and foreign records are errors, never a crash") {
  const Obfuscator o("key");
  const Bytes data = encodeSession(full(), o);
  for (std::size_t n = 0; n < data.size(); ++n) CHECK_FALSE(decodeSession(data.substr(0, n), o).ok());
  SeededRandom random(5);
  for (int i = 0; i < 3000; ++i) {
    Bytes changed = data;
    for (int k = 0; k < 3; ++k)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    static_cast<void>(decodeSession(changed, o));
  }
  CHECK_FALSE(decodeSession(serialization::toData("text"), o).ok());
  CHECK_FALSE(decodeSession(Bytes(kMaxRecordBytes + 1, '\0'), o).ok());
}

TEST_CASE("records of older classes lack the last fields") {
  const Obfuscator o("key");
  const auto data =
      serialization::portableToData({873, 1, 4}, 15, [&](serialization::PortableWriter& w) {
        w.utf("loginName", "a");
        w.utf("password", std::nullopt);
        w.i32("contextId", 1);
        w.i32("userId", 2);
        for (const char* name : {"sessionId", "secret", "login", "randomToken", "localIp", "authId",
                                 "hash", "client", "userLogin", "altId"})
          w.utf(name, "v");
        w.i64("loginTime", -1);
      });
  const auto s = decodeSession(data, o);
  REQUIRE(s.ok());
  CHECK(s->sessionId == "v");
  CHECK(s->loginTime == 0);
  CHECK_FALSE(s->staySignedIn);
}

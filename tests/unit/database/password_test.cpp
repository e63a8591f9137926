#include <doctest/doctest.h>

#include "database/password.h"

using namespace ox;
using namespace ox::db;

TEST_CASE("known hashes of every mechanism are verified") {
  const PasswordHash known[] = {
      {"{CRYPT}", "ABS5SGh1EL6bk", ""},
      {"{SHA}", "5en6G6MezRroT3XKqkdPOmY/BfQ=", ""},
      {"{SHA-1}", "GuSRskBzmBTyxT9U5mwUwxf0XWQ=", "\x01\xffsalt"},
      {"{SHA256}", "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", ""},
      {"{SHA-256}", "bFpQgZRidrfRPXCFCCK4wzmRP7cvLOpx/36/SOA+dG0=", "\x01\xffsalt"},
      {"SHA-512",
       "UEzPhPdEqp7x1FptZB/DlR63B/DQS9lrd1HsMa3PMdqMFKbzViNx5MYm32tXz5R644cbnUi9tHofo/PrKYUjrA==",
       "\x01\xffsalt"},
      {"{BCRYPT}", "$2a$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u", ""},
      {"bcrypt", "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u", ""},
  };
  for (const auto& hash : known) {
    CAPTURE(hash.mechanism);
    CHECK(verifyPassword("secret", hash));
    CHECK_FALSE(verifyPassword("Secret", hash));
    CHECK_FALSE(verifyPassword("", hash));
  }
}

TEST_CASE("damaged hashes and unknown mechanisms match nothing") {
  CHECK_FALSE(verifyPassword("secret", {"{PLAIN}", "secret", ""}));
  CHECK_FALSE(verifyPassword("secret", {"{BCRYPT}", "secret", ""}));
  CHECK_FALSE(verifyPassword("secret", {"{SHA}", "", ""}));
  CHECK_FALSE(verifyPassword("", {"{SHA}", "", ""}));
}

TEST_CASE("new hashes are salted bcrypt and verify") {
  auto one = makePassword("secret");
  auto two = makePassword("secret");
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->mechanism == "{BCRYPT}");
  CHECK(one->hash.starts_with("$2a$10$"));
  CHECK(one->hash != two->hash);
  CHECK(verifyPassword("secret", *one));
  CHECK_FALSE(needsRehash(*one));
  for (const auto mechanism : {Mechanism::kCrypt, Mechanism::kSha1, Mechanism::kSha256,
                               Mechanism::kSha512}) {
    auto made = makePassword("geheim", mechanism);
    REQUIRE(made);
    CHECK(verifyPassword("geheim", *made));
    CHECK(needsRehash(*made) == (mechanism == Mechanism::kCrypt || mechanism == Mechanism::kSha1));
  }
}

TEST_CASE("a password beyond bcrypt's reach is not shortened silently") {
  const std::string longOne(100, 'x');
  auto made = makePassword(longOne);
  REQUIRE(made);
  CHECK(made->mechanism == "{SHA-512}");
  CHECK(verifyPassword(longOne, *made));
  CHECK_FALSE(verifyPassword(longOne.substr(0, 72), *made));
  CHECK_FALSE(makePassword(""));
  CHECK_FALSE(makePassword(std::string("a\0b", 3)));
}

TEST_CASE("mpasswd in both formats, the last one of a user wins") {
  auto all = parseMpasswd("# comment: no\nno colon here\nold:ABS5SGh1EL6bk\n"
                          "oxadminmaster:{SHA}:5en6G6MezRroT3XKqkdPOmY/BfQ=\r\n"
                          "oxadminmaster:{BCRYPT}:$2a$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u\n");
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK(verifyPassword("secret", all->at("old")));
  CHECK(all->at("oxadminmaster").mechanism == "{BCRYPT}");
  CHECK(verifyPassword("secret", all->at("oxadminmaster")));
  CHECK(parseMpasswd("a:{PLAIN}:x").error().message.find("line 1") != std::string::npos);
  CHECK_FALSE(parseMpasswd("a:b:c:d:e"));
  CHECK_FALSE(parseMpasswd("\n:{SHA}:x"));
}

TEST_CASE("a written mpasswd line is read again") {
  for (const auto mechanism : {Mechanism::kBcrypt, Mechanism::kSha512, Mechanism::kCrypt}) {
    auto made = makePassword("secret", mechanism);
    REQUIRE(made);
    auto all = parseMpasswd(mpasswdLine({"admin", *made}));
    REQUIRE(all);
    CHECK(verifyPassword("secret", all->at("admin")));
  }
}

// Cached records: they come back whole, cut off ones count as absent, and a look-up without a region asks
// each time.
#include <doctest/doctest.h>

#include "records.h"

using namespace ox;
using namespace ox::database;

TEST_CASE("contexts, users, places and numbers come back as they were") {
  services::Context c;
  c.id = 7;
  c.name = "Müller & Söhne";
  c.enabled = false;
  c.writePoolId = 3;
  c.schema = "oxdb_5";
  const auto context = decodeContext(encodeContext(c));
  REQUIRE(context);
  CHECK(context->id == 7);
  CHECK(context->name == c.name);
  CHECK_FALSE(context->enabled);
  CHECK(context->writePoolId == 3);
  CHECK(context->schema == "oxdb_5");

  services::User u;
  u.contextId = 7;
  u.id = 2;
  u.loginName = "anna";
  u.mail = "a@example.org";
  u.language = "de_DE";
  u.timeZone = "Europe/Berlin";
  u.contactId = 9;
  u.mailEnabled = false;
  u.guestCreatedBy = 4;
  const auto user = decodeUser(encodeUser(u));
  REQUIRE(user);
  CHECK(user->contextId == 7);
  CHECK(user->id == 2);
  CHECK(user->loginName == "anna");
  CHECK(user->mail == u.mail);
  CHECK(user->language == "de_DE");
  CHECK(user->timeZone == u.timeZone);
  CHECK(user->contactId == 9);
  CHECK_FALSE(user->mailEnabled);
  CHECK(user->guestCreatedBy == 4);

  const auto place = decodeAssignment(encodeAssignment({7, 4, 3, "s"}));
  REQUIRE(place);
  CHECK(place->readPoolId == 4);
  CHECK(place->writePoolId == 3);
  CHECK(place->schema == "s");
  CHECK(decodeNumber(encodeNumber(-5)) == -5);
}

TEST_CASE("what is cut off counts as absent") {
  const Bytes user = encodeUser({});
  for (std::size_t n = 0; n < user.size(); ++n) CHECK_FALSE(decodeUser(user.substr(0, n)));
  CHECK_FALSE(decodeContext("x"));
  CHECK_FALSE(decodeAssignment(""));
  CHECK_FALSE(decodeNumber("1234567"));
}

TEST_CASE("without a region every look-up asks") {
  int asked = 0;
  const auto load = [&]() -> Result<services::Context> {
    ++asked;
    return services::Context{};
  };
  for (int i = 0; i < 3; ++i)
    CHECK(throughCache<services::Context>(nullptr, "k", load, encodeContext, decodeContext).ok());
  CHECK(asked == 3);
}

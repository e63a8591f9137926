#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "arguments.h"
#include "database_roles.h"
#include "etc_files.h"
#include "storage.h"
#include "tables.h"
#include "user_storage.h"
#include "util_storage.h"

using namespace ox;
using namespace ox::provisioning;

TEST_CASE("every creator finds its tables") {
  auto ordered = orderCreators(tableCreators());
  REQUIRE(ordered);
  CHECK(ordered->size() == tableCreators().size());
  std::set<std::string> there;
  for (const auto* creator : *ordered) {
    for (const auto& need : creator->needs) CHECK(there.contains(need));
    for (const auto& table : creator->creates) CHECK(there.insert(table).second);
    CHECK(creator->statements.size() == creator->creates.size());
  }
  for (const char* table : {"user", "login2user", "user_attribute", "user_alias", "groups",
                            "groups_member", "resource", "del_user", "del_groups", "del_resource",
                            "updateTask", "replicationMonitor", "filestore_usage",
                            "contextAttribute", "sequence_id", "sequence_mail_service",
                            "user_setting_admin"})
    CHECK(there.contains(table));
}

TEST_CASE("creators that wait for each other are named") {
  const std::vector<TableCreator> circle = {{"one", {"b"}, {"a"}, {}}, {"two", {"a"}, {"b"}, {}}};
  auto ordered = orderCreators(circle);
  REQUIRE_FALSE(ordered);
  CHECK(ordered.error().message.find("one, two") != std::string::npos);
}

TEST_CASE("search patterns") {
  CHECK(likePattern("") == "%");
  CHECK(likePattern("*") == "%");
  CHECK(likePattern("a*b?") == "a%b_");
  CHECK(likePattern("100%_x") == "100\\%\\_x");
}

TEST_CASE("a user's values are checked") {
  NewUser user;
  user.name = "anna";
  user.displayName = "Anna A";
  user.givenName = "Anna";
  user.surName = "A";
  user.password = "x";
  user.email = "anna@example.com";
  CHECK(checkUser(user).empty());
  const auto wrong = [&](auto change) {
    NewUser other = user;
    change(other);
    return !checkUser(other).empty();
  };
  CHECK(wrong([](NewUser& u) { u.name = "an na"; }));
  CHECK(wrong([](NewUser& u) { u.name.clear(); }));
  CHECK(wrong([](NewUser& u) { u.name = std::string(129, 'a'); }));
  CHECK(wrong([](NewUser& u) { u.password.clear(); }));
  CHECK(wrong([](NewUser& u) { u.email = "anna"; }));
  CHECK(wrong([](NewUser& u) { u.email = "a@b@c"; }));
  CHECK(wrong([](NewUser& u) { u.aliases = {"@x"}; }));
  CHECK(wrong([](NewUser& u) { u.language = "english"; }));
  CHECK(wrong([](NewUser& u) { u.surName = "a\nb"; }));
  CHECK(wrong([](NewUser& u) { u.quotaMb = -2; }));
  CHECK_FALSE(wrong([](NewUser& u) { u.quotaMb = 0; }));
  CHECK(wrong([](NewUser& u) { u.passwordMech = "MD5"; }));
  for (const char* known : {"sha", "{SHA-256}", "SHA-512", "bcrypt", "{CRYPT}"})
    CHECK_FALSE(wrong([&](NewUser& u) { u.passwordMech = known; }));
}

TEST_CASE("editing a properties file keeps comments and order") {
  tool::PropertiesEdit edit("# head\na=1\n\nb : two \\\n  more\n! note\nc=3\na=4\n");
  CHECK(edit.get("a") == "4");
  CHECK_FALSE(edit.get("d").has_value());
  edit.set("a", "x");
  edit.set("b", "back\\slash");
  edit.set("d", "new");
  CHECK(edit.text() == "# head\na=x\n\nb=back\\\\slash\n! note\nc=3\nd=new\n");
  CHECK(edit.get("b") == "back\\slash");
}

TEST_CASE("a change is checked as a new user is, and what is not given is fine") {
  UserChange change;
  CHECK(checkChange(change).empty());
  change.email = "a@b";
  change.aliases = {"c@d"};
  change.department = "";
  CHECK(checkChange(change).empty());
  change.email = "ab";
  CHECK_FALSE(checkChange(change).empty());
  change = {};
  change.password = "";
  CHECK_FALSE(checkChange(change).empty());
  change = {};
  change.displayName = "";
  CHECK_FALSE(checkChange(change).empty());
  change = {};
  change.aliases = {"no address"};
  CHECK_FALSE(checkChange(change).empty());
}

TEST_CASE("arguments: the first thing that is wrong is told, absent ones are nothing") {
  const auto given = nlohmann::json{{"n", 7}, {"t", "x"}, {"b", true}, {"l", {"a", "b"}}, {"z", nullptr}};
  Arguments in(given);
  CHECK(in.maybeNumber("n") == 7);
  CHECK(in.maybeText("t") == "x");
  CHECK(in.maybeBoolean("b") == true);
  CHECK(in.maybeTexts("l")->size() == 2);
  CHECK_FALSE(in.maybeText("z"));
  CHECK_FALSE(in.maybeNumber("none"));
  CHECK(in.status());
  in.maybeText("n");
  in.maybeNumber("t");
  REQUIRE_FALSE(in.status());
  CHECK(in.status().error().code == Code::kAdmInvalidData);
  CHECK(in.status().error().message.starts_with("n "));
  const auto list = nlohmann::json::array();
  CHECK_FALSE(Arguments(list).status());
}

TEST_CASE("addresses of databases become URLs") {
  CHECK(*databaseUrl("db1") == "jdbc:mysql://db1/");
  CHECK(*databaseUrl("db1:3307") == "jdbc:mysql://db1:3307/");
  CHECK(*databaseUrl("mysql://db1:3307/") == "jdbc:mysql://db1:3307/");
  CHECK(*databaseUrl("[::1]:3307") == "jdbc:mysql://[::1]:3307/");
  const std::string whole = "jdbc:mariadb://db1:3307/?useSSL=true&socketTimeout=5000";
  CHECK(*databaseUrl(whole) == whole);
  // A changed host keeps the parameters, a whole URL brings its own.
  CHECK(*databaseUrl("db2", whole) == "jdbc:mysql://db2/?useSSL=true&socketTimeout=5000");
  CHECK(*databaseUrl("jdbc:mysql://db2/", whole) == "jdbc:mysql://db2/");
  for (const char* bad : {"", "a b", "db1:0", "db1:x", "db1/schema", "jdbc:mysql://db1/schema",
                          "db1?useSSL=true", "jdbc:mysql://db1/?useSSL=maybe", "jdbc:other://db1/"})
    CHECK_FALSE(databaseUrl(bad));
  CHECK_FALSE(databaseUrl("jdbc:mysql://db1/?a=" + std::string(300, 'x')));
}

TEST_CASE("a database's and a file store's values are checked") {
  Database database;
  database.name = "oxdb";
  CHECK(checkDatabase(database).empty());
  database.name = "name that is too long for schemas";
  CHECK_FALSE(checkDatabase(database).empty());
  database.name = "oxdb";
  database.poolMax = -1;
  CHECK_FALSE(checkDatabase(database).empty());
  Filestore store;
  store.uri = "file:/x";
  CHECK(checkFilestore(store).empty());
  store.uri = "/x";
  CHECK_FALSE(checkFilestore(store).empty());
}

TEST_CASE("the mechanism of a password is the one that was asked for, and bcrypt else") {
  for (const auto& [asked, stored] : {std::pair("SHA-256", "{SHA-256}"), std::pair("", "{BCRYPT}"),
                                      std::pair("{CRYPT}", "{CRYPT}")}) {
    auto made = hashPassword("a-Secret", asked);
    REQUIRE(made);
    CHECK(made->mechanism == stored);
    CHECK(db::verifyPassword("a-Secret", *made));
  }
  UserChange change;
  change.passwordMech = "SHA-512";
  CHECK_FALSE(checkChange(change).empty());  // nothing to be hashed
  change.password = "x";
  CHECK(checkChange(change).empty());
}

TEST_CASE("what -m and -M ask of a database") {
  using Kind = RoleChange::Kind;
  const auto database = [](std::int32_t id, std::int32_t masterId, bool master) {
    Database one;
    one.id = id;
    one.master = master;
    one.masterId = masterId;
    return one;
  };
  // 3 has the slave 4, 5 has none, 6 belongs to nobody.
  const std::vector<Database> all = {database(3, 0, true), database(4, 3, false),
                                     database(5, 0, true), database(6, 0, false)};
  const auto ask = [&](std::size_t who, std::optional<bool> master,
                       std::optional<std::int32_t> masterId) {
    return roleChange(all[who], all, master, masterId);
  };
  const auto kind = [&](std::size_t who, std::optional<bool> master,
                        std::optional<std::int32_t> masterId) {
    auto change = ask(who, master, masterId);
    return change ? static_cast<int>(change->kind) : -1;
  };
  CHECK(kind(0, {}, {}) == static_cast<int>(Kind::kNone));
  CHECK(kind(0, true, {}) == static_cast<int>(Kind::kNone));
  CHECK(kind(1, false, {}) == static_cast<int>(Kind::kNone));
  for (const auto& swap : {ask(1, true, {}), ask(0, false, 4)}) {
    REQUIRE(swap);
    CHECK(swap->kind == Kind::kPromote);
    CHECK(swap->master == 3);
    CHECK(swap->slave == 4);
  }
  CHECK(kind(3, true, {}) == static_cast<int>(Kind::kAlone));
  for (const std::size_t joins : {1U, 3U}) {
    auto joined = ask(joins, {}, 5);
    REQUIRE(joined);
    CHECK(joined->kind == Kind::kJoin);
    CHECK(joined->master == 5);
    CHECK(joined->slave == all[joins].id);
  }
  CHECK(kind(2, false, 3) == static_cast<int>(Kind::kJoin));
  CHECK(kind(0, true, 5) == -1);   // a master has no master
  CHECK(kind(0, {}, 5) == -1);     // without -m false
  CHECK(kind(0, false, {}) == -1); // whose slave?
  CHECK(kind(2, false, 4) == -1);  // of a slave
  CHECK(kind(2, false, 5) == -1);  // of itself
  CHECK(kind(2, false, 99) == -1);
}

TEST_CASE("what the database rolled back is done again, other failures are not, and not for ever") {
  int calls = 0;
  CHECK(repeatConflicts([&]() -> Status {
          return ++calls < 3 ? Status(Error(Code::kDbDeadlock)) : Status();
        }));
  CHECK(calls == 3);
  calls = 0;
  const Status refused = repeatConflicts([&]() -> Status {
    ++calls;
    return Error(Code::kDbDuplicate);
  });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kDbDuplicate);
  CHECK(calls == 1);
  calls = 0;
  const Status stays = repeatConflicts([&]() -> Status {
    ++calls;
    return Error(Code::kDbDeadlock);
  });
  REQUIRE_FALSE(stays);
  CHECK(stays.error().code == Code::kDbDeadlock);
  CHECK(calls == kTransactionAttempts);
}

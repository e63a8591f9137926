#include <doctest/doctest.h>

#include "database/statement.h"

using namespace ox;
using namespace ox::db;

namespace {
std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}
std::string bound(std::string_view sql, const std::vector<Value>& values) {
  auto text = bindValues(sql, values, escape);
  REQUIRE(text);
  return *text;
}
}  // namespace

TEST_CASE("values replace places outside quotes and comments only") {
  CHECK(bound("a ? '?' \"?\" `?` ?", {std::int64_t{1}, std::string("x")}) ==
        "a 1 '?' \"?\" `?` 'x'");
  CHECK(bound("a /* ? */ ? -- ?\n, ?", {std::int64_t{1}, std::int64_t{2}}) ==
        "a /* ? */ 1 -- ?\n, 2");
  CHECK(bound("'it''s ?' ?", {std::monostate()}) == "'it''s ?' NULL");
  CHECK(bound("'\\'?' ?", {std::string("o'clock")}) == "'\\'?' 'o\\'clock'");
  CHECK(bound("no values: ?", {}) == "no values: ?");
}

TEST_CASE("bytes that are no UTF-8 travel as hexadecimal") {
  CHECK(bound("?", {std::string("\xff\x00'", 3)}) == "x'ff0027'");
  CHECK(bound("?", {std::string("gr\xc3\xbc\xc3\x9f")}) == "'gr\xc3\xbc\xc3\x9f'");
  CHECK_FALSE(isUtf8("\xc3"));
  CHECK_FALSE(isUtf8("\xed\xa0\x80"));
  CHECK_FALSE(isUtf8("\xf4\x90\x80\x80"));
  CHECK(isUtf8("\xf0\x9f\x98\x80"));
}

TEST_CASE("too few and too many values are refused") {
  CHECK(bindValues("? ?", {std::int64_t{1}}, escape).error().code == Code::kDbSql);
  CHECK(bindValues("?", {std::int64_t{1}, std::int64_t{2}}, escape).error().code == Code::kDbSql);
}

TEST_CASE("a file is cut into statements at semicolons outside quotes") {
  const auto all = splitStatements("-- head;\nCREATE TABLE a (b TEXT DEFAULT ';');\n"
                                   "/* x; */ INSERT INTO a VALUES ('--;'); # end;\n;\nSELECT 1");
  REQUIRE(all.size() == 3);
  CHECK(all[0] == "CREATE TABLE a (b TEXT DEFAULT ';')");
  CHECK(all[1] == "INSERT INTO a VALUES ('--;')");
  CHECK(all[2] == "SELECT 1");
}

TEST_CASE("schema names") {
  CHECK(isSchemaName("oxdb_12"));
  CHECK_FALSE(isSchemaName(""));
  CHECK_FALSE(isSchemaName("a`b"));
  CHECK_FALSE(isSchemaName(std::string(65, 'a')));
}

TEST_CASE("JDBC URLs") {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* schema;
  };
  const Case good[] = {
      {"jdbc:mysql://localhost/configdb", "localhost", 3306, "configdb"},
      {"jdbc:mysql://db1:3307/x_1", "db1", 3307, "x_1"},
      {"jdbc:mysql://db1/?useUnicode=true&characterEncoding=UTF-8", "db1", 3306, ""},
      {"jdbc:mysql://db1", "db1", 3306, ""},
      {"JDBC:MYSQL://[2001:db8::1]:3308/a", "2001:db8::1", 3308, "a"},
      {"jdbc:mysql://[::1]/a", "::1", 3306, "a"},
      {"jdbc:mysql://a:1,b:2/x", "a", 1, "x"},
      {"jdbc:mariadb://m/x", "m", 3306, "x"},
  };
  for (const Case& one : good) {
    CAPTURE(one.url);
    auto settings = parseJdbcUrl(one.url);
    REQUIRE(settings);
    CHECK(settings->host == one.host);
    CHECK(settings->port == one.port);
    CHECK(settings->schema == one.schema);
  }
  for (const char* url :
       {"", "mysql://x/y", "jdbc:postgresql://x/y", "jdbc:mysql://h:0/x", "jdbc:mysql://h:70000/x",
        "jdbc:mysql://h:/x", "jdbc:mysql://h:1a/x", "jdbc:mysql://[::1/x", "jdbc:mysql://h/a;b",
        "jdbc:mysql://u@h/x", "jdbc:mysql://h/x?connectTimeout=abc", "jdbc:mysql://h/x?useSSL=1"}) {
    CAPTURE(url);
    auto settings = parseJdbcUrl(url);
    REQUIRE_FALSE(settings);
    CHECK(settings.error().code == Code::kDbUrl);
  }
}

TEST_CASE("driver parameters that mean something are applied") {
  auto settings = parseJdbcUrl("jdbc:mysql://h/x?connectTimeout=1500&socketTimeout=0&useSSL=true"
                               "&verifyServerCertificate=false&user=a%40b&unknown=1&&");
  REQUIRE(settings);
  CHECK(settings->connectTimeoutMillis == 1500);
  CHECK(settings->readTimeoutMillis == 0);
  CHECK(settings->useTls);
  CHECK_FALSE(settings->tlsVerify);
  CHECK(settings->user == "a@b");
  auto mode = parseJdbcUrl("jdbc:mysql://h/x?sslMode=VERIFY_CA");
  REQUIRE(mode);
  CHECK(mode->useTls);
  CHECK(mode->tlsVerify);
}

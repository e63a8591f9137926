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

TEST_CASE("parameters of a URL are stronger than those below it, and keep what they do not name") {
  ConnectionSettings base;
  base.host = "elsewhere";
  base.port = 1;
  base.schema = "other";
  REQUIRE(applyDriverParameter(base, "socketTimeout", "1000"));
  REQUIRE(applyDriverParameter(base, "connectTimeout", "2000"));
  auto settings = parseJdbcUrl("jdbc:mysql://h/?socketTimeout=3000", base);
  REQUIRE(settings);
  CHECK(settings->host == "h");
  CHECK(settings->port == 3306);
  CHECK(settings->schema.empty());
  CHECK(settings->readTimeoutMillis == 3000);
  CHECK(settings->connectTimeoutMillis == 2000);
  CHECK(parseJdbcUrl("jdbc:mysql:///x", base)->host == "localhost");
}

TEST_CASE("driver parameters: what is understood, what is refused, what is ignored") {
  ConnectionSettings s;
  const auto fine = [&](const char* name, const char* value) {
    return applyDriverParameter(s, name, value).ok();
  };
  CHECK(fine("serverTimezone", "UTC"));
  CHECK(s.timeZone == "+00:00");
  CHECK(fine("connectionTimeZone", "Europe/Berlin"));
  CHECK(s.timeZone == "Europe/Berlin");
  CHECK(fine("serverTimezone", "SERVER"));
  CHECK(s.timeZone.empty());
  CHECK_FALSE(fine("serverTimezone", "x'; DROP TABLE y"));
  CHECK(fine("characterEncoding", "UTF-8"));
  CHECK_FALSE(fine("characterEncoding", "ISO-8859-1"));
  CHECK(fine("connectionCollation", "utf8mb4_bin"));
  CHECK_FALSE(fine("connectionCollation", "latin1_swedish_ci"));
  CHECK(fine("enabledTLSProtocols", "TLSv1.2,TLSv1.3"));
  CHECK_FALSE(fine("enabledTLSProtocols", "TLSv1"));
  CHECK_FALSE(fine("enabledTLSProtocols", ""));
  CHECK(fine("serverSslCert", "file:///etc/ca.pem"));
  CHECK(s.tlsCa == "/etc/ca.pem");
  CHECK_FALSE(fine("trustCertificateKeyStoreUrl", "file:/x/trust.jks"));
  CHECK_FALSE(fine("clientCertificateKeyStoreUrl", "file:/x/key.jks"));
  CHECK(fine("requireSSL", "true"));
  CHECK(s.useTls);
  CHECK_FALSE(fine("useSSL", "perhaps"));
  CHECK(fine("sessionVariables", "wsrep_sync_wait=1;note='a, b',mode=READ-ONLY"));
  using Variables = std::vector<std::pair<std::string, std::string>>;
  CHECK(s.sessionVariables ==
        Variables{{"wsrep_sync_wait", "1"}, {"note", "'a, b'"}, {"mode", "'READ-ONLY'"}});
  for (const char* bad : {"a", "=1", "a=", "a='b", "a=b'c", "a=1 OR 1=1;--", "a b=1",
                          "autocommit=0", "SQL_MODE=''", "a='\\'", "a=(SELECT 1)", "a='x'y"})
    CHECK_MESSAGE(!fine("sessionVariables", bad), bad);
  for (const char* ignored : {"useUnicode", "autoReconnect", "useServerPrepStmts", "useTimezone",
                              "rewriteBatchedStatements", "unknown"})
    CHECK(fine(ignored, "whatever"));
  CHECK_FALSE(fine("unknown", std::string(2000, 'x').c_str()));
}

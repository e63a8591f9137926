// dbconnector.yaml: what is read, what is refused and with which line.
#include <doctest/doctest.h>

#include <string>

#include "config/config.h"
#include "config/yaml.h"
#include "scratch.h"

using namespace ox::config;

namespace {
PropertiesText parse(std::string_view text) { return parseYamlSection(text, "com.mysql.jdbc"); }
int errorLine(std::string_view text) {
  const auto parsed = parse(text);
  for (const auto& one : parsed.problems)
    if (one.error) return parsed.entries.empty() ? one.line : -2;
  return -1;
}
}  // namespace

TEST_CASE("values of the section are texts with their lines") {
  const auto read = parse("# head\ncom.mysql.jdbc:\n  useSSL: true\n  socketTimeout: 15000\n"
                          "  serverTimezone: 'Europe/Berlin'\n  empty:\n");
  CHECK(read.problems.empty());
  REQUIRE(read.entries.size() == 4);
  CHECK(read.entries[0].key == "useSSL");
  CHECK(read.entries[0].value == "true");
  CHECK(read.entries[0].line == 3);
  CHECK(read.entries[1].value == "15000");
  CHECK(read.entries[2].value == "Europe/Berlin");
  CHECK(read.entries[3].value.empty());
}

TEST_CASE("nothing is no mistake") {
  for (const char* text :
       {"", "# only a comment\n", "com.mysql.jdbc:\n", "com.mysql.jdbc: {}\n", "---\n"}) {
    const auto read = parse(text);
    CHECK(read.entries.empty());
    CHECK(read.problems.empty());
  }
}

TEST_CASE("mistakes are told with their line and nothing of the file is taken") {
  CHECK(errorLine("- a\n- b\n") == 1);
  CHECK(errorLine("com.mysql.jdbc:\n  - a\n") == 1);
  CHECK(errorLine("com.mysql.jdbc:\n  a: 1\n  b: [1, 2]\n") == 3);
  CHECK(errorLine("com.mysql.jdbc:\n  a: 1\n  ? {x: y}\n  : 1\n") == 3);
  CHECK(errorLine("com.mysql.jdbc:\n a: \"\\q\"\n") == 2);
  CHECK(errorLine("com.mysql.jdbc:\n\ta: 1\n") > 0);
  CHECK(errorLine(std::string(kMaxYamlBytes + 1, '#')) == 0);
  CHECK(errorLine(std::string(5000, '[')) >= 0);
  std::string many = "com.mysql.jdbc:\n";
  for (std::size_t i = 0; i <= kMaxYamlEntries; ++i) many += " k" + std::to_string(i) + ": 1\n";
  CHECK(errorLine(many) > 1000);
}

TEST_CASE("another section is a warning") {
  const auto read = parse("other:\n  a: 1\ncom.mysql.jdbc:\n  b: 2\n");
  REQUIRE(read.problems.size() == 1);
  CHECK_FALSE(read.problems[0].error);
  CHECK(read.problems[0].line == 1);
  CHECK(read.entries.size() == 1);
}

TEST_CASE(
    "the file beside the properties is read into the configuration, mistakes are problems of it") {
  ox::test::Scratch etc;
  etc.write("configdb.properties", "maxActive=7\n");
  etc.write("dbconnector.yaml", "com.mysql.jdbc:\n  socketTimeout: 5000\n");
  auto config = Config::load(etc.path());
  CHECK_FALSE(config->hasErrors());
  REQUIRE(config->file("dbconnector.yaml").size() == 1);
  CHECK(config->file("dbconnector.yaml")[0].first == "socketTimeout");
  CHECK(config->file("dbconnector.yaml")[0].second.value == "5000");
  CHECK_FALSE(config->has("socketTimeout"));
  etc.write("dbconnector.yaml", "com.mysql.jdbc:\n  a: [\n");
  config = Config::load(etc.path());
  REQUIRE(config->hasErrors());
  CHECK(config->problems()[0].toString().starts_with("ERROR dbconnector.yaml:"));
}

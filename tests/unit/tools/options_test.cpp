#include "options.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cstring>
#include <iostream>
#include <sstream>

#include "output.h"
#include "rmi.h"
#include "tool.h"

using namespace ox::tool;

namespace {

Invocation call(std::vector<std::string> args) { return {"tool", std::move(args), {}}; }

}  // namespace

TEST_CASE("values by next word, with equals sign, with a leading dash, and empty") {
  std::string name;
  std::int64_t number = 0;
  bool flag = false;
  const auto parsed = [&](std::vector<std::string> args) {
    name = "unset";
    number = 0;
    flag = false;
    Options options(call(std::move(args)), "s");
    options.text("-n,--name", &name, "<n>", "h");
    options.number("-c,--context", &number, 0, 100, "h");
    options.flag("-f,--flag", &flag, "h");
    return options.parse().value_or(0);
  };
  CHECK(parsed({"-n", "a", "-c", "7", "-f"}) == 0);
  CHECK(name == "a");
  CHECK(number == 7);
  CHECK(flag);
  CHECK(parsed({"--name=x", "--context", "8"}) == 0);
  CHECK(name == "x");
  CHECK(parsed({"-n", "-secret-"}) == 0);
  CHECK(name == "-secret-");
  CHECK(parsed({"-n", ""}) == 0);
  CHECK(name.empty());
  CHECK(parsed({"-n", "a", "-n", "b"}) == 0);
  CHECK(name == "b");
}

TEST_CASE("exit codes: unknown 111, missing 104, illegal 109, help 0") {
  const auto exitOf = [](std::vector<std::string> args) {
    std::string name;
    std::int64_t port = 0;
    std::optional<bool> master;
    Options options(call(std::move(args)), "s");
    options.text("-n,--name", &name, "<n>", "h", Need::kRequired);
    options.number("-p,--port", &port, 1, 65535, "h");
    options.boolean("-m,--master", &master, "h");
    return options.parse();
  };
  CHECK(exitOf({"-n", "a", "--nonsense"}) == 111);
  CHECK(exitOf({"-n", "a", "word"}) == 111);
  CHECK(exitOf({"--nonsense"}) == 111);
  CHECK(exitOf({}) == 104);
  CHECK(exitOf({"-n", "a", "-p", "x"}) == 109);
  CHECK(exitOf({"-n", "a", "-p", "65536"}) == 109);
  CHECK(exitOf({"-n", "a", "-m", "yes"}) == 109);
  CHECK(exitOf({"-n"}) == 109);
  CHECK(exitOf({"-h"}) == 0);
  CHECK_FALSE(exitOf({"-n", "a", "-m", "true"}).has_value());
}

TEST_CASE("a mistyped option is named, what stands behind it is not: it may be a password") {
  std::ostringstream shown;
  auto* const before = std::cerr.rdbuf(shown.rdbuf());
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--adminpas", "geheim"}, {"--adminpas=geheim"}, {"geheim", "--adminpas"}}) {
    std::string name;
    Options options(call(words), "s");
    options.text("-n,--name", &name, "<n>", "h", Need::kRequired);
    CHECK(options.parse() == 111);
  }
  std::cerr.rdbuf(before);
  CHECK(shown.str().find("unknown option: --adminpas\n") != std::string::npos);
  CHECK(shown.str().find("geheim") == std::string::npos);
}

TEST_CASE("several letters after one dash, and one letter with two meanings") {
  bool viaFile = false;
  bool excluded = false;
  bool pool = false;
  std::int64_t port = 0;
  Options options(call({"-xf", "-p", "4711", "-p"}), "s");
  options.flag("-x,--excluded", &excluded, "h");
  options.flag("-xf,--excluded-via-file", &viaFile, "h");
  options.number("-p,--port", &port, 1, 65535, "h");
  options.flag("-p,--threadpoolstats", &pool, "h");
  options.sharedShort("-p", "--port", "--threadpoolstats");
  CHECK_FALSE(options.parse().has_value());
  CHECK(viaFile);
  CHECK_FALSE(excluded);
  CHECK(port == 4711);
  CHECK(pool);
  CHECK(options.given("--excluded-via-file"));
  CHECK_FALSE(options.given("--excluded"));
}

TEST_CASE("a password vanishes from the argument list and may come from the environment") {
  char words[4][24] = {"-P", "topsecret", "--adminpass=other", "-Pglued"};
  Invocation invocation{"tool", {}, {}};
  for (auto& word : words) {
    invocation.args.emplace_back(word);
    invocation.rawArgs.push_back(word);
  }
  AdminOptions admin;
  Options options(invocation, "s");
  options.add(admin, NodeOptions::kNone);
  CHECK_FALSE(options.parse().has_value());
  CHECK(std::string(words[1]) == "*********");
  CHECK(std::string(words[2]) == "--adminpass=*****");
  CHECK(std::string(words[3]) == "-P*****");
  CHECK(admin.password == "glued");

  setenv("ADMIN_PASSWORD", "from env", 1);
  AdminOptions second;
  Options again(call({"-A", "oxadminmaster"}), "s");
  again.add(second, NodeOptions::kServer);
  CHECK_FALSE(again.parse().has_value());
  CHECK(second.password == "from env");
  unsetenv("ADMIN_PASSWORD");
}

TEST_CASE("where the node is: options, then RMI_HOSTNAME, then localhost") {
  CHECK(parseRmiHostname("rmi://10.0.0.1:1234/", 1099)->port == 1234);
  CHECK(parseRmiHostname("rmi://10.0.0.1/", 1099)->port == 1099);
  CHECK(parseRmiHostname("host", 1099)->host == "host");
  CHECK(parseRmiHostname("[::1]:77", 1099)->host == "::1");
  CHECK(parseRmiHostname("[::1]:77", 1099)->port == 77);
  for (const char* bad : {"http://x", "host:0", "host:x", "host:70000", "[::1", "rmi://", ":1"})
    CHECK_FALSE(parseRmiHostname(bad, 1099).ok());
  setenv("RMI_HOSTNAME", "rmi://127.0.0.9:4/", 1);
  AdminOptions admin;
  CHECK(findNode(admin, Port::kRmi)->port == 4);
  CHECK(findNode(admin, Port::kJmx)->host == "127.0.0.9");
  CHECK(findNode(admin, Port::kJmx)->port == 9999);
  admin.port = 5;
  CHECK(findNode(admin, Port::kRmi)->port == 5);
  unsetenv("RMI_HOSTNAME");
  AdminOptions plain;
  CHECK(findNode(plain, Port::kRmi)->port == 1099);
  plain.etc = "/nonexistent";
  CHECK_FALSE(findNode(plain, Port::kRmi).ok());
}

TEST_CASE("tables: widths, alignment, cut cells, padding, absent values; CSV quoting") {
  Table table({{"id", Align::kRight}, {"name"}, {"short", Align::kLeft, 4}});
  table.add({"7", "ä", "abcdefg"});
  table.add({"123", ox::tool::Cell(), "x"});
  CHECK(table.text() ==
        " id name sho~\n  7 ä    abc~\n123      x   \n");
  Table csv({{"id"}, {"name"}});
  csv.add({"1", "say \"hi\""});
  csv.add({"2", ox::tool::Cell()});
  CHECK(csv.csv() == "id,name\n\"1\",\"say \"\"hi\"\"\"\n\"2\",\n");
}

TEST_CASE("success and failure lines") {
  CHECK(successLine("context", "7", std::nullopt, "created") == "context 7 created");
  CHECK(successLine("user", "3", 7, "created") == "user 3 in context 7 created");
  CHECK(failureLine("user", "3", 7, "changed") == "user 3 in context 7 could not be changed: ");
}

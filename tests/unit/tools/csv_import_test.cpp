// --csv-import: the file, its mistakes, and one call for each row.
#include "csv_import.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace ox::tool;

namespace {

using Values = std::vector<std::string>;
std::vector<Values> gCalls;

// Fails for the user "bad".
int record(Invocation& call) {
  gCalls.push_back(call.args);
  for (const auto& word : call.args)
    if (word == "--username=bad") return 103;
  return 0;
}

struct File {
  explicit File(const std::string& text)
      : path("csv_import_test_" + std::to_string(getpid()) + ".csv") {
    std::ofstream(path) << text;
  }
  ~File() { std::remove(path.c_str()); }
  const std::string path;
};

struct Quiet {
  std::ostringstream text;
  std::streambuf* before = std::cerr.rdbuf(text.rdbuf());
  ~Quiet() { std::cerr.rdbuf(before); }
};

std::string problem(const std::string& text) {
  auto parsed = parseCsv(text);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("values with and without quotes, line ends of both kinds, empty lines") {
  auto file = parseCsv("\xEF\xBB\xBF" "a,b\r\n1,2\r\n\n\"x, \"\"y\"\"\n\",\n,\"\"");
  REQUIRE_MESSAGE(file.ok(), (file ? "" : file.error().message));
  CHECK(file->columns == Values{"a", "b"});
  REQUIRE(file->lines.size() == 3);
  CHECK(file->lines[0].values == Values{"1", "2"});
  CHECK(file->lines[0].number == 2);
  CHECK(file->lines[1].values == Values{"x, \"y\"\n", ""});
  CHECK(file->lines[1].number == 4);
  CHECK(file->lines[2].number == 6);
}

TEST_CASE("mistakes are named with their line") {
  CHECK(problem("").find("no column") != std::string::npos);
  CHECK(problem("a,b\n1\n").find("line 2: 1 values for 2 columns") == 0);
  CHECK(problem("a\nx\"y\n").find("line 2: a value with a double quote") == 0);
  CHECK(problem("a\n\"x\n").find("line 2: ") == 0);
  CHECK(problem("a\n\"x\"y\n").find("line 2: ") == 0);
  CHECK(problem("a\nx\ry\n").find("line 2: a carriage return") == 0);
  CHECK(problem("a\n" + std::string(200, ',')).find("line 2: more than 100 values") == 0);
}

TEST_CASE("each row is one call; what is on the command line holds for all") {
  gCalls.clear();
  Quiet quiet;
  const File file("username,quota\nanna,5\nbad,\n\"b,c\",7\n");
  const Invocation call{"createuser", {"-c", "1", "--csv-import", file.path, "-A", "x"}, {}};
  CHECK(csvImport(call, record, {"username", "quota"}) == 103);  // of the row that was not taken
  REQUIRE(gCalls.size() == 3);
  CHECK(gCalls[0] == Values{"-c", "1", "-A", "x", "--username=anna", "--quota=5"});
  CHECK(gCalls[1] == Values{"-c", "1", "-A", "x", "--username=bad"});
  CHECK(gCalls[2] == Values{"-c", "1", "-A", "x", "--username=b,c", "--quota=7"});
  CHECK(quiet.text.str().find("line 3 of " + file.path + " was not taken (exit 103)") !=
        std::string::npos);
  CHECK(quiet.text.str().find("2 of 3 rows taken") != std::string::npos);
}

TEST_CASE("nothing is called for a file with a mistake, and without the option") {
  gCalls.clear();
  Quiet quiet;
  const File file("username,shoe\nanna,5\n");
  const auto run = [&](Values args) {
    return csvImport(Invocation{"createuser", std::move(args), {}}, record, {"username"});
  };
  CHECK(run({"--csv-import=" + file.path}) == 114);
  CHECK(quiet.text.str().find("there is no column 'shoe'; allowed are username") !=
        std::string::npos);
  CHECK(run({"--csv-import", "nowhere.csv"}) == 114);
  CHECK_FALSE(run({"-u", "anna"}));
  CHECK_FALSE(run({"--csv-import", file.path, "-h"}));
  CHECK(gCalls.empty());
}

TEST_CASE("random bytes never break the reader") {
  std::uint32_t state = 7;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (int n = 0; n < 40; ++n) {
      state = state * 1664525 + 1013904223;
      text += "a,\"\n\r\0x"[(state >> 24) % 7];
    }
    if (const auto parsed = parseCsv(text)) {
      for (const auto& line : parsed->lines) REQUIRE(line.values.size() == parsed->columns.size());
    }
  }
}

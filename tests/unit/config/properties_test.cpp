#include "config/properties.h"

#include <doctest/doctest.h>

#include "base/random.h"

using namespace ox::config;

namespace {
// "key=value;key=value" of all entries, with problems as "!line".
std::string shape(std::string_view text) {
  std::string out;
  const auto parsed = parseProperties(text);
  for (const auto& p : parsed.problems)
    out += (p.error ? "!" : "?") + std::to_string(p.line) + " ";
  for (const auto& e : parsed.entries) out += "[" + e.key + "=" + e.value + "]";
  return out;
}
}  // namespace

TEST_CASE("properties: separators") {
  CHECK(shape("a=b") == "[a=b]");
  CHECK(shape("a:b") == "[a=b]");
  CHECK(shape("a b") == "[a=b]");
  CHECK(shape("a\tb") == "[a=b]");
  CHECK(shape("a\fb") == "[a=b]");
  CHECK(shape("  a  =  b c ") == "[a=b c ]");  // trailing blanks belong to the value, as in Java
  CHECK(shape("a = = b") == "[a== b]");
  CHECK(shape("a : = b") == "[a== b]");
  CHECK(shape("a") == "[a=]");
  CHECK(shape("a=") == "[a=]");
  CHECK(shape("readProperty.2=password=secret") == "[readProperty.2=password=secret]");
}

TEST_CASE("properties: escapes") {
  CHECK(shape("a\\ b\\=c\\:d=e") == "[a b=c:d=e]");
  CHECK(shape("a=\\t\\n\\r\\f|") == "[a=\t\n\r\f|]");
  CHECK(shape("a=\\q\\\\") == "[a=q\\]");
  CHECK(shape("a=\\u00e4\\u20AC") == "[a=\xC3\xA4\xE2\x82\xAC]");
  CHECK(shape("a=\\uD83D\\uDE00") == "[a=\xF0\x9F\x98\x80]");
  CHECK(shape("\\u0061=b") == "[a=b]");
  CHECK(shape("a=\\  b") == "[a=  b]");
}

TEST_CASE("properties: bad escapes give an error and no entry, the next line counts") {
  CHECK(shape("a=\\u12\nb=c") == "!1 [b=c]");
  CHECK(shape("a=\\uD83D\nb=c") == "!1 [b=c]");
  CHECK(shape("a=\\uD83D\\u0041\nb=c") == "!1 [b=c]");
  CHECK(shape("a=\\uDE00\nb=c") == "!1 [b=c]");
  CHECK(shape("a=\\u0000\nb=c") == "!1 [b=c]");
  CHECK(shape("\\uZZZZ=x\nb=c") == "!1 [b=c]");
}

TEST_CASE("properties: line ends, continuation, comments") {
  CHECK(shape("a=1\r\nb=2\rc=3\n") == "[a=1][b=2][c=3]");
  CHECK(shape("a=1,\\\n   2,\\\r\n\t3\nb=4") == "[a=1,2,3][b=4]");
  CHECK(shape("a=1\\\\\nb=2") == "[a=1\\][b=2]");   // an even number of backslashes ends the line
  CHECK(shape("a=1\\\n# not a comment\nb=2") == "[a=1# not a comment][b=2]");
  CHECK(shape("# a=1 \\\nb=2\n ! c=3\n") == "[b=2]");  // comments do not continue
  CHECK(shape("\n  \n\t\na=1") == "[a=1]");
  CHECK(shape("a=1\\") == "[a=1]");
  CHECK(shape("a\\\n  b=c") == "[ab=c]");
  const auto parsed = parseProperties("\n#\na=1\\\n2\nb=3");
  REQUIRE(parsed.entries.size() == 2);
  CHECK(parsed.entries[0].line == 3);
  CHECK(parsed.entries[1].line == 5);
}

TEST_CASE("properties: empty keys and duplicates are kept visible") {
  CHECK(shape("=x\na=1") == "?1 [a=1]");
  CHECK(shape(" : x") == "?1 ");
  CHECK(shape("a=1\na=2") == "[a=1][a=2]");
}

TEST_CASE("properties: encoding") {
  CHECK(shape("\xEF\xBB\xBF" "a=1") == "[a=1]");
  CHECK(shape("a=K\xC3\xB6ln") == "[a=K\xC3\xB6ln]");
  CHECK(shape("a=K\xF6ln\nb=2") == "!1 [b=2]");
  CHECK(shape("# K\xF6ln\nb=2") == "!1 [b=2]");
  CHECK(shape("a=1\\\nK\xF6ln\nb=2") == "!2 [b=2]");
  CHECK(shape(std::string_view("a=\0b\nc=1", 8)) == "!1 [c=1]");
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80",
                          "\xE2\x82", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80"})
    CHECK(shape(std::string("a=") + bad) == "!1 ");
}

TEST_CASE("properties: bounds") {
  CHECK(parseProperties(std::string(kMaxPropertiesBytes + 1, 'a')).problems.size() == 1);
  const auto lines = parseProperties(std::string(kMaxPropertiesLines + 5, '\n') + "a=1");
  CHECK(lines.entries.empty());
  CHECK(lines.problems.size() == 1);
  CHECK(shape("a=" + std::string(kMaxPropertyBytes, 'x') + "\nb=1") == "!1 [b=1]");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a=\\u1\n";
  CHECK(parseProperties(many).problems.size() == kMaxPropertiesProblems);
}

TEST_CASE("properties: random bytes never give an entry without a key, and always end") {
  ox::SeededRandom random(7);
  const std::string_view alphabet("ab=: \t\\u0\n\r#!\xC3\xA4\xFF\0", 17);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const auto length = random.below(60);
    for (std::uint64_t i = 0; i < length; ++i) text += alphabet[random.below(alphabet.size())];
    for (const auto& entry : parseProperties(text).entries) {
      CHECK_FALSE(entry.key.empty());
      CHECK(entry.line >= 1);
    }
  }
}

TEST_CASE("properties: escapeValue is undone by the parser") {
  for (const std::string value : {"", " leading", "a\\b", "[$%\\.+]", "line\nend\r\t\f", "=:#!"})
    CHECK(shape("k=" + escapeValue(value)) == "[k=" + value + "]");
}

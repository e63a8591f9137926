// The house rules over the whole tree, and each over a bad example that it must reject.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/catalog.h"
#include "house_rules.h"

using namespace ox::house;
namespace fs = std::filesystem;

namespace {

constexpr const char* kRoot = OX_SOURCE_ROOT;
constexpr std::uintmax_t kMaxFileBytes = 2 * 1024 * 1024;  // larger ones are data

// Includes upwards, each with its reason.
const std::vector<Exception> kUpward = {};
// Files above 500 lines, each with its reason.
const std::vector<Exception> kLong = {};
// Keys that are not ours to declare, each with its reason.
const std::vector<Exception> kForeignKeys = {
    {"sbin/oxinstaller.cpp", "com.openexchange.mail.mailServer", "key of the mail packages, only set"},
    {"sbin/oxinstaller.cpp", "com.openexchange.mail.transportServer", "as mailServer"},
    {"src/services/share_token.h", "com.openexchange.shareBaseToken", "name of a user's attribute in the database"},
    {"sbin/oxinstaller.cpp", "com.openexchange.mail.mailServerSource", "as mailServer"},
};

void collect(const fs::path& path, Files& files) {
  if (fs::is_symlink(path)) return;
  const std::string name = path.filename();
  if (fs::is_directory(path)) {
    if (name == ".git" || name == "build" || name == "__pycache__") return;
    for (const auto& entry : fs::directory_iterator(path)) collect(entry.path(), files);
    return;
  }
  std::error_code gone;
  if (!fs::is_regular_file(path, gone) || fs::file_size(path, gone) > kMaxFileBytes) return;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  files.push_back({path.lexically_relative(kRoot).generic_string(), text.str()});
}

const Files& tree() {
  static const Files files = [] {
    Files out;
    for (const auto& entry : fs::directory_iterator(kRoot)) collect(entry.path(), out);
    return out;
  }();
  return files;
}

void none(const Violations& violations) {
  for (const auto& violation : violations) FAIL_CHECK(violation);
}

std::map<std::string, std::string> catalog() {
  std::map<std::string, std::string> out;
  for (const auto& key : ox::config::Catalog::instance().all()) out.emplace(key.name, key.file);
  return out;
}
std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [name, _] : catalog()) out.push_back(name);
  return out;
}

}  // namespace

TEST_CASE("house: the tree was found") {
  CHECK(tree().size() > 100);
  CHECK(catalog().size() > 150);
}

TEST_CASE("house: lower rooms never include upper ones") {
  none(layerOrder(tree(), kUpward));
  CHECK(layerOrder({{"src/net/a.cpp", "#include \"http/b.h\"\n"}}, {}).size() == 1);
  CHECK(layerOrder({{"src/base/a.h", "\n#  include \"config/key.h\" // x\n"}}, {})[0].find(
            "src/base/a.h:2") == 0);
  CHECK(layerOrder({{"src/elsewhere/a.h", ""}}, {}).size() == 1);
  CHECK(layerOrder({{"src/http/a.cpp", "#include \"net/b.h\"\n#include \"http/c.h\"\n"}}, {}).empty());
  const Files bad = {{"src/net/a.cpp", "#include \"http/b.h\"\n"}};
  CHECK(layerOrder(bad, {{"src/net/a.cpp", "http/b.h", "because"}}).empty());
  CHECK(layerOrder(bad, {{"src/net/a.cpp", "http/b.h", ""}}).size() == 1);  // no reason, no exception
}

TEST_CASE("house: a bundle includes src/ and itself only") {
  none(ownRoomsOnly(tree()));
  const Files files = {{"src/base/error.h", ""},
                       {"bundles/one/a.h", ""},
                       {"bundles/one/sub/b.cpp", "#include \"a.h\"\n#include \"base/error.h\"\n"},
                       {"bundles/two/c.cpp", "#include \"../one/a.h\"\n#include \"one/a.h\"\n"},
                       {"src/base/d.cpp", "#include \"bundles/one/a.h\"\n"}};
  CHECK(ownRoomsOnly(files).size() == 3);
}

TEST_CASE("house: no file above 500 lines without a reason") {
  none(fileLength(tree(), kLong));
  const Files files = {{"src/base/a.cpp", std::string(501, '\n')},
                       {"src/base/b.cpp", std::string(500, '\n')},
                       {"docs/c.md", std::string(900, '\n')}};
  CHECK(fileLength(files, {}).size() == 1);
  CHECK(fileLength(files, {{"src/base/a.cpp", "", "a table"}}).empty());
  CHECK(fileLength(files, {{"src/base/a.cpp", "", "a table"}, {"src/base/b.cpp", "", "x"}}).size() == 1);
}

TEST_CASE("house: every key in the code is in the catalog") {
  none(keysInCatalog(tree(), names(), kForeignKeys));
  const std::vector<std::string> known = {"com.openexchange.hazelcast.group.name"};
  const auto count = [&](const char* code) {
    return keysInCatalog({{"bundles/x/a.cpp", code}}, known, {}).size();
  };
  CHECK(count("get(\"com.openexchange.hazelcast.gruop.name\")") == 1);
  CHECK(count("text(\"set com.openexchange.hazelcast.group.nam to x\")") == 1);
  CHECK(count("R\"(com.openexchange.other)\"") == 1);
  CHECK(count("get(\"com.openexchange.hazelcast.group.name\")") == 0);
  CHECK(count("prefix(\"com.openexchange.hazelcast.\")") == 0);
  CHECK(count("bean(\"com.openexchange.pooling:name=Overview\")") == 0);
  CHECK(count("bean(\"com.openexchange.office*:*\")") == 0);
  CHECK(count("task(\"com.openexchange.groupware.update.tasks.SomeTask\")") == 0);
  CHECK(count("// com.openexchange.in.a.comment \"com.openexchange.quoted\"\nint i = '\"';") == 0);
  CHECK(keysInCatalog({{"docs/a.md", "\"com.openexchange.other\""}}, known, {}).empty());
  const Files foreign = {{"sbin/a.cpp", "f(\"com.openexchange.mail.x-y\")"}};
  CHECK(keysInCatalog(foreign, known, {{"sbin/a.cpp", "com.openexchange.mail.x-y", "not ours"}}).empty());
  CHECK(keysInCatalog(foreign, known, {{"sbin/b.cpp", "com.openexchange.mail.x-y", "not ours"}}).size() == 1);
}

TEST_CASE("house: every key of the catalog is delivered and documented") {
  none(keysDelivered(tree(), catalog()));
  const std::map<std::string, std::string> keys = {{"a.b", "x.properties"}, {"p.N", "x.properties"}};
  CHECK(keysDelivered({}, keys).size() == 4);
  CHECK(keysDelivered({{"etc/x.properties", "# a.b=1\np.7=x\n"}, {"docs/properties.md", "`a.b` `p.N`"}},
                      keys).empty());
  // The dot is no wildcard, and a key in the middle of a line is none.
  CHECK(keysDelivered({{"etc/x.properties", "aXb=1\nz a.b=1\np.7=x\n"},
                       {"docs/properties.md", "`a.b` `p.N`"}}, keys).size() == 1);
}

TEST_CASE("house: every tool has a page") {
  none(toolPages(tree()));
  const std::string code = "// OX_TOOL(run, \"in a comment\", \"nothing\")\n"
                           "OX_TOOL(run, \"lists \\\"all\\\" \"\n  \"servers\", \"listserver\", \"alias\")\n";
  CHECK(toolPages({{"sbin/listserver.cpp", code}}).size() == 1);
  CHECK(toolPages({{"sbin/listserver.cpp", code}, {"docs/operating/tools/listserver.md", ""}}).empty());
  CHECK(toolPages({{"sbin/odd.cpp", "OX_TOOL(run, kSummary, kName)\n"}}).size() == 1);
}

TEST_CASE("house: every folder says what is in it") {
  none(readmes(tree()));
  CHECK(readmes({{"src/base/a.h", ""}, {"bundles/x/sub/b.cpp", ""}, {"bundles/x/README.md", ""}})
            .size() == 2);
  CHECK(readmes({{"src/base/a.h", ""}, {"src/base/README.md", ""}, {"src/meson.build", ""}}).empty());
}

TEST_CASE("house: no paths of a machine") {
  none(machinePaths(tree(), kRoot));
  CHECK(machinePaths({{"a", "cd /checkout/here && make"}}, "/checkout/here").size() == 1);
  CHECK(machinePaths({{"a", "see \"/ho" "me/somebody/file\""}}, "/checkout").size() == 1);
  CHECK(machinePaths({{"a", "homeDirectory=/home"}}, "/checkout").empty());
}

TEST_CASE("house: literals") {
  const auto found = literals("a(\"x\\\"y\", 'c', \"z\") // \"no\"\n/* \"no\" \n */ R\"q(r\"aw)q\" 1'000 \"l\"");
  REQUIRE(found.size() == 4);
  CHECK(found[0].text == "x\\\"y");
  CHECK(found[1].text == "z");
  CHECK(found[2].text == "r\"aw");
  CHECK(found[3].text == "l");
  CHECK(found[3].line == 3);
}

// Every class of mistake below tests/fixtures/config, and the files made from the catalog.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/catalog.h"
#include "config/check.h"
#include "config/properties.h"

using namespace ox::config;
namespace fs = std::filesystem;

namespace {
const fs::path kRoot = OX_SOURCE_ROOT;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
}  // namespace

TEST_CASE("fixtures: each mistake is named with file, line, key and what is allowed") {
  std::set<std::string> seen;
  for (const auto& entry : fs::directory_iterator(kRoot / "tests/fixtures/config")) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename();
    const std::string etc = entry.path() / "etc";
    std::ostringstream out;
    const int code = checkConfiguration(etc, out);
    std::string text = out.str();
    for (std::size_t at = text.find(etc); at != std::string::npos; at = text.find(etc))
      text.replace(at, etc.size(), "ETC");
    CHECK_MESSAGE(text == read(entry.path() / "expected.txt"), name);
    CHECK_MESSAGE((code == 1) == (text.find("ERROR ") != std::string::npos), name);
    seen.insert(name);
  }
  for (const char* name : {"type", "range", "enumeration", "escape", "encoding", "missing",
                           "contradiction", "unknown-key", "unreadable-file", "address", "duplicate",
                           "stock-secret", "stock-secret-alone", "open-grid", "aws",
                           "login"})
    CHECK_MESSAGE(seen.count(name) == 1, name);
}

TEST_CASE("catalog: docs/properties.md and the stock files are what catalog_doc writes") {
  CHECK(read(kRoot / "docs/properties.md") == renderCatalogMarkdown());
  for (const auto& file : stockFiles())
    CHECK_MESSAGE(read(kRoot / "etc" / file) == renderStockFile(file), file);
}

TEST_CASE("stock: cache.ccf parses and marks the regions of the original") {
  const auto parsed = parseProperties(read(kRoot / "etc/cache.ccf"));
  CHECK(parsed.problems.empty());
  std::set<std::string> lateral;
  std::set<std::string> keys;
  for (const auto& entry : parsed.entries) {
    CHECK_MESSAGE(keys.insert(entry.key).second, entry.key);
    if (entry.key.rfind("jcs.region.", 0) == 0 && entry.value == "LTCP") lateral.insert(entry.key.substr(11));
  }
  CHECK(lateral == std::set<std::string>{"OXFolderCache", "User", "UserConfiguration",
                                         "UserPermissionBits", "UserSettingMail", "Context",
                                         "Filestore", "OXDBPoolCache", "MailAccount",
                                         "GlobalFolderCache"});
}

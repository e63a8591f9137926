// catalog_doc ROOT: writes docs/properties.md and the stock files of etc/ below ROOT from the
// catalog. Run it after a change of a key; config_test fails when they differ.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "config/catalog.h"

namespace {
bool write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out.fail()) std::fprintf(stderr, "catalog_doc: cannot write %s\n", path.c_str());
  return !out.fail();
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: catalog_doc ROOT\n");
    return 2;
  }
  const std::filesystem::path root(argv[1]);
  bool fine = write(root / "docs/properties.md", ox::config::renderCatalogMarkdown());
  for (const auto& file : ox::config::stockFiles())
    fine = write(root / "etc" / file, ox::config::renderStockFile(file)) && fine;
  return fine ? 0 : 1;
}

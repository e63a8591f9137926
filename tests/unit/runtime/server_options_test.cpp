#include "server/options.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

using namespace ox::server;

TEST_CASE("the daemon's command line") {
  CHECK(parseOptions({})->etc == kDefaultEtc);
  const auto all = parseOptions({"--etc", "/e", "--pidfile=/p", "--bundles", "/b", "--check-config"});
  REQUIRE(all.ok());
  CHECK(all->etc == "/e");
  CHECK(all->pidFile == "/p");
  CHECK(all->checkConfig);
  CHECK(all->bundles == "/b");
  CHECK(parseOptions({"--version"})->version);
  CHECK(parseOptions({"-h"})->help);
  for (const auto& bad : {std::vector<std::string>{"--etc"}, {"--etc="}, {"--nonsense"}, {"word"},
                          {"--version=1"}})
    CHECK_FALSE(parseOptions(bad).ok());
}

TEST_CASE("bundles are found beside the daemon, in the build tree, and installed") {
  namespace fs = std::filesystem;
  char name[] = "/tmp/ox-bundles-XXXXXX";
  const fs::path root = mkdtemp(name);
  const std::string executable = (root / "src/server/open-xchange").string();
  fs::create_directories(root / "src/server");
  CHECK(findBundles(executable) == "/opt/open-xchange/lib/bundles");
  fs::create_directories(root / "bundles");
  CHECK(findBundles(executable) == (root / "bundles").string());
  fs::create_directories(root / "src/server/bundles");
  CHECK(findBundles(executable) == (root / "src/server/bundles").string());
  fs::create_directories(root / "lib/bundles");
  fs::create_directories(root / "sbin");
  CHECK(findBundles((root / "sbin/open-xchange").string()) ==
        (root / "lib/bundles").string());
  fs::remove_all(root);
}

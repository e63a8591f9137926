#include "runtime/host.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "test_log.h"
#include "trace.h"

namespace {

namespace fs = std::filesystem;
using ox::runtime::BundleInfo;
using ox::runtime::BundleState;

// A host over a directory that holds just the named test modules.
struct Fixture {
  ox::runtime::ServiceRegistry services;
  std::shared_ptr<Trace> trace = std::make_shared<Trace>();
  fs::path directory;
  ox::runtime::Host host{services};

  explicit Fixture(const std::vector<std::string>& modules) {
    char name[] = "/tmp/ox-host-test-XXXXXX";
    directory = mkdtemp(name);
    for (const auto& module : modules)
      fs::create_symlink(fs::path(OX_TEST_MODULES) / ("m_" + module + ".so"), directory / (module + ".so"));
    services.offer<Trace>("trace", trace, "kernel");
  }
  ~Fixture() {
    host.stop();
    fs::remove_all(directory);
  }
  int run() {
    CHECK(host.load(directory.string()).ok());
    return host.start();
  }
  BundleInfo info(const std::string& name) {
    for (const auto& bundle : host.list())
      if (bundle.name == name) return bundle;
    FAIL("no bundle " << name);
    return {};
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("bundles start by service order, stop in reverse, and their services go") {
  Fixture f({"atop", "zbase"});  // by name the wrong way round: atop needs what zbase offers
  CHECK(f.run() == 0);
  CHECK(f.trace->events == std::vector<std::string>{"start zbase", "start atop"});
  CHECK(f.info("atop").state == BundleState::kActive);
  CHECK(f.info("atop").version == "1.2.3");
  CHECK(f.info("atop").needs == std::vector<std::string>{"trace", "alpha"});
  CHECK(f.services.get<std::string>("alpha") != nullptr);
  CHECK(f.services.get<int>("alpha") == nullptr);  // another type under that name
  f.host.reload();
  f.host.stop();
  CHECK(f.trace->events == std::vector<std::string>{"start zbase", "start atop", "reload zbase",
                                                    "reload atop", "stop atop", "stop zbase"});
  CHECK_FALSE(f.services.offered("alpha"));
  CHECK(f.info("zbase").state == BundleState::kResolved);
}

TEST_CASE("a missing service names service and bundle, the rest lives") {
  ox::test::ExpectErrors expected;
  Fixture f({"atop", "good"});
  CHECK(f.run() == 1);
  CHECK(f.info("good").state == BundleState::kActive);
  CHECK(f.info("atop").state == BundleState::kInstalled);
  CHECK(has(f.info("atop").error, "RUN-0101"));
  CHECK(has(f.info("atop").error, "'atop' needs service 'alpha', no installed bundle offers it"));
}

TEST_CASE("a circle is named once around; what hangs on it stays down, the rest lives") {
  ox::test::ExpectErrors expected;
  Fixture f({"cycle1", "cycle2", "behindcycle", "good"});
  CHECK(f.run() == 3);
  CHECK(has(f.info("cycle1").error, "RUN-0102: bundles need each other: "));
  CHECK(has(f.info("cycle1").error, "cycle1 -> cycle2"));
  CHECK(has(f.info("cycle2").error, "RUN-0102"));
  CHECK(has(f.info("behindcycle").error, "RUN-0101"));
  CHECK(has(f.info("behindcycle").error, "cycle1 (INSTALLED)"));
  CHECK(f.info("good").state == BundleState::kActive);
}

TEST_CASE("an escaping exception and a refused start are failures; dependents say whose") {
  ox::test::ExpectErrors expected;
  Fixture f({"throws", "refuses", "needsthrown", "good"});
  CHECK(f.run() == 3);
  CHECK(has(f.info("throws").error, "RUN-0103"));
  CHECK(has(f.info("throws").error, "no luck"));
  CHECK(has(f.info("refuses").error, "NET-0006: port 1 is taken"));
  CHECK(f.info("throws").state == BundleState::kFailed);
  CHECK_FALSE(f.services.offered("thrown"));  // offered before it threw: taken back
  CHECK(has(f.info("needsthrown").error, "only offered by throws (FAILED)"));
  CHECK(f.info("good").state == BundleState::kActive);
}

TEST_CASE("switched off by the configuration is no failure: it and what needs it stay down by name") {
  // No ExpectErrors: an ERROR record would fail this program.
  Fixture f({"off", "needslight", "needsshadow", "maylight", "good"});
  CHECK(f.run() == 0);
  CHECK(f.info("off").state == BundleState::kDisabled);
  CHECK(f.info("off").error == "some.key=false");
  CHECK_FALSE(f.services.offered("light"));  // although it had been offered
  CHECK(f.info("needslight").state == BundleState::kDisabled);
  CHECK(has(f.info("needslight").error, "service 'light', only offered by off (DISABLED)"));
  CHECK(has(f.info("needsshadow").error, "only offered by needslight (DISABLED)"));
  CHECK(f.info("maylight").state == BundleState::kActive);
  CHECK(f.info("good").state == BundleState::kActive);
  f.host.stop();  // "off" is not running: it is not stopped
  CHECK(std::count(f.trace->events.begin(), f.trace->events.end(), "stop off") == 0);
}

TEST_CASE("a quiet host writes no records, the reasons are in its list") {
  Fixture f({"empty"});
  ox::runtime::Host quiet(f.services, true);
  const auto before = ox::log::errorCount();
  CHECK(quiet.load(f.directory.string()).ok());
  CHECK(ox::log::errorCount() == before);
  REQUIRE(quiet.list().size() == 1);
  CHECK(quiet.list()[0].state == BundleState::kFailed);
  CHECK(has(quiet.list()[0].error, "RUN-0105"));
}

TEST_CASE("a declared service that is not offered is missing") {
  ox::test::ExpectErrors expected;
  Fixture f({"silent", "needsquiet"});
  CHECK(f.run() == 1);
  CHECK(f.info("silent").state == BundleState::kActive);
  CHECK(has(f.info("needsquiet").error, "only offered by silent (ACTIVE)"));
}

TEST_CASE("an optional need orders the start but is no condition, not even in a circle") {
  Fixture alone({"optional"});
  CHECK(alone.run() == 0);
  Fixture both({"optional", "zbase"});
  CHECK(both.run() == 0);
  CHECK(both.trace->events == std::vector<std::string>{"start zbase", "start optional"});
  Fixture circle({"opt1", "opt2"});
  CHECK(circle.run() == 0);
}

TEST_CASE("modules that are not ours: other kernel, no module at all, no descriptor, same name") {
  ox::test::ExpectErrors expected;
  Fixture f({"foreign", "good", "empty"});
  std::ofstream(f.directory / "text.so") << "no module\n";
  fs::create_symlink(fs::path(OX_TEST_MODULES) / "m_good_twin.so", f.directory / "twin.so");
  CHECK(f.run() == 4);
  CHECK(has(f.info("foreign").error, "RUN-0104"));
  CHECK(has(f.info("foreign").error, "ABI 9999"));
  CHECK(has(f.info("text").error, "RUN-0105"));
  CHECK(has(f.info("empty").error, "exports no descriptor"));
  CHECK(has(f.info("twin").error, "already loaded from"));
  CHECK(f.info("good").state == BundleState::kActive);
}

TEST_CASE("a bundle directory that cannot be read is an error with its name") {
  ox::runtime::ServiceRegistry services;
  ox::runtime::Host host(services);
  const auto status = host.load("/nonexistent/bundles");
  CHECK_FALSE(status.ok());
  CHECK(has(status.error().message, "/nonexistent/bundles"));
}

TEST_CASE("several offers under one name: the first and all") {
  ox::runtime::ServiceRegistry services;
  services.offer<int>("n", std::make_shared<int>(1), "a");
  services.offer<int>("n", std::make_shared<int>(2), "b");
  CHECK(*services.get<int>("n") == 1);
  CHECK(services.all<int>("n").size() == 2);
  services.withdrawAll("a");
  CHECK(*services.get<int>("n") == 2);
}

// open-xchange: the daemon. Foreground; exit 0 after a clean stop, 1 when it cannot run, 2 for a
// mistake on the command line.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <iostream>

#include "base/log.h"
#include "config/check.h"
#include "runtime/host.h"
#include "server/daemon.h"
#include "server/options.h"

namespace ox::server {
namespace {

// Memory holds passwords and keys: no core file, no debugger of the same user. A sanitizer's leak
// check needs the latter.
void hardenProcess() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  ~PidFile() {
    if (written_) {
      unlink((path_ + kReadySuffix).c_str());
      unlink(path_.c_str());
    }
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  // The process id; later, beside it, FILE.ready once the node serves: a script waits for that.
  bool write() { return path_.empty() || (written_ = writeTo(path_)); }
  void writeReady() {
    if (written_) (void)writeTo(path_ + kReadySuffix);
  }

 private:
  static constexpr const char* kReadySuffix = ".ready";
  static bool writeTo(const std::string& path) {
    const int file =
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) return false;
    (void)fchmod(file, 0644);  // the umask hides logs, not whether the node runs
    const std::string text = std::to_string(getpid()) + "\n";
    const bool complete =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(file);
    return complete;
  }

  std::string path_;
  bool written_ = false;
};

std::string bundleDirectory(const Options& options) {
  if (!options.bundles.empty()) return options.bundles;
  std::error_code ignored;
  return findBundles(std::filesystem::read_symlink("/proc/self/exe", ignored).string());
}

// Loads the modules, so that the checks they bring (is there an interface that matches, ...) are
// among the registered ones. Modules stay mapped.
void loadChecks(const Options& options) {
  runtime::ServiceRegistry none;
  runtime::Host host(none, true);  // whatever cannot be loaded is reported by the daemon's own host
  (void)host.load(bundleDirectory(options));
}

int runDaemon(const Options& options) {
  loadChecks(options);
  const auto config = config::Config::load(options.etc);
  std::vector<config::Problem> problems = config->problems();
  for (auto& problem : config::runExtraChecks(*config)) problems.push_back(std::move(problem));
  bool refused = false;
  for (const auto& problem : problems) {
    if (problem.severity != config::Problem::Severity::kError) continue;
    std::cerr << problem.toString() << "\n";
    refused = true;
  }
  if (refused) {
    std::cerr << "open-xchange does not start: the configuration in " << options.etc
              << " is not valid\n";
    return 1;
  }
  Events::blockSignals();  // before the first thread
  hardenProcess();
  log::setThreadName("main");
  PidFile pidFile(options.pidFile);
  if (!pidFile.write()) {
    std::cerr << "cannot write the pid file " << options.pidFile << "\n";
    return 1;
  }
  Events events;
  Daemon daemon(config, events);
  if (const auto status = daemon.start(bundleDirectory(options)); !status) {
    log::error("open-xchange does not start: " + status.error().toString());
    daemon.stop();
    return 1;
  }
  pidFile.writeReady();
  daemon.run();
  daemon.stop();
  return 0;
}

int mainOf(int argc, char** argv) {
  const auto options = parseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    std::cerr << options.error().message << "\n" << usage();
    return 2;
  }
  if (options->help) {
    std::cout << usage();
    return 0;
  }
  if (options->version) {
    std::cout << "open-xchange " << OX_VERSION << "\n";
    return 0;
  }
  if (options->checkConfig) {
    loadChecks(*options);
    return config::checkConfiguration(options->etc, std::cout);
  }
  return runDaemon(*options);
}

}  // namespace
}  // namespace ox::server

int main(int argc, char** argv) {
  try {
    return ox::server::mainOf(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "open-xchange ends: " << e.what() << "\n";
    return 1;
  }
}

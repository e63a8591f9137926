#include "server/options.h"

#include <filesystem>

namespace ox::server {

Result<Options> parseOptions(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string name = words[i];
    std::string value;
    bool hasValue = false;
    if (const auto equals = name.find('='); name.starts_with("--") && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.erase(equals);
      hasValue = true;
    }
    if (name == "--etc" || name == "--pidfile" || name == "--bundles") {
      if (!hasValue && i + 1 < words.size()) value = words[++i];
      if (value.empty()) return Error(Code::kInvalid, "option " + name + " needs a value");
      (name == "--etc" ? options.etc : name == "--bundles" ? options.bundles : options.pidFile) =
          value;
    } else if (hasValue) {
      return Error(Code::kInvalid, "unknown option or needless value: " + words[i]);
    } else if (name == "--check-config") {
      options.checkConfig = true;
    } else if (name == "--version") {
      options.version = true;
    } else if (name == "--help" || name == "-h") {
      options.help = true;
    } else {
      return Error(Code::kInvalid, "unknown option " + name);
    }
  }
  return options;
}

std::string usage() {
  return std::string(
             "Usage: open-xchange [--etc DIR] [--check-config] [--version] [--pidfile FILE]\n"
             "                    [--bundles DIR]\n"
             "\n"
             " --etc DIR        configuration directory (default ") +
         kDefaultEtc +
         ")\n"
         " --check-config   reads every file, prints each problem; exit 1 if any is an error\n"
         " --version        prints the version\n"
         " --pidfile FILE   writes the process id there while the node runs\n"
         " --bundles DIR    where the bundles are (default: beside the program)\n"
         "\n"
         "Runs in the foreground. SIGTERM: leave the cluster and end; a second one ends at once.\n"
         "SIGUSR1: the same as soon as the other nodes can hold every copy, without a time bound.\n"
         "SIGHUP: read the configuration again.\n";
}

std::string findBundles(const std::string& executable) {
  namespace fs = std::filesystem;
  const fs::path beside = fs::path(executable).parent_path();
  const fs::path installed = "/opt/open-xchange/lib/bundles";
  for (const fs::path& place : {beside / "bundles", beside / "../../bundles",
                                beside / "../lib/bundles", installed}) {
    std::error_code ignored;
    if (fs::is_directory(place, ignored)) return place.lexically_normal().string();
  }
  return installed.string();
}

}  // namespace ox::server

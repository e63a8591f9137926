// What an upgrade bridge needs from a change on its node to the acknowledgement of the older cluster's
// member. The member is a process made of recordings (tests/integration/legacy_member.cpp).
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "bridge.h"
#include "cases.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr const char* kVersion = "3.12.11";
constexpr const char* kRelease = "7103-7104";
constexpr std::int64_t kOriginalMillis = 3000;  // parks that long before it leaves, in any case

// Ended with its object.
class Member {
 public:
  Member() {
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string program =
        (self.parent_path() / "../../integration/legacy_member").lexically_normal().string();
    int out[2];
    if (pipe(out) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      execl(program.c_str(), program.c_str(), kVersion, "3", "oxdb_5", "1", nullptr);
      _exit(127);
    }
    close(out[1]);
    in_ = out[0];
    std::string line;
    for (char c = 0; c != '\n' && read(in_, &c, 1) == 1;) line += c;
    if (!line.starts_with("port ")) throw std::runtime_error("no member: " + program);
    port_ = static_cast<std::uint16_t>(std::stoul(line.substr(5)));
  }
  ~Member() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(in_);
  }
  std::uint16_t port() const { return port_; }
  // What it prints must not fill the pipe.
  void drain() const {
    char bytes[4096];
    pollfd ready{in_, POLLIN, 0};
    while (poll(&ready, 1, 0) > 0 && read(in_, bytes, sizeof bytes) > 0) {
    }
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace

void bridgeCase(CachingContext& context) {
  const Member member;
  net::Shard shard(0, "bridge");
  upgrade::BridgeSettings settings;
  settings.nodes.push_back({{"127.0.0.1", member.port(), true}, false});
  settings.groups = {"dev"};
  settings.password = "dev-pass";
  settings.windowMillis = 5;  // as configured by default; part of the figure
  upgrade::Surroundings around;
  around.shard = &shard;
  around.random = &secureRandom();
  around.background = [](const std::function<void()>& task) {
    task();
    return true;
  };
  around.resolve = [](const std::string& host) -> Result<std::vector<std::string>> {
    return std::vector<std::string>{host};
  };
  around.ownMembers = [] { return std::vector<upgrade::OwnMember>{}; };
  const auto bridge = upgrade::Bridge::make(upgrade::legacyLine(kRelease), settings, around,
                                            "bench", [] {});
  services::CacheEvent event;
  event.region = services::kRegionSchema;
  event.keys = {{3, {"oxdb_5"}}};
  Samples took;
  const int visits = context.quick ? 20 : 200;
  std::size_t lost = 0;
  for (int i = 0; i < visits; ++i) {
    const std::int64_t begin = nowNanos();
    bridge->heard(event, false);
    lost += bridge->settle(0, 30'000).size();
    took.add(nowNanos() - begin);
    member.drain();
  }
  bridge->stop();
  Row row;
  row.name = "upgrade bridge, from a change to the acknowledgement of a 3.12 member";
  row.placement = "the bridge and the member where the system puts them; 5 ms of it wait for more changes";
  row.unit = "ms";
  row.value = row.p50 = took.micros(0.5) / 1e3;
  row.p99 = took.micros(0.99) / 1e3;
  row.reference = "the original's wait, ms";
  row.referenceValue = static_cast<double>(kOriginalMillis);
  row.ratio = row.value / row.referenceValue;
  row.goal = "p99 below 20 ms";
  row.met = row.p99 < 20;
  if (lost > 0) row.error = std::to_string(lost) + " changes were not delivered";
  context.report.add(row);
}

}  // namespace ox::bench

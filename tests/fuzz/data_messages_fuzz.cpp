// Data messages between members: any bytes, given to a member that holds a partition, are served,
// refused or ignored, and never harm.
#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "member_protocol/message.h"
#include "partition/shard_core.h"
#include "structures/ringbuffer.h"

using namespace ox;
using namespace ox::grid;

namespace {
struct StillClock final : Clock {
  std::int64_t steadyNanos() const override { return 1'000'000'000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000; }
};
struct Nowhere final : ShardHost {
  void send(const MemberId&, Bytes) override {}
  void migrationDone(const ViewId&, const Migration&) override {}
  void log(int, const std::string&) override {}
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  StillClock clock;
  SeededRandom random(1);
  Nowhere host;
  const MemberId self{1, 1};
  const MemberId other{2, 2};
  ShardSettings settings;
  settings.self = self;
  ShardCore core(settings, std::make_shared<MapConfigs>(), clock, random, host);
  auto registry = std::make_shared<ContainerRegistry>();
  addRingbuffers(*registry, {.capacity = 5});
  core.setContainers(registry);
  auto view = std::make_shared<ClusterView>();
  view->id = {1, 1, self};
  view->clusterName = "fuzz";
  view->protocol = kProtocolMax;
  view->members = {{self, {"127.0.0.1", 1}, false}, {other, {"127.0.0.1", 2}, false}};
  Replicas owned, backup;
  owned.at = {self, other};
  backup.at = {other, self};
  owned.count = backup.count = 2;
  view->partitions = {owned, backup};
  core.viewInstalled(view);
  core.peerUp(other);
  // Several frames: u16 length before each.
  BytesView in(reinterpret_cast<const char*>(data), size);
  for (int i = 0; i < 16 && in.size() >= 2; ++i) {
    const std::size_t n = (static_cast<std::size_t>(static_cast<std::uint8_t>(in[0])) << 8) |
                          static_cast<std::uint8_t>(in[1]);
    in.remove_prefix(2);
    core.received(other, in.substr(0, n));
    in.remove_prefix(n < in.size() ? n : in.size());
  }
  core.tick();
  return 0;
}

// Control frames between members: any bytes, given to a looking member and to the master of a
// cluster, are served, refused or answered by closing the link, and never harm.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "base/random.h"
#include "membership/control_core.h"

using namespace ox;
using namespace ox::grid;

namespace {
constexpr const char* kCluster = "fuzz-10.1";
constexpr int kMaxFrames = 16;
constexpr int kMaxTicksToFound = 400;

struct StepClock final : Clock {
  std::int64_t millis = 1000;
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000 + millis; }
};

struct Nowhere final : ControlHost {
  LinkId next = 100;
  LinkId dial(const Address&) override { return next++; }
  void send(LinkId, Bytes) override {}
  void close(LinkId) override {}
  void installed(const ViewPtr& view) override {
    if (view) OX_CHECK(view->validate().empty());  // nothing unsound is ever in force
  }
  void keepEntriesForMerge() override {}
  std::uint64_t ownedEntries() const override { return 7; }
  void left() override {}
  void log(int, const std::string&) override {}
};

void feed(BytesView in, bool founded) {
  StepClock clock;
  SeededRandom random(1);
  Nowhere host;
  ControlSettings settings;
  settings.clusterName = kCluster;
  settings.self = {{1, 1}, {"127.0.0.1", 5711}, false};
  settings.partitionCount = 8;
  if (!founded) settings.candidates = {{"127.0.0.2", 5711}};
  ControlCore core(settings, clock, random, host);
  core.start();
  for (int i = 0; founded && !core.joined() && i < kMaxTicksToFound; ++i) {
    clock.millis += settings.tickMillis;
    core.tick();
  }
  OX_CHECK(core.joined() == founded);
  core.linkUp(1, {{2, 2}, {"127.0.0.2", 5711}, false, true});
  core.linkUp(2, {{3, 3}, {"127.0.0.3", 5711}, false, true});
  // Each frame: link (one byte), length (two bytes), bytes.
  for (int i = 0; i < kMaxFrames && in.size() >= 3; ++i) {
    const LinkId link = 1 + (static_cast<std::uint8_t>(in[0]) & 1);
    const std::size_t n = (static_cast<std::size_t>(static_cast<std::uint8_t>(in[1])) << 8) |
                          static_cast<std::uint8_t>(in[2]);
    in.remove_prefix(3);
    core.received(link, in.substr(0, n));
    in.remove_prefix(n < in.size() ? n : in.size());
    clock.millis += settings.tickMillis;
    core.tick();
  }
  core.leave();
  for (int i = 0; i < 8; ++i) {
    clock.millis += settings.heartbeatMillis;
    core.tick();
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView in(reinterpret_cast<const char*>(data), size);
  feed(in, true);
  feed(in, false);
  return 0;
}

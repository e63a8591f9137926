// The engine's part of discovery: what it is given, and where its lists go.
#include <future>

#include "base/log.h"
#include "engine_impl.h"
#include "net/interfaces.h"

namespace ox::grid {
namespace {

bool isFour(const std::string& address) { return address.find(':') == std::string::npos; }

// Through which addresses multicast goes: the one that the interfaces choose, or all.
std::vector<std::string> multicastInterfaces(const GridConfig& config) {
  if (config.bindHost != "0.0.0.0" && config.bindHost != "::") return {config.bindHost};
  // Bound everywhere although the interfaces name one: only this one speaks.
  if (config.interfacesChosen) return {config.announcedHost};
  std::vector<std::string> out;
  for (const auto& address : net::localAddresses())
    if (isFour(address) && !net::isLoopback(address)) out.push_back(address);
  if (out.empty()) out.push_back("127.0.0.1");
  return out;
}

}  // namespace

Status Engine::Impl::startDiscovery() {
  DiscoverySetup setup;
  setup.settings = config.discovery();
  setup.self = context->identity.self;
  setup.clusterName = config.clusterName;
  setup.key = context->identity.key;
  setup.port = config.port;
  setup.ipv6 = config.ipv6;
  setup.interfaces = multicastInterfaces(config);
  setup.shard = control.get();
  setup.clock = &clock;
  setup.log = [](int level, const std::string& text) { logGrid(level, text); };
  setup.resolve = [ipv6 = config.ipv6](const std::string& host) {
    return net::resolve(host, ipv6);
  };
  setup.background = [weak = weak_from_this()](std::function<void()> task) {
    const auto self = weak.lock();
    if (!self || !self->pooled.enter()) return false;
    const bool queued = self->workers->submit([self, task = std::move(task)] {
      task();
      self->pooled.leave();
    });
    if (!queued) self->pooled.leave();
    return queued;
  };
  discovery = makeDiscovery(std::move(setup));

  auto looked = std::make_shared<std::promise<void>>();
  Status started;
  control->runAndWait([&] {
    started = discovery->start([this, looked, first = true](
                                   const std::vector<Address>& list) mutable {
      candidates = list;
      if (core) core->setCandidates(list);
      if (std::exchange(first, false)) looked->set_value();
    });
  });
  if (!started) return started;
  // With the first list in hand a member joins at once instead of founding a cluster of its own.
  if (looked->get_future().wait_for(std::chrono::milliseconds(kFirstLookMillis)) !=
      std::future_status::ready)
    log::warn("discovery (" + config.join + ") has found out nothing within " +
              std::to_string(kFirstLookMillis / 1000) + " s; this member starts without and goes on");
  return {};
}

void Engine::setDiscovery(const DiscoverySettings& settings) {
  if (!impl_->running) return;
  impl_->control->runAndWait([&] { impl_->discovery->reload(settings); });
}

const DiscoveryCounters& Engine::discovered() const { return impl_->discovery->counters(); }

std::uint64_t Engine::sourcePortsExhausted() const {
  const auto& ports = impl_->context->from.ports;
  return ports ? ports->exhausted() : 0;
}

}  // namespace ox::grid

#include "discovery/discovery.h"

#include "discovery/discovery_base.h"

namespace ox::grid {
namespace {
// Nobody is looked for; others may list this member.
class NoDiscovery final : public Discovery {
 public:
  Status start(Changed changed) override {
    changed({});
    return {};
  }
  void members(const std::vector<Member>&) override {}
  void reload(const DiscoverySettings&) override {}
  void stop() override {}
};
}  // namespace

std::shared_ptr<Discovery> makeDiscovery(DiscoverySetup setup) {
  const std::string& mode = setup.settings.mode;
  if (mode == "static") return makeStaticDiscovery(std::move(setup));
  if (mode == "multicast") return makeMulticastDiscovery(std::move(setup));
  if (mode == "dns" || mode == "kubernetes") return makeDnsDiscovery(std::move(setup));
  return std::make_shared<NoDiscovery>();
}

}  // namespace ox::grid

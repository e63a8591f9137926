// The listed nodes. Host names are resolved again before every attempt while somebody listed is
// missing, and now and then afterwards: addresses behind a name change.
#include <algorithm>

#include "discovery/discovery_base.h"

namespace ox::grid {
namespace {

class StaticDiscovery final : public DiscoveryBase {
 public:
  using DiscoveryBase::DiscoveryBase;

  Status start(Changed changed) override {
    changed_ = std::move(changed);
    look();
    return {};
  }

  void reload(const DiscoverySettings& settings) override {
    if (settings.nodes == setup_.settings.nodes) return;
    setup_.settings.nodes = settings.nodes;
    forgetLook();
    info("Applied changed static members: " + std::to_string(settings.nodes.size()) + " nodes");
    look();
  }

 private:
  bool names() const {
    return std::any_of(setup_.settings.nodes.begin(), setup_.settings.nodes.end(),
                       [](const config::HostPort& n) { return !n.numeric; });
  }

  void look() override {
    if (!names()) {
      std::map<std::string, std::string> bad;
      auto addresses = candidateAddresses(setup_.settings.nodes, setup_.port, setup_.resolve, bad);
      failed(bad);
      return found(std::move(addresses));
    }
    lookAfter(list_.covered(members_) && !failures_.any() ? kSettledRelookMillis : kRelookMillis);
    lookInBackground(
        this,
        [this, nodes = setup_.settings.nodes, known = known_]() mutable {
          return resolveAll(nodes, setup_.port, setup_.resolve, std::move(known));
        },
        &StaticDiscovery::resolved);
  }

  using Known = std::map<std::string, std::vector<std::string>>;
  struct Resolved {
    std::vector<Address> addresses;
    std::map<std::string, std::string> bad;
    Known known;
  };
  // In the background. A name that cannot be resolved for a while keeps its former addresses.
  static Resolved resolveAll(const std::vector<config::HostPort>& nodes, std::uint16_t port,
                             const Resolver& resolve, Known known) {
    Resolved out;
    const auto remembering = [&](const std::string& host) -> Result<std::vector<std::string>> {
      auto found = resolve(host);
      if (found) {
        out.known[host] = *found;
        return found;
      }
      const auto former = known.find(host);
      if (former == known.end()) return found;
      out.bad[host] = found.error().message + "; its former addresses stay";
      out.known[host] = former->second;
      return former->second;
    };
    out.addresses = candidateAddresses(nodes, port, remembering, out.bad);
    return out;
  }

  void resolved(Resolved& seen) {
    known_ = std::move(seen.known);
    failed(seen.bad);
    found(std::move(seen.addresses));
  }

  Known known_;
};

}  // namespace

std::shared_ptr<Discovery> makeStaticDiscovery(DiscoverySetup setup) {
  return std::make_shared<StaticDiscovery>(std::move(setup));
}

}  // namespace ox::grid

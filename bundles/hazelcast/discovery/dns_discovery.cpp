// The addresses behind DNS names: join=dns, and join=kubernetes with a headless service.
#include "discovery/discovery_base.h"
#include "discovery/dns_book.h"
#include "net/dns.h"

namespace ox::grid {
namespace {

constexpr std::int64_t kMaxLookMillis = 20'000;  // of one name with all its services

class DnsDiscovery final : public DiscoveryBase {
 public:
  using DiscoveryBase::DiscoveryBase;

  Status start(Changed changed) override {
    changed_ = std::move(changed);
    look();
    return {};
  }
  void members(const std::vector<Member>& members) override {
    const bool before = others_;
    DiscoveryBase::members(members);
    if (before && !others_) look();  // alone again: not only after refreshMillis
  }
  void reload(const DiscoverySettings& settings) override {
    if (settings.dns == setup_.settings.dns) return;
    setup_.settings.dns = settings.dns;
    forgetLook();
    look();
  }

 private:
  using Answers = std::map<std::string, DnsBook::Answer>;

  void look() override {
    lookAfter(book_.pause(setup_.settings.dns, !others_));
    lookInBackground(
        this,
        [this, settings = setup_.settings.dns] {
          Answers answers;
          for (const auto& name : settings.names) answers.emplace(name, ask(settings, name));
          return answers;
        },
        &DnsDiscovery::answered);
  }

  // In the background; of the setup only what never changes.
  DnsBook::Answer ask(const DnsSettings& settings, const std::string& name) const {
    const std::uint16_t port = setup_.port;
    const bool ipv6 = setup_.ipv6;
    const std::int64_t begin = setup_.clock->steadyMillis();
    const net::DnsServer server{settings.resolverHost, settings.resolverPort};
    std::vector<Address> out;
    const auto add = [&](const std::string& host, std::uint16_t given) {
      if (!dialable(host)) return;
      if (given != 0) out.push_back({host, given});
      else addProbed(host, port, out);
    };
    if (!isServiceName(name)) {
      const auto found = net::dnsAddresses(server, name, ipv6);
      if (!found) return found.error();
      for (const auto& host : *found) add(host, 0);
      return out;
    }
    const auto services = net::dnsServices(server, name);
    if (!services) return services.error();
    std::string lost;
    for (const auto& service : *services) {
      if (setup_.clock->steadyMillis() - begin > kMaxLookMillis)
        return Error(Code::kNetTimeout, "\"" + name + "\": its services took too long to resolve");
      const auto found = net::dnsAddresses(server, service.host, ipv6);
      if (!found && found.error().code != Code::kNotFound) return found.error();
      if (!found) lost = found.error().message;
      else
        for (const auto& host : *found) add(host, service.port);
    }
    if (out.empty() && !lost.empty()) return Error(Code::kNotFound, lost);
    return out;
  }

  void answered(Answers& answers) {
    book_.answered(answers);
    failed(book_.failed());
    found(book_.candidates());
    lookAfter(book_.pause(setup_.settings.dns, !others_));
  }

  DnsBook book_;
};

}  // namespace

std::shared_ptr<Discovery> makeDnsDiscovery(DiscoverySetup setup) {
  return std::make_shared<DnsDiscovery>(std::move(setup));
}

}  // namespace ox::grid

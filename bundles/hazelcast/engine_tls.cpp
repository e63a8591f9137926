// What a connection may begin with, by the encryption of this member; certificates read again.
#include "base/log.h"
#include "engine_impl.h"
#include "net/tls.h"

namespace ox::grid {

std::vector<net::Acceptor::Protocol> Engine::Impl::protocols() {
  const auto accept = [this](net::Detached connection, const std::string& remote) {
    accepted(std::move(connection), remote);
  };
  const auto refuse = [this](net::Detached connection, const std::string& remote) {
    if (core) refuseConnection(*control, *context, std::move(connection), remote);
  };
  if (const auto tls = encryption->get()) {
    log::info("links to other members are encrypted: " + tls->summary());
    return {{kTlsMagic, accept, true}, {kMagic, refuse}};
  }
  return {{kMagic, accept}, {kTlsMagic, refuse}};
}

void Engine::reloadEncryption(const config::Config& after) {
  if (impl_->config.encryption.kind != GridEncryption::Kind::kCertificates) return;
  std::vector<config::Problem> problems;
  const GridEncryption settings = readEncryption(after, problems);
  if (settings.kind != impl_->config.encryption.kind) return;  // takes a restart, which is logged
  bool usable = true;
  for (const auto& p : problems) {
    log::warn(p.toString());
    usable = usable && p.severity != config::Problem::Severity::kError;
  }
  auto tls = usable ? openEncryption(settings) : Error(Code::kConfig);
  if (!tls) {
    log::warn("the reloaded certificates cannot be used; the former ones stay");
    return;
  }
  log::info("new links to other members use " + (*tls)->summary());
  impl_->encryption->set(std::move(*tls));
}

}  // namespace ox::grid

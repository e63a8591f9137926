// The bundle: servlets `login`, `system`, `token`, `share` and `session`, metrics ox_login_*.
#include "config/config.h"
#include "http/servlet.h"
#include "management/management.h"
#include "runtime/bundle.h"
#include "servlets.h"
#include "session_servlet.h"

namespace ox::login {
namespace {

void metrics(const Servlets& servlets, std::vector<management::MetricSample>& out) {
  const LoginFigures f = servlets.figures();
  const auto add = [&](const char* name, const char* help, std::uint64_t value,
                       std::vector<std::pair<std::string, std::string>> labels = {}) {
    out.push_back({name, help, true, std::move(labels), static_cast<double>(value)});
  };
  add("ox_login_logins_total", "Successful logins", f.logins);
  add("ox_login_logouts_total", "Logouts", f.logouts);
  add("ox_login_taken_over_total", "Requests that took a session over from the grid", f.takenOver);
  for (const auto& [code, n] : f.refused)
    add("ox_login_refused_total", "Refused logins by code", n, {{"code", code}});
  const GuardCounters& g = servlets.guardCounters();
  const auto rejected = [&](const char* reason, std::uint64_t n) {
    add("ox_login_rejected_requests_total", "Rejected requests of a session by reason", n,
        {{"reason", reason}});
  };
  rejected("no-parameter", g.noParameter);
  rejected("unknown-session", g.unknown);
  rejected("no-secret", g.noSecret);
  rejected("wrong-secret", g.wrongSecret);
  rejected("context", g.context);
  rejected("unavailable", g.unavailable);
  rejected("address", g.address);
  add("ox_login_tokens_expired_total", "Token logins that nobody redeemed in time", f.tokensExpired);
}

class LoginActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    config_ = context.need<config::ConfigService>("config");
    const auto& config = config_;
    const auto http = context.need<http::HttpService>("http");
    const auto management = context.need<management::Management>("management");
    TokenMaps maps;
    if (const auto grid = context.need<services::Grid>("grid"))
      maps = [grid](const std::string& name) { return grid->map(name); };
    servlets_ = std::make_shared<Servlets>(
        loginSettings(*config->current()), http->backendRoute(),
        context.need<services::SessionService>("sessions"),
        context.need<services::ContextService>("contexts"), maps);
    const auto servlets = servlets_;
    registrations_.push_back(http->addServlet(
        "login", http::RunOn::kWorker,
        [servlets](const http::Request& request, const http::Reply& reply) {
          reply(servlets->handleLogin(request));
        }));
    registrations_.push_back(http->addServlet(
        "system",
        [servlets](const http::Request& request, http::Response& response) {
          return servlets->systemAtOnce(request, response);
        },
        [servlets](const http::Request& request, const http::Reply& reply) {
          reply(servlets->handleSystem(request));
        }));
    registrations_.push_back(http->addServlet(
        "token", http::RunOn::kWorker,
        [servlets](const http::Request& request, const http::Reply& reply) {
          reply(servlets->handleToken(request));
        }));
    registrations_.push_back(http->addServlet(
        "share", http::RunOn::kWorker,
        [servlets](const http::Request& request, const http::Reply& reply) {
          reply(servlets->handleShare(request));
        }));
    const auto session = std::make_shared<SessionServlet>(
        loginSettings(*config->current()), context.need<services::SessionService>("sessions"),
        context.need<services::SessionAttributes>("session-attributes"),
        context.need<services::ContextService>("contexts"));
    registrations_.push_back(http->addServlet(
        "session", http::RunOn::kWorker,
        [session](const http::Request& request, const http::Reply& reply) {
          reply(session->handle(request));
        }));
    registrations_.push_back(
        management->addMetrics([session](std::vector<management::MetricSample>& out) {
          const auto add = [&](const char* kind, const std::atomic<std::uint64_t>& n) {
            out.push_back({"ox_session_attributes_total", "Requests for attributes of sessions",
                           true, {{"kind", kind}}, static_cast<double>(n.load())});
          };
          add("read", session->counters().reads);
          add("write", session->counters().writes);
          add("refused", session->counters().refused);
        }));
    registrations_.push_back(
        management->addMetrics([servlets](std::vector<management::MetricSample>& out) {
          metrics(*servlets, out);
        }));
    return {};
  }
  void reload() override {
    if (servlets_) servlets_->reload(loginSettings(*config_->current()));
  }
  void stop() override {
    registrations_.clear();
    servlets_.reset();
    config_.reset();
  }

 private:
  std::shared_ptr<config::ConfigService> config_;
  std::shared_ptr<Servlets> servlets_;
  std::vector<std::shared_ptr<void>> registrations_;
};

}  // namespace
}  // namespace ox::login

OX_BUNDLE("login", OX_VERSION,
          "config,http,workers,sessions,session-attributes,contexts,management,grid?", "",
          ox::login::LoginActivator)

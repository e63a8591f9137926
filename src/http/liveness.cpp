#include "http/liveness.h"

#include "http/dispatcher.h"

namespace ox::http {
namespace {

// A probe needs no more than this; whoever floods the port hurts only the port.
HttpSettings probeSettings(std::string host, std::uint16_t port) {
  HttpSettings s;
  s.host = std::move(host);
  s.port = port;
  s.dispatcherPrefix = "/";
  s.backendRoute.clear();
  s.maxBodyBytes = 0;
  s.maxHeaderBytes = 4096;
  s.maxParameters = 10;
  s.maxConnections = 256;
  s.headerTimeoutMillis = 5'000;
  s.shutdownMillis = 0;
  s.lingerMillis = 0;
  return s;
}

}  // namespace

Liveness::Liveness(std::string host, std::uint16_t port, net::ShardSet& watched,
                   net::Workers& workers, Clock& clock)
    : watched_(watched), clock_(clock),
      loops_(std::make_shared<std::vector<Loop>>(static_cast<std::size_t>(watched.count()))),
      own_(1), server_(probeSettings(std::move(host), port), own_, workers) {
  for (Loop& loop : *loops_) loop.turnedAt = clock_.steadyMillis();
  servlet_ = server_.addServlet("live", RunOn::kLoop, [this](const Request&, const Reply& reply) {
    reply(answer());
  });
}

Liveness::~Liveness() { stop(); }

Status Liveness::start() {
  if (Status started = server_.start(); !started.ok()) return started;
  running_ = true;
  own_.at(0).post([this] { beat(); });
  return {};
}

void Liveness::stop() {
  if (!running_.exchange(false)) return;
  server_.stop();
  own_.stop();  // no beat runs any more
}

void Liveness::beat() {
  if (!running_) return;
  for (int i = 0; i < watched_.count(); ++i) {
    Loop& loop = (*loops_)[static_cast<std::size_t>(i)];
    if (loop.asked.exchange(true)) continue;
    watched_.at(i).post([loops = loops_, &loop, &clock = clock_] {
      loop.turnedAt = clock.steadyMillis();
      loop.asked = false;
    });
  }
  own_.at(0).runAfter(kBeatMillis, [this] { beat(); });
}

Response Liveness::answer() const {
  const std::int64_t now = clock_.steadyMillis();
  std::string stalled;
  for (std::size_t i = 0; i < loops_->size(); ++i)
    if (now - (*loops_)[i].turnedAt > kStallMillis)
      stalled += (stalled.empty() ? "" : ", ") + std::to_string(i);
  if (!stalled.empty()) return Dispatcher::plainError(503, "standing still: event loop " + stalled);
  return Dispatcher::plainError(200, "alive");
}

}  // namespace ox::http

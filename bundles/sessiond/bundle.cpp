// The bundle: service "sessions", its timer, MBean and metrics.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "close_sessions.h"
#include "config/config.h"
#include "config/keys_rest.h"
#include "http/servlet.h"
#include "management/management.h"
#include "runtime/bundle.h"
#include "service.h"

namespace ox::sessiond {
namespace {

constexpr auto kTick = std::chrono::seconds(1);

std::string listOf(const std::vector<std::size_t>& values) {
  std::string out = "[";
  for (const std::size_t v : values) out += (out.size() > 1 ? ", " : "") + std::to_string(v);
  return out + "]";
}

management::MBean toolkit(const std::shared_ptr<SessiondService>& service) {
  return {"com.openexchange.sessiond:name=SessionD Toolkit", [service] {
            const SessiondFigures f = service->figures();
            management::Attributes out;
            out.emplace_back("ActiveSessions", std::to_string(f.counts.active));
            out.emplace_back("BackupSessions", std::to_string(f.stored.backup));
            out.emplace_back("DistributedSessions", std::to_string(f.distributed));
            out.emplace_back("EndingsWaiting", std::to_string(f.pendingEndings));
            out.emplace_back("LongTermSessions", listOf(f.longSlots));
            out.emplace_back("NumberOfLongTermSessions", std::to_string(f.counts.longTerm));
            out.emplace_back("NumberOfShortTermSessions", std::to_string(f.counts.shortTerm));
            out.emplace_back("OwnedSessions", std::to_string(f.stored.owned));
            out.emplace_back("ShortTermSessions", listOf(f.shortSlots));
            out.emplace_back("StorageDown", f.storageDown ? "true" : "false");
            out.emplace_back("StoresWaiting", std::to_string(f.pendingStores));
            out.emplace_back("TakenOverSessions", std::to_string(f.counts.takenOver));
            out.emplace_back("TransientSessions", std::to_string(f.counts.transient));
            return out;
          }};
}

void metrics(const SessiondService& service, std::vector<management::MetricSample>& out) {
  const SessiondFigures f = service.figures();
  const auto gauge = [&](const char* type, std::uint64_t value) {
    out.push_back({"ox_sessiond_sessions", "Sessions on this node", false, {{"type", type}},
                   static_cast<double>(value)});
  };
  gauge("short", f.counts.shortTerm);
  gauge("long", f.counts.longTerm);
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    out.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  counter("ox_sessiond_created_total", "Sessions created by a login here", f.created);
  counter("ox_sessiond_removed_total", "Copies on this node that a logout or closing ended", f.removed);
  counter("ox_sessiond_timed_out_total", "Sessions that left this node by time", f.timedOut);
  counter("ox_sessiond_taken_over_total", "Sessions fetched from the grid", f.counts.takenOver);
  counter("ox_sessiond_lookups_total", "Look-ups in the session storage", f.lookups);
  counter("ox_sessiond_lookups_merged_total", "Requests that waited for the look-up of another one",
          f.lookupsMerged);
  counter("ox_sessiond_lookup_failures_total", "Look-ups that the storage did not answer",
          f.lookupFailures);
  counter("ox_sessiond_stored_late_total", "Logins answered before their session was stored",
          f.storedLate);
  counter("ox_sessiond_store_retries_total", "Repeated attempts to store a session",
          f.storeRetries);
  counter("ox_sessiond_store_dropped_total", "Sessions that were never stored", f.storeDropped);
  counter("ox_sessiond_dropped_total", "Copies given to another node", f.dropped);
  counter("ox_sessiond_restored_total", "Sessions stored again since the grid had lost them",
          f.restored);
  counter("ox_sessiond_untold_total", "Other nodes that did not answer to word of a session",
          f.untold);
  const auto now = [&](const char* name, const char* help, double value) {
    out.push_back({name, help, false, {}, value});
  };
  now("ox_sessiond_store_waiting", "Sessions that wait to be stored",
      static_cast<double>(f.pendingStores));
  now("ox_sessiond_endings_waiting", "Logouts that the storage has not taken yet",
      static_cast<double>(f.pendingEndings));
  now("ox_sessiond_transient_sessions", "Sessions on this node that are in no storage",
      static_cast<double>(f.counts.transient));
  now("ox_sessiond_storage_down", "1 while the session storage does not answer",
      f.storageDown ? 1 : 0);
  now("ox_sessiond_distributed_sessions", "Sessions of the cluster",
      static_cast<double>(f.distributed));
}

class SessiondActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    const auto config = context.need<config::ConfigService>("config");
    const auto management = context.need<management::Management>("management");
    const auto storage = context.need<services::SessionStorage>("session-storage");
    service_ = std::make_shared<SessiondService>(sessiondSettings(*config->current()),
                                                 systemClock(), storage);
    if (!storage) log::info("no session storage: sessions live on this node only");
    registrations_.push_back(management->addMBean(toolkit(service_)));
    registrations_.push_back(management->addMetrics(
        [service = service_](std::vector<management::MetricSample>& out) {
          metrics(*service, out);
        }));
    closing_ = std::make_shared<CloseSessions>(
        config->current()->get(config::keys::kRestLogin),
        config->current()->get(config::keys::kRestPassword), service_);
    const auto closing = closing_;
    registrations_.push_back(management->addOperation(
        "SessiondService/close", management::Access::kMaster,
        [closing](const nlohmann::json& arguments, const management::Caller&) {
          return closing->operation(arguments);
        }));
    if (const auto http = context.need<http::HttpService>("http"))
      registrations_.push_back(http->addServlet(
          kCloseServlet, http::RunOn::kWorker,
          [closing](const http::Request& request, const http::Reply& reply) {
            reply(closing->handle(request));
          }));
    timer_ = std::thread([this] { runTimer(); });
    context.offer<services::SessionService>("sessions", service_);
    context.offer<services::SessionAttributes>("session-attributes", service_);
    return {};
  }

  void stop() override {
    registrations_.clear();
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (timer_.joinable()) timer_.join();
    if (service_) service_->stop();
    closing_.reset();
    service_.reset();
  }

 private:
  void runTimer() {
    log::setThreadName("session-timer");
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kTick, [this] { return stopping_; })) {
      lock.unlock();
      service_->tick();
      lock.lock();
    }
  }

  std::shared_ptr<SessiondService> service_;
  std::shared_ptr<CloseSessions> closing_;
  std::vector<management::Registration> registrations_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread timer_;
};

}  // namespace
}  // namespace ox::sessiond

OX_BUNDLE("sessiond", OX_VERSION, "config,http?,workers,management,session-storage?",
          "sessions,session-attributes", ox::sessiond::SessiondActivator)

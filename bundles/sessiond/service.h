// SessiondService: the services "sessions" and "session-attributes", for callers that may wait.
//
// Threads:   any; every method may block on the storage, bounded by kAnswerMillis and by the time-outs
//            of the grid. tick() from one thread (the activator's timer), at least once a second.
// Errors:    see session_core.h and services/session_attributes.h.
// Source:    the original's SessiondService, SessionHandler; limits from sessiond.properties.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "services/session_attributes.h"
#include "session_core.h"

namespace ox::sessiond {

inline constexpr std::int64_t kAnswerMillis = 60'000;
inline constexpr std::int64_t kStopMillis = 10'000;  // to store what waits, at a graceful stop

class SessiondService final : public services::SessionService,
                              public services::SessionAttributes {
 public:
  // `storage` may be null: then sessions live on this node only, without attributes.
  SessiondService(SessiondSettings settings, Clock& clock,
                  std::shared_ptr<services::SessionStorage> storage);
  ~SessiondService() override;

  Result<services::SessionPtr> create(services::Session session) override;
  Result<services::SessionPtr> find(const std::string& sessionId, bool* tookOver) override;
  void abandon(const std::string& id) override { core_->abandon(id); }
  services::SessionPtr held(const std::string& sessionId) override { return core_->use(sessionId); }
  Status remove(const std::string& sessionId) override;
  services::SessionCounts counts() const override { return figures().counts; }
  Result<services::SessionPtr> findByAltId(const std::string& altId) override;
  Result<bool> ended(const services::SessionPtr& session) override;
  Result<services::SessionPtr> update(const std::string& sessionId,
                                      std::function<void(services::Session&)> change) override;
  Result<std::vector<services::SessionPtr>> sessionsOf(
      std::int32_t contextId, std::optional<std::int32_t> userId) override;
  Result<std::uint64_t> close(const services::CloseRequest& request) override;

  Result<std::optional<services::SessionAttribute>> get(const std::string& sessionId,
                                                        const std::string& name) override;
  Result<std::vector<services::SessionAttribute>> all(const std::string& sessionId) override;
  Result<services::AttributeWritten> set(const std::string& sessionId,
                                         services::AttributeWrite write) override;

  void tick() { core_->tick(); }
  void stop();  // stores what still waits
  SessiondFigures figures() const { return core_->figures(); }
  SessionCore& core() { return *core_; }

 private:
  Result<std::uint64_t> closeOne(const services::SessionEnding& ending);
  Result<services::SessionPtr> owner(const std::string& sessionId);

  const SessiondSettings settings_;
  Clock& clock_;
  const std::shared_ptr<services::SessionStorage> storage_;
  const std::shared_ptr<SessionCore> core_;
  std::atomic<bool> stopped_{false};
};

}  // namespace ox::sessiond

#include "announce.h"

#include <algorithm>

#include "base/log.h"

namespace ox::provisioning {
namespace {

using services::CacheEvent;
constexpr std::size_t kKeysOfOneEvent = 500;

}  // namespace

void announceContexts(const Surroundings& around, const std::vector<std::int32_t>& ids,
                      const std::vector<std::string>& infos) {
  for (const std::int32_t id : ids) around.database->invalidate(id);
  if (!around.cacheEvents) return;
  for (std::size_t at = 0; at < std::max<std::size_t>(ids.size(), 1); at += kKeysOfOneEvent) {
    CacheEvent event{CacheEvent::Operation::kInvalidate, services::kRegionContext, "", {}};
    for (std::size_t i = at; i < std::min(ids.size(), at + kKeysOfOneEvent); ++i)
      event.keys.push_back({ids[i], {}});
    if (at == 0)
      for (const auto& info : infos) event.keys.push_back({-1, {info}});
    if (!event.keys.empty()) around.cacheEvents->publish(event);
  }
}

void announceUsers(const Surroundings& around, std::int32_t contextId,
                   const std::vector<std::int32_t>& userIds) {
  if (!around.cacheEvents) return;
  for (std::size_t at = 0; at < userIds.size(); at += kKeysOfOneEvent) {
    CacheEvent event{CacheEvent::Operation::kInvalidate, services::kRegionUser, "", {}};
    for (std::size_t i = at; i < std::min(userIds.size(), at + kKeysOfOneEvent); ++i)
      event.keys.push_back({contextId, {std::to_string(userIds[i])}});
    around.cacheEvents->publish(event);
  }
}

void announceUser(const Surroundings& around, std::int32_t contextId, std::int32_t userId) {
  announceUsers(around, contextId, {userId});
}

void announceDatabases(const Surroundings& around) {
  around.database->invalidatePools();
  if (around.cacheEvents)
    around.cacheEvents->publish({CacheEvent::Operation::kClear, services::kRegionSchema, "", {}});
}

std::uint64_t endSessions(const Surroundings& around, const services::CloseRequest& request) {
  if (!around.sessions) return 0;
  const auto closed = around.sessions->close(request);
  if (closed) return *closed;
  log::warn("some sessions could not be ended at once, the session service tries again: " +
            closed.error().toString());
  return 0;
}

}  // namespace ox::provisioning

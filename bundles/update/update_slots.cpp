#include "update_slots.h"

#include <atomic>
#include <string>

#include "base/log.h"

namespace ox::update {
namespace {

// Longer than any run: the server must not close the connection because it rests.
constexpr const char* kPatience = "SET SESSION wait_timeout = 2147483";

std::optional<std::shared_ptr<void>> unlimited(const Error& error) {
  static std::atomic<bool> said{false};
  if (!said.exchange(true))
    log::warn("updates that begin by themselves are limited per node only, the database has no "
              "named locks: " + error.toString());
  return std::shared_ptr<void>();
}

}  // namespace

std::optional<std::shared_ptr<void>> takeUpdateSlot(services::DatabaseService& database,
                                                    std::int32_t poolId, int limit) {
  auto opened = database.pool(poolId);
  if (!opened) return std::shared_ptr<void>();
  const auto connection = std::make_shared<db::Lease>(std::move(*opened));
  if (auto set = (*connection)->execute(kPatience); !set) return unlimited(set.error());
  for (int slot = 1; slot <= limit; ++slot) {
    auto got = (*connection)->query("SELECT GET_LOCK(?, 0)", {kSlotPrefix + std::to_string(slot)});
    if (!got) return unlimited(got.error());
    if (got->empty() || !got->front().boolean(0)) continue;
    return std::shared_ptr<void>(connection.get(), [connection, slot](void*) {
      static_cast<void>(
          (*connection)->query("SELECT RELEASE_LOCK(?)", {kSlotPrefix + std::to_string(slot)}));
    });
  }
  return std::nullopt;
}

}  // namespace ox::update

// SessionRecords: every session of the cluster in three distributed maps.
//
// Purpose:   service "session-storage" on the grid. sessions-7: key session id, value PortableSession,
//            idle time per entry; session-attributes-1: one entry per attribute (attribute_record.h);
//            session-endings-1: marks of what was closed (ending_record.h), kept for kEndingMillis, or
//            as long as the record could idle. Pure: time and the wire come in; the simulator runs it.
// Threads:   any; nothing waits. Completions run where the grid runs them.
// Ownership: always held by shared_ptr; what is under way keeps it alive.
// Idle:      life time plus one short-term slot: a node tells the grid of a used session once per slot,
//            so a record never goes before its time. Reading resets it.
// Transient: such sessions never come here; a caller that stores one is wrong (it is refused).
// Errors:    what the grid reports. A record that cannot be decoded is counted, logged without its
//            content and treated as absent.
// Source:    the original's HazelcastSessionStorageService.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "obfuscator.h"
#include "remote_parameters.h"
#include "services/grid.h"
#include "services/session_storage.h"

namespace ox::sessionstorage {

inline constexpr const char* kSessionsPrefix = "sessions-";
inline constexpr const char* kSessionsMap = "sessions-7";
inline constexpr const char* kAttributesMap = "session-attributes-1";
inline constexpr const char* kEndingsMap = "session-endings-1";

// A split that lasts longer may bring back a session that was closed in the other half.
inline constexpr std::int64_t kEndingMillis = 24 * 3'600'000;
inline constexpr std::int64_t kSlotMillis = 6 * 60'000;
inline constexpr int kUpdateTries = 20;             // against others who write the same session
inline constexpr std::size_t kClosedAtOnce = 32;    // sessions of one closing, side by side

struct StorageSettings {
  std::int64_t defaultLifeMillis = 3'600'000;
  std::int64_t longLifeMillis = 604'800'000;
  std::int64_t slotMillis = kSlotMillis;
};

struct StorageCounters {
  std::uint64_t stored = 0;
  std::uint64_t lookups = 0;
  std::uint64_t notFound = 0;
  std::uint64_t removed = 0;
  std::uint64_t touched = 0;
  std::uint64_t failures = 0;     // operations that the grid refused or did not answer
  std::uint64_t undecodable = 0;  // records treated as absent
  std::uint64_t refusedEnded = 0;  // records that were there although their session had ended
  std::uint64_t attributeReads = 0;
  std::uint64_t attributeWrites = 0;
};

// How word reaches the other nodes.
class SessionWire {
 public:
  virtual ~SessionWire() = default;
  virtual void notifyOthers(Bytes notice, services::Completion<services::NoticeAnswers> done) = 0;
};

class SessionRecords final : public services::SessionStorage,
                             public std::enable_shared_from_this<SessionRecords> {
 public:
  struct Maps {
    std::shared_ptr<services::GridMap> sessions, attributes, endings;
  };
  // `wire` may be null: then there are no other nodes.
  SessionRecords(Maps maps, std::shared_ptr<SessionWire> wire, StorageSettings settings,
                 const std::string& encryptionKey, Clock& clock);

  void store(services::SessionPtr session, bool onlyIfAbsent,
             services::Completion<bool> done) override;
  void lookup(const std::string& sessionId,
              services::Completion<services::SessionLookup> done) override;
  void ended(services::SessionPtr session, services::Completion<bool> done) override;
  void update(const std::string& sessionId, std::function<void(services::Session&)> change,
              services::Completion<services::SessionPtr> done) override;
  void touch(const std::string& sessionId, services::Completion<bool> done) override;
  void touchAttributes(const std::string& sessionId,
                       services::Completion<std::uint64_t> done) override;
  void end(services::SessionEnding ending, services::Completion<services::SessionsEnded> done) override;
  void forget(const std::string& sessionId, services::Completion<bool> done) override;
  void find(services::SessionQuery query,
            services::Completion<std::vector<services::SessionPtr>> done) override;
  void loginFacts(std::int32_t contextId, std::int32_t userId, const std::string& client,
                  services::Completion<services::LoginFacts> done) override;
  void authIdTaken(const std::string& authId, services::Completion<bool> done) override;
  void attribute(const std::string& sessionId, const std::string& name,
                 services::Completion<std::optional<services::SessionAttribute>> done) override;
  void attributes(const std::string& sessionId,
                  services::Completion<std::vector<services::SessionAttribute>> done) override;
  void writeAttribute(const services::SessionPtr& session, services::AttributeWrite write,
                      services::Completion<services::AttributeWritten> done) override;
  void size(services::Completion<std::uint64_t> done) override;
  services::StoredFigures figures() const override;
  void notify(services::SessionNotice notice,
              services::Completion<services::NoticeAnswers> done) override;
  void listen(std::shared_ptr<const services::SessionListener> listener) override;

  // Which of a session's parameters are stored (remote_parameters.h).
  void setRemoteNames(std::set<std::string> names);

  // From the wire and from the map of the endings, by whoever connects this to the grid.
  Result<Bytes> noticed(BytesView notice);
  void endingHeard(const services::EntryEvent& event);
  // The members of the cluster, whenever they change. Who is new may bring records of another half:
  // true, and the listener is told; merged() again when all copies are made.
  bool membersAre(std::set<std::string> uuids);
  void merged();

  services::MapStats mapStats() const { return maps_.sessions->localStats(); }
  const std::string& mapName() const { return maps_.sessions->name(); }
  StorageCounters counters() const;

 private:
  using Raw = std::optional<Bytes>;
  void get(const std::shared_ptr<services::GridMap>& map, Bytes key,
           services::Completion<Raw> done);
  void write(const std::shared_ptr<services::GridMap>& map, services::MapRequest request,
             services::Completion<services::MapReply> done);
  void updateOnce(std::string sessionId, std::function<void(services::Session&)> change, int tries,
                  services::Completion<services::SessionPtr> done);
  void cutoff(std::int32_t contextId, std::int32_t userId,
              services::Completion<std::vector<services::SessionEnding>> done);
  void marks(const std::string& sessionId, std::int32_t contextId, std::int32_t userId,
             services::Completion<std::vector<services::SessionEnding>> done);
  void removeAttributes(const std::string& sessionId, std::function<void()> done);
  void mark(services::SessionEnding ending, services::Completion<std::int64_t> done);
  void endMany(services::SessionEnding ending,
               services::Completion<services::SessionsEnded> done);
  Bytes encode(const services::Session& session) const;
  void forgetMany(std::vector<std::string> ids, services::Completion<std::uint64_t> done);
  std::shared_ptr<const services::Session> decode(BytesView data, const std::string* id);
  std::shared_ptr<const services::SessionListener> listener() const;

  const Maps maps_;
  const std::shared_ptr<SessionWire> wire_;
  const StorageSettings settings_;
  const Obfuscator obfuscator_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const services::SessionListener> listener_;
  std::shared_ptr<const std::set<std::string>> remoteNames_;
  std::set<std::string> members_;
  struct Counts {
    std::atomic<std::uint64_t> stored{0}, lookups{0}, notFound{0}, removed{0}, touched{0},
        failures{0}, undecodable{0}, refusedEnded{0}, attributeReads{0}, attributeWrites{0};
  };
  Counts counts_;
};

}  // namespace ox::sessionstorage

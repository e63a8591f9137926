#include "storage.h"

#include "base/log.h"
#include "portable_session.h"
#include "serialization/data.h"

namespace ox::sessionstorage {

using services::MapOp;
using services::MapReply;
using services::MapRequest;
using services::Session;
using services::SessionPtr;

HazelcastSessionStorage::HazelcastSessionStorage(std::shared_ptr<services::GridMap> map,
                                                 StorageSettings settings,
                                                 const std::string& encryptionKey)
    : map_(std::move(map)), settings_(settings), obfuscator_(encryptionKey) {}

Status HazelcastSessionStorage::store(const Session& session) {
  const std::int64_t idle =
      session.staySignedIn ? settings_.longLifeMillis : settings_.defaultLifeMillis;
  Status status = map_->set(serialization::toData(session.sessionId),
                            encodeSession(session, obfuscator_), -1, idle);
  ++(status.ok() ? counts_->stored : counts_->failures);
  return status;
}

Result<SessionPtr> HazelcastSessionStorage::lookup(const std::string& sessionId) {
  ++counts_->lookups;
  auto found = map_->get(serialization::toData(sessionId));
  if (!found) {
    ++counts_->failures;
    return found.error();
  }
  if (!*found) {
    ++counts_->notFound;
    return SessionPtr();
  }
  auto session = decodeSession(**found, obfuscator_);
  if (session.ok() && session->sessionId != sessionId)
    session = Error(Code::kInvalid, "stored session: another session under this key");
  if (!session) {
    ++counts_->undecodable;
    log::warn("a session of the map " + map_->name() + " is ignored: " + session.error().message);
    return SessionPtr();
  }
  return SessionPtr(std::make_shared<const Session>(std::move(*session)));
}

Result<bool> HazelcastSessionStorage::remove(const std::string& sessionId) {
  auto former = map_->remove(serialization::toData(sessionId));
  if (!former) {
    ++counts_->failures;
    return former.error();
  }
  if (former->has_value()) ++counts_->removed;
  return former->has_value();
}

void HazelcastSessionStorage::touch(const std::string& sessionId) {
  MapRequest request;
  request.op = MapOp::kTouch;
  request.key = serialization::toData(sessionId);
  map_->execute(std::move(request), [counts = counts_](const Result<MapReply>& reply) {
    ++(reply.ok() ? counts->touched : counts->failures);
  });
}

StorageCounters HazelcastSessionStorage::counters() const {
  StorageCounters out;
  out.stored = counts_->stored;
  out.lookups = counts_->lookups;
  out.notFound = counts_->notFound;
  out.removed = counts_->removed;
  out.touched = counts_->touched;
  out.failures = counts_->failures;
  out.undecodable = counts_->undecodable;
  return out;
}

}  // namespace ox::sessionstorage

#include "context_service.h"

#include <algorithm>

#include "base/log.h"
#include "database/password.h"

namespace ox::database {

using services::Context;
using services::SchemaRef;
using services::User;

namespace {

constexpr std::size_t kMaxLoginBytes = 512;
constexpr int kUnknownColumn = 1054;

// Database troubles as the original shows them for contexts.
Error contextError(const Error& error) {
  switch (error.code) {
    case Code::kDbNoConnection:
    case Code::kDbPoolExhausted:
      return Error(Code::kCtxNoConnection, error.message);
    case Code::kDbSql:
    case Code::kDbDuplicate:
    case Code::kDbDeadlock:
      return Error(Code::kCtxSql, error.message);
    default:
      return error;
  }
}

User userOf(std::int32_t contextId, const db::Row& row) {
  User user;
  user.contextId = contextId;
  user.id = static_cast<std::int32_t>(row.integer(0));
  user.loginName = row.text(1);
  user.mail = row.text(2);
  user.language = row.text(3);
  user.timeZone = row.text(4);
  user.contactId = static_cast<std::int32_t>(row.integer(5));
  user.mailEnabled = row.boolean(6);
  user.guestCreatedBy = static_cast<std::int32_t>(row.integer(7));
  return user;
}

// Schemas before 7.8.0 know no guests.
std::string userColumns(bool guests) {
  return std::string("SELECT u.id, l.uid, u.mail, u.preferredLanguage, u.timeZone, u.contactId, "
                     "u.mailEnabled, ") +
         (guests ? "u.guestCreatedBy" : "0");
}
constexpr const char* kUserTables =
    " FROM login2user l JOIN user u ON u.cid = l.cid AND u.id = l.id WHERE l.cid = ? ";

}  // namespace

ContextServiceImpl::ContextServiceImpl(std::shared_ptr<services::DatabaseService> database,
                                       db::IdleLimits idle, Clock& clock)
    : database_(std::move(database)), clock_(clock), idle_(idle) {}

void ContextServiceImpl::setIdleLimits(const db::IdleLimits& idle) {
  std::lock_guard lock(mutex_);
  idle_ = idle;
}

Result<std::int32_t> ContextServiceImpl::resolve(const std::string& loginInfo) {
  if (loginInfo.empty() || loginInfo.size() > kMaxLoginBytes)
    return Error(Code::kCtxNoMapping, "a login must have 1 to 512 bytes");
  const auto at = loginInfo.rfind('@');
  const std::string info =
      at == std::string::npos ? std::string("defaultcontext") : loginInfo.substr(at + 1);
  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = infos_.find(info);
    if (found != infos_.end() && clock_.steadyMillis() - found->second.sinceMillis < kMaxAgeMillis)
      return found->second.contextId;
    generation = generation_;
  }
  const auto ask = [&](Result<db::Lease> lease) -> Result<std::int32_t> {
    if (!lease) return contextError(lease.error());
    auto rows = (*lease)->query("SELECT cid FROM login2context WHERE login_info = ?", {info});
    if (!rows) return contextError(rows.error());
    if (rows->empty()) return Error(Code::kCtxNoMapping);
    return static_cast<std::int32_t>(rows->front().integer(0));
  };
  auto id = ask(database_->configRead());
  // A new mapping may not have reached a replica of configdb.
  if (!id && id.error().code == Code::kCtxNoMapping) id = ask(database_->configWrite());
  if (!id) return id;
  std::lock_guard lock(mutex_);
  if (generation == generation_) {
    if (infos_.size() >= kMaxCached) infos_.clear();
    infos_[info] = {*id, clock_.steadyMillis()};
  }
  return id;
}

Result<std::shared_ptr<const Context>> ContextServiceImpl::load(std::int32_t contextId) {
  auto place = database_->assignment(contextId);
  if (!place) return contextError(place.error());
  for (const bool master : {false, true}) {
    auto lease = master ? database_->configWrite() : database_->configRead();
    if (!lease) return contextError(lease.error());
    auto rows = (*lease)->query("SELECT name, enabled FROM context WHERE cid = ?",
                                {std::int64_t{contextId}});
    if (!rows) return contextError(rows.error());
    if (rows->empty()) continue;
    auto context = std::make_shared<Context>();
    context->id = contextId;
    context->name = rows->front().text(0);
    context->enabled = rows->front().isNull(1) || rows->front().boolean(1);
    context->writePoolId = place->writePoolId;
    context->schema = place->schema;
    return std::shared_ptr<const Context>(std::move(context));
  }
  return Error(Code::kCtxNotFound, "context " + std::to_string(contextId) + " does not exist");
}

Result<std::shared_ptr<const Context>> ContextServiceImpl::context(std::int32_t contextId) {
  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = contexts_.find(contextId);
    if (found != contexts_.end() &&
        clock_.steadyMillis() - found->second.sinceMillis < kMaxAgeMillis)
      return found->second.context;
    generation = generation_;
  }
  auto loaded = load(contextId);
  if (!loaded) return loaded;
  std::lock_guard lock(mutex_);
  if (generation == generation_) {
    if (contexts_.size() >= kMaxCached) contexts_.clear();
    contexts_[contextId] = {*loaded, clock_.steadyMillis()};
  }
  return loaded;
}

std::shared_ptr<void> ContextServiceImpl::setLoadGate(services::LoadGate gate) {
  auto made = std::make_shared<Gate>();
  made->ask = std::move(gate);
  {
    std::lock_guard lock(mutex_);
    gate_ = made;
    quietSchemas_.clear();
    ++generation_;
  }
  return {made.get(), [made](void*) {
            std::unique_lock nobodyInside(made->inside);
            made->ask = nullptr;
          }};
}

Status ContextServiceImpl::askGate(const SchemaRef& schema, db::Connection& connection) {
  std::shared_ptr<Gate> gate;
  {
    std::lock_guard lock(mutex_);
    gate = gate_;
  }
  if (!gate) return {};
  std::shared_lock inside(gate->inside);
  return gate->ask ? gate->ask(schema, connection) : Status();
}

Status ContextServiceImpl::checkNotUpdating(const SchemaRef& schema) {
  std::uint64_t generation = 0;
  db::IdleLimits idle;
  {
    std::lock_guard lock(mutex_);
    const auto found = quietSchemas_.find(schema);
    if (found != quietSchemas_.end() && clock_.steadyMillis() - found->second < kMaxAgeMillis)
      return {};
    generation = generation_;
    idle = idle_;
  }
  auto lease = database_->schemaWrite(schema);
  if (!lease) return contextError(lease.error());
  auto state = db::readLockState(**lease, idle);
  if (!state) return contextError(state.error());
  if (state->blocking.fresh) return Error(Code::kCtxUpdating);
  if (auto passed = askGate(schema, **lease); !passed) return passed;
  std::lock_guard lock(mutex_);
  if (generation == generation_) {
    if (quietSchemas_.size() >= kMaxCached) quietSchemas_.clear();
    quietSchemas_[schema] = clock_.steadyMillis();
  }
  return {};
}

Result<std::shared_ptr<const Context>> ContextServiceImpl::usable(std::int32_t contextId) {
  auto found = context(contextId);
  if (!found) return found;
  const Context& context = **found;
  if (auto quiet = checkNotUpdating({context.writePoolId, context.schema}); !quiet)
    return quiet.error();
  if (!context.enabled) return Error(Code::kLgiContextDisabled);
  return found;
}

Result<User> ContextServiceImpl::authenticate(std::int32_t contextId, const std::string& login,
                                              const std::string& password) {
  if (login.empty() || password.empty()) return Error(Code::kLgiMissing);
  if (login.size() > kMaxLoginBytes) {
    db::spendVerification(password);
    return Error(Code::kLgiInvalid);
  }
  db::PasswordHash stored;
  bool hasSalt = true;
  std::vector<db::Row> rows;
  {
    auto lease = database_->read(contextId);
    if (!lease) return contextError(lease.error());
    const std::vector<db::Value> values{std::int64_t{contextId}, login,
                                        login.substr(0, login.rfind('@'))};
    const auto sql = [](bool salt, bool guests) {
      return userColumns(guests) + ", u.userPassword, u.passwordMech" +
             (salt ? ", u.salt" : "") + kUserTables +
             "AND l.uid IN (?, ?) ORDER BY LENGTH(l.uid) DESC";
    };
    auto found = (*lease)->query(sql(true, true), values);
    if (!found && (*lease)->sqlError() == kUnknownColumn) {  // schemas before 7.10.2
      hasSalt = false;
      found = (*lease)->query(sql(false, true), values);
    }
    if (!found && (*lease)->sqlError() == kUnknownColumn)
      found = (*lease)->query(sql(false, false), values);
    if (!found) return contextError(found.error());
    rows = std::move(*found);
  }  // hashing must not hold a connection
  if (rows.empty()) {
    db::spendVerification(password);
    return Error(Code::kLgiInvalid);
  }
  const db::Row& row = rows.front();
  stored.hash = row.text(8);
  stored.mechanism = row.text(9);
  if (hasSalt) stored.salt = row.text(10);
  const bool correct = db::verifyPassword(password, stored);
  const bool fresh = correct && db::needsRehash(stored);
  // A quick mechanism must not tell by its speed that the user exists; a re-hash costs as much.
  if (!fresh && db::mechanismByName(stored.mechanism) != db::Mechanism::kBcrypt)
    db::spendVerification(password);
  if (!correct) return Error(Code::kLgiInvalid);
  User user = userOf(contextId, row);
  if (!user.mailEnabled) return Error(Code::kLgiUserDisabled);
  if (fresh) rehash(user, password, stored.hash, stored.mechanism, hasSalt);
  return user;
}

void ContextServiceImpl::rehash(const User& user, const std::string& password,
                                const std::string& oldHash, const std::string& oldMechanism,
                                bool hasSaltColumn) {
  auto made = db::makePassword(password);
  if (!made || (!made->salt.empty() && !hasSaltColumn)) return;
  const std::string who =
      "user " + std::to_string(user.id) + " in context " + std::to_string(user.contextId);
  auto lease = database_->write(user.contextId);
  // Only if nobody changed the password meanwhile.
  std::vector<db::Value> values{made->hash, made->mechanism};
  if (hasSaltColumn)
    values.push_back(made->salt.empty() ? db::Value(std::monostate()) : db::Value(made->salt));
  values.insert(values.end(), {std::int64_t{user.contextId}, std::int64_t{user.id}, oldHash,
                               oldMechanism});
  auto changed =
      lease ? (*lease)->execute(std::string("UPDATE user SET userPassword = ?, passwordMech = ?") +
                                    (hasSaltColumn ? ", salt = ?" : "") +
                                    " WHERE cid = ? AND id = ? AND userPassword = ? "
                                    "AND passwordMech = ?",
                                values)
            : Result<std::uint64_t>(lease.error());
  if (!changed)
    log::warn("the password hash of " + who + " could not be renewed: " + changed.error().message);
  else if (*changed != 0)
    log::info("the password hash of " + who + " was renewed from " + oldMechanism + " to " +
              made->mechanism);
}

Result<User> ContextServiceImpl::user(std::int32_t contextId, std::int32_t userId) {
  auto lease = database_->read(contextId);
  if (!lease) return contextError(lease.error());
  const std::vector<db::Value> values{std::int64_t{contextId}, std::int64_t{userId}};
  auto rows = (*lease)->query(userColumns(true) + kUserTables + "AND l.id = ?", values);
  if (!rows && (*lease)->sqlError() == kUnknownColumn)
    rows = (*lease)->query(userColumns(false) + kUserTables + "AND l.id = ?", values);
  if (!rows) return contextError(rows.error());
  if (rows->empty())
    return Error(Code::kAdmNoUser, "there is no user " + std::to_string(userId) + " in context " +
                                       std::to_string(contextId));
  return userOf(contextId, rows->front());
}

void ContextServiceImpl::onCacheEvent(const services::CacheEvent& event) {
  const bool contextRegion = event.region == services::kRegionContext;
  const bool schemaRegion = event.region == services::kRegionSchema;
  if (!contextRegion && !schemaRegion) return;
  const bool all = event.operation != services::CacheEvent::Operation::kInvalidate;
  std::vector<std::int32_t> places;
  {
    std::lock_guard lock(mutex_);
    ++generation_;
    if (all) {
      contexts_.clear();
      infos_.clear();
      quietSchemas_.clear();
    }
    for (const auto& key : event.keys) {
      if (schemaRegion) {
        for (const auto& schema : key.parts) quietSchemas_.erase({key.id, schema});
        continue;
      }
      if (key.id == -1) {
        for (const auto& info : key.parts) infos_.erase(info);
        continue;
      }
      // The event may be the only one that tells of an update: ask about the schema as well.
      if (const auto found = contexts_.find(key.id); found != contexts_.end()) {
        quietSchemas_.erase({found->second.context->writePoolId, found->second.context->schema});
        contexts_.erase(found);
      }
      std::erase_if(infos_, [&](const auto& one) { return one.second.contextId == key.id; });
      places.push_back(key.id);
    }
  }
  for (const std::int32_t id : places) database_->invalidate(id);
}

void ContextServiceImpl::clear() {
  std::lock_guard lock(mutex_);
  ++generation_;
  contexts_.clear();
  infos_.clear();
  quietSchemas_.clear();
}

}  // namespace ox::database

#include "context_service.h"

#include "base/log.h"
#include "database/password.h"
#include "look_up.h"
#include "records.h"
#include "user_rows.h"

namespace ox::database {

using services::Context;
using services::SchemaRef;
using services::User;

namespace {
constexpr std::size_t kMaxLoginBytes = 512;
}  // namespace

ContextServiceImpl::ContextServiceImpl(std::shared_ptr<DatabaseServiceImpl> database,
                                       db::IdleLimits idle, services::CacheService* cache,
                                       Clock& clock)
    : database_(std::move(database)), clock_(clock), idle_(idle),
      contexts_(cache ? cache->region(services::kRegionContext) : nullptr),
      schemas_(cache ? cache->region(services::kRegionSchema) : nullptr),
      users_(cache ? cache->region(services::kRegionUser) : nullptr) {}

void ContextServiceImpl::setIdleLimits(const db::IdleLimits& idle) {
  std::lock_guard lock(mutex_);
  idle_ = idle;
}

Result<std::int64_t> ContextServiceImpl::loadContextId(const std::string& info) {
  auto rows = lookUp<std::vector<db::Row>>(
      [this] { return database_->configLookUp(); },
      [&](db::Connection& config) {
        return config.query("SELECT cid FROM login2context WHERE login_info = ?", {info});
      });
  if (!rows) return contextError(rows.error());
  if (rows->empty()) return Error(Code::kCtxNoMapping);
  return rows->front().integer(0);
}

Result<std::int32_t> ContextServiceImpl::resolve(const std::string& loginInfo) {
  if (loginInfo.empty() || loginInfo.size() > kMaxLoginBytes)
    return Error(Code::kCtxNoMapping, "a login must have 1 to 512 bytes");
  const auto at = loginInfo.rfind('@');
  const std::string info =
      at == std::string::npos ? std::string("defaultcontext") : loginInfo.substr(at + 1);
  auto id = throughCache<std::int64_t>(
      contexts_, services::flatKey(-1, {info}), [&] { return loadContextId(info); },
      [](const std::int64_t& number) { return encodeNumber(number); }, decodeNumber);
  if (!id) return id.error();
  return static_cast<std::int32_t>(*id);
}

Result<Context> ContextServiceImpl::load(std::int32_t contextId) {
  auto place = database_->assignment(contextId);
  if (!place) return contextError(place.error());
  auto rows = lookUp<std::vector<db::Row>>(
      [this] { return database_->configLookUp(); },
      [&](db::Connection& config) {
        return config.query("SELECT name, enabled FROM context WHERE cid = ?",
                            {std::int64_t{contextId}});
      });
  if (!rows) return contextError(rows.error());
  if (rows->empty())
    return Error(Code::kCtxNotFound, "context " + std::to_string(contextId) + " does not exist");
  Context context;
  context.id = contextId;
  context.name = rows->front().text(0);
  context.enabled = rows->front().isNull(1) || rows->front().boolean(1);
  context.writePoolId = place->writePoolId;
  context.schema = place->schema;
  return context;
}

std::shared_ptr<void> ContextServiceImpl::setLoadGate(services::LoadGate gate) {
  auto made = std::make_shared<Gate>();
  made->ask = std::move(gate);
  {
    std::lock_guard lock(mutex_);
    gate_ = made;
  }
  if (schemas_) schemas_->forgetAll();
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

Status ContextServiceImpl::checkNotUpdating(std::int32_t contextId, const SchemaRef& schema) {
  const services::CacheKey key{schema.writePoolId, {schema.schema}};
  const Bytes flat = services::flatKey(key);
  if (schemas_) {
    if (const auto since = schemas_->get(flat)) {
      const auto asked = decodeNumber(*since);
      if (asked && clock_.steadyMillis() - *asked < kMaxAgeMillis) return {};
      schemas_->forget({key});
    }
  }
  const auto ask = [&]() -> Result<std::int64_t> {
    db::IdleLimits idle;
    {
      std::lock_guard lock(mutex_);
      idle = idle_;
    }
    const std::int64_t now = clock_.steadyMillis();
    bool away = false;
    const auto lend = [&] {
      auto master = database_->masterOf(contextId);
      // Without its master nobody can begin an update; the replica knows what had begun.
      away = !master && master.error().code == Code::kDbNoConnection;
      return away ? database_->read(contextId) : std::move(master);
    };
    Status passed;
    auto updating = lookUp<bool>(lend, [&](db::Connection& connection) -> Result<bool> {
      auto state = db::readLockState(connection, idle);
      if (!state) return state.error();
      if (!state->blocking.fresh && !away) passed = askGate(schema, connection);
      return state->blocking.fresh;
    });
    if (!updating) return contextError(updating.error());
    if (*updating) return Error(Code::kCtxUpdating);
    if (!passed) return passed.error();
    return now;
  };
  auto asked = throughCache<std::int64_t>(
      schemas_, flat, ask, [](const std::int64_t& number) { return encodeNumber(number); },
      decodeNumber);
  return asked ? Status() : Status(asked.error());
}

Result<std::shared_ptr<const Context>> ContextServiceImpl::usable(std::int32_t contextId) {
  auto found = throughCache<Context>(
      contexts_, services::flatKey(contextId), [&] { return load(contextId); }, encodeContext,
      decodeContext);
  if (!found) return found.error();
  if (auto quiet = checkNotUpdating(contextId, {found->writePoolId, found->schema}); !quiet)
    return quiet.error();
  if (!found->enabled) return Error(Code::kLgiContextDisabled);
  return std::make_shared<const Context>(std::move(*found));
}

bool ContextServiceImpl::usableAtOnce(std::int32_t contextId) {
  if (!contexts_ || !schemas_) return false;
  Bytes value;
  if (!contexts_->get(services::flatKey(contextId), value)) return false;
  const auto context = decodeContext(value);
  if (!context || !context->enabled ||
      !schemas_->get(services::flatKey(context->writePoolId, {context->schema}), value))
    return false;
  const auto asked = decodeNumber(value);
  return asked && clock_.steadyMillis() - *asked < kMaxAgeMillis;
}

Result<User> ContextServiceImpl::authenticate(std::int32_t contextId, const std::string& login,
                                              const std::string& password) {
  if (login.empty() || password.empty()) return Error(Code::kLgiMissing);
  if (login.size() > kMaxLoginBytes) {
    db::spendVerification(password);
    return Error(Code::kLgiInvalid);
  }
  bool hasSalt = true;
  std::vector<db::Row> rows;
  {
    auto found = lookUp<std::vector<db::Row>>(
        [&] { return database_->read(contextId); },
        [&](db::Connection& connection) {
          return credentialRows(connection, "AND l.uid IN (?, ?) ORDER BY LENGTH(l.uid) DESC",
                                {std::int64_t{contextId}, login, login.substr(0, login.rfind('@'))},
                                hasSalt);
        });
    if (!found) return contextError(found.error());
    rows = std::move(*found);
  }  // hashing must not hold a connection
  if (rows.empty()) {
    db::spendVerification(password);
    return Error(Code::kLgiInvalid);
  }
  const db::Row& row = rows.front();
  const db::PasswordHash stored = passwordOf(row, hasSalt);
  const bool correct = db::verifyPassword(password, stored);
  const bool fresh = correct && db::needsRehash(stored);
  // A quick mechanism must not tell by its speed that the user exists; a re-hash costs as much.
  if (!fresh && db::mechanismByName(stored.mechanism) != db::Mechanism::kBcrypt)
    db::spendVerification(password);
  if (!correct) return Error(Code::kLgiInvalid);
  User user = userOf(contextId, row);
  user.passwordMark = markOf(stored);
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
  return throughCache<User>(
      users_, services::flatKey(contextId, {std::to_string(userId)}),
      [&] { return loadUser(contextId, userId); }, encodeUser, decodeUser,
      std::to_string(contextId));
}

Result<User> ContextServiceImpl::loadUser(std::int32_t contextId, std::int32_t userId) {
  const std::vector<db::Value> values{std::int64_t{contextId}, std::int64_t{userId}};
  auto rows = lookUp<std::vector<db::Row>>(
      [&] { return database_->masterOrReplica(contextId); },
      [&](db::Connection& connection) {
        auto answer = connection.query(userColumns(true) + kUserTables + "AND l.id = ?", values);
        if (!answer && connection.sqlError() == kUnknownColumn)
          answer = connection.query(userColumns(false) + kUserTables + "AND l.id = ?", values);
        return answer;
      });
  if (!rows) return contextError(rows.error());
  if (rows->empty())
    return Error(Code::kAdmNoUser, "there is no user " + std::to_string(userId) + " in context " +
                                       std::to_string(contextId));
  return userOf(contextId, rows->front());
}

// The regions have removed the keys of the event already.
void ContextServiceImpl::onCacheEvent(const services::CacheEvent& event) {
  if (event.operation != services::CacheEvent::Operation::kInvalidate) return;
  if (event.region == services::kRegionUser) {
    for (const auto& key : event.keys)
      if (users_) users_->forget({key}, std::to_string(key.id));
    return;
  }
  if (event.region != services::kRegionContext) return;
  for (const auto& key : event.keys) {
    if (key.id == -1) {  // several login infos in one key
      for (const auto& info : key.parts)
        if (contexts_) contexts_->forget({{-1, {info}}});
      continue;
    }
    if (users_) users_->forgetGroup(std::to_string(key.id));
    database_->invalidate(key.id);
    if (!contexts_) continue;
    // Once more: a look-up may have taken the place that was known until now.
    contexts_->forget({{key.id, {}}});
  }
}

}  // namespace ox::database

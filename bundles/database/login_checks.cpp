// ContextServiceImpl: what is asked when a session has been made, and the guests of share links.
#include <openssl/crypto.h>

#include "context_service.h"
#include "look_up.h"
#include "services/share_token.h"
#include "user_rows.h"

namespace ox::database {

using services::Guest;
using services::User;

namespace {
bool same(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace

// A master that does not answer has taken no change either.
Status ContextServiceImpl::stillValid(const User& user, const std::string& password) {
  const std::int64_t contextId = user.contextId;
  using Rows = std::vector<db::Row>;
  const auto context = lookUp<Rows>(
      [this] { return database_->configMaster(); },
      [&](db::Connection& config) {
        return config.query("SELECT enabled FROM context WHERE cid = ?", {contextId});
      });
  if (context && context->empty()) return Error(Code::kLgiInvalid);
  if (context && !context->front().isNull(0) && !context->front().boolean(0))
    return Error(Code::kLgiContextDisabled);
  const auto place = database_->assignment(user.contextId);
  if (!place && place.error().code == Code::kCtxNotFound) return Error(Code::kLgiInvalid);
  if (!place) return {};
  bool hasSalt = true;
  const auto found = lookUp<Rows>(
      [&] { return database_->masterOf(user.contextId); },
      [&](db::Connection& schema) {
        return credentialRows(schema, "AND l.id = ?", {contextId, std::int64_t{user.id}}, hasSalt);
      });
  if (!found) return {};
  if (found->empty()) return Error(Code::kLgiInvalid);
  if (!userOf(user.contextId, found->front()).mailEnabled) return Error(Code::kLgiUserDisabled);
  const db::PasswordHash stored = passwordOf(found->front(), hasSalt);
  // The same password with another hash: a login has renewed it.
  if (markOf(stored) == user.passwordMark || db::verifyPassword(password, stored)) return {};
  return Error(Code::kLgiInvalid);
}

Result<Guest> ContextServiceImpl::guest(std::int32_t contextId, std::int32_t userId,
                                        const std::string& baseToken) {
  using Rows = std::vector<db::Row>;
  const auto lend = [&] { return database_->masterOrReplica(contextId); };
  const std::vector<db::Value> who{std::int64_t{contextId}, std::int64_t{userId}};
  bool hasSalt = true;
  const auto rows = lookUp<Rows>(lend, [&](db::Connection& schema) {
    return credentialRows(schema, "AND l.id = ? AND u.guestCreatedBy > 0", who, hasSalt);
  });
  if (!rows) return contextError(rows.error());
  const auto token = lookUp<Rows>(lend, [&](db::Connection& schema) {
    return schema.query("SELECT value FROM user_attribute WHERE cid = ? AND id = ? AND name = ?",
                        {who[0], who[1], std::string(services::kShareBaseTokenAttribute)});
  });
  if (!token) return contextError(token.error());
  if (rows->empty() || token->empty() || !same(token->front().text(0), baseToken))
    return Error(Code::kLgiInvalid);
  Guest out;
  out.user = userOf(contextId, rows->front());
  if (!out.user.mailEnabled) return Error(Code::kLgiUserDisabled);
  const db::PasswordHash stored = passwordOf(rows->front(), hasSalt);
  out.hasPassword = !stored.hash.empty();
  out.user.passwordMark = markOf(stored);
  return out;
}

}  // namespace ox::database

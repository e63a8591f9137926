// The operations on users.
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "operation_parts.h"
#include "services/share_token.h"
#include "user_arguments.h"

namespace ox::provisioning {

using nlohmann::json;
using management::Access;
using management::Caller;

NewUser readUser(Arguments& in) {
  NewUser user;
  user.name = in.text("name");
  user.displayName = in.text("displayName");
  user.givenName = in.text("givenName");
  user.surName = in.text("surName");
  user.password = in.text("password");
  user.email = in.text("email");
  user.language = in.text("language", user.language);
  user.timeZone = in.text("timeZone", user.timeZone);
  user.department = in.text("department");
  user.company = in.text("company");
  user.aliases = in.texts("aliases");
  user.imapServer = in.text("imapServer");
  user.imapLogin = in.text("imapLogin");
  user.smtpServer = in.text("smtpServer");
  user.guestCreatedBy = in.id("guestCreatedBy").value_or(0);
  user.quotaMb = in.maybeNumber("quotaMb");
  user.passwordMech = in.text("passwordMech");
  return user;
}

UserChange readChange(Arguments& in) {
  UserChange change;
  change.displayName = in.maybeText("displayName");
  change.givenName = in.maybeText("givenName");
  change.surName = in.maybeText("surName");
  change.password = in.maybeText("password");
  change.email = in.maybeText("email");
  change.language = in.maybeText("language");
  change.timeZone = in.maybeText("timeZone");
  change.department = in.maybeText("department");
  change.company = in.maybeText("company");
  change.aliases = in.maybeTexts("aliases");
  change.imapServer = in.maybeText("imapServer");
  change.imapLogin = in.maybeText("imapLogin");
  change.smtpServer = in.maybeText("smtpServer");
  change.mailEnabled = in.maybeBoolean("mailEnabled");
  change.quotaMb = in.maybeNumber("quotaMb");
  change.passwordMech = in.maybeText("passwordMech");
  change.guestCreatedBy = in.id("guestCreatedBy");
  return change;
}

namespace {

constexpr std::size_t kBaseTokenBytes = 16;

Credentials credentialsOf(const Caller& caller) {
  return {caller.user, caller.password, caller.master};
}

UserRef readRef(Arguments& in) {
  UserRef user{in.id("userId"), in.text("userName")};
  if (!user.id && user.name.empty()) in.fail("userId or userName is missing");
  return user;
}

Handler createUser(const Storages& s) {
  return [users = s.users](Arguments& in, const Caller& caller) -> Result<json> {
    Arguments given(in.object("user"));
    NewUser user = readUser(given);
    OX_ARGUMENTS_FINE(given);
    if (user.guestCreatedBy != 0) user.shareBaseToken = secureHex(kBaseTokenBytes);
    auto contextId = contextOf(in, *users);
    if (!contextId) return contextId.error();
    auto id = users->create(*contextId, user, credentialsOf(caller));
    if (!id) return id.error();
    json out{{"id", *id}, {"contextId", *contextId}};
    if (!user.shareBaseToken.empty())
      out["shareToken"] = services::shareTokenText({*contextId, *id, user.shareBaseToken});
    return out;
  };
}

Handler changeUser(const Storages& s) {
  return [users = s.users](Arguments& in, const Caller& caller) -> Result<json> {
    const UserRef user = readRef(in);
    Arguments given(in.object("user"));
    const UserChange change = readChange(given);
    OX_ARGUMENTS_FINE(given);
    auto contextId = contextOf(in, *users);
    if (!contextId) return contextId.error();
    auto id = users->change(*contextId, user, change, credentialsOf(caller));
    if (!id) return id.error();
    return json{{"id", *id}, {"contextId", *contextId}};
  };
}

Handler deleteUser(const Storages& s) {
  return [users = s.users](Arguments& in, const Caller& caller) -> Result<json> {
    const UserRef user = readRef(in);
    const auto heir = in.id("reassign");
    auto contextId = contextOf(in, *users);
    if (!contextId) return contextId.error();
    auto id = users->remove(*contextId, user, heir, credentialsOf(caller));
    if (!id) return id.error();
    return json{{"id", *id}, {"contextId", *contextId}};
  };
}

Handler listUsers(const Storages& s) {
  return [users = s.users](Arguments& in, const Caller& caller) -> Result<json> {
    UserFilter filter;
    filter.pattern = in.text("pattern");
    filter.ignoreCase = in.boolean("ignoreCase", false);
    filter.includeGuests = in.boolean("includeGuests", false);
    filter.excludeUsers = in.boolean("excludeUsers", false);
    auto contextId = contextOf(in, *users);
    if (!contextId) return contextId.error();
    auto all = users->list(*contextId, filter, credentialsOf(caller));
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all) {
      const NewUser& v = one.values;
      out.push_back({{"id", one.id},
                     {"name", v.name},
                     {"displayName", v.displayName},
                     {"givenName", v.givenName},
                     {"surName", v.surName},
                     {"email", v.email},
                     {"mailEnabled", one.enabled},
                     {"language", v.language},
                     {"timeZone", v.timeZone},
                     {"department", v.department},
                     {"company", v.company},
                     {"aliases", v.aliases},
                     {"imapServer", v.imapServer},
                     {"imapLogin", v.imapLogin},
                     {"smtpServer", v.smtpServer},
                     {"guestCreatedBy", v.guestCreatedBy},
                     {"quotaMb", v.quotaMb.value_or(-1)},
                     {"usedMb", one.usedMb},
                     {"passwordMech", v.passwordMech}});
    }
    return out;
  };
}

}  // namespace

void addUserOperations(const AddOperation& add, const Storages& storages) {
  add({"OXUserService/create", Access::kContext, createUser(storages)});
  add({"OXUserService/change", Access::kContext, changeUser(storages)});
  add({"OXUserService/delete", Access::kContext, deleteUser(storages)});
  add({"OXUserService/list", Access::kContext, listUsers(storages)});
}

}  // namespace ox::provisioning

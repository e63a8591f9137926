#include "builtin.h"

#include "index_task.h"
#include "utf8mb4_task.h"

namespace ox::update {

std::vector<std::shared_ptr<services::UpdateTask>> BuiltinTasks::tasks() {
  std::vector<Utf8mb4Table> users = {
      {"groups", {}, {}},         {"del_groups", {}, {}},  {"user", {}, {}},
      {"del_user", {}, {}},       {"groups_member", {}, {}},
      {"login2user", {"uid"}, {}},  // log-in names are case sensitive
      {"user_attribute", {}, {}}, {"resource", {}, {}},    {"del_resource", {}, {}},
      {"user_alias", {}, {"alias"}},  // its primary key would become too long
  };
  return {
      std::make_shared<Utf8mb4Task>(
          "com.openexchange.groupware.update.tasks.LdapConvertUtf8ToUtf8mb4Task",
          std::move(users)),
      std::make_shared<IndexTask>(
          "com.openexchange.groupware.update.tasks.AddGuestCreatedByIndexForUserTable",
          IndexWanted{"user", "guestCreatedByIndex", {{"cid", 0}, {"guestCreatedBy", 0}}}),
  };
}

}  // namespace ox::update

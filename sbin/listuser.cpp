// listuser: the users of a context (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "lists users", "OXUserService/list");
  tool.context();
  tool.text("-s,--searchpattern", "pattern", "<pattern>", "login name, with * for anything");
  tool.flag("-i,--ignorecase", "ignoreCase", "upper and lower case are the same");
  tool.flag("--includeguests", "includeGuests", "guests too");
  tool.flag("--excludeusers", "excludeUsers", "no users; with --includeguests only guests");
  return tool.list("users", {{"Id", "id", "id", ox::tool::Align::kRight},
                             {"Name", "name", "name"},
                             {"Displayname", "display_name", "displayName"},
                             {"Email", "primary_email", "email"},
                             {"", "given_name", "givenName"},
                             {"", "sur_name", "surName"},
                             {"", "mailenabled", "mailEnabled"},
                             {"", "language", "language"},
                             {"", "timezone", "timeZone"},
                             {"", "department", "department"},
                             {"", "company", "company"},
                             {"", "aliases", "aliases"},
                             {"", "imap_server", "imapServer"},
                             {"", "imap_login", "imapLogin"},
                             {"", "smtp_server", "smtpServer"},
                             {"", "guest_created_by", "guestCreatedBy"},
                             {"", "max_quota", "quotaMb"},
                             {"", "used_quota", "usedMb"},
                             {"", "passwordmech", "passwordMech"}});
}

}  // namespace

OX_TOOL(run, "lists users", "listuser")

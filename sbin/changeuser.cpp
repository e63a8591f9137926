// changeuser: what is given of a user is changed (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "changes a user", "OXUserService/change");
  tool.context();
  tool.user();
  tool.text("-d,--displayname", "user.displayName", "<name>", "name as shown");
  tool.text("-g,--givenname", "user.givenName", "<name>", "given name");
  tool.text("-s,--surname", "user.surName", "<name>", "surname");
  tool.secret("-p,--password", "user.password", "<password>",
              "password, or NEW_USER_PASSWORD of the environment; ends the user's sessions");
  tool.environment("NEW_USER_PASSWORD", "user.password");
  tool.text("--passwordmech", "user.passwordMech", "<name>",
            "with -p: SHA-256, SHA-512, BCRYPT; SHA and CRYPT for old servers only");
  tool.number("--quota", "user.quotaMb", -1, 8796093022207, "megabytes, -1 = no limit");
  tool.number("--guestcreatedby", "user.guestCreatedBy", 1, 2147483647,
              "of a guest: the id of the user to whom it belongs now");
  tool.text("-e,--email", "user.email", "<address>", "primary mail address");
  tool.text("-l,--lang", "user.language", "<en_US>", "language");
  tool.text("-t,--timezone", "user.timeZone", "<zone>", "time zone, e.g. Europe/Berlin");
  tool.text("-x,--department", "user.department", "<text>", "department");
  tool.text("-z,--company", "user.company", "<text>", "company");
  tool.list("-a,--aliases", "user.aliases", "<a@x,b@x>", "all further mail addresses");
  tool.boolean("--mailenabled", "user.mailEnabled", "false: the user cannot log in any more");
  tool.text("--imapserver", "user.imapServer", "<host>", "IMAP server");
  tool.text("--imaplogin", "user.imapLogin", "<name>", "login at the IMAP server");
  tool.text("--smtpserver", "user.smtpServer", "<host>", "SMTP server");
  return tool.act("user", "changed");
}

}  // namespace

OX_TOOL(run, "changes a user", "changeuser")

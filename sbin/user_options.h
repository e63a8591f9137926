// Options of a user, shared by createuser and createcontext (its administrator).
// Source: the option letters of the original's createuser.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tool.h"

namespace ox::tool {

inline std::vector<std::string> splitCommas(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    const auto first = item.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    out.push_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
  }
  return out;
}

struct UserOptions {
  std::string name, displayName, givenName, surName, password, email, language, timeZone;
  std::string department, company, aliases, imapServer, imapLogin, smtpServer, access, mechanism;
  std::int64_t userQuota = -2;  // -2 = not given
  std::string csvFile;          // only for the usage: see csv_import.h

  // `mail`: whether the address must be there; guests may have none.
  void declare(Options& options, Need mail = Need::kRequired) {
    options.text("-u,--username", &name, "<name>", "login name", Need::kRequired);
    options.text("-d,--displayname", &displayName, "<name>", "name as shown", Need::kRequired);
    options.text("-g,--givenname", &givenName, "<name>", "given name", Need::kRequired);
    options.text("-s,--surname", &surName, "<name>", "surname", Need::kRequired);
    options.secret("-p,--password", &password, "<password>",
                   "password; without it NEW_USER_PASSWORD of the environment");
    options.text("-e,--email", &email, "<address>", "primary mail address", mail);
    options.text("-l,--lang", &language, "<en_US>", "language");
    options.text("-t,--timezone", &timeZone, "<zone>", "time zone, e.g. Europe/Berlin");
    options.text("-x,--department", &department, "<text>", "department");
    options.text("-z,--company", &company, "<text>", "company");
    options.text("-a,--aliases", &aliases, "<a@x,b@x>", "further mail addresses");
    options.text("--imapserver", &imapServer, "<host>", "IMAP server");
    options.text("--imaplogin", &imapLogin, "<name>", "login at the IMAP server");
    options.text("--smtpserver", &smtpServer, "<host>", "SMTP server");
    options.text("--passwordmech", &mechanism, "<name>",
                 "SHA-256, SHA-512, BCRYPT; SHA and CRYPT for old servers only");
    options.text("--csv-import", &csvFile, "<file>", "one call for each row of this file");
    options.text("--access-combination-name", &access, "<name>",
                 "module access; accepted, this release has no module access");
  }

  // Of the user; a context has a quota of its own.
  void declareQuota(Options& options) {
    options.number("--quota", &userQuota, -1, 8796093022207, "megabytes of the user, -1 = no limit");
  }
  // Columns of a file for --csv-import.
  static std::vector<std::string> columns() {
    return {"username", "displayname", "givenname",  "surname",   "password",   "email",
            "lang",     "timezone",    "department", "company",   "aliases",    "imapserver",
            "imaplogin", "smtpserver", "passwordmech"};
  }

  // False when there is no password anywhere.
  bool complete() {
    const char* environment = std::getenv("NEW_USER_PASSWORD");
    if (password.empty() && environment) password = environment;
    return !password.empty();
  }

  nlohmann::json toJson() const {
    nlohmann::json out = {{"name", name},         {"displayName", displayName},
                          {"givenName", givenName}, {"surName", surName},
                          {"password", password}, {"email", email},
                          {"department", department}, {"company", company},
                          {"aliases", splitCommas(aliases)}, {"imapServer", imapServer},
                          {"imapLogin", imapLogin}, {"smtpServer", smtpServer}};
    if (!language.empty()) out["language"] = language;
    if (!timeZone.empty()) out["timeZone"] = timeZone;
    if (!mechanism.empty()) out["passwordMech"] = mechanism;
    if (userQuota != -2) out["quotaMb"] = userQuota;
    return out;
  }
};

}  // namespace ox::tool

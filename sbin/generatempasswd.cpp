// generatempasswd: the master administrator's password file (source: the original's tool).
#include <iostream>

#include "master_password.h"
#include "secret_input.h"
#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  std::string user = "oxadminmaster", password, file, encryption = "bcrypt";
  std::string etc = "/opt/open-xchange/etc";
  ox::tool::Options options(call, "writes the master administrator's password");
  options.text("-A,--adminuser", &user, "<name>", "master administrator, default oxadminmaster");
  options.secret("-P,--adminpass", &password, "<password>", "password; asked for when absent");
  options.text("-f,--mpasswdfile", &file, "<file>", "default mpasswd in the etc directory");
  options.text("-e,--encryption", &encryption, "<name>",
               "bcrypt (default), sha-256, sha-512; for old nodes sha, crypt");
  options.text("--etc", &etc, "<directory>", "etc directory, default /opt/open-xchange/etc");
  if (const auto exit = options.parse()) return *exit;
  const auto mechanism = ox::db::mechanismByName(encryption);
  if (!mechanism)
    return options.refuse("--encryption must be bcrypt, sha-256, sha-512, sha or crypt", 109);
  if (password.empty()) password = ox::tool::readSecret("Enter password for user " + user + ": ");
  if (password.empty()) return options.refuse("the password is empty", 104);
  if (file.empty()) file = etc + "/mpasswd";
  if (auto done = ox::tool::writeMaster(file, user, password, *mechanism); !done) {
    std::cerr << "Error: " << done.error().message << "\n";
    return ox::codeInfo(done.error().code).exit;
  }
  return 0;
}

}  // namespace

OX_TOOL(run, "writes the master administrator's password", "generatempasswd")

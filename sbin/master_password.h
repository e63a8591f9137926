// Writes a master administrator into an mpasswd file, for generatempasswd and oxinstaller.
#pragma once

#include <string>

#include "database/password.h"
#include "etc_files.h"

namespace ox::tool {

// Replaces the line of that user, keeps all others; the file gets mode 0640.
inline Status writeMaster(const std::string& file, const std::string& user,
                          const std::string& password, db::Mechanism mechanism) {
  if (user.empty() || user.find_first_of(":#\n\r") != std::string::npos)
    return Error(Code::kAdmInvalidData, "the user name must not be empty nor have : or #");
  auto hash = db::makePassword(password, mechanism);
  if (!hash) return Error(Code::kAdmInvalidData, hash.error().message);
  std::string out;
  if (::access(file.c_str(), F_OK) == 0) {
    auto before = readWhole(file);
    if (!before) return before.error();
    std::istringstream in(*before);
    for (std::string line; std::getline(in, line);)
      if (!line.starts_with(user + ":")) out += line + "\n";
  } else {
    out = "# Master administrators: user:mechanism:hash, written by generatempasswd.\n";
  }
  return writeWhole(file, out + db::mpasswdLine({user, *hash}), kSecretMode);
}

}  // namespace ox::tool

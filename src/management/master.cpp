#include "management/master.h"

#include <fstream>
#include <iterator>
#include <map>

#include "base/log.h"
#include "database/password.h"

namespace ox::management {
namespace {

Result<std::map<std::string, db::PasswordHash>> readAccounts(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return Error(Code::kIo,
                 file + " cannot be read: no master administrator (see generatempasswd)");
  std::string text;
  char buffer[4096];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxMpasswdBytes)
      return Error(Code::kConfig, file + " exceeds " + std::to_string(kMaxMpasswdBytes) + " bytes");
  }
  return db::parseMpasswd(text);
}

}  // namespace

Status mpasswdUsable(const std::string& file) {
  const auto accounts = readAccounts(file);
  if (!accounts) return accounts.error();
  if (accounts->empty())
    return Error(Code::kConfig, file + " holds no account: no master administrator");
  return {};
}

PasswordCheck mpasswdCheck(const std::string& file) {
  return [file](const std::string& user, const std::string& password) {
    const auto accounts = readAccounts(file);
    if (!accounts) {
      log::warn(accounts.error().message);
      return false;
    }
    const auto account = accounts->find(user);
    if (account == accounts->end()) {
      db::spendVerification(password);  // an unknown name must not be faster than a wrong password
      return false;
    }
    return db::verifyPassword(password, account->second);
  };
}

}  // namespace ox::management

#include "presence.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace ox::upgrade {

Presence::Presence(const std::string& directory, const std::string& package)
    : package_(package), path_(directory.empty() ? "" : directory + "/" + package + ".seen") {}

void Presence::write() const {
  if (path_.empty()) return;
  const std::string fresh = path_ + ".new";
  {
    std::ofstream out(fresh);
    out << first_ << " " << last_ << "\n";
    if (!out.flush()) return;
  }
  std::error_code ignored;  // without the file the next start knows less, no more
  std::filesystem::rename(fresh, path_, ignored);
}

std::string Presence::begin(std::int64_t nowMillis) {
  std::lock_guard lock(mutex_);
  if (std::ifstream in(path_); in) {
    std::int64_t first = 0, last = 0;
    if (in >> first >> last && first > 0 && first <= nowMillis && last >= 0 && last <= nowMillis) {
      first_ = first;
      last_ = last;
    }
  }
  if (first_ == 0) first_ = nowMillis;
  write();
  const std::int64_t since = last_ != 0 ? last_ : first_;
  if (nowMillis - since < kForgottenMillis) return {};
  return "no node of the older cluster has answered for " +
         std::to_string((nowMillis - since) / (3600 * 1000)) +
         " hours: if the upgrade is over, uninstall the package open-xchange-" + package_;
}

void Presence::heard(std::int64_t nowMillis) {
  std::lock_guard lock(mutex_);
  const bool note = nowMillis - last_ >= kNoteEveryMillis || nowMillis < last_;
  if (!note) return;
  last_ = nowMillis;
  write();
}

}  // namespace ox::upgrade

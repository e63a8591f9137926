// What the update tools have in common (source: the original's abstract update task tool): the
// options of 7.10.1 and later, and of the older letters those that do not contradict them.
#pragma once

#include <ctime>
#include <string>

#include "tool.h"

namespace ox::tool {

// -s --server -p --port -A -P, and the older -H --host -l --login --password (the older -s meant
// the password and is --server now).
inline void addUpdateOptions(Options& options, AdminOptions& admin) {
  options.add(admin, NodeOptions::kServer);
  options.text("-H,--host", &admin.host, "<host>", "older name of --server");
  options.text("-l,--login", &admin.user, "<user>", "older name of --adminuser");
  options.secret("--password", &admin.password, "<password>", "older name of --adminpass");
}

// "2016-12-23 10:43:51 CET" in the local zone.
inline std::string localTime(std::int64_t millis) {
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  char text[64] = "";
  if (localtime_r(&seconds, &parts) != nullptr)
    std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &parts);
  return text;
}

// A cell of a table is one line.
inline std::string oneLine(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  return text;
}

}  // namespace ox::tool

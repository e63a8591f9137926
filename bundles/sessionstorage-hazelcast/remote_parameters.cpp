#include "remote_parameters.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace ox::sessionstorage {

Result<std::set<std::string>> remoteNames(const std::string& configured) {
  std::set<std::string> out{"__session.oauth.access", "__session.oauth.refresh",
                            "__session.oauth.access.expiry"};
  std::size_t at = 0;
  while (at <= configured.size()) {
    const std::size_t end = std::min(configured.find(':', at), configured.size());
    std::string name = configured.substr(at, end - at);
    while (!name.empty() && name.front() == ' ') name.erase(0, 1);
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (!name.empty()) out.insert(std::move(name));
    at = end + 1;
  }
  if (out.size() > kMaxRemoteNames)
    return Error(Code::kInvalid, "com.openexchange.sessiond.remoteParameterNames has more than " +
                                     std::to_string(kMaxRemoteNames) + " names");
  return out;
}

Result<std::string> remoteParameters(const std::string& text, const std::set<std::string>& names) {
  if (text.empty()) return std::string();
  if (text.size() > kMaxRemoteBytes)
    return Error(Code::kInvalid, "session parameters have more than " +
                                     std::to_string(kMaxRemoteBytes) + " bytes");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Error(Code::kInvalid, "session parameters are no JSON object");
  auto out = nlohmann::json::object();
  for (const auto& [name, value] : json.items()) {
    if (!names.contains(name)) continue;
    if (value.is_string() || value.is_number_integer() || value.is_boolean()) out[name] = value;
    else if (value.is_number_float()) out[name] = value.dump();
    else log::warn("session parameter " + name + " is not stored: only text, numbers and booleans "
                   "travel");
  }
  return out.empty() ? std::string() : out.dump();
}

}  // namespace ox::sessionstorage

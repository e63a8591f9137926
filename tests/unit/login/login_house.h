// A house with one node's servlets over services in memory, and requests as browsers send them.
#pragma once

#include <algorithm>
#include <functional>
#include <map>

#include <nlohmann/json.hpp>

#include "service.h"
#include "servlets.h"

namespace ox::login::house {

using http::Request;
using http::Response;
using Json = nlohmann::json;

inline constexpr const char* kBaseToken = "0123456789abcdef0123456789abcdef";

class Contexts final : public services::ContextService {
 public:
  std::vector<std::string> tried;
  Result<std::int32_t> resolve(const std::string&) override { return 1; }
  Result<std::shared_ptr<const services::Context>> usable(std::int32_t id) override {
    if (failure != Code::kInternal) return Error(failure);
    auto c = std::make_shared<services::Context>();
    c->id = id;
    return std::shared_ptr<const services::Context>(c);
  }
  Result<services::User> authenticate(std::int32_t id, const std::string& name,
                                      const std::string& password) override {
    tried.push_back(name);
    if (password != current || name.find("xn--") != std::string::npos) return Error(Code::kLgiInvalid);
    auto found = user(id, name == "guest" ? 9 : name == "pin" ? 11 : 3);
    if (afterAuthenticate) afterAuthenticate();
    return found;
  }
  Result<services::User> user(std::int32_t contextId, std::int32_t userId) override {
    services::User u;
    u.contextId = contextId;
    u.id = userId;
    // 9, 10: invited by name, with and without a password; 11, 12: whoever has the link.
    u.loginName = userId == 9 ? "guest" : userId == 11 ? "pin" : userId == 3 ? "anton" : "link";
    u.mail = userId == 9 || userId == 10 ? "guest@x.example" : userId == 3 ? "anton@x.example" : "";
    u.language = "de_DE";
    u.guestCreatedBy = userId >= 9 ? 3 : 0;
    u.mailEnabled = userId != disabled;
    return u;
  }
  Status stillValid(const services::User& user, const std::string& password) override {
    if (failure != Code::kInternal) return Error(failure);
    if (beforeSecondLook) beforeSecondLook();
    return password == current && user.id != disabled ? Status() : Status(Error(Code::kLgiInvalid));
  }
  Result<services::Guest> guest(std::int32_t contextId, std::int32_t userId,
                                const std::string& token) override {
    const auto found = guests.find(userId);
    if (contextId != 1 || found == guests.end() || token != kBaseToken) return Error(Code::kLgiInvalid);
    if (beforeSecondLook && asked++ > 0) beforeSecondLook();
    auto u = user(contextId, userId);
    return services::Guest{*u, found->second};
  }
  Code failure = Code::kInternal;  // kInternal = usable
  std::string current = "right";
  std::int32_t disabled = 0;
  std::function<void()> afterAuthenticate, beforeSecondLook;
  std::map<std::int32_t, bool> guests = {{9, true}, {10, false}, {11, true}, {12, false}};  // -> password?
  int asked = 0;
};

class TestClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000 + millis; }
  std::int64_t millis = 1'000'000;
};

inline LoginSettings plain() {
  LoginSettings s;
  s.hashSalt = "salt";
  s.randomToken = true;
  s.appSecrets = {{"app-secret", false}, {"mail-secret", true}};
  return s;
}

// One node; with a map of the grid several share what they hand out.
struct House {
  explicit House(LoginSettings s = plain(), sessiond::SessiondSettings limits = {})
      : House(std::move(s), nullptr, limits) {}
  House(LoginSettings s, std::shared_ptr<sessiond::SessiondService> shared, const TokenMaps& maps)
      : sessions(std::move(shared)), contexts(std::make_shared<Contexts>()),
        servlets(std::move(s), "OX1", sessions, contexts, maps, clock) {}
  House(LoginSettings s, std::shared_ptr<services::SessionStorage> storage,
        sessiond::SessiondSettings limits)
      : sessions(std::make_shared<sessiond::SessiondService>(limits, clock, std::move(storage))),
        contexts(std::make_shared<Contexts>()),
        servlets(std::move(s), "OX1", sessions, contexts, nullptr, clock) {}

  TestClock clock;
  std::shared_ptr<sessiond::SessiondService> sessions;
  std::shared_ptr<Contexts> contexts;
  Servlets servlets;
};

inline Request request(const std::string& action,
                std::vector<std::pair<std::string, std::string>> more = {}) {
  Request r;
  r.method = "POST";
  r.headers = {{"user-agent", "agent"}};
  r.parameters = {{"action", action}};
  r.queryParameters = 1;
  for (auto& p : more) r.parameters.push_back(std::move(p));
  r.remoteAddress = "10.0.0.1";
  r.httpSessionId = "77.OX1";
  return r;
}
inline Request credentials(const std::string& action,
                    std::vector<std::pair<std::string, std::string>> more = {}) {
  Request r = request(action, {{"login", "anton"}, {"password", "right"}, {"client", "web"}});
  for (auto& p : more) r.parameters.push_back(std::move(p));
  return r;
}
inline void keep(Request& r, const Response& from) {
  for (const auto& c : from.cookies)
    if (c.maxAgeSeconds != 0) r.cookies.emplace_back(c.name, c.value);
}
inline Request of(const Response& login, const std::string& action,
           std::vector<std::pair<std::string, std::string>> more = {}) {
  Request r = request(action, std::move(more));
  r.parameters.emplace_back("session", Json::parse(login.body).value("session", ""));
  keep(r, login);
  return r;
}
inline std::string codeOf(const Response& r) { return Json::parse(r.body).value("code", ""); }
inline std::string location(const Response& r) {
  for (const auto& [name, value] : r.headers)
    if (name == "Location") return value;
  return "";
}
// A value of the fragment.
inline std::string part(const std::string& url, const std::string& name) {
  const std::size_t at = std::min(url.find("#" + name + "="), url.find("&" + name + "="));
  if (at == std::string::npos) return "";
  const std::size_t from = at + name.size() + 2;
  return url.substr(from, url.find('&', from) - from);
}

}  // namespace ox::login::house

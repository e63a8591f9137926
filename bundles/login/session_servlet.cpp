#include "session_servlet.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "answers.h"

namespace ox::login {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::json;

bool isUtf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Response dataAnswer(Json data) {
  Response out;
  out.body = Json{{"data", std::move(data)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

Json shown(const services::SessionAttribute& a) {
  return {{"name", a.name}, {"value", a.value}, {"version", a.version}, {"modified", a.modified}};
}

}  // namespace

SessionServlet::SessionServlet(LoginSettings settings,
                               std::shared_ptr<services::SessionService> sessions,
                               std::shared_ptr<services::SessionAttributes> attributes,
                               std::shared_ptr<services::ContextService> contexts)
    : attributes_(std::move(attributes)),
      guard_(std::move(settings), std::move(sessions), std::move(contexts)) {}

Response SessionServlet::refuse(const Error& error) {
  ++counters_.refused;
  if (error.code == Code::kInvalid)
    return errorAnswer(Error(Code::kSvlInvalidParameter, error.message));
  return errorAnswer(error);
}

Response SessionServlet::handle(const Request& request) {
  const std::string* action = request.parameter("action");
  if (!action) return errorAnswer(Error(Code::kSvlMissingParameter, "missing parameter: action"));
  if (*action != "get" && *action != "set")
    return errorAnswer(Error(Code::kSvlUnknownAction, "unknown action; allowed: get, set"));
  const auto guarded = guard_.admit(request);
  if (!guarded) return errorAnswer(guarded.error());
  const std::string& id = guarded->session->sessionId;
  return *action == "get" ? read(request, id) : write(request, id);
}

Response SessionServlet::read(const Request& request, const std::string& id) {
  Json list = Json::array();
  if (const std::string* name = request.parameter("name")) {
    const auto found = attributes_->get(id, *name);
    if (!found) return refuse(found.error());
    if (*found) list.push_back(shown(**found));
  } else {
    const auto found = attributes_->all(id);
    if (!found) return refuse(found.error());
    for (const auto& a : *found) list.push_back(shown(a));
  }
  ++counters_.reads;
  return dataAnswer({{"attributes", std::move(list)}});
}

Response SessionServlet::write(const Request& request, const std::string& id) {
  services::AttributeWrite write;
  const std::string* name = request.parameter("name");
  if (!name) return refuse(Error(Code::kSvlMissingParameter, "missing parameter: name"));
  write.name = *name;
  const std::string* remove = request.parameter("remove");
  if (!remove || *remove != "true") {
    const std::string* value = request.parameter("value");
    if (!value)
      return refuse(Error(Code::kSvlMissingParameter, "missing parameter: value, or remove=true"));
    if (!isUtf8(*value))
      return refuse(Error(Code::kSvlInvalidParameter, "parameter value is no UTF-8 text"));
    write.value = *value;
  }
  if (const std::string* version = request.parameter("version")) {
    std::int64_t number = -1;
    const auto [end, error] =
        std::from_chars(version->data(), version->data() + version->size(), number);
    if (error != std::errc() || end != version->data() + version->size() || number < 0)
      return refuse(Error(Code::kSvlInvalidParameter,
                          "parameter version is no whole number; allowed: 0 or a former version"));
    write.expectedVersion = number;
  }
  const auto written = attributes_->set(id, std::move(write));
  if (!written) return refuse(written.error());
  ++counters_.writes;
  return dataAnswer({{"name", *name}, {"applied", written->applied}, {"version", written->version}});
}

}  // namespace ox::login

#include "rmi.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPBasicCredentials.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Timespan.h>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "config/config.h"
#include "config/keys_admin.h"
#include "config/keys_management.h"

namespace ox::tool {
namespace {

constexpr std::uint16_t kRmiPort = 1099;
constexpr std::uint16_t kJmxPort = 9999;

Error serverError(const nlohmann::json& error) {
  const std::string name = error.value("code", "");
  const Code code = codeByName(name);
  std::string message = error.value("message", "the node gave no reason");
  const bool unknown = codeInfo(code).name != name;
  return Error(unknown ? Code::kAdmRemote : code, unknown ? name + " " + message : message);
}

// Where the node with this configuration listens.
Result<Endpoint> nodeOf(const config::Config& config, Port port) {
  namespace keys = config::keys;
  if (config.files().empty())
    return Error(Code::kAdmIllegalValue, "--etc " + config.directory() + " holds no configuration");
  const bool rmi = port == Port::kRmi;
  const auto& key = rmi ? keys::kRmiPort : keys::kJmxPort;
  Endpoint node;
  node.host = config.get(rmi ? keys::kRmiHost : keys::kJmxBindAddress);
  if (node.host == "*" || node.host == "localhost") node.host = "127.0.0.1";
  node.port = static_cast<std::uint16_t>(config.get(key));
  if (node.port == 0)
    return Error(Code::kAdmIllegalValue,
                 key.name() + " is 0 (any free port): name the port instead");
  return node;
}

}  // namespace

Result<Endpoint> parseRmiHostname(const std::string& text, std::uint16_t defaultPort) {
  std::string rest = text;
  if (const auto scheme = rest.find("://"); scheme != std::string::npos) {
    if (rest.substr(0, scheme) != "rmi")
      return Error(Code::kAdmIllegalValue,
                   "RMI_HOSTNAME=" + text + ": only rmi://host[:port]/ or host[:port] is allowed");
    rest.erase(0, scheme + 3);
  }
  if (const auto slash = rest.find('/'); slash != std::string::npos) rest.erase(slash);
  Endpoint node{rest, defaultPort};
  std::string portText;
  if (rest.starts_with("[")) {
    const auto end = rest.find(']');
    if (end == std::string::npos)
      return Error(Code::kAdmIllegalValue, "RMI_HOSTNAME=" + text + ": ']' is missing");
    node.host = rest.substr(1, end - 1);
    if (end + 1 < rest.size() && rest[end + 1] == ':') portText = rest.substr(end + 2);
  } else if (const auto colon = rest.find(':');
             colon != std::string::npos && rest.find(':', colon + 1) == std::string::npos) {
    node.host = rest.substr(0, colon);
    portText = rest.substr(colon + 1);
  }
  if (!portText.empty()) {
    const auto [end, failed] =
        std::from_chars(portText.data(), portText.data() + portText.size(), node.port);
    if (failed != std::errc() || end != portText.data() + portText.size() || node.port == 0)
      return Error(Code::kAdmIllegalValue,
                   "RMI_HOSTNAME=" + text + ": port '" + portText + "' is not in 1..65535");
  }
  if (node.host.empty())
    return Error(Code::kAdmIllegalValue, "RMI_HOSTNAME=" + text + " names no host");
  return node;
}

Result<Endpoint> findNode(const AdminOptions& admin, Port port) {
  const std::uint16_t standard = port == Port::kRmi ? kRmiPort : kJmxPort;
  Endpoint node{"127.0.0.1", standard};
  if (!admin.host.empty() || admin.port != 0) {
    if (!admin.host.empty()) node.host = admin.host;
    if (admin.port != 0) node.port = static_cast<std::uint16_t>(admin.port);
    return node;
  }
  if (const char* fromEnvironment = std::getenv("RMI_HOSTNAME");
      fromEnvironment != nullptr && *fromEnvironment != '\0') {
    auto named = parseRmiHostname(fromEnvironment, kRmiPort);
    if (!named) return named;
    // The variable knows only the RMI port; the JMX port of that host is the standard one.
    if (port == Port::kJmx) named->port = standard;
    return named;
  }
  if (!admin.etc.empty()) return nodeOf(*config::Config::load(admin.etc), port);
  return node;
}

Client::Client(AdminOptions admin) : admin_(std::move(admin)) {}

Result<Client::Answer> Client::post(const Endpoint& node, const std::string& path,
                                    const std::string& body) {
  const std::string place = node.host + ":" + std::to_string(node.port);
  fromServer_ = false;
  try {
    Poco::Net::HTTPClientSession session(node.host, node.port);
    constexpr long kForEver = 365L * 24 * 3600;
    const long wait = admin_.responseTimeoutSeconds > 0
                          ? static_cast<long>(admin_.responseTimeoutSeconds) : kForEver;
    const Poco::Timespan connect(static_cast<long>(admin_.connectTimeoutSeconds), 0);
    session.setTimeout(connect, connect, Poco::Timespan(wait, 0));
    Poco::Net::HTTPRequest request("POST", path, Poco::Net::HTTPMessage::HTTP_1_1);
    request.setContentType("application/json");
    request.setContentLength64(static_cast<Poco::Int64>(body.size()));
    if (!admin_.user.empty())
      Poco::Net::HTTPBasicCredentials(admin_.user, admin_.password).authenticate(request);
    session.sendRequest(request) << body;
    Poco::Net::HTTPResponse response;
    std::istream& in = session.receiveResponse(response);
    Answer answer;
    answer.status = response.getStatus();
    char buffer[16384];
    while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
      answer.body.append(buffer, static_cast<std::size_t>(in.gcount()));
      if (answer.body.size() > kMaxAnswerBytes)
        return Error(Code::kAdmRemote, "the answer of " + place + " exceeds the limit");
    }
    return answer;
  } catch (const Poco::TimeoutException&) {
    return Error(Code::kAdmConnect, "no answer from " + place + " in time");
  } catch (const Poco::Exception& e) {
    return Error(Code::kAdmConnect, "cannot reach the node at " + place + ": " + e.displayText());
  }
}

Result<nlohmann::json> Client::call(const std::string& operation, const nlohmann::json& arguments) {
  const auto node = findNode(admin_, Port::kRmi);
  if (!node) return node.error();
  const nlohmann::json request = {{"arguments", arguments}};
  // Arguments may hold bytes that are not UTF-8 (a terminal in Latin-1): replaced, not thrown.
  auto answer = post(node.value(), "/rmi/" + operation,
                     request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer) return answer.error();
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    fromServer_ = true;
    return serverError(json["error"]);
  }
  if (answer->status == 401) return Error(Code::kAdmCredentials);
  if (!json.is_object() || !json.contains("result"))
    return Error(Code::kAdmRemote, "the node's answer (HTTP " + std::to_string(answer->status) +
                                       ") is not understood; is this the RMI port?");
  return json["result"];
}

Result<nlohmann::json> Client::jolokia(const nlohmann::json& request) {
  const auto node = findNode(admin_, Port::kJmx);
  if (!node) return node.error();
  auto answer = post(node.value(), "/jolokia",
                     request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer) return answer.error();
  if (answer->status == 401) return Error(Code::kAdmCredentials);
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  if (!json.is_object())
    return Error(Code::kAdmRemote, "the node's answer (HTTP " + std::to_string(answer->status) +
                                       ") is not understood; is this the JMX port?");
  if (!json.contains("value")) {
    fromServer_ = true;
    return Error(Code::kAdmRemote, json.value("error", std::string("the node gave no reason")));
  }
  return json["value"];
}

int Client::report(const Error& error, const std::string& firstLine) const {
  if (!firstLine.empty()) std::cerr << firstLine << "\n";
  if (fromServer_) std::cerr << "Server response:\n " << error.toString() << "\n";
  else std::cerr << "Error: " << error.message << "\n";
  return codeInfo(error.code).exit;
}

}  // namespace ox::tool

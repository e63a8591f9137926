#include "management/server.h"

#include <Poco/Base64Decoder.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/log.h"
#include "management/jolokia.h"
#include "management/prometheus.h"

namespace ox::management {
namespace {

using nlohmann::json;
using Poco::Net::HTTPServerRequest;
using Poco::Net::HTTPServerResponse;

constexpr const char* kJson = "application/json; charset=UTF-8";

struct Reply {
  int status = 200;
  std::string body;
  std::string type = kJson;
};

Reply errorReply(int status, const Error& error) {
  const json body = {{"error", {{"code", error.name()}, {"message", error.message}}}};
  return {status, body.dump(-1, ' ', false, json::error_handler_t::replace), kJson};
}

struct Credentials {
  std::string user;
  std::string password;
};

Credentials credentialsOf(const HTTPServerRequest& request) {
  const std::string header = request.get("Authorization", "");
  constexpr std::string_view kBasic = "Basic ";
  if (header.size() > 1024 || !header.starts_with(kBasic)) return {};
  std::istringstream encoded(header.substr(kBasic.size()));
  Poco::Base64Decoder decoder(encoded);
  const std::string text((std::istreambuf_iterator<char>(decoder)),
                         std::istreambuf_iterator<char>());
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// Time independent of where the texts differ.
bool sameText(const std::string& a, const std::string& b) {
  unsigned difference = a.size() == b.size() ? 0U : 1U;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^
                  static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return difference == 0;
}

// "host:port" or "[v6]:port" without its port, lower-case.
std::string hostOnly(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.starts_with("[")) {
    const auto end = text.find(']');
    return end == std::string::npos ? text : text.substr(1, end - 1);
  }
  const auto colon = text.find(':');
  return colon == std::string::npos ? text : text.substr(0, colon);
}

std::string hostOfOrigin(const std::string& origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string::npos ? std::string() : hostOnly(origin.substr(scheme + 3));
}

}  // namespace

struct ManagementServer::Impl {
  enum class Kind : std::uint8_t { kJmx, kRmi };

  class Handler final : public Poco::Net::HTTPRequestHandler {
   public:
    Handler(Impl& server, Kind kind) : server_(server), kind_(kind) {}
    void handleRequest(HTTPServerRequest& request, HTTPServerResponse& response) override {
      Reply reply;
      try {
        reply = server_.answer(kind_, request);
      } catch (const Poco::Exception& e) {
        reply =
            errorReply(400, Error(Code::kInvalid, "request not understood: " + e.displayText()));
      } catch (const std::exception& e) {
        log::warn(std::string("management request failed: ") + e.what());
        reply = errorReply(500, Error(Code::kInternal));
      }
      response.setStatus(std::to_string(reply.status));
      response.setReason(HTTPServerResponse::getReasonForStatus(response.getStatus()));
      response.setContentType(reply.type);
      response.set("X-Content-Type-Options", "nosniff");
      response.setKeepAlive(false);
      if (reply.status == 401) response.set("WWW-Authenticate", "Basic realm=\"open-xchange\"");
      try {
        response.sendBuffer(reply.body.data(), reply.body.size());
      } catch (const Poco::Exception& e) {
        log::debug("management client went away: " + e.displayText());
      }
    }

   private:
    Impl& server_;
    Kind kind_;
  };

  class Factory final : public Poco::Net::HTTPRequestHandlerFactory {
   public:
    Factory(Impl& server, Kind kind) : server_(server), kind_(kind) {}
    Poco::Net::HTTPRequestHandler* createRequestHandler(const HTTPServerRequest&) override {
      return new Handler(server_, kind_);
    }

   private:
    Impl& server_;
    Kind kind_;
  };

  // One listening port with its threads.
  struct Listener {
    std::unique_ptr<Poco::ThreadPool> threads;
    std::unique_ptr<Poco::Net::HTTPServer> server;
    std::uint16_t port = 0;
  };

  std::shared_ptr<ManagementRegistry> registry;
  ManagementSettings settings;
  ManagementCounters counters;
  Listener jmx;
  Listener rmi;

  Status listen(Kind kind);
  bool addressed(Kind kind, const HTTPServerRequest& request) const;
  Reply answer(Kind kind, HTTPServerRequest& request);
  Reply answerJmx(const HTTPServerRequest& request, const std::string& path,
                  const std::string& body);
  Reply answerRmi(const HTTPServerRequest& request, const std::string& path,
                  const std::string& body);
  Reply refuseCredentials(const std::string& what, const std::string& user);
  bool isMaster(const Credentials& credentials) const {
    return !credentials.user.empty() && settings.masterCheck &&
           settings.masterCheck(credentials.user, credentials.password);
  }
};

Status ManagementServer::Impl::listen(Kind kind) {
  const bool isJmx = kind == Kind::kJmx;
  const std::string& host = isJmx ? settings.jmxHost : settings.rmiHost;
  const std::uint16_t port = isJmx ? settings.jmxPort : settings.rmiPort;
  const char* key = isJmx ? "JMXPort in management.properties"
                          : "com.openexchange.rmi.port in AdminDaemon.properties";
  try {
    const Poco::Net::SocketAddress address =
        host == "*" ? Poco::Net::SocketAddress("0.0.0.0", port)
                    : Poco::Net::SocketAddress(host == "localhost" ? "127.0.0.1" : host, port);
    Poco::Net::ServerSocket socket;
    socket.bind(address, true, false);
    socket.listen(kMaxQueuedConnections);
    Listener& listener = isJmx ? jmx : rmi;
    listener.port = socket.address().port();
    const int count = isJmx ? kJmxThreads : kRmiThreads;
    Poco::Net::HTTPServerParams::Ptr params(new Poco::Net::HTTPServerParams);
    params->setKeepAlive(false);  // an idle connection would hold one of few threads
    params->setMaxThreads(count);
    params->setMaxQueued(kMaxQueuedConnections);
    params->setTimeout(Poco::Timespan(kReceiveSeconds, 0));
    listener.threads = std::make_unique<Poco::ThreadPool>(isJmx ? "jmx" : "rmi", 1, count);
    listener.server = std::make_unique<Poco::Net::HTTPServer>(
        Poco::Net::HTTPRequestHandlerFactory::Ptr(new Factory(*this, kind)), *listener.threads,
        socket, params);
    listener.server->start();
    return {};
  } catch (const Poco::Exception& e) {
    return Error(Code::kNetBind, "cannot listen on " + host + ":" + std::to_string(port) + " (" +
                                     key + "): " + e.displayText() +
                                     "; is another node running with the same port?");
  }
}

// A page in a browser on this machine can reach loopback ports; it cannot choose Host and Origin
// freely.
bool ManagementServer::Impl::addressed(Kind kind, const HTTPServerRequest& request) const {
  const std::string& bound = kind == Kind::kJmx ? settings.jmxHost : settings.rmiHost;
  const std::string here = request.serverAddress().host().toString();
  const auto ours = [&](const std::string& host) {
    return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == here ||
           (!bound.empty() && bound != "*" && host == hostOnly(bound));
  };
  if (!request.has("Host") || !ours(hostOnly(request.getHost()))) return false;
  return !request.has("Origin") || ours(hostOfOrigin(request.get("Origin")));
}

Reply ManagementServer::Impl::answer(Kind kind, HTTPServerRequest& request) {
  ++counters.requests;
  if (!addressed(kind, request)) {
    ++counters.refusedOrigin;
    return errorReply(403, Error(Code::kInvalid, "Host or Origin does not name this node"));
  }
  std::string body;
  const bool posted = request.getMethod() == "POST";
  if (!posted && request.getMethod() != "GET")
    return errorReply(405, Error(Code::kInvalid, "only GET and POST are allowed"));
  if (posted) {
    char buffer[16384];
    std::istream& in = request.stream();
    while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
      body.append(buffer, static_cast<std::size_t>(in.gcount()));
      if (body.size() > kMaxBodyBytes) {
        ++counters.tooLarge;
        return errorReply(413,
                          Error(Code::kNetTooLarge,
                                "the request exceeds " + std::to_string(kMaxBodyBytes) + " bytes"));
      }
    }
  }
  std::string path = request.getURI();
  if (const auto query = path.find('?'); query != std::string::npos) path.erase(query);
  return kind == Kind::kJmx ? answerJmx(request, path, body) : answerRmi(request, path, body);
}

Reply ManagementServer::Impl::refuseCredentials(const std::string& what, const std::string& user) {
  ++counters.refusedCredentials;
  log::warn("refused " + what + ": wrong or missing credentials" +
            (user.empty() ? std::string() : " of '" + user.substr(0, 64) + "'"));
  return errorReply(401, Error(Code::kAdmCredentials));
}

Reply ManagementServer::Impl::answerJmx(const HTTPServerRequest& request, const std::string& path,
                                        const std::string& body) {
  if (path == "/live") return {200, "{\"status\":\"UP\"}", kJson};
  if (path == "/ready" || path == "/safe") {
    const auto missing = path == "/ready" ? registry->notReady() : registry->notSafe();
    const json out = {{"status", missing.empty() ? "UP" : "DOWN"}, {"missing", missing}};
    return {missing.empty() ? 200 : 503, out.dump(-1, ' ', false, json::error_handler_t::replace),
            kJson};
  }
  std::string below = path;
  if (below.starts_with("/monitoring/")) below.erase(0, std::string_view("/monitoring").size());
  constexpr std::string_view kJolokia = "/jolokia";
  const bool jolokia = below == kJolokia || below.starts_with("/jolokia/");
  if (!jolokia && path != "/metrics")
    return errorReply(
        404, Error(Code::kNotFound, "here are /jolokia, /metrics, /live, /ready and /safe"));
  if (!settings.jmxLogin.empty()) {
    const Credentials given = credentialsOf(request);
    const bool user = sameText(given.user, settings.jmxLogin);
    if (!sameText(given.password, settings.jmxPassword) || !user)
      return refuseCredentials(path == "/metrics" ? "metrics" : "a management read", given.user);
  }
  if (path == "/metrics")
    return {200, prometheusText(registry->samples()), "text/plain; version=0.0.4; charset=utf-8"};
  if (request.getMethod() == "POST") return {200, jolokiaPost(*registry, body), kJson};
  return {200, jolokiaGet(*registry, std::string_view(below).substr(kJolokia.size())), kJson};
}

Reply ManagementServer::Impl::answerRmi(const HTTPServerRequest& request, const std::string& path,
                                        const std::string& body) {
  constexpr std::string_view kPrefix = "/rmi/";
  if (!path.starts_with(kPrefix))
    return errorReply(404, Error(Code::kNotFound, "operations are below /rmi/"));
  if (request.getMethod() != "POST")
    return errorReply(405, Error(Code::kInvalid, "operations are called with POST"));
  if (!request.getContentType().starts_with("application/json"))  // no plain web form can send it
    return errorReply(415, Error(Code::kInvalid, "Content-Type must be application/json"));
  const std::string name = path.substr(kPrefix.size());
  const auto access = registry->operationAccess(name);
  if (!access)
    return errorReply(404, Error(Code::kNotFound, "this node has no operation '" + name + "'"));
  const Credentials credentials = credentialsOf(request);
  Caller caller;
  caller.user = credentials.user;
  if (*access != Access::kOpen)
    caller.master = settings.masterAuthenticationDisabled || isMaster(credentials);
  if (*access == Access::kMaster && !caller.master)
    return refuseCredentials(name, credentials.user);
  if (*access == Access::kContext) caller.password = credentials.password;

  const json in = json::parse(body, nullptr, false);
  const bool hasArguments =
      in.is_object() && in.contains("arguments") && in["arguments"].is_object();
  if (!hasArguments)
    return errorReply(400, Error(Code::kAdmInvalidData, "the body must be {\"arguments\":{...}}"));
  const auto result = registry->callOperation(name, in["arguments"], caller);
  if (!result)
    return errorReply(result.error().code == Code::kAdmCredentials ? 401 : 500, result.error());
  const json out = {{"result", result.value()}};
  return {200, out.dump(-1, ' ', false, json::error_handler_t::replace), kJson};
}

ManagementServer::ManagementServer(std::shared_ptr<ManagementRegistry> registry,
                                   ManagementSettings settings)
    : impl_(std::make_unique<Impl>()) {
  impl_->registry = std::move(registry);
  impl_->settings = std::move(settings);
}

ManagementServer::~ManagementServer() { stop(); }

Status ManagementServer::start() {
  for (const auto kind : {Impl::Kind::kJmx, Impl::Kind::kRmi})
    if (auto status = impl_->listen(kind); !status) {
      stop();
      return status;
    }
  return {};
}

void ManagementServer::stop() {
  for (Impl::Listener* listener : {&impl_->rmi, &impl_->jmx}) {
    if (listener->server == nullptr) continue;
    listener->server->stop();  // no new connections
    listener->threads->joinAll();
    listener->server.reset();
    listener->threads.reset();
  }
}

std::uint16_t ManagementServer::jmxPort() const { return impl_->jmx.port; }
std::uint16_t ManagementServer::rmiPort() const { return impl_->rmi.port; }
const ManagementCounters& ManagementServer::counters() const { return impl_->counters; }

}  // namespace ox::management

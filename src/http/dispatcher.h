// Dispatcher: from a raw HTTP request to the servlet that answers it. Knows no socket.
//
// Purpose:   registry of servlets; checks and decodes a request; finishes an answer (JSESSIONID,
//            echo header). The server and the tests feed it.
// Threads:   any.
// Ownership: a registration keeps its servlet; destroying it waits until no handler of it runs.
// Errors:    prepare() gives the answer to send instead of a request when the request is refused.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/gate.h"
#include "base/random.h"
#include "http/address.h"
#include "http/http_sessions.h"
#include "http/servlet.h"
#include "http/settings.h"

namespace ox::http {

struct RawRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in any case
  std::string body;
  std::string remoteAddress;
  bool secure = false;  // came encrypted
  std::string remoteUser;
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct Servlet {
  Servlet(RunOn place, Handler h, AtOnce first = nullptr)
      : where(place), quick(first != nullptr), handler(std::move(h)), atOnce(std::move(first)) {}
  const RunOn where;
  const bool quick;  // has an atOnce
  // Emptied when the registration ends, while their module is still there.
  Handler handler;
  AtOnce atOnce;
  Gate gate;
};

class Dispatcher {
 public:
  Dispatcher(HttpSettings settings, Random& random, Clock& clock = systemClock());

  std::shared_ptr<void> add(const std::string& path, std::shared_ptr<Servlet> servlet);
  std::shared_ptr<void> add(const std::string& path, RunOn where, Handler handler) {
    return add(path, std::make_shared<Servlet>(where, std::move(handler)));
  }

  // Either `refusal` or `servlet` is set.
  struct Prepared {
    Request request;
    std::shared_ptr<Servlet> servlet;
    std::optional<Response> refusal;
    std::optional<std::uint64_t> newHttpSession;
    std::string echo;
  };
  Prepared prepare(RawRequest raw);
  // Runs the handler of `prepared` (on whatever thread this is). An exception is answered by 500
  // without details; a servlet that is going away by 503.
  void run(const Prepared& prepared, const Reply& reply);
  // What the servlet can answer without waiting: true, and the answer. Exceptions as in run().
  bool runAtOnce(const Prepared& prepared, Response& response);
  // Adds what every answer carries. From stopping() on no new JSESSIONID is handed out: whoever has
  // none shall be sent to another node.
  void finish(const Prepared& prepared, Response& response);
  void stopping() { stopping_ = true; }
  void setCookieHttpOnly(bool on) { cookieHttpOnly_ = on; }  // com.openexchange.cookie.httpOnly

  const HttpSettings& settings() const { return settings_; }
  const HttpSessions& httpSessions() const { return httpSessions_; }
  std::uint64_t strangeProxies() const { return strangeProxies_; }
  std::uint64_t handlerFailures() const { return handlerFailures_; }
  std::uint64_t badCookies() const { return badCookies_; }

  // A JSON body for an answer that no servlet made.
  static Response plainError(int status, std::string_view text);

 private:
  struct Registry {
    std::shared_mutex mutex;
    std::map<std::string, std::shared_ptr<Servlet>, std::less<>> servlets;
    // Another one after every change, and in every process-wide registry: see find().
    std::atomic<std::uint64_t> version{nextVersion()};
  };
  static std::uint64_t nextVersion();
  std::shared_ptr<Servlet> find(const std::string& path) const;
  std::shared_ptr<Servlet> lookUp(std::string_view path) const;
  Response failed(const Prepared& prepared, const std::exception& e);
  void applyForwarded(Request& request);
  void chooseHttpSession(Prepared& prepared, const std::optional<std::string>& fromPath);
  void endHttpSession(const std::string& text);

  const HttpSettings settings_;
  const std::string echoName_;  // lower-case
  const Networks proxies_;
  Random& random_;
  HttpSessions httpSessions_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cookieHttpOnly_;
  std::shared_ptr<Registry> registry_ = std::make_shared<Registry>();
  std::atomic<std::uint64_t> handlerFailures_{0};
  std::atomic<std::uint64_t> badCookies_{0};
  std::atomic<std::uint64_t> strangeProxies_{0};
};

}  // namespace ox::http

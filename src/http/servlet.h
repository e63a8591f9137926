// Servlets: how bundles answer HTTP requests. The registry is offered as "http" (type HttpService).
//
// Purpose:   requests and responses as plain values; no type of the HTTP library shows here.
// Threads:   a kLoop handler and what answers at once run on the connection's shard and must not
//            block; a kWorker handler runs in the worker pool. `reply` may be called from any thread,
//            exactly once.
// Bounds:    body and parameter limits are enforced before a handler sees the request
//            (com.openexchange.servlet.maxBodySize, com.openexchange.connector.maxRequestParameters).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ox::http {

struct Request {
  std::string method;   // GET, POST, ...
  std::string path;     // decoded, without query and without ;jsessionid=
  std::vector<std::pair<std::string, std::string>> headers;     // names lower-case
  std::vector<std::pair<std::string, std::string>> parameters;  // query, then form body; decoded
  std::size_t queryParameters = 0;  // the first so many parameters came with the URL
  std::vector<std::pair<std::string, std::string>> cookies;
  std::string body;
  std::string remoteAddress;
  bool secure = false;
  std::string remoteUser;     // of the front server's authentication; AJP only
  std::vector<std::pair<std::string, std::string>> attributes;  // AJP only, e.g. "ssl_cipher"
  std::string httpSessionId;  // value for JSESSIONID of this request incl. route (ours or new)

  const std::string* header(std::string_view lowerName) const;
  const std::string* parameter(std::string_view name) const;
  const std::string* cookie(std::string_view name) const;
};

enum class SameSite : std::uint8_t { kConfigured, kOff, kLax, kStrict, kNone };

struct Cookie {
  std::string name;
  std::string value;
  std::int64_t maxAgeSeconds = -1;  // -1 = session cookie, 0 = delete
  std::string path = "/";
  bool httpOnly = true;
  bool secure = false;
  // kConfigured is replaced by com.openexchange.cookie.sameSite before the cookie is written; kNone
  // is written only together with Secure, since browsers refuse it otherwise.
  SameSite sameSite = SameSite::kConfigured;
};

struct Response {
  int status = 200;
  std::string contentType = "application/json; charset=UTF-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<Cookie> cookies;
};

using Reply = std::function<void(Response)>;
using Handler = std::function<void(const Request&, Reply)>;
// True: answered, in `response`. False: nothing was done, it takes a handler that may wait.
using AtOnce = std::function<bool(const Request& request, Response& response)>;
enum class RunOn : std::uint8_t { kLoop, kWorker };

class HttpService {
 public:
  virtual ~HttpService() = default;
  // `path` relative to the dispatcher prefix, e.g. "login" answers /ajax/login; one that begins with
  // '/' is a whole path outside of it. The registration
  // ends when the returned object is destroyed (then no handler of it runs any more).
  [[nodiscard]] virtual std::shared_ptr<void> addServlet(const std::string& path, RunOn where,
                                                         Handler handler) = 0;
  // The same with a kWorker handler; `atOnce` is asked first, which saves the way to a worker and back.
  [[nodiscard]] virtual std::shared_ptr<void> addServlet(const std::string& path, AtOnce atOnce,
                                                         Handler handler) = 0;
  virtual const std::string& backendRoute() const = 0;
};

}  // namespace ox::http

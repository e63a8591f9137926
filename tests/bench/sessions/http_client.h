// HttpClient: one kept connection that asks and waits, as the bench's browsers do. Browser: a user with
// cookies and a session.
//
// Threads: one. Errors: std::runtime_error with what came instead.
// Bounds:  an answer is waited for at most kSilenceMillis (sockets.h), and has a Content-Length.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ox::bench {

inline constexpr const char* kAgent = "open-xchange-bench/1.0";

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), kept_(std::move(other.kept_)) {}
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  struct Answer {
    int status = 0;
    std::string head, body;
  };
  Answer ask(const std::string& request);

 private:
  int fd_;
  std::string kept_;
};

class Browser {
 public:
  // POST of a form when `form` is not empty. Keeps the cookies that are set.
  std::string ask(HttpClient& client, const std::string& target, const std::string& form = "");
  // The text of a request, to be sent many times.
  std::string text(const std::string& target, const std::string& form = "") const;
  std::string cookies() const;
  void logIn(HttpClient& client, const std::string& user, const std::string& password);
  std::string whoami() const { return "/ajax/system?action=whoami&session=" + session; }

  std::string session;

 private:
  std::map<std::string, std::string> cookies_;
};

// A text of a JSON object, by the path of its names; std::runtime_error with the whole when absent.
std::string jsonText(const std::string& json, const std::vector<std::string>& path);

}  // namespace ox::bench

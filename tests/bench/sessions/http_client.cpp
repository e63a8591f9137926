#include "http_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "http/url.h"
#include "sockets.h"

namespace ox::bench {
namespace {
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kMaxAnswer = 1 << 20;
}  // namespace

HttpClient::HttpClient(std::uint16_t port) : fd_(connectTo(port)) {}

HttpClient::~HttpClient() {
  if (fd_ >= 0) ::close(fd_);
}

HttpClient::Answer HttpClient::ask(const std::string& request) {
  const Poller poller(fd_);
  writeAll(fd_, request.data(), request.size());
  static constexpr std::string_view kLength = "\r\nContent-Length: ";
  for (;;) {
    const std::size_t end = kept_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::size_t at = kept_.find(kLength);
      if (at > end) throw std::runtime_error("an answer without length: " + kept_.substr(0, end));
      const std::size_t whole = end + 4 + std::stoul(kept_.substr(at + kLength.size(), 10));
      if (kept_.size() >= whole) {
        Answer out;
        out.head = kept_.substr(0, end + 2);
        out.body = kept_.substr(end + 4, whole - end - 4);
        out.status = std::stoi(out.head.substr(out.head.find(' ') + 1, 3));
        kept_.erase(0, whole);
        return out;
      }
    }
    if (kept_.size() > kMaxAnswer) throw std::runtime_error("an answer of more than a MiB");
    poller.wait();
    char buffer[kReadBytes];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0) throw std::runtime_error("the server has closed the connection");
    if (n > 0) kept_.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string Browser::cookies() const {
  std::string out;
  for (const auto& [name, value] : cookies_) out += (out.empty() ? "" : "; ") + name + "=" + value;
  return out;
}

std::string Browser::text(const std::string& target, const std::string& form) const {
  std::string out = (form.empty() ? "GET " : "POST ") + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  out += std::string("User-Agent: ") + kAgent + "\r\n";
  if (!cookies_.empty()) out += "Cookie: " + cookies() + "\r\n";
  if (!form.empty())
    out += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
           std::to_string(form.size()) + "\r\n";
  return out + "\r\n" + form;
}

std::string Browser::ask(HttpClient& client, const std::string& target, const std::string& form) {
  const HttpClient::Answer answer = client.ask(text(target, form));
  if (answer.status != 200)
    throw std::runtime_error(target.substr(0, target.find("session=")) + " was answered by " +
                             std::to_string(answer.status));
  static constexpr std::string_view kSet = "\r\nSet-Cookie: ";
  for (std::size_t at = answer.head.find(kSet); at != std::string::npos;
       at = answer.head.find(kSet, at + 1)) {
    const std::size_t from = at + kSet.size();
    const std::size_t equals = answer.head.find('=', from);
    const std::size_t end = answer.head.find_first_of(";\r", equals);
    cookies_[answer.head.substr(from, equals - from)] =
        answer.head.substr(equals + 1, end - equals - 1);
  }
  return answer.body;
}

void Browser::logIn(HttpClient& client, const std::string& user, const std::string& password) {
  const std::string answer =
      ask(client, "/ajax/login?action=login", "name=" + http::percentEncode(user) + "&password=" +
                                                  http::percentEncode(password) + "&client=bench");
  session = jsonText(answer, {"session"});
}

std::string jsonText(const std::string& json, const std::vector<std::string>& path) {
  nlohmann::json at = nlohmann::json::parse(json, nullptr, false);
  for (const auto& name : path) {
    if (!at.is_object() || !at.contains(name))
      throw std::runtime_error("'" + name + "' is missing in " + json);
    at = nlohmann::json(at[name]);
  }
  return at.is_string() ? at.get<std::string>() : at.dump();
}

}  // namespace ox::bench

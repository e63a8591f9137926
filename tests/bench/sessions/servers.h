// The servers under test as servers.py starts them, and wrk, which asks them.
//
// Threads: one. Errors: std::runtime_error ends the bench: it did not complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "http_client.h"
#include "process.h"

namespace ox::bench {

inline constexpr int kConnections = 64;

class Servers {
 public:
  static constexpr int kNodes = 3;
  static constexpr std::size_t kUsers = 32;  // as in servers.py
  // Starts database and nodes. `logs`: where standard errors go.
  Servers(const std::string& source, const std::string& build, const std::string& logs);
  ~Servers();

  std::uint16_t http(int node) const { return http_[node - 1]; }
  pid_t pid(int node) const { return pids_[node - 1]; }
  void kill(int node);
  void start(int node);
  struct Place {
    std::uint16_t port = 0;
    pid_t pid = 0;
  };
  Place startTomcat();
  void endTomcat();

  // A session of one of the users, made at `node`.
  Browser logIn(int node, std::size_t user = 0);
  static std::string user(std::size_t number);
  const std::string& password() const { return password_; }
  const std::string& appSecret() const { return appSecret_; }

 private:
  const std::string password_, appSecret_;
  Child process_;
  std::uint16_t http_[kNodes] = {};
  pid_t pids_[kNodes] = {};
};

// Requests that wrk sends in turn: target, tab, cookies; one a line.
class RequestFile {
 public:
  explicit RequestFile(std::string path) : path_(std::move(path)) {}
  void write(const std::vector<std::pair<std::string, std::string>>& requests) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct WrkResult {
  double perSecond = 0, p50 = 0, p99 = 0, most = 0;  // microseconds
  double requests = 0, bytes = 0, bad = 0;           // bad: refused, broken, late, not 2xx
};
// kConnections kept connections, `threads` threads, on processor `cpu` (-1: wherever).
WrkResult wrk(const std::string& source, const RequestFile& requests, std::uint16_t port, int threads,
              int seconds, int cpu);

}  // namespace ox::bench

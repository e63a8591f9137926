#include "servers.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/random.h"

namespace ox::bench {
namespace {

constexpr std::int64_t kStartMillis = 180'000;
constexpr std::int64_t kEndMillis = 60'000;
constexpr std::size_t kSecretBytes = 12;

std::string quoted(const std::string& text) {
  if (text.find('\'') != std::string::npos)
    throw std::runtime_error("a path with an apostrophe: " + text);
  return "'" + text + "'";
}

}  // namespace

Servers::Servers(const std::string& source, const std::string& build, const std::string& logs)
    : password_(secureHex(kSecretBytes)), appSecret_(secureHex(kSecretBytes)),
      process_({source + "/tests/bench/sessions/servers.py", build}, -1, logs + "/sessions-servers.log",
               "python3") {
  const Answer up = process_.ask(
      "nodes " + std::to_string(kNodes) + " " + password_ + " " + appSecret_, kStartMillis);
  for (int i = 0; i < kNodes; ++i) {
    http_[i] = static_cast<std::uint16_t>(up.at("http" + std::to_string(i + 1)));
    pids_[i] = static_cast<pid_t>(up.at("pid" + std::to_string(i + 1)));
  }
}

Servers::~Servers() { process_.end(kEndMillis); }

void Servers::kill(int node) { process_.ask("kill " + std::to_string(node)); }

void Servers::start(int node) {
  const std::string number = std::to_string(node);
  pids_[node - 1] = static_cast<pid_t>(process_.ask("start " + number).at("pid" + number));
}

Servers::Place Servers::startTomcat() {
  const Answer up = process_.ask("tomcat");
  return {static_cast<std::uint16_t>(up.at("port")), static_cast<pid_t>(up.at("pid"))};
}

void Servers::endTomcat() { process_.ask("end-tomcat"); }

std::string Servers::user(std::size_t number) {
  number %= kUsers;
  return "user" + std::to_string(number) + "@company" + std::to_string(number % 2 + 1) + ".example";
}

Browser Servers::logIn(int node, std::size_t number) {
  HttpClient client(http(node));
  Browser browser;
  browser.logIn(client, user(number), password_);
  // Whoever has just logged in is asked who he is: JSESSIONID comes with the first answer.
  if (jsonText(browser.ask(client, browser.whoami()), {"data", "session"}) != browser.session)
    throw std::runtime_error("whoami does not know a new session");
  return browser;
}

void RequestFile::write(const std::vector<std::pair<std::string, std::string>>& requests) const {
  std::remove(path_.c_str());
  const mode_t before = umask(077);  // cookies of sessions
  std::ofstream out(path_);
  umask(before);
  for (const auto& [target, cookies] : requests) out << target << '\t' << cookies << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path_);
}

WrkResult wrk(const std::string& source, const RequestFile& requests, std::uint16_t port, int threads,
              int seconds, int cpu) {
  std::ostringstream command;
  command << "wrk -t" << threads << " -c" << kConnections << " -d" << seconds << " -s "
          << quoted(source + "/tests/bench/sessions/requests.lua") << " http://127.0.0.1:" << port
          << " -- " << quoted(requests.path()) << " " << kAgent << " 2>&1";
  pinThread(cpu);
  FILE* const pipe = popen(command.str().c_str(), "re");
  if (!pipe) throw std::runtime_error("wrk cannot be started");
  std::string last, all;
  for (std::array<char, 1024> line; std::fgets(line.data(), line.size(), pipe);) {
    last = line.data();
    all += last;
  }
  const int status = pclose(pipe);
  WrkResult out;
  if (status != 0 || std::sscanf(last.c_str(),
                                 "ok rate=%lf requests=%lf bytes=%lf p50=%lf p99=%lf max=%lf bad=%lf",
                                 &out.perSecond, &out.requests, &out.bytes, &out.p50, &out.p99,
                                 &out.most, &out.bad) != 7)
    throw std::runtime_error("wrk failed (packaging/install-packages --bench installs it): " + all);
  return out;
}

}  // namespace ox::bench

#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "stats.h"

namespace ox::bench {

namespace {
cpu_set_t setOf(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= 0) {
    CPU_SET(static_cast<unsigned>(cpu), &set);
    return set;
  }
  for (long i = 0; i < sysconf(_SC_NPROCESSORS_CONF) && i < CPU_SETSIZE; ++i)
    CPU_SET(static_cast<unsigned>(i), &set);
  return set;
}
}  // namespace

Child::Child(const std::vector<std::string>& arguments, int cpu, const std::string& errorFile,
             const char* program) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
  const int log = open(errorFile.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const cpu_set_t processors = setOf(cpu);
  startedAt_ = nowNanos();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid_ == 0) {
    // Only calls that are safe after fork; exec starts anew.
    dup2(in[0], 0);
    dup2(out[1], 1);
    if (log >= 0) dup2(log, 2);
    sched_setaffinity(0, sizeof processors, &processors);
    execvp(program, argv.data());
    _exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  if (log >= 0) ::close(log);
  in_ = in[1];
  out_ = out[0];
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(in_, other.in_);
  std::swap(out_, other.out_);
  std::swap(pending_, other.pending_);
  std::swap(last_, other.last_);
  std::swap(startedAt_, other.startedAt_);
  return *this;
}

void Child::send(const std::string& command) {
  last_ = command;
  const std::string text = command + "\n";
  if (write(in_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("'" + command + "': the process does not read any more");
}

std::string Child::line(std::int64_t millis) {
  const std::int64_t limit = nowNanos() + millis * 1'000'000;
  for (;;) {
    const auto end = pending_.find('\n');
    if (end != std::string::npos) {
      std::string text = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return text;
    }
    const std::int64_t left = (limit - nowNanos()) / 1'000'000;
    pollfd p{out_, POLLIN, 0};
    if (left <= 0 || poll(&p, 1, static_cast<int>(left)) == 0)
      throw std::runtime_error("'" + last_ + "': no answer within " + std::to_string(millis) +
                               " ms");
    char buffer[4096];
    const ssize_t n = read(out_, buffer, sizeof buffer);
    if (n <= 0) throw std::runtime_error("'" + last_ + "': the process has ended");
    pending_.append(buffer, static_cast<std::size_t>(n));
  }
}

Answer Child::answer(std::int64_t millis) {
  const std::string text = line(millis);
  std::istringstream in(text);
  std::string word;
  in >> word;
  if (word != "ok") throw std::runtime_error("'" + last_ + "': " + text);
  Answer out;
  while (in >> word) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) throw std::runtime_error("'" + last_ + "': " + text);
    out[word.substr(0, equals)] = std::stod(word.substr(equals + 1));
  }
  return out;
}

void Child::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  forget();
}

void Child::forget() {
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  if (in_ >= 0) ::close(in_);
  if (out_ >= 0) ::close(out_);
  pid_ = in_ = out_ = -1;
}

void Child::end(std::int64_t millis) {
  if (pid_ <= 0) return;
  ::close(in_);
  in_ = -1;
  const std::int64_t limit = nowNanos() + millis * 1'000'000;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (nowNanos() > limit) return kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  pid_ = -1;
  forget();
}

Line& Line::put(const char* name, double value) {
  char number[64];
  std::snprintf(number, sizeof number, " %s=%.3f", name, value);
  text_ += number;
  return *this;
}

void answerLines(const std::function<std::string(std::istringstream&)>& run) {
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream in(text);
    std::string answer;
    try {
      answer = run(in);
    } catch (const std::exception& e) {
      answer = std::string("error ") + e.what();
    }
    std::cout << answer << std::endl;
  }
}

void pinThread(int cpu) {
  const cpu_set_t set = setOf(cpu);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    throw std::runtime_error("cannot pin to processor " + std::to_string(cpu) + ": " +
                             std::strerror(errno));
}

void pinProcess(pid_t pid, int cpu) {
  const cpu_set_t set = setOf(cpu);
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
    sched_setaffinity(std::stoi(task.path().filename()), sizeof set, &set);  // one may have ended
}

double processorSeconds(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  // Behind the name, which may hold anything: state is field 3, user and system time are 14 and 15.
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  if (!(fields >> user >> system))
    throw std::runtime_error("process " + std::to_string(pid) + " has ended");
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double memoryMiB(const char* field) {
  std::ifstream in("/proc/self/status");
  std::string text;
  while (std::getline(in, text))
    if (text.compare(0, std::strlen(field), field) == 0)
      return std::stod(text.substr(std::strlen(field) + 1)) / 1024.0;
  throw std::runtime_error(std::string("/proc/self/status has no ") + field);
}

double residentMiB() { return memoryMiB("VmRSS"); }

}  // namespace ox::bench

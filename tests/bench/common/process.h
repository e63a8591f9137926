// Child: one further process of this program (a member, an echo server, ...) or another program on
// chosen processors, spoken to by lines: a command goes to its standard input, an answer "ok name=value ..." or
// "error TEXT" comes from its standard output. Its standard error goes to a file.
//
// Threads:   one. Ownership: the destructor kills and reaps the process.
// Errors:    std::runtime_error with the command and what came instead.
// Bounds:    an answer is waited for at most the given time (kAnswerMillis by default).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace ox::bench {

inline constexpr std::int64_t kAnswerMillis = 120'000;

using Answer = std::map<std::string, double>;

class Child {
 public:
  Child() = default;
  // `cpu` < 0: wherever the scheduler likes.
  Child(const std::vector<std::string>& arguments, int cpu, const std::string& errorFile,
        const char* program = "/proc/self/exe");
  Child(Child&& other) noexcept { *this = std::move(other); }
  Child& operator=(Child&& other) noexcept;
  ~Child() { kill(); }

  void send(const std::string& command);
  Answer answer(std::int64_t millis = kAnswerMillis);
  Answer ask(const std::string& command, std::int64_t millis = kAnswerMillis) {
    send(command);
    return answer(millis);
  }
  void end(std::int64_t millis = kAnswerMillis);  // its input ends; SIGKILL when it does not end itself
  void kill();          // SIGKILL, and waits for its end
  void forget();        // somebody else has killed it: only reaps
  pid_t pid() const { return pid_; }
  std::int64_t startedAt() const { return startedAt_; }  // nowNanos() before the fork

 private:
  std::string line(std::int64_t millis);
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;  // its standard input and output
  std::string pending_, last_;
  std::int64_t startedAt_ = 0;
};

// A line of an answer: "ok a=1 b=2".
class Line {
 public:
  Line& put(const char* name, double value);
  std::string text() const { return "ok" + text_; }

 private:
  std::string text_;
};
// The other side of a Child: each line of standard input is run and answered, until the input ends. An
// exception is the answer "error ...".
void answerLines(const std::function<std::string(std::istringstream&)>& run);

// Pins the calling thread (and what it starts from now on); -1: wherever the scheduler likes.
void pinThread(int cpu);
void pinProcess(pid_t pid, int cpu);  // all threads that it has now
double processorSeconds(pid_t pid);   // used by it until now
double residentMiB();     // of this process
double memoryMiB(const char* field);  // of /proc/self/status, for instance "VmHWM"

}  // namespace ox::bench

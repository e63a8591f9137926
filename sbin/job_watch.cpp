#include "job_watch.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "update_options.h"

namespace ox::tool {
namespace {

using nlohmann::json;

std::int64_t count(const json& status, const char* name) {
  return status.value(name, std::int64_t{0});
}

std::string figures(const json& one) {
  const std::int64_t ended = count(one, "done") + count(one, "failed");
  std::string out = std::to_string(ended) + " of " + std::to_string(count(one, "total")) +
                    " schemas, " + std::to_string(count(one, "failed")) + " failed, " +
                    std::to_string(count(one, "running")) + " running";
  if (ended < count(one, "total")) out += ", ETA " + shownDuration(one.value("eta", -1L));
  return out;
}

// The lines of a terminal, longest first cut to what is shown.
std::vector<std::string> screen(const json& status) {
  std::vector<std::string> out;
  for (const json& host : status.value("hosts", json::array()))
    out.push_back("database " + std::to_string(count(host, "database")) + ": " + figures(host));
  std::string total = "total: " + figures(status);
  if (const std::string note = oneLine(status.value("note", "")); !note.empty())
    total += " (" + note.substr(0, 60) + ")";
  out.push_back(total);
  return out;
}

class Screen {
 public:
  void show(const std::vector<std::string>& lines) {
    if (lines_ > 0) std::cout << "\x1b[" << lines_ << "A";
    for (const std::string& line : lines) std::cout << "\r\x1b[2K" << line << "\n";
    std::cout.flush();
    lines_ = lines.size();
  }

 private:
  std::size_t lines_ = 0;
};

void printEnded(const json& status) {
  for (const json& one : status.value("ended", json::array())) {
    std::cout << localTime(count(one, "ended")) << " schema " << oneLine(one.value("schema", ""))
              << " of database " << count(one, "database") << ": " << one.value("state", "")
              << ", " << count(one, "tasks") << " task(s), " << shownDuration(count(one, "millis"));
    if (const std::string text = oneLine(one.value("text", "")); !text.empty())
      std::cout << ": " << text;
    std::cout << "\n";
  }
  std::cout.flush();
}

void printReport(const json& status) {
  const std::int64_t end = count(status, "finished") > 0 ? count(status, "finished")
                                                         : count(status, "now");
  std::cout << "Job " << status.value("job", "") << " is " << status.value("state", "");
  if (const std::string note = oneLine(status.value("note", "")); !note.empty())
    std::cout << " (" << note << ")";
  std::cout << ": " << count(status, "done") << " schemas done, " << count(status, "failed")
            << " failed, "
            << count(status, "total") - count(status, "done") - count(status, "failed")
            << " not processed, " << count(status, "tasks") << " task(s) in "
            << shownDuration(end - count(status, "created")) << "\n";
}

}  // namespace

std::string shownDuration(std::int64_t millis) {
  if (millis < 0) return "?";
  const std::int64_t seconds = (millis + 500) / 1000;
  char text[40];
  std::snprintf(text, sizeof(text), "%lld:%02d:%02d", static_cast<long long>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text;
}

std::int64_t pollMillis(std::int64_t eta) {
  if (eta < 0) return kJobPollMillis;
  return std::clamp<std::int64_t>(eta / 2, kShortPollMillis, kJobPollMillis);
}

int jobExit(const json& status) {
  const std::string state = status.value("state", "");
  return count(status, "failed") == 0 && (state == "running" || state == "done") ? 0 : 1;
}

std::string jobText(const json& status) {
  const std::int64_t ended = count(status, "done") + count(status, "failed");
  const std::string total = std::to_string(count(status, "total"));
  const std::string state = status.value("state", "");
  if (state == "running" && ended == 0)
    return "Attempting to update " + total + " schemas in total...\n";
  std::string out = "Processed " + std::to_string(ended) + " of " + total + " schemas.\n";
  if (const std::string note = oneLine(status.value("note", "")); !note.empty())
    out += "The job " + std::string(state == "running" ? "waits" : "is " + state) + ": " + note +
           "\n";
  const json failed = status.value("failedSchemas", json::array());
  if (!failed.empty()) out += "\n";
  for (const json& one : failed)
    out += "The following update task(s) failed on schema \"" + oneLine(one.value("schema", "")) +
           "\":\n " + oneLine(one.value("text", "")) + "\n";
  return out;
}

int followJob(Client& client, const std::string& id, bool asJson) {
  const bool terminal = !asJson && isatty(STDOUT_FILENO) == 1;
  Screen screenLines;
  std::int64_t since = 0;
  int silentMillis = 0;
  bool seen = false;
  for (;;) {
    const auto answer = client.call("UpdateTaskService/jobStatus", {{"job", id}, {"since", since}});
    if (!answer) {
      // A node that starts answers before it knows every operation.
      const bool away = answer.error().retryable || (seen && answer.error().code == Code::kNotFound);
      if (!away || silentMillis >= kAskAgainSeconds * 1000) {
        if (away)
          std::cerr << "The job goes on; watch it with: getUpdateTaskStatus -j " << id << "\n";
        return client.report(answer.error());
      }
      silentMillis += kJobPollMillis;
      std::this_thread::sleep_for(std::chrono::milliseconds(kJobPollMillis));
      continue;
    }
    silentMillis = 0;
    seen = true;
    const json& status = answer.value();
    const json ended = status.value("ended", json::array());
    if (asJson) {
      for (const json& one : ended) std::cout << json{{"event", "schema"}, {"schema", one}}.dump() << "\n";
      json progress = status;
      progress.erase("ended");
      progress["event"] = status.value("state", "") == "running" ? "progress" : "end";
      std::cout << progress.dump() << "\n";
      std::cout.flush();
    } else if (terminal) {
      screenLines.show(screen(status));
    } else {
      printEnded(status);
    }
    for (const json& one : ended) since = std::max(since, count(one, "ended"));
    // More may have ended than one answer holds.
    if (status.value("state", "") != "running" && ended.empty()) {
      if (!asJson) {
        printReport(status);
        if (count(status, "failed") > 0) std::cout << jobText(status);
      }
      return jobExit(status);
    }
    if (ended.size() < 1000 && status.value("state", "") == "running")
      std::this_thread::sleep_for(std::chrono::milliseconds(pollMillis(status.value("eta", -1L))));
  }
}

}  // namespace ox::tool

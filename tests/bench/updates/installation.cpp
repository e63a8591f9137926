#include "installation.h"

namespace ox::bench {
namespace {

constexpr std::int64_t kBeginMillis = 120'000;
constexpr std::int64_t kWorkMillis = 600'000;
constexpr std::int64_t kEndMillis = 120'000;

std::string hostWord(int host) { return host == 0 ? "all" : std::to_string(host); }

}  // namespace

Installation::Installation(const std::string& source, const std::string& build, const std::string& logs)
    : process_({source + "/tests/bench/updates/installation.py", build}, -1,
               logs + "/updates-servers.log", "python3") {
  inMemory_ = process_.ask("begin", kBeginMillis).at("memory") != 0;
}

Installation::~Installation() { process_.end(kEndMillis); }

double Installation::schemas(int count) {
  return process_.ask("schemas " + std::to_string(count), kWorkMillis).at("seconds");
}

void Installation::bare(int count) { process_.ask("bare " + std::to_string(count), kWorkMillis); }

ClientResult Installation::client(int host) {
  const Answer a = process_.ask("client " + hostWord(host), kWorkMillis);
  return {a.at("seconds"), a.at("statements")};
}

RunResult Installation::run(int parallel, int host) {
  const Answer a =
      process_.ask("run " + std::to_string(parallel) + " " + hostWord(host), kWorkMillis);
  RunResult out;
  out.seconds = a.at("seconds");
  out.job = a.at("job");
  out.nodeSeconds = a.at("node");
  out.questions = a.at("questions");
  out.etas = static_cast<int>(a.at("etas"));
  out.etaFirst = a.at("eta_first");
  out.etaMedian = a.at("eta_median");
  out.etaWorst = a.at("eta_worst");
  return out;
}

SmallResult Installation::small(int tasks, int schemas) {
  const Answer a =
      process_.ask("small " + std::to_string(tasks) + " " + std::to_string(schemas), kWorkMillis);
  return {a.at("client"), a.at("task"), a.at("p50"), a.at("p99"), a.at("statements"), a.at("node")};
}

CheckResult Installation::check(bool pending) {
  const Answer a = process_.ask(pending ? "check 1" : "check 0", kWorkMillis);
  return {a.at("seconds"), a.at("client"), a.at("schemas")};
}

double Installation::memoryMiB() { return process_.ask("memory").at("rss"); }

}  // namespace ox::bench

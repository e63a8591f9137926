// sim [--scenario NAME] [--seeds N] [--seed S] [--jobs N] [--list] [--dir DIR] [--verbose] [--stop]
// sim --scale MEMBERS [SVG]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "scale.h"
#include "scenario.h"

#ifndef OX_SIM_SCENARIOS
#define OX_SIM_SCENARIOS "tests/sim/scenarios"
#endif

namespace {

using namespace ox;
using namespace ox::sim;

constexpr std::size_t kLogLinesShown = 120;

struct Options {
  std::vector<std::string> scenarios;
  std::uint64_t firstSeed = 1;
  std::uint64_t seeds = 20;
  int jobs = 2;
  bool list = false;
  bool verbose = false;
  bool stop = false;  // at the first failure
  std::multimap<std::string, std::uint64_t> kept;  // seeds that once found a mistake
  std::string directory = OX_SIM_SCENARIOS;
};

int usage(const std::string& wrong) {
  std::fprintf(stderr,
               "sim: %s\nusage: sim [--scenario NAME] [--seeds N] [--seed S] [--jobs 1..64] "
               "[--list] [--dir DIR] [--verbose] [--stop]\n",
               wrong.c_str());
  return 2;
}

void report(const Scenario& s, std::uint64_t seed, const RunResult& r, bool verbose) {
  if (!r.failure.empty())
    std::printf("FAILED %s seed %llu: %s\n  replay: ./tests/run sim %s --seed %llu\n",
                s.name.c_str(), static_cast<unsigned long long>(seed), r.failure.c_str(),
                s.name.c_str(), static_cast<unsigned long long>(seed));
  if (verbose) {
    const std::size_t from = r.log.size() > kLogLinesShown ? r.log.size() - kLogLinesShown : 0;
    for (std::size_t i = from; i < r.log.size(); ++i) std::printf("    %s\n", r.log[i].c_str());
  }
  std::fflush(stdout);
}

// seeds.txt beside the scenarios' directory: "SCENARIO SEED # what it found" per line.
std::multimap<std::string, std::uint64_t> keptSeeds(const std::string& directory) {
  std::multimap<std::string, std::uint64_t> kept;
  std::ifstream in(directory + "/../seeds.txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    std::uint64_t seed = 0;
    if (words >> name >> seed) kept.emplace(name, seed);
  }
  return kept;
}

std::size_t one(const Scenario& s, std::uint64_t seed, const Options& o) {
  const auto began = std::chrono::steady_clock::now();
  const RunResult r = runScenario(s, seed);
  report(s, seed, r, o.verbose);
  if (o.verbose) {
    const auto took = std::chrono::steady_clock::now() - began;
    std::printf("  %s seed %llu: %lld ms simulated, %llu views, %zu operations, %zu keys undecided, "
                "%lld ms\n",
                s.name.c_str(), static_cast<unsigned long long>(seed),
                static_cast<long long>(r.simulatedMillis), static_cast<unsigned long long>(r.views),
                r.operations, r.undecided,
                static_cast<long long>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  }
  return r.failure.empty() ? 0 : 1;
}

// One worker does every jobs-th test. Returns the number that failed.
std::size_t work(const std::vector<Scenario>& scenarios, const Options& o, int worker) {
  std::size_t failed = 0;
  std::uint64_t test = 0;
  const auto mine = [&] {
    return test++ % static_cast<std::uint64_t>(o.jobs) == static_cast<std::uint64_t>(worker) &&
           (failed == 0 || !o.stop);
  };
  for (const Scenario& s : scenarios) {
    const auto [first, last] = o.kept.equal_range(s.name);
    for (auto kept = first; kept != last; ++kept)
      if (mine()) failed += one(s, kept->second, o);
    for (std::uint64_t i = 0; i < o.seeds; ++i)
      if (mine()) failed += one(s, o.firstSeed + i, o);
  }
  return failed;
}

bool number(const char* text, std::uint64_t low, std::uint64_t high, std::uint64_t& out) {
  char* end = nullptr;
  out = std::strtoull(text, &end, 10);
  return *text != '\0' && *text != '-' && *end == '\0' && out >= low && out <= high;
}

}  // namespace

int main(int argc, char** argv) {
  // What members say goes into the log of their world; rooms that write by themselves are quiet.
  ox::log::setLevel(ox::log::Level::kError);
  Options o;
  bool seedsGiven = false;
  bool seedGiven = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    std::uint64_t n = 0;
    if (option == "--list") o.list = true;
    else if (option == "--verbose") o.verbose = true;
    else if (option == "--stop") o.stop = true;
    else if (option == "--scale") {
      // sim --scale MEMBERS [SVG]: docs/scale.md
      if (i + 1 >= argc || !number(argv[i + 1], 10, 1000, n)) return usage("--scale takes 10..1000");
      return runScale(o.firstSeed, static_cast<int>(n), i + 2 < argc ? argv[i + 2] : "");
    }
    else if (i + 1 >= argc) return usage("unknown option or missing value: " + option);
    else if (option == "--scenario") o.scenarios.push_back(argv[++i]);
    else if (option == "--dir") o.directory = argv[++i];
    else if (option == "--seeds") {
      if (!number(argv[++i], 1, 100'000'000, o.seeds)) return usage("--seeds takes 1..100000000");
      seedsGiven = true;
    } else if (option == "--seed") {
      if (!number(argv[++i], 0, UINT64_MAX, o.firstSeed)) return usage("--seed takes a number");
      seedGiven = true;
    } else if (option == "--jobs") {
      if (!number(argv[++i], 1, 64, n)) return usage("--jobs takes 1..64");
      o.jobs = static_cast<int>(n);
    } else {
      return usage("unknown option " + option);
    }
  }
  if (seedGiven && !seedsGiven) o.seeds = 1;
  if (!seedGiven) o.kept = keptSeeds(o.directory);
  const std::vector<std::string> names = listScenarios(o.directory);
  if (o.list) {
    for (const std::string& name : names) {
      const auto s = loadScenario(o.directory, name);
      std::printf("%-28s %s\n", name.c_str(), s ? s->title.c_str() : s.error().message.c_str());
    }
    return 0;
  }
  std::vector<Scenario> scenarios;
  for (const std::string& name : o.scenarios.empty() ? names : o.scenarios) {
    auto s = loadScenario(o.directory, name);
    if (!s) {
      std::string all;
      for (const std::string& known : names) all += " " + known;
      return usage(s.error().message + "; there are:" + all);
    }
    scenarios.push_back(std::move(*s));
  }
  if (scenarios.empty()) return usage("no scenarios in " + o.directory);

  // Workers are processes: worlds share nothing, and one that aborts is one failure.
  std::size_t failed = 0;
  std::vector<std::pair<pid_t, int>> workers;
  std::fflush(stdout);
  for (int w = 1; w < o.jobs; ++w) {
    int ends[2];
    if (pipe(ends) != 0) return usage("no pipe");
    const pid_t pid = fork();
    if (pid < 0) return usage("cannot fork");
    if (pid == 0) {
      const std::uint64_t n = work(scenarios, o, w);
      const ssize_t written = write(ends[1], &n, sizeof n);
      std::fflush(stdout);
      _exit(written == sizeof n ? 0 : 3);
    }
    close(ends[1]);
    workers.emplace_back(pid, ends[0]);
  }
  failed += work(scenarios, o, 0);
  for (const auto& [pid, end] : workers) {
    std::uint64_t n = 0;
    if (read(end, &n, sizeof n) != static_cast<ssize_t>(sizeof n)) n = 1;  // it aborted
    close(end);
    int status = 0;
    waitpid(pid, &status, 0);
    failed += n;
  }
  std::uint64_t total = scenarios.size() * o.seeds;
  for (const Scenario& s : scenarios) total += o.kept.count(s.name);
  std::printf("%llu passed, %zu failed\n",
              static_cast<unsigned long long>(total - std::min<std::uint64_t>(total, failed)),
              failed);
  return failed == 0 ? 0 : 1;
}

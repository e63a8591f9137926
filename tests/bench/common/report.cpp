#include "report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

namespace ox::bench {
namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, v != 0 && v < 10 ? "%.2f" : v < 1000 ? "%.1f" : "%.0f", v);
  return text;
}

void show(const Row& r) {
  std::printf("%-66s %9s %-6s", r.name.c_str(), number(r.value).c_str(), r.unit.c_str());
  std::printf(" p50 %8s p99 %8s", r.p50 > 0 ? number(r.p50).c_str() : "-",
              r.p99 > 0 ? number(r.p99).c_str() : "-");
  std::printf(" | %s %s | %s | %s: %s\n", r.reference.c_str(), number(r.referenceValue).c_str(),
              r.ratio > 0 ? number(r.ratio).c_str() : "-", r.goal.c_str(),
              !r.error.empty() ? "ERROR" : r.met ? "met" : "NOT MET");
  std::printf("    %s%s%s%s%s\n", r.placement.c_str(), r.note.empty() ? "" : "; ", r.note.c_str(),
              r.error.empty() ? "" : "; error: ", r.error.c_str());
  std::fflush(stdout);
}
}  // namespace

void Report::add(Row row) {
  if (!row.error.empty()) row.met = false;
  rows_.push_back(std::move(row));
  show(rows_.back());
}

std::size_t Report::notMet() const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Row& r) { return !r.met; }));
}

void Report::print() const {
  std::printf("\ncase, figure, percentiles | yardstick of the same run | ratio | goal\n");
  for (const Row& r : rows_) show(r);
}

bool Report::write(const std::string& file) const {
  utsname system{};
  uname(&system);
  double load[3] = {};
  getloadavg(load, 3);
  nlohmann::json out;
  out["machine"] = {{"processor", processor()},
                    {"processors", sysconf(_SC_NPROCESSORS_ONLN)},
                    {"memory_mib", sysconf(_SC_PHYS_PAGES) / 256},
                    {"kernel", std::string(system.sysname) + " " + system.release},
                    {"load_1m_at_end", load[0]}};
  out["rows"] = nlohmann::json::array();
  for (const Row& r : rows_) {
    nlohmann::json row = {{"case", r.name}, {"placement", r.placement}, {"unit", r.unit},
                          {"value", r.value}, {"p50", nullptr}, {"p99", nullptr},
                          {"reference", r.reference}, {"reference_value", r.referenceValue},
                          {"ratio", nullptr}, {"goal", r.goal}, {"met", r.met}};
    if (r.p50 > 0) row["p50"] = r.p50;
    if (r.p99 > 0) row["p99"] = r.p99;
    if (r.ratio > 0) row["ratio"] = r.ratio;
    if (!r.error.empty()) row["error"] = r.error;
    if (!r.note.empty()) row["note"] = r.note;
    out["rows"].push_back(std::move(row));
  }
  std::ofstream stream(file);
  stream << out.dump(2) << "\n";
  return stream.good();
}

}  // namespace ox::bench

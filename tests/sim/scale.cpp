#include "scale.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <vector>

#include "checks.h"
#include "membership/failure_detector.h"
#include "world.h"

namespace ox::sim {
namespace {

constexpr int kSizes[] = {10, 30, 100, 300, 1000};
constexpr int kMostWithData = 30;          // above: membership alone, migrations as a stub
constexpr Micros kPatience = 3600 * kSecond;
constexpr unsigned kMostSeconds = 1800;    // real ones, for one size
constexpr Micros kLearning = (grid::FailureDetector::kLeastSamples + 1) * kSecond;
constexpr int kPort = 5701;

struct Cost {
  double messages = 0, bytes = 0;
};
struct Row {
  int members = 0;
  bool data = false;
  Cost join, crash, second;  // the whole cluster
  std::size_t viewBytes = 0;
  double joinMillis = 0;      // until the newcomer is in everybody's view
  double balanceMillis = 0;   // until it has its share
  double noOwnerMillis = 0;   // from the crash until everybody knows the new owners
  double silentMillis = 0;    // the same when it dies without a word: its connections stay
};

Address place(int i) { return {"10.1." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1), kPort}; }

class Model {
 public:
  Model(int members, std::uint64_t seed)
      : members_(members), world_(seed, tunables(members), members <= kMostWithData ? makeShards
                                                                                  : makeStub) {
    // Everybody knows a few, as from a static list; the others are learned from heartbeats.
    std::vector<Address> known;
    for (int i = 0; i < std::min(members, 3); ++i) known.push_back(place(i));
    world_.setCandidates(known);
  }

  Row measure() {
    Row row;
    row.members = members_;
    row.data = members_ <= kMostWithData;
    for (int i = 0; i < members_; ++i) world_.startMember(place(i));
    settle();
    // Whole periods of the heartbeat; what else is periodic is rare.
    const int seconds = members_ > kMostWithData ? 2 : 10;
    row.second = during(seconds * kSecond);
    row.second.messages /= seconds;
    row.second.bytes /= seconds;
    ByteWriter out;
    view().encode(out);
    row.viewBytes = out.bytes().size();

    const Micros joined = world_.now();
    auto before = events();
    SimMember& newcomer = world_.startMember(place(members_));
    waitFor([&] { return everybody([&](const grid::ClusterView& v) { return v.find(newcomer.id) != nullptr; }); });
    row.joinMillis = static_cast<double>(world_.now() - joined) / 1000;
    settle();
    row.balanceMillis = static_cast<double>(world_.now() - joined) / 1000;
    row.join = since(before);

    const Micros crashed = world_.now();
    before = events();
    SimMember& victim = *world_.living()[static_cast<std::size_t>(members_) / 2];
    const MemberId gone = victim.id;
    world_.crash(victim, false);
    waitFor([&] { return everybody([&](const grid::ClusterView& v) { return v.find(gone) == nullptr; }); });
    row.noOwnerMillis = static_cast<double>(world_.now() - crashed) / 1000;
    settle();
    row.crash = since(before);

    // As in a cluster that has been running: the detector has learnt how regular heartbeats are.
    world_.run(kLearning, [] { return false; });
    const Micros died = world_.now();
    SimMember& silent = *world_.living()[static_cast<std::size_t>(members_) / 3];
    const MemberId dead = silent.id;
    world_.crash(silent, true);
    waitFor([&] { return everybody([&](const grid::ClusterView& v) { return v.find(dead) == nullptr; }); });
    row.silentMillis = static_cast<double>(world_.now() - died) / 1000;
    return row;
  }

 private:
  static Tunables tunables(int members) {
    Tunables t;
    t.partitions = 271;
    t.backups = 1;
    t.shards = 1;
    t.tickMillis = 50;
    t.heartbeatMillis = 1000;
    t.silenceMillis = 10'000;
    t.latency = 150;
    t.jitter = 100;
    t.migrationsPerMember = 8;
    if (members > kMostWithData) {
      t.dataTickMillis = 1000;
      t.dataLinks = false;
    }
    return t;
  }
  Cost total() const {
    return {static_cast<double>(world_.control.messages + world_.data.messages),
            static_cast<double>(world_.control.bytes + world_.data.bytes)};
  }
  Cost heartbeats() const {
    return {static_cast<double>(world_.heartbeats.messages),
            static_cast<double>(world_.heartbeats.bytes)};
  }
  Cost during(Micros length) {
    const Cost before = total();
    world_.run(length, [] { return false; });
    const Cost after = total();
    return {after.messages - before.messages, after.bytes - before.bytes};
  }
  // Heartbeats, which go on all the time, are left out.
  Cost events() const {
    const Cost all = total();
    const Cost beats = heartbeats();
    return {all.messages - beats.messages, all.bytes - beats.bytes};
  }
  Cost since(const Cost& before) const {
    const Cost now = events();
    return {now.messages - before.messages, now.bytes - before.bytes};
  }
  const grid::ClusterView& view() { return *world_.living().front()->view(); }
  template <typename Test>
  bool everybody(const Test& test) {
    for (SimMember* m : world_.living())
      if (!m->view() || !test(*m->view())) return false;
    return true;
  }
  template <typename Test>
  void waitFor(const Test& test) {
    Micros next = 0;
    const bool done = world_.run(kPatience, [&] {
      if (world_.now() < next) return false;
      next = world_.now() + kMillisecond;
      return test();
    });
    reached(done);
  }
  void settle() {
    Micros next = 0;
    const bool done = world_.run(kPatience, [&] {
      if (world_.now() < next) return false;
      next = world_.now() + 20 * kMillisecond;
      std::vector<SeenBy> seen;
      for (SimMember* m : world_.living()) {
        if (!m->view() || !m->view()->migrations.empty()) return false;
        seen.push_back({m->asMember(), m->view()});
      }
      return checkOneCluster(seen).empty() && checkPartitions(*seen.front().view, 1).empty();
    });
    reached(done);
  }
  // A figure of something that did not come to pass is none.
  void reached(bool done) const {
    if (done) return;
    std::fprintf(stderr, "scale: %d members: gave up waiting\n", members_);
    _exit(1);
  }

  int members_;
  World world_;
};

std::string figure(double v) {
  char text[32];
  if (v >= 1e6) std::snprintf(text, sizeof text, "%.1f M", v / 1e6);
  else if (v >= 1e4) std::snprintf(text, sizeof text, "%.0f k", v / 1e3);
  else std::snprintf(text, sizeof text, "%.0f", v);
  return text;
}

// Both axes logarithmic; one line per figure.
void plot(const std::vector<Row>& rows, const std::string& path) {
  struct Line {
    const char* name;
    const char* colour;
    double (*value)(const Row&);
  };
  static const Line kLines[] = {
      {"messages per join", "#1b6ca8", [](const Row& r) { return r.join.messages; }},
      {"messages per crash", "#c0392b", [](const Row& r) { return r.crash.messages; }},
      {"messages per steady second", "#27864b", [](const Row& r) { return r.second.messages; }},
      {"bytes of the view", "#8e5ea2", [](const Row& r) { return static_cast<double>(r.viewBytes); }},
      {"ms until everybody knows of a crash", "#b8860b", [](const Row& r) { return r.noOwnerMillis; }},
      {"ms ... of a silent death", "#555555", [](const Row& r) { return r.silentMillis; }},
  };
  constexpr double kLeft = 70, kTop = 20, kWide = 420, kHigh = 320, kDecadesY = 8;
  const auto x = [&](double members) { return kLeft + (std::log10(members) - 1) / 2 * kWide; };
  const auto y = [&](double v) {
    return kTop + kHigh - std::clamp(std::log10(std::max(v, 1.0)) / kDecadesY, 0.0, 1.0) * kHigh;
  };
  std::ofstream out(path);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"780\" height=\"390\" font-family=\"sans-serif\" "
         "font-size=\"12\">\n<rect width=\"780\" height=\"390\" fill=\"white\"/>\n";
  for (int d = 0; d <= static_cast<int>(kDecadesY); ++d) {
    const double at = y(std::pow(10, d));
    out << "<line x1=\"" << kLeft << "\" x2=\"" << kLeft + kWide << "\" y1=\"" << at << "\" y2=\"" << at
        << "\" stroke=\"#ddd\"/><text x=\"" << kLeft - 8 << "\" y=\"" << at + 4
        << "\" text-anchor=\"end\">1e" << d << "</text>\n";
  }
  for (const Row& r : rows)
    out << "<text x=\"" << x(r.members) << "\" y=\"" << kTop + kHigh + 18
        << "\" text-anchor=\"middle\">" << r.members << "</text>\n";
  out << "<text x=\"" << kLeft + kWide / 2 << "\" y=\"" << kTop + kHigh + 38
      << "\" text-anchor=\"middle\">members</text>\n";
  double legend = kTop + 12;
  for (const Line& line : kLines) {
    out << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << line.colour << "\" points=\"";
    for (const Row& r : rows) out << x(r.members) << "," << y(line.value(r)) << " ";
    out << "\"/>\n";
    for (const Row& r : rows)
      out << "<circle r=\"3\" fill=\"" << line.colour << "\" cx=\"" << x(r.members) << "\" cy=\""
          << y(line.value(r)) << "\"/>";
    out << "\n<rect x=\"" << kLeft + kWide + 20 << "\" y=\"" << legend - 9
        << "\" width=\"12\" height=\"12\" fill=\"" << line.colour << "\"/><text x=\"" << kLeft + kWide + 38
        << "\" y=\"" << legend << "\">" << line.name << "</text>\n";
    legend += 22;
  }
  out << "</svg>\n";
}

// Each size is a process of its own: all at the same time, and one that does not end stops none.
struct Running {
  int size = 0, end = -1;
  pid_t pid = -1;
};

Running begin(int size, std::uint64_t seed) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(kMostSeconds);
    Model model(size, seed);  // left to the end of the process
    const Row r = model.measure();
    const ssize_t written = write(ends[1], &r, sizeof r);
    _exit(written == sizeof r ? 0 : 1);
  }
  close(ends[1]);
  return {size, ends[0], pid};
}

std::optional<Row> finish(const Running& child) {
  Row r;
  const bool whole = read(child.end, &r, sizeof r) == static_cast<ssize_t>(sizeof r);
  close(child.end);
  int status = 0;
  waitpid(child.pid, &status, 0);
  return whole ? std::optional(r) : std::nullopt;
}

}  // namespace

int runScale(std::uint64_t seed, int mostMembers, const std::string& svgPath) {
  std::vector<Row> rows;
  std::printf("| members | data | view bytes | join: messages | join: bytes | join: ms until in all views | "
              "ms until balanced | crash: messages | crash: bytes | crash: ms until known to all | "
              "silent death: ms until known to all | "
              "steady second: messages | bytes |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  std::vector<Running> running;
  for (const int size : kSizes)
    if (size <= mostMembers) running.push_back(begin(size, seed));
  bool all = true;
  for (const Running& child : running) {
    const auto got = child.pid > 0 ? finish(child) : std::nullopt;
    if (!got) {
      std::printf("| %d | did not end | | | | | | | | | | | |\n", child.size);
      all = false;
      continue;
    }
    const Row& r = *got;
    rows.push_back(r);
    std::printf("| %d | %s | %s | %s | %s | %.0f | %.0f | %s | %s | %.0f | %.0f | %s | %s |\n", r.members,
                r.data ? "real" : "stub", figure(static_cast<double>(r.viewBytes)).c_str(),
                figure(r.join.messages).c_str(), figure(r.join.bytes).c_str(), r.joinMillis,
                r.balanceMillis, figure(r.crash.messages).c_str(), figure(r.crash.bytes).c_str(),
                r.noOwnerMillis, r.silentMillis, figure(r.second.messages).c_str(), figure(r.second.bytes).c_str());
    std::fflush(stdout);
  }
  if (!svgPath.empty()) plot(rows, svgPath);
  return all ? 0 : 1;
}

}  // namespace ox::sim

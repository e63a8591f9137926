// Memory per copy, a joining member, fail-over, start.
#include <algorithm>
#include <cstdio>
#include <thread>

#include "cases.h"

namespace ox::bench {
namespace {

constexpr std::size_t kKeyBytes = 32, kValueBytes = 1024;
constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kThrottleMiB = 200;
constexpr int kJoins = 3;

std::string text(const char* format, double a, double b = 0) {
  char out[160];
  std::snprintf(out, sizeof out, format, a, b);
  return out;
}

void memoryRow(Context& context, const char* what, double resident, double payload) {
  Row row;
  row.name = std::string("1,000,000 entries of 1 KiB, resident, ") + what;
  if (context.quick) row.name = std::string("quick: 100,000 entries of 1 KiB, resident, ") + what;
  row.placement = "one member per processor";
  row.unit = "MiB";
  row.value = resident;
  row.reference = "keys and values, MiB";
  row.referenceValue = payload;
  row.ratio = resident / payload;
  row.goal = text("at most 1.15 x + 64 MiB = %.0f MiB", 1.15 * payload + 64);
  row.met = resident <= 1.15 * payload + 64;
  context.report.add(row);
}

// The same records through one connection into memory; MiB a second.
double receiver(Context& context, std::uint64_t entries) {
  Child stream({"stream"}, kRight, context.dir + "/grid-members.log");
  const auto port = static_cast<std::uint16_t>(stream.answer().at("port"));
  stream.send("run " + std::to_string(kKeyBytes + kValueBytes) + " 1");
  streamTo(port, kKeyBytes + kValueBytes, entries);
  const Answer s = stream.answer();
  return s.at("frames") * static_cast<double>(kKeyBytes + kValueBytes) / kMiB / s.at("seconds");
}
}  // namespace

void joinCases(Context& context) {
  const std::uint64_t entries = context.quick ? 100'000 : 1'000'000;
  const double payload = static_cast<double>(entries * (kKeyBytes + kValueBytes)) / kMiB;
  std::vector<double> limits{receiver(context, entries)}, ratios, rates, servings;
  Joined left = startMember(context, kLeft, {});
  const std::string count = std::to_string(entries);
  left.process.ask("fill " + count + " " + std::to_string(kValueBytes));
  memoryRow(context, "owner's copy", left.process.ask("memory").at("rss"), payload);

  // It joins, is measured beside the receiver before and after it, and is killed: several times.
  Joined right;
  for (int round = 0; round < (context.quick ? 1 : kJoins); ++round) {
    if (round > 0) {
      right.process.kill();
      left.process.ask("wait 1");
    }
    right = startMember(context, kRight, {left.port});
    const double balanced = left.process.ask("wait 2").at("at");
    right.process.ask("wait 2");
    servings.push_back(static_cast<double>(right.servedAt - right.process.startedAt()) / 1e6);
    rates.push_back(payload / ((balanced - static_cast<double>(right.joinedAt)) / 1e9));
    limits.push_back(receiver(context, entries));
    ratios.push_back(2 * rates.back() / (limits.back() + limits[limits.size() - 2]));
  }
  const double serving = median(servings), limit = median(limits);
  const char* const size = context.quick ? "quick: 0.1 GiB" : "1 GiB";
  Row row;
  row.name = std::string("second member joins ") + size + ", serving after its process began";
  row.placement = "first member on processor 0, second on processor 1";
  row.unit = "ms";
  row.value = serving;
  row.reference = "-";
  row.goal = "below 1000 ms";
  row.met = serving < 1000;
  context.report.add(row);

  row.name = std::string("second member joins ") + size + ", copied until balanced (median of joins)";
  row.unit = "MiB/s";
  row.value = median(rates);
  row.reference = "one-connection receiver that allocates and copies, MiB/s";
  row.referenceValue = limit;
  row.ratio = median(ratios);
  row.goal = "at least 0.5 x";
  row.met = row.ratio >= 0.5;
  row.error = offBy(kReceiver, limit);
  context.report.add(row);
  memoryRow(context, "backup's copy after the join", right.process.ask("memory").at("rss"),
            payload);

  right.process.kill();
  left.process.ask("wait 1");
  left.process.kill();
  // Again with both throttled, and somebody who asks meanwhile.
  const double throttle = kThrottleMiB * kMiB;
  left = startMember(context, kLeft, {}, throttle);
  left.process.ask("fill " + count + " " + std::to_string(kValueBytes));
  right = startMember(context, kRight, {left.port}, throttle);
  left.process.ask("begin " + std::to_string(kValueBytes) + " " + count);
  const double end = left.process.ask("wait 2").at("at");
  const Answer asked = left.process.ask("end");
  row.name = "requests (1 KiB get, set) meanwhile, migration throttled to " +
             text("%.0f MiB/s", kThrottleMiB);
  row.unit = "ms";
  row.value = row.p99 = asked.at("p99") / 1000;
  row.p50 = asked.at("p50") / 1000;
  row.reference = "copied meanwhile, MiB/s";
  row.referenceValue = payload / ((end - static_cast<double>(right.joinedAt)) / 1e9);
  row.ratio = 0;
  row.goal = "p99 below 10 ms";
  row.met = row.value < 10;
  row.error.clear();
  if (row.referenceValue > 1.2 * kThrottleMiB) row.error = "the throttle does not hold";
  context.report.add(row);
}

void sessionCase(Context& context) {
  const std::uint64_t entries = context.quick ? 100'000 : 1'000'000;
  Pair pair = startPair(context);
  const double left = pair.left.process.ask("memory").at("rss");
  const double right = pair.right.process.ask("memory").at("rss");
  pair.left.process.ask("fill-sessions " + std::to_string(entries), 300'000);
  // Indexes are built by the first look-up, at the owners: of the half of the entries each owns.
  pair.left.process.ask("look-up-sessions " + std::to_string(entries), 300'000);
  const double grown = std::max(pair.left.process.ask("memory").at("rss") - left,
                                pair.right.process.ask("memory").at("rss") - right);
  Row row;
  row.name = std::string(context.quick ? "quick: 100,000" : "1,000,000") +
             " PortableSession entries, values of 520 B, looked up by 3 indexes, per entry and copy";
  row.placement = "one member per processor, each holds one copy of every entry, indexes of its half";
  row.unit = "B";
  row.value = grown * kMiB / static_cast<double>(entries);
  row.reference = "values, B";
  row.referenceValue = 520;
  row.ratio = row.value / 520;
  row.goal = "at most 1536 B";
  row.met = row.value <= 1536;
  context.report.add(row);
}

void failOverCase(Context& context) {
  std::vector<double> all, p50;
  double failures = 0;
  for (int round = 0; round < (context.quick ? 1 : 3); ++round) {
    Joined first = startMember(context, kLeft, {});
    Joined second = startMember(context, kRight, {first.port});
    Joined victim = startMember(context, kRight, {first.port});
    first.process.ask("wait 3");
    const Answer r = first.process.ask("failover " + std::to_string(victim.process.pid()));
    victim.process.forget();
    all.push_back(r.at("all") / 1000);
    p50.push_back(r.at("p50") / 1000);
    failures += r.at("failures");
  }
  Row row;
  row.name = "kill -9 of one of three under load, until every partition has served a write";
  row.placement = "callers and first member on processor 0, second and victim on processor 1";
  row.unit = "ms";
  row.value = row.p99 = *std::max_element(all.begin(), all.end());
  row.p50 = median(p50);
  row.reference = "median of the runs, ms";
  row.referenceValue = median(all);
  row.goal = "below 100 ms";
  row.met = row.value < 100;
  if (failures > 0) row.error = text("%.0f writes were answered with an error", failures);
  context.report.add(row);
}

void startCase(Context& context) {
  Joined first = startMember(context, kLeft, {});
  std::vector<double> joined, nothing;
  for (int round = 0; round < context.rounds(); ++round) {
    const std::int64_t begin = nowNanos();
    Child empty({"nothing"}, kRight, context.dir + "/grid-members.log");
    empty.answer();
    nothing.push_back(static_cast<double>(nowNanos() - begin) / 1e6);
    Joined second = startMember(context, kRight, {first.port});
    joined.push_back(static_cast<double>(second.joinedAt - second.process.startedAt()) / 1e6);
    second.process.kill();
    first.process.ask("wait 1");
  }
  Row row;
  row.name = "process start to joined, second member";
  row.placement = "first member on processor 0, second on processor 1";
  row.unit = "ms";
  row.value = row.p50 = median(joined);
  row.p99 = *std::max_element(joined.begin(), joined.end());
  row.reference = "start of the same program that does nothing, ms";
  row.referenceValue = median(nothing);
  row.ratio = row.value / row.referenceValue;
  row.goal = "below 200 ms";
  row.met = row.value < 200;
  context.report.add(row);
}

}  // namespace ox::bench

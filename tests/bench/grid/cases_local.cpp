// One member and its callers; two members and one, paced or thirty-two callers.
#include <algorithm>
#include <cstdio>

#include "cases.h"

namespace ox::bench {
namespace {

std::string text(const char* format, double a, double b = 0) {
  char out[160];
  std::snprintf(out, sizeof out, format, a, b);
  return out;
}

// From outside the shard's thread, the caller on kLeft and the shard on `shardCpu`. Short turns of
// nothing, get and set by the same thread: whatever the processors do meanwhile (sleep deeper, wake
// faster, work for others) happens to all three, so the ratio is one of the turns.
void fromOutside(Context& context, Child& member, int shardCpu) {
  member.ask("pin-shard " + std::to_string(shardCpu));
  const int turns = context.quick ? 5 : 15;
  const Answer r = member.ask(text("turns %.0f %.3f 100 0", turns, 0.1));
  const double plain =
      member.ask("post 0.3 " + std::to_string(shardCpu) + " 0").at("p50");
  for (const std::string op : {"get", "set"}) {
    Row row;
    row.name = "embedded " + op + ", owned, 1 thread, from outside, " +
               (shardCpu == kLeft ? "one processor" : "apart");
    row.placement = shardCpu == kLeft ? "caller and shard on processor 0"
                                      : "caller on processor 0, shard on processor 1";
    row.unit = "us";
    row.value = row.p50 = r.at(op + "50");
    row.p99 = r.at(op + "99");
    row.reference = text("empty post to the same thread, waited for alike, p50 us "
                         "(by a plain epoll loop and a futex %.1f)", plain);
    row.referenceValue = r.at("empty50");
    row.ratio = r.at(op + "-ratio");
    row.goal = "at most 1.5 x";
    row.met = row.ratio <= 1.5;
    if (r.at("high") > 2 * r.at("low"))
      row.error = text("the machine is too busy: half of the empty turns took less than %.1f or more "
                       "than %.1f us", r.at("low"), r.at("high"));
    context.report.add(row);
  }
}
}  // namespace

void insideCases(Context& context) {
  Joined member = startMember(context, -1, {});
  fromOutside(context, member.process, kLeft);
  fromOutside(context, member.process, kRight);
  for (const char* op : {"get", "set"}) {
    std::vector<double> p50, p99, plain;
    const std::string arguments = std::string(" ") + op + text(" %.3f", context.seconds(0.5));
    for (int round = 0; round < context.rounds(); ++round) {
      plain.push_back(member.process.ask("plain-map" + arguments).at("p50"));
      const Answer r = member.process.ask("inside" + arguments);
      p50.push_back(r.at("p50"));
      p99.push_back(r.at("p99"));
    }
    Row row;
    row.name = std::string("embedded ") + op + ", owned, inside the shard's thread";
    row.placement = "shard on processor 1, nothing else there";
    row.unit = "us";
    row.value = row.p50 = median(p50);
    row.p99 = median(p99);
    row.reference = "plain hash map, same keys and copies, p50 us";
    row.referenceValue = median(plain);
    row.ratio = row.value / row.referenceValue;
    row.goal = "median below 0.5 us";
    row.met = row.value < 0.5;
    context.report.add(row);
  }
}

void pairCases(Context& context) {
  const std::string placement = "caller and first member on processor 0, second on processor 1";
  const EchoSizes sizes = backupSizes(100);
  std::uint16_t port = 0;
  const Child server = startEcho(context, sizes, port);
  Pair pair = startPair(context);
  Child& left = pair.left.process;

  const std::string seconds = text("%.3f", context.seconds(0.4));
  std::vector<double> echo50, echo99, own50, own99, ownRatio, other50, other99, otherRatio;
  for (int round = 0; round < context.rounds(); ++round) {
    const EchoResult e = echo(port, sizes, 1, context.seconds(0.4));
    echo50.push_back(e.p50);
    echo99.push_back(e.p99);
    const Answer own = left.ask("closed set own 1 " + seconds + " 100");
    own50.push_back(own.at("p50"));
    own99.push_back(own.at("p99"));
    ownRatio.push_back(own.at("p50") / e.p50);
    const Answer other = left.ask("closed set other 1 " + seconds + " 100");
    other50.push_back(other.at("p50"));
    other99.push_back(other.at("p99"));
    otherRatio.push_back(other.at("p50") / e.p50);
  }
  Row row;
  row.name = "2 members, 1 sync backup, 100 B set, 1 caller, keys it owns";
  row.placement = placement;
  row.unit = "us";
  row.value = row.p50 = median(own50);
  row.p99 = median(own99);
  row.reference = "epoll echo of the same sizes, p50 us";
  row.referenceValue = median(echo50);
  row.ratio = median(ownRatio);
  row.goal = "at most 1.6 x";
  row.met = row.ratio <= 1.6;
  row.error = offBy(kEchoApart, row.referenceValue);
  context.report.add(row);
  // The owner is asked and asks its backup: two round trips cannot be avoided.
  row.name = "2 members, 1 sync backup, 100 B set, 1 caller, keys the other owns";
  row.value = row.p50 = median(other50);
  row.p99 = median(other99);
  row.ratio = median(otherRatio);
  row.goal = "two round trips: at most 3.2 x";
  row.met = row.ratio <= 3.2;
  context.report.add(row);

  std::vector<double> paced50, paced99, late99;
  double least = 20'000;
  for (int round = 0; round < context.rounds(); ++round) {
    const Answer paced = left.ask(text("open 20000 %.1f 100", context.seconds(1)));
    paced50.push_back(paced.at("p50"));
    paced99.push_back(paced.at("p99"));
    late99.push_back(paced.at("late99"));
    least = std::min(least, paced.at("rate"));
  }
  row.name = "2 members, 1 sync backup, 100 B set, 20,000 a second, any key";
  row.value = row.p99 = median(paced99);
  row.p50 = median(paced50);
  row.reference = "epoll echo of the same sizes, p99 us";
  row.referenceValue = median(echo99);
  row.ratio = row.value / row.referenceValue;
  row.goal = "p99 below 1000 us";
  row.met = row.value < 1000;
  row.error.clear();
  row.placement = placement + text("; times count from when each was due, the caller itself began "
                                   "p99 %.0f us late", median(late99));
  if (least < 19'800) row.error = text("only %.0f a second could be sent", least);
  // Whoever is that late had no processor: that is the scheduler's figure.
  else if (median(late99) > 500) row.error = "the caller was not given its processor";
  context.report.add(row);

  std::vector<double> rate, p50, p99, limit;
  for (int round = 0; round < (context.quick ? 1 : 3); ++round) {
    limit.push_back(echo(port, sizes, 32, context.seconds(0.6)).perSecond);
    const Answer r = left.ask(text("closed set any 32 %.3f 100", context.seconds(1.5)));
    rate.push_back(r.at("rate"));
    p50.push_back(r.at("p50"));
    p99.push_back(r.at("p99"));
  }
  row.name = "2 members, 1 sync backup, 100 B set, 32 callers, any key";
  row.unit = "set/s";
  row.placement = "32 callers and first member on processor 0, second on processor 1";
  row.value = median(rate);
  row.p50 = median(p50);
  row.p99 = median(p99);
  row.reference = "epoll echo, 32 in flight, a second";
  row.referenceValue = median(limit);
  row.ratio = row.value / row.referenceValue;
  row.goal = "at least 60,000 a second";
  row.met = row.value >= 60'000;
  row.error.clear();
  context.report.add(row);
}

void topicCases(Context& context) {
  // The frame of a topic message; a plain echo goes there and back with the same size.
  constexpr std::size_t kFrame = 4 + 3 + 20 + 8 + 15 + 100;
  const EchoSizes sizes{kFrame, kFrame};
  std::uint16_t port = 0;
  const Child server = startEcho(context, sizes, port);
  Child stream({"stream"}, kRight, context.dir + "/grid-members.log");
  const auto streamPort = static_cast<std::uint16_t>(stream.answer().at("port"));
  Pair pair = startPair(context);
  Child& left = pair.left.process;
  Child& right = pair.right.process;
  right.ask("subscribe");

  std::vector<double> echo50, p50, p99;
  const std::uint64_t paced = context.quick ? 500 : 2000;
  for (int round = 0; round < context.rounds(); ++round) {
    echo50.push_back(echo(port, sizes, 1, context.seconds(0.3)).p50);
    left.ask("publish " + std::to_string(paced) + " 100 5000");
    const Answer r = right.ask("received " + std::to_string(paced));
    p50.push_back(r.at("p50"));
    p99.push_back(r.at("p99"));
  }
  Row row;
  row.name = "topic, 100 B, one-way to a subscriber on the other member, 5,000 a second";
  row.placement = "publisher on processor 0, subscriber on processor 1";
  row.unit = "us";
  row.value = row.p50 = median(p50);
  row.p99 = median(p99);
  row.reference = "half of an epoll echo of the same size, p50 us";
  row.referenceValue = median(echo50) / 2;
  row.ratio = row.value / row.referenceValue;
  row.goal = "p50 below 70 us";
  row.met = row.value < 70;
  row.error = offBy(kEchoApart, median(echo50));
  context.report.add(row);

  const std::uint64_t many = context.quick ? 500'000 : 3'000'000;
  std::vector<double> rate, limit, late50, late99;
  double gaps = 0;
  for (int round = 0; round < (context.quick ? 1 : 3); ++round) {
    stream.send("run " + std::to_string(sizes.request) + " 1");
    streamTo(streamPort, sizes.request, many);
    const Answer s = stream.answer();
    limit.push_back(s.at("frames") / s.at("seconds") / 1e6);
    left.send("publish " + std::to_string(many) + " 100 0");
    const Answer r = right.ask("received " + std::to_string(many));
    left.answer();
    rate.push_back(r.at("rate") / 1e6);
    late50.push_back(r.at("p50"));
    late99.push_back(r.at("p99"));
    gaps += r.at("gaps");
  }
  row.name = "topic, 100 B, as many as one publisher can, to the other member";
  row.unit = "M/s";
  row.value = median(rate);
  row.p50 = median(late50);
  row.p99 = median(late99);
  row.reference = "plain stream of such frames, each allocated and copied, M/s";
  row.referenceValue = median(limit);
  row.ratio = row.value / row.referenceValue;
  row.goal = "at least 1.5 M a second";
  row.met = row.value >= 1.5;
  row.error = gaps > 0 ? text("%.0f gaps", gaps) : "";
  context.report.add(row);
}

}  // namespace ox::bench

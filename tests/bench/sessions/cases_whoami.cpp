// whoami beside Tomcat and a bare answer; whoami while one of three members is dead.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cases.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr std::size_t kSessions = kConnections;
constexpr int kTurnSeconds = 2;
constexpr int kDeadTurnSeconds = 5;  // the p99 of shorter turns is that of a few slices of the scheduler
constexpr int kWarmSeconds = 30;  // Tomcat, before it is measured
constexpr long kTomcatFirst = 1'000'000'000;  // Counter.java
constexpr double kGoal = 1.5;
constexpr double kDeadGoal = 2;
constexpr double kLeastShare = 0.6;

struct Place {
  const char* name;
  int server, client;  // processors, -1: wherever the scheduler likes
  int threads;         // of wrk, and of the bare server
};
constexpr Place kPlaces[] = {
    {"each server alone on processor 0, wrk on processor 1", kLeft, kRight, 1},
    {"servers and wrk where the scheduler likes", -1, -1, 2}};

struct Target {
  const char* name;
  RequestFile requests;
  std::uint16_t port = 0;
  pid_t pid = 0;
  double bytes = 0;  // of one answer
  // Of the turns.
  std::vector<double> rates, p50, p99, micros;
  double bad = 0;
};

double sizeOf(const HttpClient::Answer& answer) {
  if (answer.status != 200)
    throw std::runtime_error("a request of the bench was answered by " +
                             std::to_string(answer.status));
  return static_cast<double>(answer.head.size() + 2 + answer.body.size());
}

// Whatever wrk was answered has the size of the right answer.
void checked(const Target& target, const WrkResult& r) {
  if (r.requests < 1 || std::abs(r.bytes / r.requests - target.bytes) > 1)
    throw std::runtime_error(std::string(target.name) + ": answers of " +
                             std::to_string(r.bytes / std::max(r.requests, 1.0)) + " bytes, not " +
                             std::to_string(target.bytes));
}

void turn(const Context& context, Target& target, const Place& place, int seconds) {
  const double before = processorSeconds(target.pid);
  const WrkResult r = wrk(context.source, target.requests, target.port, place.threads, seconds,
                          place.client);
  checked(target, r);
  target.micros.push_back((processorSeconds(target.pid) - before) * 1e6 / r.requests);
  target.rates.push_back(r.perSecond);
  target.p50.push_back(r.p50);
  target.p99.push_back(r.p99);
  target.bad += r.bad;
}

Target ours(Context& context, std::vector<std::pair<std::string, std::string>>& requests) {
  Servers& servers = context.servers();
  Browser last;
  for (std::size_t i = 0; i < kSessions; ++i) {
    last = servers.logIn(1, i);
    requests.emplace_back(last.whoami(), last.cookies());
  }
  Target target{"whoami", RequestFile(context.dir + "/whoami.requests"), servers.http(1),
                servers.pid(1)};
  target.requests.write(requests);
  HttpClient client(target.port);
  target.bytes = sizeOf(client.ask(last.text(last.whoami())));
  return target;
}

// Tomcat is sent what a browser of the product sends: as long a query and the same cookies, but for
// the JSESSIONID, which is its own.
std::string withOwnSession(const std::string& ours, const std::string& own) {
  std::string out = own;
  for (std::size_t at = 0; at < ours.size();) {
    const std::size_t end = std::min(ours.find("; ", at), ours.size());
    const std::string cookie = ours.substr(at, end - at);
    if (!cookie.starts_with("JSESSIONID=")) out += "; " + cookie;
    at = end + 2;
  }
  return out;
}

Target tomcat(Context& context, const std::vector<std::pair<std::string, std::string>>& browsers) {
  const Servers::Place place = context.servers().startTomcat();
  std::vector<std::pair<std::string, std::string>> requests;
  HttpClient client(place.port);
  Browser last;
  for (const auto& [target, cookies] : browsers) {
    last = Browser();
    last.ask(client, "/counter");
    requests.emplace_back("/counter" + target.substr(target.find('?')),
                          withOwnSession(cookies, last.cookies()));
  }
  Target target{"Tomcat", RequestFile(context.dir + "/tomcat.requests"), place.port, place.pid};
  target.requests.write(requests);
  const Place& anywhere = kPlaces[1];
  wrk(context.source, target.requests, target.port, anywhere.threads,
      context.quick ? 5 : kWarmSeconds, anywhere.client);
  const std::string counted = last.ask(client, "/counter");
  if (std::stol(jsonText(counted, {"data", "count"})) <= kTomcatFirst + 1)
    throw std::runtime_error("Tomcat's sessions do not count");
  target.bytes = sizeOf(client.ask(last.text("/counter")));
  return target;
}

void clear(Target& target) {
  target.rates.clear();
  target.p50.clear();
  target.p99.clear();
  target.micros.clear();
}
}  // namespace

void whoamiCases(Context& context) {
  std::vector<std::pair<std::string, std::string>> browsers;
  Target app = ours(context, browsers);
  Target java = tomcat(context, browsers);
  Row row;
  for (const Place& place : kPlaces) {
    Child child({"bare", std::to_string(static_cast<int>(app.bytes)), std::to_string(place.threads)},
                place.server, context.dir + "/sessions-servers.log");
    Target bare{"bare answer", app.requests,
                static_cast<std::uint16_t>(child.answer().at("port")), child.pid()};
    {
      HttpClient client(bare.port);
      bare.bytes = sizeOf(client.ask("GET / HTTP/1.1\r\n\r\n"));
    }
    pinProcess(app.pid, place.server);
    pinProcess(java.pid, place.server);
    std::vector<double> ratios, ofBare, bareRatios;
    const int seconds = context.quick ? 1 : kTurnSeconds;
    for (int round = 0; round < context.rounds(); ++round) {
      turn(context, app, place, seconds);
      turn(context, java, place, seconds);
      turn(context, bare, place, seconds);
      ratios.push_back(app.rates.back() / java.rates.back());
      ofBare.push_back(app.rates.back() / bare.rates.back());
      bareRatios.push_back(bare.rates.back() / java.rates.back());
    }
    const std::string figures =
        text("processor time of an answer %.1f us, Tomcat %.1f us, bare %.1f us", median(app.micros),
             median(java.micros), median(bare.micros)) +
        text("; Tomcat p50 %.0f p99 %.0f us", median(java.p50), median(java.p99)) +
        text("; bare epoll answer of the same size %.0f a second, we reach %.2f of it",
             median(bare.rates), median(ofBare));
    if (&place == &kPlaces[0]) {
      row.name = "whoami, 64 connections, 64 sessions, cookies sent";
      row.placement = place.name;
      row.unit = "/s";
      row.value = median(app.rates);
      row.p50 = median(app.p50);
      row.p99 = median(app.p99);
      row.reference = "Tomcat 10, session counter, a second";
      row.referenceValue = median(java.rates);
      row.ratio = median(ratios);
      row.goal = text("at least %.1f x", kGoal);
      row.met = row.ratio >= kGoal;
      row.note = figures;
      row.error = unsteady("the bare answer", bare.rates);
      // Asked by 64 connections the server is never idle, unless somebody else has the processors.
      if (const double share = row.value * median(app.micros) / 1e6; share < kLeastShare)
        row.error = text("the server was given %.2f of a processor, known is more than %.1f", share,
                         kLeastShare);
    } else {
      // wrk takes about half of the processors from whoever is asked: a figure, but no goal.
      row.note += std::string("; ") + place.name + ": " +
                  text("%.0f a second, %.2f x Tomcat's %.0f", median(app.rates), median(ratios),
                       median(java.rates)) +
                  text(" (the bare answer %.2f x); ", median(bareRatios)) + figures;
    }
    if (app.bad > 0) row.error = text("%.0f requests failed", app.bad);
    for (Target* target : {&app, &java}) {
      pinProcess(target->pid, -1);
      clear(*target);
    }
  }
  context.report.add(row);
  context.servers().endTomcat();
}

void deadMemberCase(Context& context) {
  Servers& servers = context.servers();
  constexpr int kVictim = 3;
  std::vector<double> before, dead, ratios;
  double bad = 0;
  for (int round = 0; round < context.rounds(); ++round) {
    for (const bool killed : {false, true}) {
      // A third of the sessions was made at each node: what is not node 1's is taken over by it.
      std::vector<std::pair<std::string, std::string>> requests;
      Browser last;
      for (std::size_t i = 0; i < kSessions; ++i) {
        last = servers.logIn(static_cast<int>(i % Servers::kNodes) + 1, i);
        requests.emplace_back(last.whoami(), last.cookies());
      }
      const RequestFile file(context.dir + "/whoami.requests");
      file.write(requests);
      if (killed) servers.kill(kVictim);
      const WrkResult r = wrk(context.source, file, servers.http(1), 2,
                              context.quick ? 1 : kDeadTurnSeconds, -1);
      bad += r.bad;
      (killed ? dead : before).push_back(r.p99 / 1000);
      HttpClient client(servers.http(1));
      if (jsonText(last.ask(client, last.whoami()), {"data", "session"}) != last.session)
        throw std::runtime_error("whoami does not know a session any more");
    }
    ratios.push_back(dead.back() / before.back());
    servers.start(kVictim);
  }
  Row row;
  row.name = "whoami, 64 connections, one of three members killed as it begins";
  row.placement = "where the scheduler likes; 21 sessions are the victim's, 21 another member's";
  row.unit = "ms";
  row.value = row.p99 = median(dead);
  row.reference = "p99 of the same with three members, ms";
  row.referenceValue = median(before);
  row.ratio = median(ratios);
  row.goal = text("at most %.0f x", kDeadGoal);
  row.met = row.ratio <= kDeadGoal;
  row.error = unsteady("p99 before the kill, us,", [&] {
    std::vector<double> micros;
    for (const double ms : before) micros.push_back(ms * 1000);
    return micros;
  }());
  if (bad > 0) row.error = text("%.0f requests failed", bad);
  context.report.add(row);
}

}  // namespace ox::bench

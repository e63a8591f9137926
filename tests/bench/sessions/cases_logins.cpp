// Logins a second, and what a request costs that comes to the wrong node.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "cases.h"
#include "database/password.h"
#include "http/url.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr int kCallers = 32;
constexpr int kProcessors = 2;
constexpr int kWhoamis = 20;  // per login: they are quick
constexpr double kHashedGoal = 0.8;
constexpr double kPlainGoal = 1000;
constexpr double kTakeoverGoalMillis = 5;
constexpr double kHolderMillis = 1;  // on a machine that does nothing else

// One caller: a connection and the sessions it has made.
struct Caller {
  explicit Caller(std::uint16_t port) : client(port) {}
  HttpClient client;
  std::vector<Browser> made;
  Samples samples;
};

// Runs `step` `times` times per caller, all at the same time; seconds from the first to the last.
double together(std::vector<Caller>& callers, int times,
                const std::function<void(Caller&, std::size_t, int)>& step) {
  std::barrier begin(static_cast<std::ptrdiff_t>(callers.size()) + 1);
  std::exception_ptr failure;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < callers.size(); ++i)
    threads.emplace_back([&, i] {
      begin.arrive_and_wait();
      try {
        for (int n = 0; n < times; ++n) step(callers[i], i, n);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    });
  begin.arrive_and_wait();
  const std::int64_t from = nowNanos();
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return static_cast<double>(nowNanos() - from) / 1e9;
}

void logOutAll(std::vector<Caller>& callers) {
  together(callers, 1, [](Caller& caller, std::size_t, int) {
    for (Browser& browser : caller.made)
      browser.ask(caller.client, "/ajax/login?action=logout&session=" + browser.session);
    caller.made.clear();
  });
}

// Verifications of one password a second, on all processors.
double hashes(const Context& context) {
  const std::string password = context.running->password();
  const auto stored = db::makePassword(password);
  if (!stored.ok()) throw std::runtime_error(stored.error().toString());
  std::atomic<int> done{0};
  const std::int64_t from = nowNanos();
  const std::int64_t end = from + (context.quick ? 500'000'000 : 1'000'000'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < kProcessors; ++i)
    threads.emplace_back([&] {
      while (nowNanos() < end)
        if (db::verifyPassword(password, *stored)) ++done;
    });
  for (auto& thread : threads) thread.join();
  return done * 1e9 / static_cast<double>(nowNanos() - from);
}

Row loginRow(std::vector<double> rates, Samples samples) {
  Row row;
  row.placement = "where the scheduler likes; stored at one node, copied to another";
  row.unit = "/s";
  row.value = median(std::move(rates));
  row.p50 = samples.micros(0.5);
  row.p99 = samples.micros(0.99);
  return row;
}

Samples collected(std::vector<Caller>& callers) {
  Samples all;
  for (Caller& caller : callers) {
    all.add(caller.samples);
    caller.samples.clear();
  }
  return all;
}

std::vector<Caller> connected(const Servers& servers) {
  std::vector<Caller> callers;
  callers.reserve(kCallers);
  for (int i = 0; i < kCallers; ++i) callers.emplace_back(servers.http(1));
  return callers;
}

void withHash(Context& context) {
  Servers& servers = context.servers();
  std::vector<Caller> callers = connected(servers);
  std::vector<double> rates, bare, ratios;
  const int each = context.quick ? 1 : 2;
  for (int round = 0; round < context.rounds(); ++round) {
    bare.push_back(hashes(context));
    const double seconds = together(callers, each, [&](Caller& caller, std::size_t i, int) {
      const std::int64_t before = nowNanos();
      caller.made.emplace_back();
      caller.made.back().logIn(caller.client, Servers::user(i), servers.password());
      caller.samples.add(nowNanos() - before);
    });
    rates.push_back(kCallers * each / seconds);
    ratios.push_back(rates.back() / bare.back());
    logOutAll(callers);
  }
  Row row = loginRow(rates, collected(callers));
  row.name = "logins, 32 callers, with the hash of the password";
  row.reference = "bcrypt verifications on both processors, a second";
  row.referenceValue = median(bare);
  row.ratio = median(ratios);
  row.goal = text("at least %.1f x", kHashedGoal);
  row.met = row.ratio >= kHashedGoal;
  row.error = unsteady("the bcrypt verifications", bare);
  context.report.add(row);
}

// Every login by password costs one bcrypt, whatever is stored, so that nobody learns anything by the
// time it takes. An application that redeems a token gets a session by the same steps without it.
void withoutHash(Context& context) {
  Servers& servers = context.servers();
  std::vector<Caller> callers = connected(servers);
  std::vector<Browser> of;
  for (std::size_t i = 0; i < callers.size(); ++i) of.push_back(servers.logIn(1, i));
  const int each = context.quick ? 10 : 50;
  std::vector<double> rates, asked, ratios;
  for (int round = 0; round < context.rounds(); ++round) {
    std::vector<std::vector<std::string>> tokens(callers.size());
    together(callers, each, [&](Caller& caller, std::size_t i, int) {
      tokens[i].push_back(jsonText(
          of[i].ask(caller.client, "/ajax/token?action=acquireToken&session=" + of[i].session),
          {"data", "token"}));
    });
    const double whoami = together(callers, each * kWhoamis, [&](Caller& caller, std::size_t i, int) {
      of[i].ask(caller.client, of[i].whoami());
    });
    asked.push_back(kCallers * each * kWhoamis / whoami);
    const double seconds = together(callers, each, [&](Caller& caller, std::size_t i, int n) {
      const std::string form = "token=" + http::percentEncode(tokens[i][static_cast<std::size_t>(n)]) +
                               "&client=bench-app&secret=" + servers.appSecret();
      const std::int64_t before = nowNanos();
      caller.made.emplace_back();
      Browser& browser = caller.made.back();
      browser.session =
          jsonText(browser.ask(caller.client, "/ajax/login?action=redeemToken", form), {"session"});
      caller.samples.add(nowNanos() - before);
    });
    rates.push_back(kCallers * each / seconds);
    ratios.push_back(rates.back() / asked.back());
    logOutAll(callers);
  }
  Row row = loginRow(rates, collected(callers));
  row.name = "logins, 32 callers, without a hash (a token redeemed)";
  row.reference = "whoami of the same callers, a second";
  row.referenceValue = median(asked);
  row.ratio = median(ratios);
  row.goal = text("at least %.0f a second", kPlainGoal);
  row.met = row.value >= kPlainGoal;
  row.error = unsteady("whoami", asked);
  context.report.add(row);
}

}  // namespace

void loginCases(Context& context) {
  context.servers();
  withHash(context);
  withoutHash(context);
}

void takeoverCase(Context& context) {
  Servers& servers = context.servers();
  Browser browser = servers.logIn(1);
  std::vector<HttpClient> nodes;
  nodes.emplace_back(servers.http(1));
  nodes.emplace_back(servers.http(2));
  const auto ask = [&](std::size_t node, bool expected, Samples& into) {
    const std::int64_t before = nowNanos();
    const std::string answer = browser.ask(nodes[node], browser.whoami());
    into.add(nowNanos() - before);
    if ((jsonText(answer, {"data", "takenOver"}) == "true") != expected ||
        jsonText(answer, {"data", "session"}) != browser.session)
      throw std::runtime_error("not what a takeover answers: " + answer);
  };
  Samples moved, stayed;
  const int times = context.quick ? 200 : 2000;
  std::size_t at = 0;
  for (int i = 0; i < times; ++i) {
    at = 1 - at;
    ask(at, true, moved);
    ask(at, false, stayed);
  }
  Row row;
  row.name = "whoami at the node that does not hold the session: takeover";
  row.placement = "where the scheduler likes; one session goes to and fro between two nodes";
  row.unit = "ms";
  row.p50 = moved.micros(0.5) / 1000;
  row.value = row.p99 = moved.micros(0.99) / 1000;
  row.reference = "p99 of the next one, at the holder, ms";
  row.referenceValue = stayed.micros(0.99) / 1000;
  row.ratio = row.value / row.referenceValue;
  row.goal = text("p99 below %.0f ms", kTakeoverGoalMillis);
  row.met = row.value < kTakeoverGoalMillis;
  if (row.referenceValue > kHolderMillis)
    row.error = text("the holder's own p99 is %.2f ms, known is less than %.0f", row.referenceValue,
                     kHolderMillis);
  row.note = text("at the holder p50 %.2f ms; the slowest takeover %.2f ms",
                  stayed.micros(0.5) / 1000, moved.micros(1) / 1000);
  context.report.add(row);
}

}  // namespace ox::bench

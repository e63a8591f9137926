// All schemas by runallupdate beside the client that is fed the same SQL: time, ETA, memory of the node.
#include <algorithm>

#include "cases.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr double kGoalRatio = 1.1;
constexpr double kEtaPercent = 20;
constexpr double kMemoryPercent = 10;
constexpr double kSlackMiB = 8;  // of a quick run, whose node has hardly begun
constexpr int kTasks = 4;        // per schema, as in work.py
constexpr double kTaskMillis = 5, kLockMillis = 5;
constexpr double kKnownSchemaMillis = 30;  // its SQL by the client, data in memory

struct Turns {
  std::vector<double> seconds, ratios, job, node, questions;
  std::vector<double> etaFirst, etaMedian, etaWorst;
  void add(const RunResult& run, double client) {
    seconds.push_back(run.seconds);
    ratios.push_back(run.seconds / client);
    job.push_back(run.job);
    node.push_back(run.nodeSeconds);
    questions.push_back(run.questions);
    if (run.etas == 0) return;
    etaFirst.push_back(run.etaFirst);
    etaMedian.push_back(run.etaMedian);
    etaWorst.push_back(run.etaWorst);
  }
};

Row timeRow(const Turns& turns, const std::vector<double>& client, double statements, int schemas) {
  Row row;
  row.unit = "s";
  row.value = median(turns.seconds);
  row.referenceValue = median(client);
  row.ratio = median(turns.ratios);
  row.goal = text("at most %.1f x", kGoalRatio);
  row.met = row.ratio <= kGoalRatio;
  row.error = unsteady("the client", client);
  row.note = text("the job itself %.1f s; the node used %.1f s of a processor, %.1f ms a schema",
                  median(turns.job), median(turns.node), median(turns.node) / schemas * 1000) +
             text("; %.0f statements per schema, %.0f of them the client's", median(turns.questions),
                  statements / schemas);
  return row;
}

// Ratios are of neighbouring turns; who begins changes from round to round.
template <typename Ours, typename Theirs>
void inTurns(int round, const Ours& ours, const Theirs& theirs) {
  if (round % 2 == 0) theirs();
  ours();
  if (round % 2 != 0) theirs();
}

std::string schemasText(int schemas) {
  return std::to_string(schemas) + " schemas of " + std::to_string(kTables) + " tables";
}

}  // namespace

void runCases(UpdatesContext& context) {
  Installation& made = context.installation();
  const int schemas = context.schemas();
  const int onOne = (schemas + kHosts - 1) / kHosts;
  // Warm: every table was opened, the tables of the update tasks exist, the node had all its threads.
  made.run(4, 0);
  made.run(1, 0);
  int jobs = 2;
  double before = made.memoryMiB();
  int jobsBefore = jobs;

  Turns one, two, four, alone;
  std::vector<double> client, clientAlone;
  double statements = 0, statementsAlone = 0;
  for (int round = 0; round < context.rounds(); ++round) {
    RunResult run;
    inTurns(round, [&] { run = made.run(1, 0); }, [&] {
      const ClientResult fed = made.client(0);
      client.push_back(fed.seconds);
      statements = fed.statements;
    });
    one.add(run, client.back());
    two.add(made.run(2, 0), client.back());
    four.add(made.run(4, 0), client.back());
    inTurns(round, [&] { run = made.run(1, 1); }, [&] {
      const ClientResult fed = made.client(1);
      clientAlone.push_back(fed.seconds);
      statementsAlone = fed.statements;
    });
    alone.add(run, clientAlone.back());
    jobs += 4;
    if (round > 0 || context.rounds() == 1) continue;
    before = made.memoryMiB();  // whatever is made once was made now
    jobsBefore = jobs;
  }
  const double after = made.memoryMiB();

  for (const auto& [parallel, turns] : {std::pair<int, const Turns&>{1, one}, {2, two}, {4, four}}) {
    Row row = timeRow(turns, client, statements, schemas);
    row.name = "runallupdate, " + schemasText(schemas) + ", 3 hosts, " + std::to_string(parallel) +
               " per host";
    row.placement = made.placement();
    row.reference = "one mariadb client, same SQL, host after host, s";
    context.report.add(row);
  }
  // The same work on one server at the same time: what we cost, whatever a host has to do.
  Row single = timeRow(alone, clientAlone, statementsAlone, onOne);
  single.name = "the same, " + schemasText(onOne) + ", one host, 1 at a time: a schema beside its SQL";
  single.placement = made.placement();
  single.unit = "ms";
  single.referenceValue = median(clientAlone) / onOne * 1000;
  single.value = median(alone.seconds) / onOne * 1000 - single.referenceValue;
  single.reference = "its SQL by one mariadb client, ms";
  const double allowed = kTasks * kTaskMillis + kLockMillis;
  single.goal = text("below %.0f ms (%.0f tasks, two locks)", allowed, kTasks);
  single.met = single.value < allowed;
  single.note = text("%.1f s beside %.1f s; ", median(alone.seconds), median(clientAlone)) + single.note;
  if (single.error.empty() && single.referenceValue > kKnownSchemaMillis * 1.3)
    single.error = text("the client needs %.1f ms a schema, known are less than %.0f",
                        single.referenceValue, kKnownSchemaMillis);
  context.report.add(single);

  Row eta;
  eta.name = "ETA of " + schemasText(schemas) + ", 3 hosts, 1 per host: off when a tenth was done";
  eta.placement = made.placement();
  eta.unit = "%";
  eta.value = median(one.etaFirst);
  eta.p50 = median(one.etaMedian);
  eta.p99 = median(one.etaWorst);
  eta.reference = "time that was left then, %";
  eta.referenceValue = 100;
  eta.goal = text("at most %.0f %%", kEtaPercent);
  eta.met = !one.etaFirst.empty() && eta.value <= kEtaPercent;
  if (one.etaFirst.empty()) eta.error = "the job ended before it told an ETA";
  eta.note = text("p50 and p99: median and worst of all lines until nine tenths; 2 per host %.1f %%, 4 "
                  "per host %.1f %%", median(two.etaFirst), median(four.etaFirst));
  context.report.add(eta);

  Row memory;
  memory.name = "memory of the node after " + std::to_string(jobs) + " jobs";
  memory.placement = "the daemon's process";
  memory.unit = "MiB";
  memory.value = after;
  memory.reference = "after " + std::to_string(jobsBefore) + " jobs, MiB";
  memory.referenceValue = before;
  memory.ratio = after / before;
  memory.goal = text("at most %.0f %% more", kMemoryPercent);
  memory.met = after <= before * (1 + kMemoryPercent / 100) || (context.quick && after - before < kSlackMiB);
  context.report.add(memory);
}

}  // namespace ox::bench

// What a task costs beside its SQL: many tasks of one cheap statement each.
#include "cases.h"
#include "stats.h"

namespace ox::bench {
namespace {
constexpr double kGoalMillis = 5;
// One UPDATE with its commit on this kind of machine; a third more is a machine that is busy.
constexpr double kKnownClientMillis = 0.5;
}  // namespace

void taskCase(UpdatesContext& context) {
  Installation& made = context.installation();
  const int tasks = context.quick ? 20 : 100, schemas = context.quick ? 4 : 10;
  made.small(tasks, schemas);  // makes the tables of the update tasks
  std::vector<double> overhead, client, p50, p99, statements, node;
  const int rounds = context.quick ? 2 : 5;
  for (int round = 0; round < rounds; ++round) {
    const SmallResult turn = made.small(tasks, schemas);
    overhead.push_back(turn.task - turn.client);
    client.push_back(turn.client);
    p50.push_back(turn.p50);
    p99.push_back(turn.p99);
    statements.push_back(turn.statements);
    node.push_back(turn.nodeMillis);
  }
  Row row;
  row.name = "bookkeeping per task: start of a task to that of the next, less its SQL";
  row.placement = made.placement();
  row.unit = "ms";
  row.value = median(overhead);
  row.p50 = median(p50);
  row.p99 = median(p99);
  row.reference = "the same UPDATE by the client, ms";
  row.referenceValue = median(client);
  row.ratio = (row.value + row.referenceValue) / row.referenceValue;
  row.goal = text("below %.0f ms", kGoalMillis);
  row.met = row.value < kGoalMillis;
  row.note = text("median of %.0f schemas with %.0f tasks each; p50 and p99 are whole intervals, to the ms", schemas,
                  tasks) +
             text("; %.1f statements per task, the node used %.2f ms of a processor", median(statements),
                  median(node));
  if (row.referenceValue > kKnownClientMillis * 1.3)
    row.error = text("the client's UPDATE takes %.2f ms, known are less than %.1f", row.referenceValue, kKnownClientMillis);
  context.report.add(row);
}

}  // namespace ox::bench

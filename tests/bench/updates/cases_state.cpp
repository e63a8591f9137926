// checkdatabase: the state of thousands of schemas.
#include <algorithm>

#include "cases.h"
#include "stats.h"

namespace ox::bench {
namespace {
constexpr double kGoalSeconds = 10;
constexpr double kKnownClientMillis = 1;  // per schema
}  // namespace

void stateCase(UpdatesContext& context) {
  Installation& made = context.installation();
  made.bare(context.bare());
  std::vector<double> seconds, client;
  double schemas = 0;
  for (const bool pending : {true, false, true}) {
    const CheckResult turn = made.check(pending);
    seconds.push_back(turn.seconds);
    client.push_back(turn.client);
    schemas = turn.schemas;
  }
  Row row;
  row.name = text("checkdatabase, %.0f schemas on three hosts, the slowest of three", schemas);
  row.placement = made.placement();
  row.unit = "s";
  row.value = *std::max_element(seconds.begin(), seconds.end());
  row.reference = "one client, SELECT from each updateTask, s";
  row.referenceValue = median(client);
  row.ratio = row.value / row.referenceValue;
  row.goal = text("below %.0f s", kGoalSeconds);
  row.met = row.value < kGoalSeconds;
  row.note = text("all pending, none, all pending: %.2f, %.2f, %.2f s", seconds[0], seconds[1], seconds[2]);
  if (row.referenceValue > kKnownClientMillis * 1.3 * schemas / 1000)
    row.error = text("the client needs %.2f ms a schema, known are less than %.2f",
                     row.referenceValue / schemas * 1000, kKnownClientMillis);
  context.report.add(row);
}

}  // namespace ox::bench

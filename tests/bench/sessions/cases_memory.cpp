// Memory of a million sessions: processes that hold sessions as a node does, without HTTP and database
// (session_store.h).
#include <algorithm>

#include "cases.h"
#include "session_values.h"

namespace ox::bench {
namespace {
constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kGoalBytes = 1536;
constexpr std::int64_t kStoreMillis = 300'000;
}  // namespace

void memoryCase(Context& context) {
  const std::uint64_t all = context.quick ? 100'000 : 1'000'000;
  const std::uint64_t half = all / 2;
  const std::string log = context.dir + "/sessions-servers.log";
  Child left({"store"}, kLeft, log);
  const double port = left.answer().at("port");
  Child right({"store", "--node", std::to_string(static_cast<int>(port))}, kRight, log);
  right.answer();
  const auto both = [&](const std::string& first, const std::string& second) {
    left.send(first);
    right.send(second);
    const Answer a = left.answer(kStoreMillis), b = right.answer(kStoreMillis);
    return std::make_pair(a, b);
  };
  struct Memory {
    double left, right;
  };
  const auto memory = [&] {
    const auto [a, b] = both("memory", "memory");
    return Memory{a.at("rss") * kMiB, b.at("rss") * kMiB};
  };
  const std::string halfText = std::to_string(half), allText = std::to_string(all);
  both("wait 2", "wait 2");
  both("reserve " + halfText, "reserve " + halfText);
  const Memory empty = memory();
  const auto admitted = both("admit 0", "admit " + halfText);
  const Memory local = memory();
  const auto stored = both("store", "store");
  both("look-up " + allText, "look-up " + allText);
  const Memory grid = memory();

  const double copies = static_cast<double>(all);  // one of each session, on each of the two
  const double held = static_cast<double>(half);
  Row row;
  row.name = (context.quick ? "quick: 100,000" : "1,000,000") +
             std::string(" sessions in the grid, four indexes, per session and copy");
  row.placement = "two processes with SessionCore, storage and grid, one per processor";
  row.unit = "B";
  row.value = std::max(grid.left - local.left, grid.right - local.right) / copies;
  row.reference = "values, B";
  row.referenceValue = admitted.first.at("bytes");
  row.ratio = row.value / row.referenceValue;
  row.goal = text("at most %.0f B", kGoalBytes);
  row.met = row.value <= kGoalBytes;
  row.note = text("beside it the local container of the node that holds a session: %.0f B each; "
                  "stored %.0f a second",
                  std::max(local.left - empty.left, local.right - empty.right) / held,
                  stored.first.at("rate") + stored.second.at("rate"));
  if (row.referenceValue < kSessionBytes)
    row.error = text("values sum to %.0f B, not %.0f", row.referenceValue, kSessionBytes);
  context.report.add(row);
}

}  // namespace ox::bench

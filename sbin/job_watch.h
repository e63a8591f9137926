// Following an update job to its end: what runallupdate, forceupdatetask and getUpdateTaskStatus show.
//
// Output:   on a terminal one line per database host and one in total, rewritten in place; elsewhere
//           plain lines, one per schema that ended; with json one JSON object per line. At the end
//           the report. docs/operating/updates.md explains each line.
// Exit:     0 done without failures, 1 failures, stopped or aborted; the node's codes otherwise.
// Loss:     the job lives in the database: while no node answers the tool asks again for
//           kAskAgainSeconds, then says how to go on watching.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tool.h"

namespace ox::tool {

inline constexpr int kAskAgainSeconds = 120;
inline constexpr int kJobPollMillis = 1000;
inline constexpr int kShortPollMillis = 250;  // towards the end, so that nobody waits for the tool

// How long to wait before the job is asked again; eta in ms, -1 = unknown.
std::int64_t pollMillis(std::int64_t eta);

// "Attempting to update N schemas in total..." or "Processed k of N schemas." and the failures, as
// the original words them.
std::string jobText(const nlohmann::json& status);
// 0, or 1 when a schema failed or the job ended early.
int jobExit(const nlohmann::json& status);
// "0:03:10", "?" for what is not known.
std::string shownDuration(std::int64_t millis);

int followJob(Client& client, const std::string& id, bool asJson);

}  // namespace ox::tool

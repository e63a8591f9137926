// Relations between keys: what no single value can show.
//
// Threads: pure functions over an immutable Config.
// Errors:  returned as problems at the line of the key that an operator would change.
#pragma once

#include <vector>

#include "config/config.h"

namespace ox::config {

std::vector<Problem> checkRules(const Config& config);

// A problem at the place of `key`: its line when it is set, else its stock file as a whole.
Problem problemAt(const Config& config, const KeyInfo& key, Problem::Severity severity,
                  std::string text);

// True when the grid can be reached from other machines and asks them for neither a password nor
// encrypts: a WARN at start, in --check-config, and a metric.
bool gridIsOpen(const Config& config);
// True when `host` of a listener means this machine only (localhost, 127.x, ::1).
bool loopbackHost(const std::string& host);

}  // namespace ox::config

// What the test modules report: the order of starts, stops and reloads.
#pragma once
#include <string>
#include <vector>

struct Trace {
  std::vector<std::string> events;
};

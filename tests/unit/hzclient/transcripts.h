// The recordings of tests/fixtures/hazelcast. Threads: one.
#pragma once

#include <string>
#include <vector>

#include "hzclient/wire.h"

namespace ox::hzclient::test {

struct Line {
  int connection = 0;
  bool client = false;  // who sent it, or closed first
  std::string type;     // "preamble", "raw", "0401", "-18/1", ...; empty = an event
  std::string event;    // "open", "close"
  std::int64_t cid = 0;
  Bytes bytes;
};
struct Transcript {
  std::string file;     // "3.2.4/scripted-minimal-publish"
  std::string version, scenario, name, password;
  Protocol protocol = Protocol::kCb2;
  std::vector<Bytes> received;
  std::vector<Line> lines;
};

std::vector<std::string> transcriptFiles();
Transcript readTranscript(const std::string& file);
std::string hex(BytesView bytes);

}  // namespace ox::hzclient::test

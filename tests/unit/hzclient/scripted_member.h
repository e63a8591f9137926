// An older member made of recorded bytes: waits for what the client has to say, answers what the
// real member answered, altered in the correlation id alone. A byte that was not to come is
// reported by wrong(). One connection after the other, each with its own script.
// Threads: its own; wrong() and the figures after finish().
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hzclient/transcripts.h"

namespace ox::hzclient::test {

struct Step {
  enum class Kind { kExpect, kSend, kSendRaw, kClose, kHold } kind = Kind::kHold;
  Bytes bytes;  // kExpect: of a message or a preamble
};
using Script = std::vector<Step>;
Step expect(Bytes bytes);
Step say(Bytes bytes);
Step sayRaw(Bytes bytes);  // as it is
Step hangUp();
Step hold();  // until the client leaves

// The messages of one connection of a recording, as a script.
Script scriptOf(const Transcript& transcript, int connection = 1);

// The correlation id of a message, and the message with another one.
std::int64_t callOf(Protocol protocol, BytesView unit);
Bytes withCall(Protocol protocol, BytesView unit, std::int64_t call);

class ScriptedMember {
 public:
  ScriptedMember(Protocol protocol, std::vector<Script> connections, std::size_t pieces = 0);
  ~ScriptedMember();
  std::uint16_t port() const { return port_; }
  // Waits for the end of all scripts; what went wrong, empty = nothing.
  std::string finish();

 private:
  void run();
  void serve(int fd, const Script& script);
  bool expected(int fd, const Bytes& bytes, bool first);
  void sent(int fd, const Bytes& bytes);
  void fail(const std::string& text);
  const Protocol protocol_;
  const std::vector<Script> connections_;
  const std::size_t pieces_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::string wrong_;
  Bytes buffered_;
  std::map<std::int64_t, std::int64_t> calls_;  // recorded -> of this client
  std::thread thread_;
};

}  // namespace ox::hzclient::test

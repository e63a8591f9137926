#include "hzclient/scripted_member.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "hzclient/cb1.h"
#include "hzclient/cb2.h"
#include "hzclient/cp2.h"

namespace ox::hzclient::test {
namespace {
constexpr int kWaitMillis = 20'000;

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, kWaitMillis) > 0;
}
// False = the other side has gone, or was silent for too long.
bool more(int fd, Bytes& into) {
  char buffer[65536];
  if (!readable(fd)) return false;
  const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) return false;
  into.append(buffer, static_cast<std::size_t>(n));
  return true;
}
bool preamble(BytesView bytes) {
  return bytes.starts_with("CB1") || bytes == "CB2" || bytes == "CP2";
}
}  // namespace

Step expect(Bytes bytes) { return {Step::Kind::kExpect, std::move(bytes)}; }
Step say(Bytes bytes) { return {Step::Kind::kSend, std::move(bytes)}; }
Step sayRaw(Bytes bytes) { return {Step::Kind::kSendRaw, std::move(bytes)}; }
Step hangUp() { return {Step::Kind::kClose, {}}; }
Step hold() { return {Step::Kind::kHold, {}}; }

Script scriptOf(const Transcript& t, int connection) {
  Script out;
  for (const Line& line : t.lines) {
    if (line.connection != connection) continue;
    if (line.event == "close") {
      out.push_back(line.client ? hold() : hangUp());
      return out;
    }
    if (line.type.empty()) continue;
    if (line.type == "raw") out.push_back(sayRaw(line.bytes));
    else out.push_back(line.client ? expect(line.bytes) : say(line.bytes));
  }
  out.push_back(hold());
  return out;
}

std::int64_t callOf(Protocol protocol, BytesView unit) {
  if (protocol == Protocol::kCb2) return cb2::decode(unit)->correlation;
  if (protocol == Protocol::kCp2) return cp2::decode(unit)->correlation;
  const auto p = cb1::decode(protocol, unit);
  if (p->data.type == cb1::kTypeIdentified) return cb1::readResponse(protocol, p->data)->call;
  return cb1::readRecord(protocol, p->data)->values.front().number;
}

Bytes withCall(Protocol protocol, BytesView unit, std::int64_t call) {
  if (protocol == Protocol::kCb2) {
    auto m = *cb2::decode(unit);
    m.correlation = call;
    return cb2::encode(m);
  }
  if (protocol == Protocol::kCp2) {
    auto m = *cp2::decode(unit);
    m.correlation = call;
    return cp2::encode(m);
  }
  auto p = *cb1::decode(protocol, unit);
  if (p.data.type == cb1::kTypeIdentified) {
    auto response = *cb1::readResponse(protocol, p.data);
    response.call = static_cast<std::int32_t>(call);
    const bool hashed = p.data.hash == cb1::fnvHash(p.data.payload);
    p.data = cb1::writeResponse(protocol, response, p.data.hash);
    if (hashed) p.data.hash = cb1::fnvHash(p.data.payload);
  } else {
    auto record = *cb1::readRecord(protocol, p.data);
    record.values.front().number = call;
    p.data = cb1::writeRecord(protocol, record);
  }
  return cb1::encode(protocol, p);
}

ScriptedMember::ScriptedMember(Protocol protocol, std::vector<Script> connections,
                               std::size_t pieces)
    : protocol_(protocol), connections_(std::move(connections)), pieces_(pieces) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  OX_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  OX_CHECK(::listen(listener_, 8) == 0);
  socklen_t size = sizeof a;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size);
  port_ = ntohs(a.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedMember::~ScriptedMember() { static_cast<void>(finish()); }

std::string ScriptedMember::finish() {
  if (thread_.joinable()) thread_.join();
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  return wrong_;
}

void ScriptedMember::fail(const std::string& text) {
  if (wrong_.empty()) wrong_ = text;
}

void ScriptedMember::run() {
  for (const Script& script : connections_) {
    if (!readable(listener_)) return fail("the client did not come");
    const int fd = ::accept(listener_, nullptr, nullptr);
    // As Hazelcast does it: its answers do not wait for each other's acknowledgement.
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    buffered_.clear();
    calls_.clear();
    serve(fd, script);
    ::close(fd);
    if (!wrong_.empty()) return;
  }
}

void ScriptedMember::serve(int fd, const Script& script) {
  bool first = true;
  for (const Step& step : script) {
    switch (step.kind) {
      case Step::Kind::kExpect:
        if (!expected(fd, step.bytes, first)) return;
        first = preamble(step.bytes);
        break;
      case Step::Kind::kSend: sent(fd, step.bytes); break;
      case Step::Kind::kSendRaw:
        static_cast<void>(::send(fd, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL));
        break;
      case Step::Kind::kClose: return;
      case Step::Kind::kHold:
        if (buffered_.empty() && !more(fd, buffered_)) return;
        return fail("the client said more: " + hex(buffered_).substr(0, 200));
    }
  }
}

bool ScriptedMember::expected(int fd, const Bytes& wanted, bool first) {
  if (preamble(wanted)) {
    while (buffered_.size() < wanted.size())
      if (!more(fd, buffered_)) return fail("no preamble came"), false;
    if (!buffered_.starts_with(wanted)) return fail("another preamble: " + hex(buffered_)), false;
    buffered_.erase(0, wanted.size());
    // In one piece: 3.x members want it so, and 3.5 must not see half a message.
    if (buffered_.empty()) fail("the preamble came without the login");
    return wrong_.empty();
  }
  std::size_t scanned = 0;
  for (;;) {
    const auto length = unitLength(protocol_, buffered_, scanned);
    if (!length) return fail(length.error().message), false;
    if (*length > 0) {
      const Bytes unit = buffered_.substr(0, *length);
      buffered_.erase(0, *length);
      const std::int64_t call = callOf(protocol_, unit), recorded = callOf(protocol_, wanted);
      calls_[recorded] = call;
      const Bytes same = withCall(protocol_, wanted, call);
      if (unit != same) fail("wanted " + hex(same) + "\ncame   " + hex(unit));
      return wrong_.empty();
    }
    if (first && !buffered_.empty()) return fail("the login came in pieces"), false;
    if (!more(fd, buffered_))
      return fail("the client left instead of " + hex(wanted).substr(0, 200)), false;
  }
}

void ScriptedMember::sent(int fd, const Bytes& recorded) {
  const auto call = calls_.find(callOf(protocol_, recorded));
  if (call == calls_.end()) return fail("an answer to nothing in the script");
  const Bytes bytes = withCall(protocol_, recorded, call->second);
  const std::size_t piece = pieces_ == 0 ? bytes.size() : pieces_;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::size_t n = std::min(piece, bytes.size() - at);
    if (::send(fd, bytes.data() + at, n, MSG_NOSIGNAL) < 0) return;
  }
}

}  // namespace ox::hzclient::test

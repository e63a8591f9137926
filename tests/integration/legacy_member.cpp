// A member of an older line as a process, for bridge_test.py: answers each kind of request with what a
// real member of that version answered to it (tests/fixtures/hazelcast), altered in the correlation id.
//   legacy_member VERSION [--slow MILLIS] [--refuse] [--dies] POOL SCHEMA CONTEXT
// Prints "port N", then a line for what it was told: "login", "refused", "members", "told schema",
// "told context", "told other HEX". `told` means: the bytes are those of a node of that line for this
// schema or context, whoever sent them. --slow waits before it answers a login, --dies leaves when it
// is asked for the members or told of something, and ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "hzclient/cb1.h"
#include "hzclient/cb2.h"
#include "hzclient/cp2.h"
#include "hzclient/invalidation.h"
#include "hzclient/scripted_member.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

namespace {

struct Settings {
  std::string version;
  Protocol protocol = Protocol::kCb2;
  long slow = 0;
  bool refuse = false, dies = false;
  std::int32_t pool = 0, context = 0;
  std::string schema;
};

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string kindOf(Protocol protocol, BytesView unit) {
  char text[32];
  if (protocol == Protocol::kCb2) {
    std::snprintf(text, sizeof text, "%04x", static_cast<unsigned>(cb2::decode(unit)->type));
    return text;
  }
  if (protocol == Protocol::kCp2) {
    std::snprintf(text, sizeof text, "%06x", static_cast<unsigned>(cp2::decode(unit)->type));
    return text;
  }
  const auto record = cb1::readRecord(protocol, cb1::decode(protocol, unit)->data);
  return std::to_string(record->type.factoryId) + "/" + std::to_string(record->type.classId);
}

// What the bridge asks, by kind of request.
struct Kinds {
  std::string login, members, publish, submit;
};
Kinds kindsOf(Protocol protocol) {
  if (protocol == Protocol::kCb2) return {"0002", "0004", "0401", "0906"};
  if (protocol == Protocol::kCp2) return {"000100", "000300", "040100", "080600"};
  return {"-3/2", protocol == Protocol::kCb1A ? "-3/10" : "-3/16", "-18/1", ""};
}

// The answers to the first request of a kind in a recording.
std::vector<Bytes> answers(const Transcript& t, const std::string& kind) {
  std::vector<Bytes> out;
  const Line* asked = nullptr;
  for (const Line& line : t.lines) {
    if (asked == nullptr && line.client && line.type == kind) asked = &line;
    else if (asked != nullptr && !line.client && line.event.empty() && line.type != "raw" &&
             line.connection == asked->connection &&
             callOf(t.protocol, line.bytes) == callOf(t.protocol, asked->bytes))
      out.push_back(line.bytes);
  }
  return out;
}

using Answers = std::map<std::string, std::vector<Bytes>>;
Answers load(const Settings& s) {
  const Kinds kinds = kindsOf(s.protocol);
  const auto scripted = [&](const std::string& name) {
    return readTranscript(s.version + "/scripted-" + name);
  };
  Answers out;
  out[kinds.login] = answers(
      scripted(s.refuse ? "wrong-name-kept-open"
                        : s.protocol == Protocol::kCb2 ? "short-auth" : "minimal-publish"),
      kinds.login);
  out[kinds.publish] = answers(scripted("minimal-publish"), kinds.publish);
  if (!kinds.submit.empty()) {
    const auto t = readTranscript(s.version + "/java-" + s.version + "-executor");
    out[kinds.members] = answers(t, kinds.members);
    out[kinds.submit] = answers(t, kinds.submit);
  } else {
    // Of the oldest lines the list itself; what else came on that request is no answer to it.
    auto list = answers(readTranscript(s.version + "/java-" + s.version + "-connect"), kinds.members);
    std::erase_if(list, [](const Bytes& b) {
      return b.find("AddressX") != Bytes::npos || b.size() >= 200;
    });
    out[kinds.members] = std::move(list);
  }
  return out;
}

Bytes payloadOf(Protocol protocol, BytesView unit, bool task) {
  if (protocol == Protocol::kCb2)
    return task ? cb2::readFields(cb2::patternOf(cb2::kSubmit), cb2::decode(unit)->parameters)->at(2).bytes
                : cb2::readFields("SD", cb2::decode(unit)->parameters)->at(1).bytes;
  if (protocol == Protocol::kCp2) return cp2::decode(unit)->frames.at(1).content;
  const auto record = cb1::readRecord(protocol, cb1::decode(protocol, unit)->data);
  return protocol == Protocol::kCb1A ? record->raw : record->raw.substr(5);
}

std::string told(const Settings& s, const Bytes& payload, bool task) {
  if (task) {
    const auto same = invalidationCallable(s.protocol, {{s.pool, s.schema}});
    return same && *same == payload ? "told schema" : "told other " + hex(payload);
  }
  std::smatch sender;
  const std::string text = payload;
  if (std::regex_search(text, sender, std::regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"))) {
    services::CacheEvent event;
    event.region = services::kRegionSchema;
    event.keys = {{s.pool, {s.schema}}};
    const auto schema = cacheEventData(s.protocol, sender.str(), event);
    if (schema && *schema == payload) return "told schema";
    event.region = services::kRegionContext;
    event.keys = {{s.context, {}}};
    const auto context = cacheEventData(s.protocol, sender.str(), event);
    if (context && *context == payload) return "told context";
  }
  return "told other " + hex(payload);
}

bool more(int fd, Bytes& buffered) {
  char bytes[65536];
  const ssize_t n = ::recv(fd, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  buffered.append(bytes, static_cast<std::size_t>(n));
  return true;
}

void serve(int fd, const Settings& s, const Answers& replies) {
  const Kinds kinds = kindsOf(s.protocol);
  const bool cb1 = s.protocol == Protocol::kCb1A || s.protocol == Protocol::kCb1B;
  Bytes buffered;
  while (buffered.size() < (cb1 ? 6u : 3u))
    if (!more(fd, buffered)) return;
  buffered.erase(0, cb1 ? 6 : 3);
  for (std::size_t scanned = 0;;) {
    const auto length = unitLength(s.protocol, buffered, scanned);
    if (!length) return print("told other " + length.error().message);
    if (*length == 0) {
      if (!more(fd, buffered)) return;
      continue;
    }
    const Bytes unit = buffered.substr(0, *length);
    buffered.erase(0, *length);
    scanned = 0;
    const std::string kind = kindOf(s.protocol, unit);
    if (kind == kinds.login) {
      print(s.refuse ? "refused" : "login");
      std::this_thread::sleep_for(std::chrono::milliseconds(s.slow));
    } else if (s.dies) {
      ::_exit(0);
    } else if (kind == kinds.members) {
      print("members");
    } else if (kind == kinds.publish || (!kinds.submit.empty() && kind == kinds.submit)) {
      print(told(s, payloadOf(s.protocol, unit, kind == kinds.submit), kind == kinds.submit));
    }
    const auto reply = replies.find(kind);
    if (reply == replies.end()) continue;
    for (const Bytes& one : reply->second) {
      const Bytes bytes = withCall(s.protocol, one, callOf(s.protocol, unit));
      if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
}

int run(const Settings& s) {
  const Answers replies = load(s);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 16) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 1;
  print("port " + std::to_string(ntohs(address.sin_port)));
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) return 1;
    // As Hazelcast does it: its answers do not wait for each other's acknowledgement.
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([fd, &s, &replies] {
      serve(fd, s, replies);
      ::close(fd);
    }).detach();
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--slow" && i + 1 < argc) s.slow = std::atol(argv[++i]);
    else if (word == "--refuse") s.refuse = true;
    else if (word == "--dies") s.dies = true;
    else words.push_back(word);
  }
  if (words.size() != 4) {
    std::fprintf(stderr, "usage: legacy_member VERSION [--slow MILLIS] [--refuse] [--dies] POOL SCHEMA CONTEXT\n");
    return 2;
  }
  s.version = words[0];
  s.protocol = readTranscript(s.version + "/scripted-minimal-publish").protocol;
  s.pool = std::atoi(words[1].c_str());
  s.schema = words[2];
  s.context = std::atoi(words[3].c_str());
  return run(s);
}

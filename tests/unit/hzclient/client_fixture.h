// A client on a shard of its own, as the recorded clients were, and what recordings hold for it.
// Threads: the test's; the client's answers come through futures.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <future>

#include "hzclient/cb1.h"
#include "hzclient/cb2.h"
#include "hzclient/client.h"
#include "hzclient/cp2.h"
#include "hzclient/payload.h"
#include "hzclient/scripted_member.h"

namespace ox::hzclient::test {

inline const std::vector<std::string> kVersions = {"3.2.4", "3.5.5", "3.6.4", "3.7.1", "3.8.1",
                                            "3.10",  "3.11",  "3.12.11", "4.1.1", "5.0-snapshot"};
inline const std::string kTopic = "cacheEvents-3";

// Numbers that were drawn by the recorded client, then any.
struct Drawn final : Random {
  std::deque<std::uint64_t> numbers;
  std::uint64_t next() override {
    if (numbers.empty()) return 1;
    const auto n = numbers.front();
    numbers.pop_front();
    return n;
  }
  void uuid(BytesView wire) {  // 17 bytes of CP2
    LittleReader in(wire);
    in.u8();
    numbers.push_back(static_cast<std::uint64_t>(in.i64()));
    numbers.push_back(static_cast<std::uint64_t>(in.i64()));
  }
};

// As the recorded client: what differs in the logins of one protocol.
inline void asRecorded(const Transcript& t, ClientSettings& s, Drawn& random) {
  s.protocol = t.protocol;
  s.group = t.name;
  if (!t.password.empty()) s.password = t.password;
  for (const Line& line : t.lines) {
    if (line.type == "preamble" && line.bytes.starts_with("CB1"))
      s.identity.type = line.bytes.substr(3);
    if (line.type == "-3/2") {
      const auto record = cb1::readRecord(t.protocol, cb1::decode(t.protocol, line.bytes)->data);
      const Fields& credentials = record->values[1].items.front();
      s.group = credentials[0].bytes;
      s.password = credentials[2].bytes;
      return;
    }
    if (line.type == "0002") {
      const auto m = cb2::decode(line.bytes);
      const auto f = cb2::readFields(cb2::patternOf(m->type), m->parameters);
      s.group = f->at(0).bytes;
      s.password = f->at(1).bytes;
      s.identity.type = f->at(5).bytes;
      return;
    }
    if (line.type == "000100") {
      const auto m = cp2::decode(line.bytes);
      const auto f = cp2::readFields(cp2::patternOf(m->type), *m);
      random.uuid(f->at(0).bytes);
      s.group = f->at(2).bytes;
      s.identity = {f->at(5).bytes, f->at(6).bytes, f->at(7).bytes};
      return;
    }
  }
}

template <typename T>
Result<T> wait(std::future<Result<T>>& f) {
  REQUIRE(f.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  return f.get();
}

struct Session {
  net::Shard shard{0, "client"};
  Drawn random;
  ClientSettings settings;
  int resolved = 0;
  std::shared_ptr<Client> client;
  std::promise<Error> lost;

  explicit Session(const Transcript& like) {
    settings.connectMillis = settings.loginMillis = settings.callMillis = 20'000;
    asRecorded(like, settings, random);
  }
  ~Session() {
    if (client) shard.runAndWait([this] { client->close(); });
    shard.stop();
  }
  void make() {
    ClientHost host;
    host.shard = &shard;
    host.random = &random;
    host.resolve = [this](const std::string& name) -> Result<std::vector<std::string>> {
      ++resolved;
      if (name == "nowhere.example") return Error(Code::kNotFound, "no such name");
      return std::vector<std::string>{"127.0.0.1"};
    };
    host.background = [](const std::function<void()>& task) {
      task();
      return true;
    };
    client = Client::make(settings, host);
  }
  template <typename T>
  Result<T> ask(const std::function<void(Client::Done<T>)>& what) {
    std::promise<Result<T>> answer;
    auto future = answer.get_future();
    shard.post([&] { what([&](Result<T> r) { answer.set_value(std::move(r)); }); });
    return wait<T>(future);
  }
  Result<Connected> connect() {
    return ask<Connected>([this](auto done) {
      client->connect(done, [this](const Error& why) { lost.set_value(why); });
    });
  }
  Result<Connected> connectTo(const ScriptedMember& member) {
    settings.endpoints.push_back({"member.example", member.port()});
    make();
    return connect();
  }
  Result<bool> publish(const Bytes& data) {
    return ask<bool>([&](auto done) { client->publish(kTopic, data, done); });
  }
  void close() {
    shard.runAndWait([this] { client->close(); });
  }
};

inline Transcript scripted(const std::string& version, const std::string& scenario) {
  return readTranscript(version + "/scripted-" + scenario);
}
inline Transcript java(const std::string& version, const std::string& scenario) {
  return readTranscript(version + "/java-" + version + "-" + scenario);
}

// What the recorded client published.
inline std::vector<Bytes> published(const Transcript& t) {
  std::vector<Bytes> out;
  for (const Line& line : t.lines) {
    if (!line.client) continue;
    if (line.type == "0401") {
      out.push_back(cb2::readFields("SD", cb2::decode(line.bytes)->parameters)->at(1).bytes);
    } else if (line.type == "040100") {
      out.push_back(cp2::decode(line.bytes)->frames.at(1).content);
    } else if (line.type == "-18/1") {
      const auto record = cb1::readRecord(t.protocol, cb1::decode(t.protocol, line.bytes)->data);
      out.push_back(t.protocol == Protocol::kCb1A ? record->raw : record->raw.substr(5));
    }
  }
  return out;
}

// Of CB2: in the form of 3.6, whatever the recorded client said after it.
inline Bytes shortLogin(const Bytes& recorded) {
  auto login = *cb2::decode(recorded);
  auto fields = *cb2::readFields(cb2::patternOf(login.type), login.parameters);
  fields.resize(7);
  login.parameters = cb2::writeFields(cb2::patternOf(login.type), fields);
  return cb2::encode(login);
}
// A short session. The client logs in to CB2 in the form of 3.6, as recorded with every release.
inline Script shortSession(const std::string& version) {
  const Transcript t = scripted(version, "minimal-publish");
  Script out = scriptOf(t);
  if (t.protocol == Protocol::kCb2) {
    const Script login = scriptOf(scripted(version, "short-auth"));
    std::copy(login.begin(), login.begin() + 3, out.begin());
  }
  return out;
}
// Its login, then what `steps` adds.
inline Script afterLogin(const std::string& version, const Script& steps) {
  Script out = shortSession(version);
  out.resize(3);  // preamble, login, answer
  out.insert(out.end(), steps.begin(), steps.end());
  return out;
}

// First request of a type in a recording, as the client sends it, and its answer.
struct Exchange {
  Bytes request, answer;
};
inline Exchange exchange(const Transcript& t, const std::string& type, std::size_t which = 0) {
  Exchange e;
  int connection = 0;
  std::int64_t call = 0;
  for (const Line& line : t.lines) {
    if (e.request.empty() && line.client && line.type == type && which-- == 0) {
      e.request = line.bytes;
      connection = line.connection;
      call = callOf(t.protocol, line.bytes);
    } else if (!e.request.empty() && !line.client && line.connection == connection &&
               line.event.empty() && line.type != "raw" &&
               callOf(t.protocol, line.bytes) == call) {
      e.answer = line.bytes;
      return e;
    }
  }
  FAIL("no " << type << " in " << t.file);
  return e;
}
}  // namespace ox::hzclient::test


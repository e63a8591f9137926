// Listening, tasks, members, maps and heartbeats against members made of recordings.
#include "hzclient/client_fixture.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

TEST_CASE("listening: events as recorded, before the answer and after the end as well") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript t = java(version, "topic-listen");
    const bool cb1 = t.protocol == Protocol::kCb1A || t.protocol == Protocol::kCb1B;
    const std::string listen = cb1 ? "-18/2" : t.protocol == Protocol::kCb2 ? "0402" : "040200";
    const std::string end = cb1 ? "-18/3" : t.protocol == Protocol::kCb2 ? "0403" : "040300";
    const Exchange begin = exchange(t, listen), ending = exchange(t, end);
    Script script = afterLogin(version, {});
    Bytes request = begin.request;
    if (t.protocol == Protocol::kCb2) request.back() = 0;  // of the whole cluster: one connection
    if (t.protocol == Protocol::kCp2) {
      auto m = *cp2::decode(request);
      m.fixed = Bytes(1, '\0');
      request = cp2::encode(m);
    }
    script.push_back(expect(request));
    std::vector<Bytes> events;
    const std::int64_t call = callOf(t.protocol, begin.request);
    for (const Line& line : t.lines)
      if (!line.client && line.event.empty() && callOf(t.protocol, line.bytes) == call &&
          line.type != "raw" && line.bytes != begin.answer && events.size() < 5 &&
          line.bytes.size() < 300 && line.bytes.find("\xff\xff\xff\xf5") != Bytes::npos &&
          (line.type == "00cd" || line.type == "040202" || cb1))
        events.push_back(line.bytes);
    if (cb1) std::erase_if(events, [&](const Bytes& e) { return callOf(t.protocol, e) != call; });
    REQUIRE(events.size() == 5);
    script.push_back(say(events[0]));  // before the answer
    script.push_back(say(begin.answer));
    for (std::size_t i = 1; i < 5; ++i) script.push_back(say(events[i]));
    script.push_back(expect(ending.request));
    script.push_back(say(ending.answer));
    script.push_back(say(events[4]));  // late
    script.push_back(hold());
    ScriptedMember member(t.protocol, {script});
    Session session(scripted(version, "minimal-publish"));
    REQUIRE(session.connectTo(member));
    std::vector<TopicMessage> heard;
    std::promise<void> all;
    const auto registered = session.ask<Registration>([&](auto done) {
      session.client->listen(
          kTopic,
          [&](TopicMessage m) {
            heard.push_back(std::move(m));
            if (heard.size() == 5) all.set_value();
          },
          done);
    });
    REQUIRE(registered);
    REQUIRE(all.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    const auto ended = session.ask<bool>(
        [&](auto done) { session.client->unlisten(*registered, done); });
    REQUIRE(ended);
    CHECK(*ended);
    session.close();
    CHECK(member.finish() == "");
    CHECK(heard.size() == 5);
    const char* texts[] = {"one", "two", "drei \xc3\xa9", "\xe2\x82\xac four",
                           "\xf0\x9f\x98\x80 five"};
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(textOf(t.protocol, heard[i].data).value() == texts[i]);
      CHECK(heard[i].publisher.size() == 36);
      CHECK(heard[i].publishedMillis > 1'700'000'000'000);
    }
  }
}

TEST_CASE("tasks at every member: results, a refusal, and lines that have no executor") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript login = scripted(version, "minimal-publish");
    if (login.protocol == Protocol::kCb1A || login.protocol == Protocol::kCb1B) {
      Script script = afterLogin(version, {hold()});
      ScriptedMember member(login.protocol, {script});
      Session session(login);
      REQUIRE(session.connectTo(member));
      const auto none = session.ask<std::optional<Bytes>>(
          [&](auto done) { session.client->submit("default", {}, "x", done); });
      CHECK(none.error().message.find("from 3.6 on") != std::string::npos);
      session.close();
      CHECK(member.finish() == "");
      continue;
    }
    const Transcript t = java(version, "executor");
    const bool cb2 = t.protocol == Protocol::kCb2;
    const std::string members = cb2 ? "0004" : "000300", submit = cb2 ? "0906" : "080600";
    const std::int64_t call = callOf(t.protocol, exchange(t, members).request);
    Session session(login);
    std::vector<Bytes> callables;
    Script script = afterLogin(version, {});
    for (std::size_t i = 0; i < 3; ++i) {
      script.push_back(expect(exchange(t, members).request));
      std::vector<Bytes> told;
      for (const Line& line : t.lines)
        if (!line.client && line.event.empty() && callOf(t.protocol, line.bytes) == call &&
            line.connection == 1)
          told.push_back(line.bytes);
      if (i == 1) std::reverse(told.begin(), told.end());  // the answer before the list
      for (const Bytes& one : told) script.push_back(say(one));
      const Exchange task = exchange(t, submit, i);
      if (cb2) {
        const auto f = *cb2::readFields(cb2::patternOf(cb2::kSubmit),
                                        cb2::decode(task.request)->parameters);
        callables.push_back(f[2].bytes);
        std::string digits = f[1].bytes;
        std::erase(digits, '-');
        session.random.numbers.push_back(std::stoull(digits.substr(0, 16), nullptr, 16));
        session.random.numbers.push_back(std::stoull(digits.substr(16), nullptr, 16));
      } else {
        const auto m = *cp2::decode(task.request);
        session.random.uuid(m.fixed.substr(0, 17));
        callables.push_back(m.frames.at(1).content);
      }
      script.push_back(expect(task.request));
      script.push_back(say(task.answer));
    }
    script.push_back(hold());
    if (cb2) {  // of the client itself: drawn first, not sent
      session.random.numbers.push_front(1);
      session.random.numbers.push_front(1);
    }
    ScriptedMember member(t.protocol, {script});
    REQUIRE(session.connectTo(member));
    for (std::size_t i = 0; i < 3; ++i) {
      const auto answers = session.ask<std::vector<MemberAnswer>>(
          [&](auto done) { session.client->submitToEach("default", callables[i], done); });
      REQUIRE(answers);
      REQUIRE(answers->size() == 1);
      CHECK(answers->front().member.host == "127.0.0.1");
      const auto& result = answers->front().result;
      if (i == 2) {
        REQUIRE_FALSE(result);
        CHECK(result.error().message.find("IllegalStateException: invalidation failed") !=
              std::string::npos);
      } else {
        REQUIRE(result);
        CHECK(flagOf(t.protocol, **result).value() == (i == 0));
      }
    }
    session.close();
    CHECK(member.finish() == "");
  }
}

TEST_CASE("the members of 3.2 and 3.5") {
  for (const std::string version : {"3.2.4", "3.5.5"}) {
    CAPTURE(version);
    const Transcript t = java(version, "connect");
    const Exchange asked = exchange(t, version == "3.2.4" ? "-3/10" : "-3/16");
    Script script = afterLogin(version, {expect(asked.request)});
    for (const Line& line : t.lines)
      if (!line.client && line.connection == 1 && line.event.empty() && line.type != "raw" &&
          callOf(t.protocol, line.bytes) == callOf(t.protocol, asked.request) &&
          line.bytes.find("AddressX") == Bytes::npos && line.bytes.size() < 200)
        script.push_back(say(line.bytes));
    script.push_back(hold());
    ScriptedMember member(t.protocol, {script});
    Session session(scripted(version, "minimal-publish"));
    REQUIRE(session.connectTo(member));
    const auto list = session.ask<std::vector<LegacyMember>>(
        [&](auto done) { session.client->members(done); });
    REQUIRE_MESSAGE(list.ok(), (list ? "" : list.error().message));
    REQUIRE(list->size() == 1);
    CHECK(list->front().host == "127.0.0.1");
    CHECK(list->front().uuid.size() == 36);
    session.close();
    CHECK(member.finish() == "");
  }
}

TEST_CASE("maps: put, get and remove as recorded") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript t = java(version, "map");
    const Protocol p = t.protocol;
    const bool cb1 = p == Protocol::kCb1A || p == Protocol::kCb1B;
    const Exchange put = exchange(t, cb1 ? "-10/2" : p == Protocol::kCb2 ? "0101" : "010100");
    const Exchange get = exchange(t, cb1 ? "-10/1" : p == Protocol::kCb2 ? "0102" : "010200");
    const Exchange remove = exchange(t, cb1 ? "-10/9" : p == Protocol::kCb2 ? "0103" : "010300");
    Script script = afterLogin(version, {});
    std::vector<std::vector<Bytes>> values;
    for (const Exchange& e : {put, get, remove}) {
      std::vector<Bytes> v;
      Bytes request = e.request;
      if (p == Protocol::kCb2) {
        const auto m = *cb2::decode(request);
        const auto fields = *cb2::readFields(cb2::patternOf(m.type), m.parameters);
        v = {fields[1].bytes, fields[2].bytes};
      } else if (p == Protocol::kCp2) {
        auto m = *cp2::decode(request);
        v = {m.frames.at(1).content, m.frames.back().content};
        // Writes want the member to wait for its backups.
        if (m.type != cp2::kMapGet) m.flags = cp2::kWhole;
        request = cp2::encode(m);
      } else {
        const auto record = *cb1::readRecord(p, cb1::decode(p, request)->data);
        ByteReader raw(record.raw);
        bool empty = false;
        while (!raw.atEnd()) v.push_back(cb1::writeData(p, **cb1::readInner(p, raw, empty)));
      }
      script.push_back(expect(request));
      script.push_back(say(e.answer));
      values.push_back(v);
    }
    script.push_back(hold());
    ScriptedMember member(p, {script});
    Session session(scripted(version, "minimal-publish"));
    REQUIRE(session.connectTo(member));
    using Value = std::optional<Bytes>;
    const std::string map = "sessions-7";
    const auto former = session.ask<Value>(
        [&](auto done) { session.client->mapPut(map, values[0][0], values[0][1], done); });
    REQUIRE_MESSAGE(former.ok(), (former ? "" : former.error().message));
    CHECK_FALSE(former->has_value());
    const auto got = session.ask<Value>(
        [&](auto done) { session.client->mapGet(map, values[1][0], done); });
    REQUIRE(got);
    REQUIRE(got->has_value());
    CHECK(get.answer.find(**got) != Bytes::npos);
    const auto removed = session.ask<Value>(
        [&](auto done) { session.client->mapRemove(map, values[2][0], done); });
    REQUIRE(removed);
    session.close();
    CHECK(member.finish() == "");
  }
}

TEST_CASE("heartbeats are sent when nothing else is, and a silent member is given up") {
  const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> cases = {
      {"3.5.5", {"java-3.5.5", "-3/11"}}, {"3.10", {"java-3.10", "000f"}},
      {"4.1.1", {"node-4.2.1", "000b00"}}};
  for (const auto& [version, from] : cases) {
    CAPTURE(version);
    const Transcript t = readTranscript(version + "/" + from.first + "-connect");
    Exchange ping = exchange(t, from.second);
    Script script = afterLogin(version, {expect(ping.request), say(ping.answer),
                                         expect(ping.request)});
    for (int i = 0; i < 100; ++i) script.push_back(expect(ping.request));
    script.push_back(hold());
    ScriptedMember member(t.protocol, {script});
    Session session(scripted(version, "minimal-publish"));
    session.settings.heartbeatMillis = 60;
    session.settings.silenceMillis = 300;
    REQUIRE(session.connectTo(member));
    auto lost = session.lost.get_future();
    REQUIRE(lost.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    const Error why = lost.get();
    CHECK_MESSAGE(why.message.find("silent for") != std::string::npos, why.message);
    session.shard.runAndWait([&] { CHECK(session.client->pingsSent() >= 4); });
    session.close();
    const std::string wrong = member.finish();
    CHECK_MESSAGE(wrong.starts_with("the client left instead"), wrong);
  }
}

// Connecting and publishing: members made of recordings of each line, and each awkward case.
#include "hzclient/client_fixture.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

TEST_CASE("publishing to every line: the bytes of the recorded clients") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript t = scripted(version, "minimal-publish");
    for (const std::size_t pieces : {0, 7}) {
      ScriptedMember member(t.protocol, {shortSession(version)}, pieces);
      Session client(t);
      const auto connected = client.connectTo(member);
      REQUIRE_MESSAGE(connected.ok(), (connected ? "" : connected.error().message));
      const auto messages = published(t);
      REQUIRE(messages.size() == 3);
      CHECK(messages[0] == textData(t.protocol, "hello"));
      CHECK(messages[1] == bytesData(t.protocol, std::string("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
                                                             "\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37",
                                                             32)));
      for (std::size_t i = 0; i < messages.size(); ++i) {
        CHECK(client.publish(messages[i]));
        if (t.protocol != Protocol::kCb1A) CHECK(messages[i] == t.received.at(i));
      }
      client.close();
      CHECK(member.finish() == "");
    }
  }
}

TEST_CASE("the login in its oldest form is taken by 3.6 - 3.12, in pieces as well") {
  for (const auto& version : kVersions) {
    const Transcript t = scripted(version, "minimal-publish");
    if (t.protocol != Protocol::kCb2) continue;
    CAPTURE(version);
    const Transcript shortLogin = scripted(version, "short-auth");
    ScriptedMember member(t.protocol, {scriptOf(shortLogin)});
    Session session(t);
    REQUIRE(session.connectTo(member));
    CHECK(session.publish(published(shortLogin).at(0)));
    session.close();
    CHECK(member.finish() == "");
  }
}

TEST_CASE("a refused login says what the member answered and what to check") {
  for (const auto& version : kVersions)
    for (const std::string scenario : {"wrong-name-kept-open", "wrong-password-kept-open"}) {
      const bool passwords = version[0] == '3' && version != "3.11" && version != "3.12.11";
      if (scenario.starts_with("wrong-password") && !passwords) continue;
      CAPTURE(version);
      CAPTURE(scenario);
      const Transcript t = scripted(version, scenario);
      Script script = scriptOf(t);
      if (t.protocol == Protocol::kCb2) script[1].bytes = shortLogin(script[1].bytes);
      script.resize(3);
      script.push_back(hold());
      ScriptedMember member(t.protocol, {script});
      Session session(t);
      const auto refused = session.connectTo(member);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == Code::kGridPassword);
      const std::string& text = refused.error().message;
      CHECK(text.find("login at 127.0.0.1:") != std::string::npos);
      CHECK(text.find("refused, ") != std::string::npos);
      CHECK(text.find("check group name and password") != std::string::npos);
      CHECK(text.find("dev-pass") == std::string::npos);
      session.close();
      CHECK(member.finish() == "");
    }
}

TEST_CASE("a member of another line: closed, silent, or a text; the error says what to check") {
  std::size_t closed = 0, silent = 0, texts = 0;
  for (const auto& file : transcriptFiles()) {
    const auto at = file.find("scripted-other-protocol-");
    if (at == std::string::npos) continue;
    CAPTURE(file);
    const std::string spoken = file.substr(at + 24);
    Transcript t = readTranscript(file);  // the client's side of it
    t.protocol = spoken == "CB1A"   ? Protocol::kCb1A
                 : spoken == "CB1B" ? Protocol::kCb1B
                 : spoken == "CB2"  ? Protocol::kCb2
                                    : Protocol::kCp2;
    if (t.protocol == Protocol::kCp2) t.password.clear();
    Script script = scriptOf(t);
    if (t.protocol == Protocol::kCb2) script[1].bytes = shortLogin(script[1].bytes);
    const char* said = "before any answer";
    if (t.lines.back().type == "raw") {
      script.insert(script.end() - 1, sayRaw(t.lines.back().bytes));
      said = "the text ERROR";
      ++texts;
    } else if (script.back().kind == Step::Kind::kHold) {
      said = "no answer within 200 ms";
      ++silent;
    } else {
      ++closed;
    }
    ScriptedMember member(t.protocol, {script});
    Session session(t);
    if (said[0] == 'n') session.settings.loginMillis = 200;
    const auto failed = session.connectTo(member);
    REQUIRE_FALSE(failed);
    const std::string& text = failed.error().message;
    CHECK_MESSAGE(text.find(said) != std::string::npos, text);
    CHECK(text.find("check that the older cluster is of the line that speaks") != std::string::npos);
    session.close();
    CHECK(member.finish() == "");
  }
  CHECK(closed >= 12);
  CHECK(silent >= 7);
  CHECK(texts == 2);
}

TEST_CASE("an error instead of an answer, an early end, and a member that stays silent") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const Transcript t = scripted(version, "minimal-publish");
    const Script whole = shortSession(version);
    // After the first publish: the end of the connection, in the middle of the answer.
    Script early(whole.begin(), whole.begin() + 4);
    early.push_back(hangUp());
    ScriptedMember member(t.protocol, {early});
    Session first(t);
    REQUIRE(first.connectTo(member));
    const auto answer = first.publish(published(t).at(0));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::kNetClosed);
    CHECK(answer.error().message.find("publishing (cacheEvents-3): ") != std::string::npos);
    auto lost = first.lost.get_future();
    REQUIRE(lost.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    CHECK(first.publish("x").error().message.find("not connected") != std::string::npos);
    CHECK(member.finish() == "");

    Script mute(whole.begin(), whole.begin() + 4);
    mute.push_back(hold());
    ScriptedMember silent(t.protocol, {mute});
    Session waiting(t);
    waiting.settings.callMillis = 200;
    REQUIRE(waiting.connectTo(silent));
    CHECK(waiting.publish(published(t).at(0)).error().code == Code::kNetTimeout);
    waiting.close();
    CHECK(silent.finish() == "");
    if (version[0] == '3' && version < "3.6" && version.size() == 5) continue;  // no such recording
    // The member's own error of a publication that it did not like.
    const Transcript wrong = scripted(version, "publish-partition-minus-one");
    const std::string type = t.protocol == Protocol::kCp2 ? "040100" : "0401";
    Script refused(whole.begin(), whole.begin() + 4);
    const Bytes error = exchange(wrong, type).answer;
    refused.push_back(say(withCall(t.protocol, error, callOf(t.protocol, whole[3].bytes))));
    refused.push_back(hold());
    ScriptedMember strict(t.protocol, {refused});
    Session third(t);
    REQUIRE(third.connectTo(strict));
    const auto said = third.publish(published(t).at(0));
    REQUIRE_FALSE(said);
    CHECK(said.error().code == Code::kUnavailable);
    CHECK(said.error().message.find("IllegalArgumentException: Partition") != std::string::npos);
    third.close();
    CHECK(strict.finish() == "");
  }
}

TEST_CASE("several addresses: the next one when one refuses; names are resolved at each attempt") {
  const Transcript t = scripted("3.12.11", "minimal-publish");
  Script script = afterLogin("3.12.11", {hangUp()});
  ScriptedMember member(t.protocol, {script, script});
  Session session(t);
  session.settings.endpoints = {{"nowhere.example", 5701}, {"closed.example", 1}};
  REQUIRE(session.connectTo(member));
  CHECK(session.resolved == 3);
  auto lost = session.lost.get_future();
  REQUIRE(lost.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  session.lost = {};
  REQUIRE(session.connect());
  CHECK(session.resolved == 6);
  CHECK(member.finish() == "");
  Session nobody(t);
  nobody.settings.endpoints = {{"nowhere.example", 5701}, {"closed.example", 1}};
  nobody.make();
  const auto failed = nobody.connect();
  REQUIRE_FALSE(failed);
  const std::string& text = failed.error().message;
  CHECK(text.find("resolving nowhere.example: no such name") != std::string::npos);
  CHECK(text.find("connecting to 127.0.0.1:1") != std::string::npos);
  Session none(t);
  none.make();
  CHECK(none.connect().error().code == Code::kConfig);
}

TEST_CASE("closing answers what is under way") {
  const Transcript t = scripted("4.1.1", "minimal-publish");
  Script script = shortSession("4.1.1");
  script.resize(4);
  script.push_back(hold());
  ScriptedMember member(t.protocol, {script});
  Session client(t);
  REQUIRE(client.connectTo(member));
  std::promise<Result<bool>> answer;
  auto future = answer.get_future();
  client.shard.runAndWait([&] {
    client.client->publish(kTopic, published(t).at(0),
                           [&](Result<bool> r) { answer.set_value(std::move(r)); });
    client.client->close();
  });
  CHECK(wait<bool>(future).error().code == Code::kShutdown);
  CHECK(member.finish() == "");
}

// The login through TLS.
#include "hzclient/client_fixture.h"
#include "net/acceptor.h"
#include "net/certificates.h"

using namespace ox;
using namespace ox::hzclient;
using namespace ox::hzclient::test;

TEST_CASE("a login through TLS, to a member that knows no names of protocols") {
  const Transcript t = scripted("3.12.11", "minimal-publish");
  const Script script = afterLogin("3.12.11", {shortSession("3.12.11")[3]});
  ox::test::Certificates files;
  const ox::test::Issuer issuer("older cluster"), stranger("somebody else");
  const auto context = [&](const char* name, const ox::test::Issuer& from) {
    net::TlsCertificates s;
    s.keys.path = files.pemKeys(std::string(name) + ".pem", from, name);
    s.trusted.path = files.pemTrust("trust.pem", issuer);
    s.allow12 = true;
    auto made = net::TlsContext::make(s);
    REQUIRE_MESSAGE(made.ok(), (made ? "" : made.error().message));
    return *made;
  };
  for (const bool trusted : {true, false}) {
    net::Shard shard(1, "member");
    const auto own = context("member", trusted ? issuer : stranger);
    std::shared_ptr<net::Stream> stream;
    Bytes heard;
    std::promise<void> published;
    const Bytes login = script[0].bytes + script[1].bytes;
    const auto accepted = [&](net::Detached connection, const std::string&) {
      net::Stream::Limits limits;
      limits.raw = true;
      stream = net::Stream::adopt(shard, std::move(connection), limits);
      stream->secure(std::make_unique<net::TlsSession>(own, net::TlsSession::Side::kAcceptor));
      stream->start(
          [&](BytesView bytes) {
            heard.append(bytes);
            if (heard.size() == login.size()) stream->sendRaw(script[2].bytes);
            if (heard.size() == login.size() + script[3].bytes.size()) published.set_value();
          },
          [](net::CloseReason, const std::string&) {});
    };
    auto listener = std::move(
        net::Acceptor::open(shard, "127.0.0.1", 0, 1, {{"\x16\x03", accepted, true}}).value());
    Session session(t);
    session.settings.tls = context("client", issuer);
    session.settings.endpoints = {{"member.example", listener->port()}};
    session.make();
    const auto connected = session.connect();
    CHECK(connected.ok() == trusted);
    if (!trusted) {
      CHECK_MESSAGE(connected.error().message.find("certificate") != std::string::npos,
                    connected.error().message);
    } else {
      session.shard.runAndWait(
          [&] { session.client->publish(kTopic, hzclient::textData(t.protocol, "hello"), [](auto) {}); });
      CHECK(published.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
      CHECK(heard.starts_with(login));
    }
    session.close();
    listener.reset();
    shard.runAndWait([&] {
      if (stream) stream->close();
    });
    shard.stop();
  }
}

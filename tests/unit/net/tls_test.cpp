#include <doctest/doctest.h>

#include <future>

#include "net/acceptor.h"
#include "net/certificates.h"
#include "net/stream.h"
#include "net/keyed_hash.h"
#include "net/tls.h"
#include "net/tls_impl.h"

using namespace ox;
using namespace ox::net;
using test::Certificates;
using test::Issuer;

namespace {
const TlsProtocol kCertificates{"test-cert", "test-key", "the other side uses a shared key"};
const TlsProtocol kKeys{"test-key", "test-cert", "the other side uses certificates"};

std::shared_ptr<const TlsContext> withKeys(const TlsStore& keys, const TlsStore& trusted,
                                           bool allow12 = false, bool allow13 = true) {
  TlsCertificates s;
  s.keys = keys;
  s.trusted = trusted;
  s.allow12 = allow12;
  s.allow13 = allow13;
  s.protocol = kCertificates;
  auto made = TlsContext::make(s);
  REQUIRE_MESSAGE(made.ok(), (made ? std::string() : made.error().message));
  return *made;
}

std::shared_ptr<const TlsContext> withPassword(const std::string& password,
                                               std::uint64_t rekey = kRekeyRecords) {
  TlsSharedKey s;
  s.key = keyOfPassword(password, "salt", 1000, kTlsKeyBytes);
  s.protocol = kKeys;
  s.rekeyRecords = rekey;
  return *TlsContext::make(s);
}

std::string refusedStore(const TlsStore& keys, const TlsStore& trusted) {
  TlsCertificates s;
  s.keys = keys;
  s.trusted = trusted;
  s.protocol = kCertificates;
  const auto made = TlsContext::make(s);
  REQUIRE(!made.ok());
  CHECK(made.error().code == Code::kConfig);
  return made.error().message;
}

std::string readAll(TlsSession& s) {
  std::string out(1 << 16, '\0');
  std::size_t n = 0;
  std::string all;
  while ((n = s.read(out.data(), out.size())) != 0) all.append(out, 0, n);
  return all;
}

// Two ends in memory; bytes go to and fro until both are silent, in pieces of `piece` bytes.
struct Wire {
  TlsSession dialler, acceptor;
  std::string atAcceptor, atDialler;  // decrypted
  Wire(std::shared_ptr<const TlsContext> a, std::shared_ptr<const TlsContext> b)
      : dialler(std::move(a), TlsSession::Side::kDialler),
        acceptor(std::move(b), TlsSession::Side::kAcceptor) {}
  void run(std::size_t piece = 1 << 20) {
    for (int turns = 0; turns < 50; ++turns) {
      const Bytes there = std::exchange(dialler.output(), Bytes());
      for (std::size_t i = 0; i < there.size(); i += piece) {
        static_cast<void>(acceptor.feed(BytesView(there).substr(i, piece)));
        atAcceptor += readAll(acceptor);
      }
      const Bytes back = std::exchange(acceptor.output(), Bytes());
      for (std::size_t i = 0; i < back.size(); i += piece) {
        static_cast<void>(dialler.feed(BytesView(back).substr(i, piece)));
        atDialler += readAll(dialler);
      }
      if (there.empty() && back.empty()) return;
    }
    FAIL("the handshake does not end");
  }
};
}  // namespace

TEST_CASE("mutual TLS with PEM and PKCS12 stores carries bytes, also byte by byte") {
  Certificates files;
  const Issuer issuer("test issuer");
  const auto a = withKeys({files.pemKeys("a.pem", issuer, "a", "key password"), "key password"},
                          {files.pkcs12Trust("trust.p12", issuer, "changeit"), "changeit"});
  const auto b = withKeys({files.pkcs12Keys("b.p12", issuer, "b", "store password"), "store password"},
                          {files.pemTrust("trust.pem", issuer), ""});
  CHECK(a->summary().find("CN=a") != std::string::npos);
  CHECK(a->summary().find("TLS 1.3") != std::string::npos);
  CHECK(a->summary().find("password") == std::string::npos);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{1} << 20}) {
    Wire wire(a, b);
    wire.run(piece);
    REQUIRE(wire.dialler.ready());
    REQUIRE(wire.acceptor.ready());
    const std::string text(100'000, 'x');
    wire.dialler.write(text);
    CHECK(wire.dialler.output().find("xxxx") == std::string::npos);
    wire.acceptor.write("answer");
    wire.run(piece);
    CHECK(wire.atAcceptor == text);
    CHECK(wire.atDialler == "answer");
    wire.dialler.finish();
    wire.run();
    CHECK(wire.acceptor.ended());
  }
}

TEST_CASE("TLS 1.2 is spoken only where both allow it") {
  Certificates files;
  const Issuer issuer("test issuer");
  const TlsStore keys{files.pemKeys("a.pem", issuer, "a"), ""};
  const TlsStore trust{files.pemTrust("trust.pem", issuer), ""};
  const auto only12 = withKeys(keys, trust, true, false), only13 = withKeys(keys, trust),
             both = withKeys(keys, trust, true, true);
  for (const auto& other : {only12, only13}) {
    Wire wire(other, both);
    wire.run();
    CHECK(wire.dialler.ready());
    CHECK(wire.acceptor.ready());
    wire.dialler.write("hello");
    wire.run();
    CHECK(wire.atAcceptor == "hello");
  }
  Wire wire(only12, only13);
  wire.run();
  CHECK(wire.dialler.problem().find("no version of TLS in common") != std::string::npos);
  CHECK(wire.acceptor.problem().find("no version of TLS in common") != std::string::npos);
}

TEST_CASE("a certificate that is not accepted is named on both sides") {
  Certificates files;
  const Issuer issuer("test issuer"), stranger("another issuer");
  const TlsStore trust{files.pemTrust("trust.pem", issuer), ""};
  const auto good = withKeys({files.pemKeys("a.pem", issuer, "good"), ""}, trust);
  const auto expired = withKeys({files.pemKeys("b.pem", issuer, "late", "", -10, -1), ""}, trust);
  const auto early = withKeys({files.pemKeys("c.pem", issuer, "early", "", 5, 10), ""}, trust);
  const auto foreign = withKeys({files.pemKeys("d.pem", stranger, "foreign"), ""}, trust);
  const auto check = [](TlsSession& judge, TlsSession& judged, const std::string& reason,
                        const std::string& name) {
    CHECK(judge.failed());
    CHECK(judge.problem().find(reason) != std::string::npos);
    CHECK(judge.problem().find("CN=" + name) != std::string::npos);
    CHECK(judge.problem().find("valid from 20") != std::string::npos);
    CHECK(judged.failed());
    CHECK(judged.problem().find("does not accept the certificate of this node") !=
          std::string::npos);
  };
  struct Case {
    std::shared_ptr<const TlsContext> bad;
    std::string reason, name;
  };
  for (const Case& c : {Case{expired, "expired", "late"}, Case{early, "not yet valid", "early"},
                        Case{foreign, "issuer", "foreign"}}) {
    Wire dialled(c.bad, good);
    dialled.run();
    check(dialled.acceptor, dialled.dialler, c.reason, c.name);
    Wire accepted(good, c.bad);
    accepted.run();
    check(accepted.dialler, accepted.acceptor, c.reason, c.name);
  }
}

TEST_CASE("stores that cannot be used are refused with the file and the remedy") {
  Certificates files;
  const Issuer issuer("test issuer");
  const TlsStore trust{files.pemTrust("trust.pem", issuer), ""};
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(refusedStore({files.path("none.pem"), ""}, trust), "none.pem\" cannot be read");
  has(refusedStore({files.write("old.jks", "\xfe\xed\xfe\xed..."), "hidden"}, trust),
      "keytool -importkeystore -srckeystore " + files.path("old.jks") +
          " -srcstoretype JKS -destkeystore " + files.path("old.p12") + " -deststoretype PKCS12");
  has(refusedStore({files.write("noise", "what is this"), ""}, trust), "neither PEM nor PKCS12");
  has(refusedStore({trust.path, ""}, trust), "has no private key");
  const std::string locked = files.pemKeys("locked.pem", issuer, "a", "secret one");
  has(refusedStore({locked, "wrong one"}, trust), "its password does not open");
  CHECK(refusedStore({locked, "wrong one"}, trust).find("wrong one") == std::string::npos);
  const std::string store = files.pkcs12Keys("a.p12", issuer, "a", "right");
  has(refusedStore({store, "wrong"}, trust), "is not opened by its password");
  const TlsStore keys{files.pemKeys("a.pem", issuer, "a"), ""};
  has(refusedStore(keys, {files.write("empty.pem", "-----BEGIN X-----\n"), ""}), "cannot be read");
  has(refusedStore(keys, {files.write("note.pem", "see -----BEGIN here\n"), ""}), "has no certificate");
}

TEST_CASE("a shared key: TLS 1.3 without certificates, and only between equal keys") {
  Wire good(withPassword("one"), withPassword("one"));
  good.run();
  INFO(good.dialler.problem(), " / ", good.acceptor.problem());
  CHECK(good.dialler.ready());
  CHECK(good.acceptor.ready());
  good.dialler.write("text");
  good.acceptor.write("back");
  good.run();
  CHECK(good.atAcceptor == "text");
  CHECK(good.atDialler == "back");

  Wire bad(withPassword("one"), withPassword("two"));
  bad.run();
  CHECK(!bad.dialler.ready());
  CHECK(!bad.acceptor.ready());
  CHECK(bad.acceptor.problem().find("password, salt or iteration count") != std::string::npos);
  CHECK(bad.dialler.problem().find("password, salt or iteration count") != std::string::npos);
  CHECK(keyOfPassword("p", "s", 10, 48) != keyOfPassword("p", "s", 11, 48));
  CHECK(keyOfPassword("p", "s", 10, 48) != keyOfPassword("p", "t", 10, 48));
}

TEST_CASE("certificates and a shared key refuse each other, and say so") {
  Certificates files;
  const Issuer issuer("test issuer");
  const auto certificate = withKeys({files.pemKeys("a.pem", issuer, "a"), ""},
                                    {files.pemTrust("trust.pem", issuer), ""});
  for (const bool turned : {false, true}) {
    Wire wire(turned ? withPassword("one") : certificate, turned ? certificate : withPassword("one"));
    wire.run();
    CHECK(wire.acceptor.problem() == (turned ? "the other side uses a shared key"
                                             : "the other side uses certificates"));
    CHECK(wire.dialler.problem().find("another kind of encryption") != std::string::npos);
  }
}

TEST_CASE("sending keys are renewed after their number of records, and nothing is lost") {
  Wire wire(withPassword("one", 10), withPassword("one", 10));
  wire.run();
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string text = "record " + std::to_string(i) + ";";
    wire.dialler.write(text);
    all += text;
    if (i % 7 == 0) wire.run();
  }
  wire.run();
  CHECK(wire.atAcceptor == all);
  CHECK(wire.dialler.rekeys() >= 8);
}

TEST_CASE("what is no TLS, or too much of it, ends the session") {
  TlsSession plain(withPassword("one"), TlsSession::Side::kDialler);
  CHECK(!plain.feed(BytesView("\0\0\0\x05hello", 9)).ok());
  CHECK(plain.plainPeer());
  CHECK(plain.problem() == "the other side answers without encryption");
  TlsSession flood(withPassword("one"), TlsSession::Side::kAcceptor);
  const std::string junk = "\x16\x03\x01" + std::string(1000, '\0');
  int fed = 0;
  while (fed < 1000 && flood.feed(junk).ok()) ++fed;
  CHECK(fed < 200);
  CHECK(flood.failed());
  CHECK(!flood.plainPeer());
}

TEST_CASE("the names that a ClientHello offers") {
  CHECK(alpnOffers(BytesView("\0\x08\x02h2\x04oxm1", 10), "oxm1"));
  CHECK(alpnOffers(BytesView("\0\x08\x02h2\x04oxm1", 10), "h2"));
  CHECK(!alpnOffers(BytesView("\0\x08\x02h2\x04oxm1", 10), "oxm"));
  CHECK(!alpnOffers(BytesView("\0\x09\x02h2\x04oxm1", 10), "oxm1"));  // says more than is there
  CHECK(!alpnOffers(BytesView("\0\x03\xffh2", 5), "h2"));
  CHECK(!alpnOffers(BytesView("\0\x01\0", 3), ""));
  CHECK(!alpnOffers(BytesView("\0", 1), "h2"));
  CHECK(!alpnOffers(BytesView(), "h2"));
}

namespace {
std::shared_ptr<Stream> dial(Shard& shard, std::uint16_t port) {
  std::promise<Result<std::shared_ptr<Stream>>> answer;
  shard.post([&] {
    Stream::connect(shard, "127.0.0.1", port, "", 5000, {},
                    [&](auto r) { answer.set_value(std::move(r)); });
  });
  return answer.get_future().get().value();
}
}  // namespace

TEST_CASE("a stream inside TLS moves between shards in the middle of its bytes") {
  const auto context = withPassword("one");
  Shard server(0, "server"), client(1, "client"), other(2, "other");
  std::promise<Detached> first;
  auto opened = Acceptor::open(
      server, "127.0.0.1", 0, 1,
      {{"\x16\x03", [&](Detached d, const std::string&) { first.set_value(std::move(d)); }, true}});
  const auto acceptor = std::move(opened.value());
  const auto out = dial(client, acceptor->port());
  constexpr int kFrames = 500;
  const auto frame = [](int i) {
    return Bytes(static_cast<std::size_t>(1 + i * 37 % 5000), static_cast<char>('a' + i % 26));
  };
  std::promise<std::string> back;
  client.runAndWait([&] {
    out->secure(std::make_unique<TlsSession>(context, TlsSession::Side::kDialler));
    out->start([&](BytesView f) { back.set_value(std::string(f)); },
               [](CloseReason, const std::string&) {});
    for (int i = 0; i < kFrames; ++i) out->send(frame(i));
    out->send(Bytes(3 << 20, 'z'));
  });
  Detached connection = first.get_future().get();
  std::vector<Bytes> got;
  std::promise<Detached> moved;
  std::promise<void> complete;
  std::shared_ptr<Stream> in, rest;
  server.runAndWait([&] {
    in = Stream::adopt(server, std::move(connection), {});
    in->secure(std::make_unique<TlsSession>(context, TlsSession::Side::kAcceptor));
    in->start(
        [&](BytesView f) {
          got.emplace_back(f);
          if (got.size() == 10) moved.set_value(in->detach());
        },
        [](CloseReason, const std::string&) {});
  });
  Detached again = moved.get_future().get();
  REQUIRE(again.valid());
  other.runAndWait([&] {
    rest = Stream::adopt(other, std::move(again), {});
    rest->start(
        [&](BytesView f) {
          got.emplace_back(f);
          if (f.size() == (3u << 20)) complete.set_value();
        },
        [](CloseReason, const std::string&) {});
    rest->send(Bytes(1 << 20, 'y'));
  });
  complete.get_future().get();
  REQUIRE(got.size() == kFrames + 1);
  for (int i = 0; i < kFrames; ++i) CHECK(got[static_cast<std::size_t>(i)] == frame(i));
  CHECK(got.back() == Bytes(3 << 20, 'z'));
  CHECK(back.get_future().get() == Bytes(1 << 20, 'y'));
  other.runAndWait([&] { rest->closeWhenWritten(); });
  client.runAndWait([&] { out->close(); });
}

TEST_CASE("a stream whose TLS is refused tells both sides the reason once") {
  Shard server(0, "server"), client(1, "client");
  std::promise<Detached> first;
  auto opened = Acceptor::open(
      server, "127.0.0.1", 0, 1,
      {{"\x16\x03", [&](Detached d, const std::string&) { first.set_value(std::move(d)); }, true}});
  const auto acceptor = std::move(opened.value());
  const auto out = dial(client, acceptor->port());
  std::promise<std::pair<CloseReason, std::string>> dialled, accepted;
  client.runAndWait([&] {
    out->secure(std::make_unique<TlsSession>(withPassword("one"), TlsSession::Side::kDialler));
    out->start([](BytesView) {}, [&](CloseReason w, const std::string& t) { dialled.set_value({w, t}); });
  });
  std::shared_ptr<Stream> in;
  Detached connection = first.get_future().get();
  server.runAndWait([&] {
    in = Stream::adopt(server, std::move(connection), {});
    in->secure(std::make_unique<TlsSession>(withPassword("two"), TlsSession::Side::kAcceptor));
    in->start([](BytesView) {}, [&](CloseReason w, const std::string& t) { accepted.set_value({w, t}); });
  });
  for (auto* side : {&dialled, &accepted}) {
    const auto [why, text] = side->get_future().get();
    CHECK(why == (side == &dialled ? CloseReason::kTlsByPeer : CloseReason::kTls));
    CHECK(text.find("password, salt or iteration count") != std::string::npos);
  }
}

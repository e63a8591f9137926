// The connectors as a whole: TLS, many idle connections, old clients, trailers, liveness.
#include <doctest/doctest.h>

#include <openssl/ssl.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <thread>
#include <vector>

#include "../net/certificates.h"
#include "http/liveness.h"
#include "http_house.h"
#include "raw_client.h"

using namespace ox;
using namespace ox::http;
using ox::test::RawClient;

namespace {

struct House : test::HttpHouse {
  explicit House(HttpSettings s = {}) : HttpHouse(withTls(std::move(s)), 2, 100) {
    echo = server.addServlet("echo", RunOn::kLoop, [](const Request& r, const Reply& reply) {
      Response out;
      out.body = r.secure ? "secure:" : "plain:";
      for (const auto& [k, v] : r.headers)
        if (k.starts_with("x-") || k == "cookie") out.body += k + "=" + v + ";";
      out.body += std::to_string(r.body.size());
      reply(std::move(out));
    });
  }
  static HttpSettings withTls(HttpSettings s) {
    s.tlsPort = 0;
    return s;
  }
};

const std::string kGet = "GET /ajax/echo HTTP/1.1\r\nHost: x\r\n\r\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

int threads() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
  return -1;
}

// A client that speaks TLS on a blocking socket and trusts one issuer.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& trusted, int highest = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())), raw_(port) {
    SSL_CTX_set_max_proto_version(context_, highest);
    SSL_CTX_load_verify_locations(context_, trusted.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    ssl_ = SSL_new(context_);
    static constexpr unsigned char kAlpn[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(ssl_, kAlpn, sizeof kAlpn - 1);
    SSL_set_fd(ssl_, raw_.fd());
    good_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  bool good() const { return good_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  std::string ask(const std::string& text, std::string_view until) {
    if (SSL_write(ssl_, text.data(), static_cast<int>(text.size())) <= 0) return "";
    std::string out;
    char buffer[4096];
    while (!has(out, until)) {
      const int n = SSL_read(ssl_, buffer, sizeof buffer);
      if (n <= 0) break;
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  SSL_CTX* context_;
  RawClient raw_;
  SSL* ssl_ = nullptr;
  bool good_ = false;
};

}  // namespace

TEST_CASE("HTTPS: TLS 1.2 and 1.3, several requests, secure cookies; nothing older, nothing plain") {
  const test::Issuer issuer("CA");
  const test::Certificates files;
  const std::string trusted = files.pemTrust("ca.pem", issuer);
  HttpSettings s;
  s.tls = true;
  SUBCASE("PEM") { s.tlsKeystore = files.pemKeys("node.pem", issuer, "node1"); }
  SUBCASE("PKCS12") {
    s.tlsKeystore = files.pkcs12Keys("node.p12", issuer, "node1", "secret");
    s.tlsPassword = "secret";
  }
  House house(s);
  REQUIRE(house.server.start().ok());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(house.server.tlsPort(), trusted, version);
    REQUIRE(client.good());
    CHECK(client.protocol() == "http/1.1");
    const std::string first = client.ask(kGet, "secure:0");
    CHECK(has(first, "200 OK"));
    CHECK(has(first, "; Secure; HttpOnly; SameSite=Lax"));
    CHECK(has(client.ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n" +
                             std::string(40'000, 'x'),
                         "secure:40000"),
              "200 OK"));
  }
  CHECK_FALSE(TlsClient(house.server.tlsPort(), trusted, TLS1_1_VERSION).good());
  RawClient plain(house.server.tlsPort());
  plain.send(kGet);
  CHECK_FALSE(has(plain.untilClosed(), "200 OK"));
  CHECK(house.server.counters().tlsFailures == 2);
}

TEST_CASE("a missing or unusable keystore is a named error") {
  const test::Certificates files;
  HttpSettings s;
  s.tls = true;
  for (const std::string& path : {std::string(), files.path("absent.pem"), files.write("x.pem", "x")}) {
    s.tlsKeystore = path;
    House house(s);
    const Status status = house.server.start();
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == Code::kConfig);
    CHECK(has(status.error().message, "com.openexchange.http.grizzly.keystorePath"));
    CHECK(has(status.error().message, path));
  }
}

TEST_CASE("10,000 idle connections need no thread, and every one still answers") {
  // Both ends of a connection are here; where the system allows fewer files there are fewer.
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t count = std::min<std::size_t>(10'000, (files.rlim_cur - 200) / 2);
  REQUIRE(count > 100);
  House house;
  REQUIRE(house.server.start().ok());
  const int before = threads();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(house.server.port()));
    REQUIRE(clients.back()->send(kGet));
  }
  std::size_t good = 0;
  for (auto& client : clients) good += has(client->answer(), "200 OK") ? 1 : 0;
  CHECK(good == count);
  CHECK(house.server.counters().connectionsOpen == count);
  CHECK(threads() == before);
  for (std::size_t i = 0; i < count; i += 10) {
    REQUIRE(clients[i]->send(kGet));
    CHECK(has(clients[i]->answer(), "200 OK"));
  }
}

TEST_CASE("HTTP/1.0: kept open when asked for, closed else") {
  House house;
  REQUIRE(house.server.start().ok());
  RawClient client(house.server.port());
  client.send("GET /ajax/echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(has(client.answer(), "Connection: keep-alive"));
  client.send("GET /ajax/echo HTTP/1.0\r\n\r\n");
  CHECK(has(client.untilClosed(), "200 OK"));
}

TEST_CASE("the trailer of a chunked body does not become a header") {
  House house;
  REQUIRE(house.server.start().ok());
  RawClient client(house.server.port());
  client.send("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
              "3\r\nabc\r\n0\r\nCookie: JSESSIONID=7.OX1\r\nX-Two: 2\r\n\r\n");
  CHECK(has(client.answer(), "plain:x-one=1;3"));
  client.send(kGet);
  CHECK(has(client.answer(), "plain:0"));
}

TEST_CASE("a connection accepted before a stop gets its answer, and is told to close") {
  House house;
  REQUIRE(house.server.start().ok());
  RawClient kept(house.server.port());
  kept.send(kGet);
  CHECK(has(kept.answer(), "200 OK"));
  std::thread stopper([&] { house.server.stop(); });
  while (RawClient(house.server.port()).connected()) std::this_thread::yield();
  // The door is closed; a proxy may be about to use a connection that it has.
  kept.send(kGet);
  const std::string last = kept.untilClosed();
  stopper.join();
  CHECK(has(last, "200 OK"));
  CHECK(has(last, "Connection: close"));
  CHECK_FALSE(has(last, "Set-Cookie"));
}

TEST_CASE("liveness answers for the event loops, not for the connector") {
  class ManualClock final : public Clock {
   public:
    std::int64_t steadyNanos() const override { return millis * 1'000'000; }
    std::int64_t wallMillis() const override { return millis; }
    std::atomic<std::int64_t> millis{1'000'000};
  } clock;
  House house;  // its server is not started
  Liveness liveness("127.0.0.1", 0, house.shards, house.workers, clock);
  REQUIRE(liveness.start().ok());
  const auto ask = [&] {
    RawClient client(liveness.port());
    client.send("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.untilClosed();
  };
  const std::string alive = ask();
  CHECK(has(alive, "200 OK"));
  CHECK_FALSE(has(alive, "Set-Cookie"));
  std::mutex held;
  held.lock();
  house.shards.at(1).post([&held] { std::lock_guard wait(held); });
  // Until the probe's question waits behind the one that stands still; then time passes.
  std::string stalled;
  for (int i = 0; i < 1000 && !has(stalled, "503"); ++i) {
    clock.millis += kStallMillis / 200;
    stalled = ask();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const bool named = has(stalled, "event loop 1") || has(stalled, "event loop 0, 1");
  CHECK(named);
  held.unlock();
  std::string again = ask();
  for (int i = 0; i < 1000 && !has(again, "200 OK"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    again = ask();
  }
  CHECK(has(again, "200 OK"));
  liveness.stop();
}

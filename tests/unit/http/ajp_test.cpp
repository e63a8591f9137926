// AJP/1.3: packets as a web server writes them, and the connector on a real socket.
#include <doctest/doctest.h>

#include "http/ajp_packets.h"
#include "http_house.h"
#include "raw_client.h"

using namespace ox;
using namespace ox::http;
using ox::test::RawClient;

namespace {

std::string number(std::size_t n) {
  return {static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
}
std::string text(const std::string& t) { return number(t.size()) + t + std::string(1, '\0'); }
std::string packet(const std::string& payload) { return "\x12\x34" + number(payload.size()) + payload; }

// A forwarded request as the protocol's description shows it.
struct Forward {
  int method = 2;  // GET
  std::string uri = "/ajax/echo";
  std::string address = "192.0.2.7";
  bool secure = false;
  std::vector<std::pair<std::string, std::string>> headers = {{std::string("\xa0\x0b"), "host.example"}};
  std::string attributes;

  std::string payload() const {
    std::string out = {'\x02', static_cast<char>(method)};
    out += text("HTTP/1.1") + text(uri) + text(address) + "\xff\xff" + text("host.example") +
           number(443) + std::string(1, secure ? '\1' : '\0') + number(headers.size());
    for (const auto& [name, value] : headers)
      out += (name[0] == '\xa0' ? name : text(name)) + text(value);
    return out + attributes + "\xff";
  }
};

struct House : test::HttpHouse {
  explicit House(HttpSettings s = {}) : HttpHouse(withAjp(std::move(s)), 2, 100) {
    REQUIRE(server.start().ok());
    echo = server.addServlet("echo", RunOn::kWorker, [](const Request& r, const Reply& reply) {
      Response out;
      out.body = r.method + ":" + r.remoteAddress + ":" + r.remoteUser + ":" +
                 (r.secure ? "secure" : "plain") + ":" + std::to_string(r.body.size());
      for (const auto& [k, v] : r.parameters) out.body += ":" + k + "=" + v;
      for (const auto& [k, v] : r.attributes) out.body += ":" + k + "=" + v;
      if (r.parameter("large")) out.body = std::string(20'000, 'x');
      reply(std::move(out));
    });
  }
  static HttpSettings withAjp(HttpSettings s) {
    s.ajpPort = 0;
    return s;
  }
};

// The next packet of the connector: its payload with the code in front.
std::string next(RawClient& client) {
  const std::string head = client.bytes(4);
  if (head.size() < 4 || head.substr(0, 2) != "AB") return "";
  return client.bytes(static_cast<std::size_t>(static_cast<unsigned char>(head[2])) << 8 |
                      static_cast<unsigned char>(head[3]));
}
// A whole answer: headers packet and the joined body; empty when the connection ends before.
struct Whole {
  std::string headers, body;
  bool keep = false;
  int pieces = 0;
};
Whole answer(RawClient& client) {
  Whole out;
  for (;;) {
    const std::string p = next(client);
    if (p.empty()) return out;
    if (p[0] == 4) out.headers = p;
    if (p[0] == 3) {
      const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(p[1])) << 8 |
                               static_cast<unsigned char>(p[2]);
      CHECK(p.size() == size + 4);
      out.body += p.substr(3, size);
      ++out.pieces;
    }
    if (p[0] == 5) {
      out.keep = p[1] == 1;
      return out;
    }
  }
}
bool has(const std::string& whole, std::string_view part) {
  return whole.find(part) != std::string::npos;
}
int status(const Whole& a) {
  return a.headers.size() < 3 ? 0
                              : static_cast<unsigned char>(a.headers[1]) << 8 |
                                    static_cast<unsigned char>(a.headers[2]);
}

}  // namespace

TEST_CASE("all attributes of a forwarded request are understood") {
  Forward f;
  f.method = 0xff;
  f.secure = true;
  f.headers.emplace_back("\xa0\x09", "JSESSIONID=7.OX1");
  f.headers.emplace_back("X-Own", "1");
  f.attributes = "\x01" + text("ctx") + "\x02" + text("servlet") + "\x03" + text("anna") + "\x04" +
                 text("Basic") + "\x05" + text("a=1&b=2") + "\x06" + text("OX1") + "\x07" +
                 text("CERT") + "\x08" + text("AES") + "\x09" + text("SESSION") + "\x0a" +
                 text("AJP_REMOTE_PORT") + text("4711") + "\x0b" + number(256) + "\x0c" +
                 text("s3cret") + "\x0d" + text("PATCH");
  const auto r = parseAjpRequest(f.payload());
  REQUIRE(r.ok());
  CHECK(r->raw.method == "PATCH");
  CHECK(r->raw.target == "/ajax/echo?a=1&b=2");
  CHECK(r->raw.remoteAddress == "192.0.2.7");
  CHECK(r->raw.remoteUser == "anna");
  CHECK(r->raw.secure);
  CHECK(r->secret == "s3cret");
  CHECK(r->jvmRoute == "OX1");
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"host", "host.example"}, {"cookie", "JSESSIONID=7.OX1"}, {"x-own", "1"}};
  CHECK(r->raw.headers == headers);
  const std::vector<std::pair<std::string, std::string>> attributes = {
      {"context", "ctx"}, {"servlet_path", "servlet"}, {"auth_type", "Basic"}, {"ssl_cert", "CERT"},
      {"ssl_cipher", "AES"}, {"ssl_session", "SESSION"}, {"AJP_REMOTE_PORT", "4711"},
      {"ssl_key_size", "256"}};
  CHECK(r->raw.attributes == attributes);
}

TEST_CASE("every cut of a request is an error, and so are unknown codes") {
  Forward f;
  f.attributes = "\x03" + text("anna") + "\x0a" + text("name") + text("value");
  const std::string whole = f.payload();
  REQUIRE(parseAjpRequest(whole).ok());
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parseAjpRequest(whole.substr(0, n)).ok());
  f.method = 0;
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.method = 28;
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.method = 0xff;  // and no stored method
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.method = 2;
  f.attributes = "\x0e" + text("x");
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.attributes.clear();
  f.headers.emplace_back("\xa0\x0f", "x");
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.headers = {{"\xa0\x08", "5"}, {"\xa0\x08", "6"}};
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  f.headers = {{"\xa0\x08", "-1"}};
  CHECK_FALSE(parseAjpRequest(f.payload()).ok());
  CHECK_FALSE(ajpLength("AB\x01\x01").ok());
  CHECK(*ajpLength("\x12\x34\x01\x02") == 258);
  CHECK_FALSE(parseAjpBody(std::string("\x00\x05" "abc", 5)).ok());
  CHECK(*parseAjpBody(std::string("\x00\x03" "abcd", 6)) == "abc");
}

TEST_CASE("requests, CPING and bodies in pieces on one connection") {
  House house;
  RawClient client(house.server.ajpPort());
  client.send(packet("\x0a"));
  CHECK(next(client) == "\x09");
  Forward f;
  f.secure = true;
  f.attributes = "\x03" + text("anna") + "\x05" + text("a=1") + "\x06" + text("OX1");
  client.send(packet(f.payload()));
  Whole a = answer(client);
  CHECK(status(a) == 200);
  CHECK(a.body == "GET:192.0.2.7:anna:secure:0:a=1:jvm_route=OX1");
  CHECK(a.keep);
  CHECK(has(a.headers, "JSESSIONID="));
  CHECK(has(a.headers, ".OX1; Path=/; Secure; HttpOnly; SameSite=Lax"));

  // A body of three pieces: the first comes unasked.
  Forward post;
  post.method = 4;
  post.headers.emplace_back("\xa0\x08", "10000");
  client.send(packet(post.payload()) + packet(number(5000) + std::string(5000, 'a')));
  CHECK(next(client) == "\x06" + number(5000));
  client.send(packet(number(3000) + std::string(3000, 'b')));
  CHECK(next(client) == "\x06" + number(2000));
  client.send(packet(number(2000) + std::string(2000, 'c')));
  CHECK(answer(client).body == "POST:192.0.2.7::plain:10000");

  // A chunked one is asked for until the empty piece.
  post.headers = {{"\xa0\x0b", "h"}, {"Transfer-Encoding", "chunked"}};
  client.send(packet(post.payload()));
  CHECK(next(client)[0] == 6);
  client.send(packet(number(3) + "abc"));
  CHECK(next(client)[0] == 6);
  client.send(packet(""));
  CHECK(answer(client).body == "POST:192.0.2.7::plain:3");

  f.attributes = "\x05" + text("large=1");
  client.send(packet(f.payload()));
  a = answer(client);
  CHECK(a.body == std::string(20'000, 'x'));
  CHECK(a.pieces == 3);
  f.method = 3;  // HEAD
  client.send(packet(f.payload()));
  a = answer(client);
  CHECK(a.body.empty());
  CHECK(has(a.headers, "20000"));
  CHECK(house.server.counters().ajpRequests == 5);
}

TEST_CASE("the secret is asked for, and broken packets close the connection") {
  HttpSettings s;
  s.ajpSecret = "s3cret";
  s.maxBodyBytes = 100;
  House house(s);
  Forward f;
  for (const std::string& secret : {std::string(), "\x0c" + text("wrong")}) {
    RawClient client(house.server.ajpPort());
    f.attributes = secret;
    client.send(packet(f.payload()));
    const Whole a = answer(client);
    CHECK(status(a) == 403);
    CHECK_FALSE(a.keep);
    CHECK(client.untilClosed().empty());
  }
  CHECK(house.server.counters().ajpSecrets == 2);
  f.attributes = "\x0c" + text("s3cret");
  RawClient good(house.server.ajpPort());
  good.send(packet(f.payload()));
  CHECK(status(answer(good)) == 200);
  f.method = 4;
  f.headers.emplace_back("\xa0\x08", "101");
  good.send(packet(f.payload()) + packet(number(101) + std::string(101, 'x')));
  CHECK(status(answer(good)) == 413);
  for (const std::string& bad : {std::string("GET / HTTP/1.1\r\n\r\n"), packet("\x63"),
                                 packet(std::string("\x02\x02\x00\xff", 4))}) {
    RawClient client(house.server.ajpPort());
    client.send(bad);
    CHECK(client.untilClosed().empty());
  }
  CHECK(house.server.counters().parseErrors == 3);
}

TEST_CASE("without a secret the AJP connector stays on loopback") {
  HttpSettings s;
  s.host = "*";
  s.port = 0;
  s.ajpPort = 0;
  net::ShardSet shards(1);
  net::Workers workers(1, 10, "worker");
  HttpServer server(s, shards, workers);
  const Status status = server.start();
  REQUIRE_FALSE(status.ok());
  CHECK(has(status.error().message, "ajpSecret"));
  workers.stop();
  shards.stop();
}

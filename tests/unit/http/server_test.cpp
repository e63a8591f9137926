// The connector on real loopback sockets: order, limits, slow and broken clients, shutdown.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "http/jsessionid.h"
#include "http_house.h"
#include "raw_client.h"

using namespace ox;
using namespace ox::http;
using ox::test::RawClient;

namespace {

struct House : test::HttpHouse {
  explicit House(HttpSettings s = {}, int workerThreads = 2, std::size_t queue = 100)
      : HttpHouse(std::move(s), workerThreads, queue) {
    REQUIRE(server.start().ok());
    echo = server.addServlet("echo", RunOn::kWorker, [](const Request& r, const Reply& reply) {
      Response out;
      out.contentType = "text/plain";
      for (const auto& [k, v] : r.parameters) out.body += k + "=" + v + ";";
      out.body += r.method + ":" + std::to_string(r.body.size()) + ":" + r.httpSessionId;
      reply(std::move(out));
    });
  }
};

std::string get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a first request gets a JSESSIONID with our route, the second keeps it") {
  House house;
  RawClient client(house.server.port());
  REQUIRE(client.send(get("/ajax/echo?a=1%202", "X-Echo-Header: hello\r\n")));
  const std::string first = client.answer();
  CHECK(has(first, "HTTP/1.1 200 OK"));
  CHECK(has(first, "a=1 2;GET:0:"));
  CHECK(has(first, "X-Echo-Header: hello"));
  const std::size_t at = first.find("Set-Cookie: JSESSIONID=");
  REQUIRE(at != std::string::npos);
  const std::string id = first.substr(at + 23, first.find(';', at) - at - 23);
  CHECK(parseJSessionId(id)->route == "OX1");

  REQUIRE(client.send(get("/appsuite/api/echo", "Cookie: JSESSIONID=" + id + "\r\n")));
  const std::string second = client.answer();
  CHECK_FALSE(has(second, "Set-Cookie"));
  CHECK(has(second, id));

  REQUIRE(client.send(get("/ajax/echo;jsessionid=" + id)));
  CHECK(has(client.answer(), ":" + id));
  REQUIRE(client.send(get("/ajax/echo;jsessionid=77.OX1")));
  const std::string unknown = client.answer();
  CHECK(has(unknown, "Set-Cookie: JSESSIONID="));
  CHECK_FALSE(has(unknown, "77.OX1"));
  REQUIRE(client.send(get("/ajax/echo", "Cookie: JSESSIONID=77.OX2\r\n")));
  const std::string foreign = client.answer();
  CHECK(has(foreign, "Set-Cookie: JSESSIONID="));
  CHECK_FALSE(has(foreign, "OX2"));
}

TEST_CASE("pipelined requests are answered in order") {
  House house;
  RawClient client(house.server.port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/ajax/echo?n=" + std::to_string(i) + "&");
  REQUIRE(client.send(all));
  for (int i = 0; i < 50; ++i) CHECK(has(client.answer(), "n=" + std::to_string(i) + ";"));
}

TEST_CASE("form bodies become parameters, chunked ones too, and HEAD has no body") {
  House house;
  RawClient client(house.server.port());
  const std::string head =
      "POST /ajax/echo?q=1 HTTP/1.1\r\nHost: x\r\n"
      "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n";
  REQUIRE(client.send(head + "Content-Length: 7\r\n\r\nb=2&c=3"));
  CHECK(has(client.answer(), "q=1;b=2;c=3;POST:7"));
  REQUIRE(client.send(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nb=2\r\n4\r\n&c=3\r\n0\r\n\r\n"));
  CHECK(has(client.answer(), "q=1;b=2;c=3;POST:7"));
  REQUIRE(client.send(head + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  CHECK(has(client.answer(), "100 Continue"));
  REQUIRE(client.send("b=9"));
  CHECK(has(client.answer(), "b=9;"));
  {
    RawClient other(house.server.port());
    REQUIRE(other.send(head + "Expect: a-pony\r\nContent-Length: 3\r\n\r\nb=9"));
    CHECK(has(other.untilClosed(), " 417 "));
  }
  REQUIRE(client.send("HEAD /ajax/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string headAnswer = client.untilClosed();
  CHECK(has(headAnswer, "200 OK"));
  CHECK(headAnswer.ends_with("\r\n\r\n"));
}

TEST_CASE("unknown servlets, bad escapes, bad methods, two hosts") {
  House house;
  RawClient client(house.server.port());
  REQUIRE(client.send(get("/ajax/nothing")));
  CHECK(has(client.answer(), "404 Not Found"));
  REQUIRE(client.send(get("/other/echo")));
  CHECK(has(client.answer(), "404 Not Found"));
  REQUIRE(client.send(get("/ajax/echo?a=%zz")));
  CHECK(has(client.answer(), "400 Bad Request"));
  REQUIRE(client.send("TRACE /ajax/echo HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(has(client.answer(), "405 Method"));
  REQUIRE(client.send("GET /ajax/echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"));
  CHECK(has(client.untilClosed(), "400 Bad Request"));
}

TEST_CASE("oversize: header, body, chunked body, parameters") {
  HttpSettings s;
  s.maxBodyBytes = 1000;
  s.maxHeaderBytes = 2000;
  s.maxParameters = 3;
  House house(s);
  const auto ask = [&](const std::string& text) {
    RawClient client(house.server.port());
    client.send(text);
    return client.untilClosed();
  };
  CHECK(has(ask(get("/ajax/echo", "X: " + std::string(3000, 'x') + "\r\n")), " 431 "));
  CHECK(has(ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" +
                std::string(1001, 'x')),
            " 413 "));
  CHECK(has(ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                std::string(2000, 'x') + "\r\n0\r\n\r\n"),
            " 413 "));
  CHECK(has(ask("GET /ajax/echo?a=1&b=2&c=3&d=4 HTTP/1.0\r\n\r\n"), " 400 "));
  CHECK(house.server.counters().parseErrors == 3);
}

TEST_CASE("garbage, TLS greetings and cut off requests harm nobody") {
  House house;
  const auto ask = [&](std::string_view text) {
    RawClient client(house.server.port());
    client.send(text);
    client.finishSending();
    return client.untilClosed();
  };
  CHECK(has(ask("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), " 400 "));
  CHECK(has(ask("hello\r\n\r\n"), " 400 "));
  CHECK(has(ask("GET / HTTP/9.9\r\n\r\n"), " 400 "));
  CHECK(has(ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            " 400 "));
  CHECK(has(ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"), " 400 "));
  CHECK(ask("GET /ajax/ec") == "");
  CHECK(ask("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc") == "");
  RawClient fine(house.server.port());
  fine.send(get("/ajax/echo"));
  CHECK(has(fine.answer(), "200 OK"));
}

TEST_CASE("slow clients: header 408, body 408, idle just closed") {
  HttpSettings s;
  s.idleTimeoutMillis = 50;
  s.headerTimeoutMillis = 50;
  s.bodyTimeoutMillis = 50;
  House house(s);
  RawClient header(house.server.port());
  header.send("GET /ajax/echo HTT");
  CHECK(has(header.untilClosed(), " 408 "));
  RawClient body(house.server.port());
  body.send("POST /ajax/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(has(body.untilClosed(), " 408 "));
  RawClient idle(house.server.port());
  CHECK(idle.untilClosed() == "");
  CHECK(house.server.counters().timeouts == 2);
}

TEST_CASE("a handler that throws or forgets to answer is a 500 without details") {
  House house;
  const auto bad = house.server.addServlet(
      "bad", RunOn::kWorker, [](const Request& r, const Reply&) {
        if (r.parameter("forget")) return;
        throw std::runtime_error("the password is secret");
      });
  const auto loop = house.server.addServlet(
      "loop", RunOn::kLoop, [](const Request&, const Reply&) { throw std::runtime_error("x"); });
  RawClient client(house.server.port());
  client.send(get("/ajax/bad"));
  const std::string text = client.answer();
  CHECK(has(text, " 500 "));
  CHECK_FALSE(has(text, "secret"));
  client.send(get("/ajax/bad?forget=1"));
  CHECK(has(client.answer(), " 500 "));
  client.send(get("/ajax/loop"));
  CHECK(has(client.answer(), " 500 "));
  client.send(get("/ajax/echo"));
  CHECK(has(client.answer(), " 200 "));
  CHECK(house.server.counters().handlerFailures == 2);
}

namespace {
// A servlet that holds its worker until it is told.
struct Held {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool open = false;

  Handler handler() {
    return [this](const Request&, const Reply& reply) {
      std::unique_lock lock(mutex);
      ++inside;
      changed.notify_all();
      changed.wait(lock, [this] { return open; });
      Response out;
      out.body = "released";
      reply(std::move(out));
    };
  }
  void waitInside(int n) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside >= n; });
  }
  void release() {
    std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};
}  // namespace

TEST_CASE("a full worker queue is answered by 503") {
  Held held;
  House house({}, 1, 1);
  auto servlet = house.server.addServlet("held", RunOn::kWorker, held.handler());
  RawClient one(house.server.port()), two(house.server.port()), three(house.server.port());
  one.send(get("/ajax/held"));
  held.waitInside(1);
  two.send(get("/ajax/held"));
  while (house.workers.queued() == 0) std::this_thread::yield();
  three.send(get("/ajax/held"));
  const std::string refused = three.answer();
  CHECK(has(refused, " 503 "));
  CHECK(has(refused, "Retry-After"));
  CHECK(house.server.counters().workersFull == 1);
  held.release();
  CHECK(has(one.answer(), "released"));
  CHECK(has(two.answer(), "released"));
}

TEST_CASE("stop lets the running request finish, refuses new connections and ends idle ones") {
  Held held;
  House house;
  auto servlet = house.server.addServlet("held", RunOn::kWorker, held.handler());
  RawClient running(house.server.port()), idle(house.server.port());
  idle.send(get("/ajax/echo"));
  CHECK(has(idle.answer(), " 200 "));
  running.send(get("/ajax/held"));
  held.waitInside(1);
  std::thread stopper([&] { house.server.stop(); });
  CHECK(idle.untilClosed() == "");
  CHECK_FALSE(RawClient(house.server.port()).connected());
  held.release();
  const std::string last = running.untilClosed();
  stopper.join();
  CHECK(has(last, "released"));
  CHECK(has(last, "Connection: close"));
  CHECK(house.server.counters().connectionsOpen == 0);
}

TEST_CASE("stop is bounded although a handler never ends in time") {
  Held held;
  HttpSettings s;
  s.shutdownMillis = 10;
  House house(s);
  auto servlet = house.server.addServlet("held", RunOn::kWorker, held.handler());
  RawClient running(house.server.port());
  running.send(get("/ajax/held"));
  held.waitInside(1);
  std::thread releaser([&] {
    running.untilClosed();
    held.release();
  });
  house.server.stop();
  releaser.join();
  CHECK(running.closed());
}

TEST_CASE("connections above the limit are refused and counted") {
  HttpSettings s;
  s.maxConnections = 1;
  House house(s);
  RawClient first(house.server.port());
  first.send(get("/ajax/echo"));
  CHECK(has(first.answer(), " 200 "));
  RawClient second(house.server.port());
  CHECK(has(second.untilClosed(), " 503 "));
  CHECK(house.server.counters().connectionsRefused == 1);
}

TEST_CASE("ending a registration waits for its running handler; later requests get 404") {
  Held held;
  House house;
  auto servlet = house.server.addServlet("held", RunOn::kWorker, held.handler());
  RawClient client(house.server.port());
  client.send(get("/ajax/held"));
  held.waitInside(1);
  std::atomic<bool> ended{false};
  std::thread ender([&] {
    servlet.reset();
    ended = true;
  });
  CHECK_FALSE(ended);
  held.release();
  CHECK(has(client.answer(), "released"));
  ender.join();
  client.send(get("/ajax/held"));
  CHECK(has(client.answer(), " 404 "));
}

TEST_CASE("a port that is taken is a named error") {
  House house;
  HttpSettings s;
  s.port = house.server.port();
  HttpServer other(s, house.shards, house.workers);
  const Status status = other.start();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Code::kNetBind);
  CHECK(status.error().message.find(std::to_string(s.port)) != std::string::npos);
}

// Servlets that answer at once, header fields of answers, and the one timer of a connection.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "http_house.h"
#include "raw_client.h"
#include "../test_log.h"

using namespace ox;
using namespace ox::http;
using ox::test::RawClient;

namespace {

struct House : test::HttpHouse {
  explicit House(HttpSettings s = {}) : HttpHouse(std::move(s), 2, 100) {
    REQUIRE(server.start().ok());
  }
  std::shared_ptr<void> quick(AtOnce atOnce) {
    return server.addServlet("quick", std::move(atOnce), [this](const Request&, const Reply& reply) {
      ++byWorker;
      Response out;
      out.body = "worker";
      reply(std::move(out));
    });
  }
  std::atomic<int> byWorker{0};
};

const std::string kGet = "GET /ajax/quick HTTP/1.1\r\nHost: x\r\n\r\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("what a servlet answers at once is answered on the shard, the rest by a worker") {
  House house;
  std::atomic<bool> onShard{false};
  auto servlet = house.quick([&](const Request& r, Response& response) {
    onShard = house.shards.at(0).onThisThread() || house.shards.at(1).onThisThread();
    if (r.parameter("slow")) return false;
    response.body = "at once";
    return true;
  });
  RawClient client(house.server.port());
  client.send(kGet);
  CHECK(has(client.answer(), "at once"));
  CHECK(onShard);
  CHECK(house.byWorker == 0);
  client.send("GET /ajax/quick?slow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(has(client.answer(), "worker"));
  CHECK(house.byWorker == 1);
}

TEST_CASE("a thousand pipelined requests that are answered at once keep their order and the stack") {
  House house;
  int number = 0;
  auto servlet = house.quick([&](const Request&, Response& response) {
    response.body = "n" + std::to_string(number++) + ";";
    return true;
  });
  RawClient client(house.server.port());
  std::string all;
  for (int i = 0; i < 1000; ++i) all += kGet;
  std::thread sender([&] { client.send(all); });
  std::string bodies;
  for (int i = 0; i < 1000; ++i) {
    const std::string one = client.answer();
    bodies += one.substr(one.find("\r\n\r\n") + 4);
  }
  sender.join();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "n" + std::to_string(i) + ";";
  CHECK(bodies == expected);
}

TEST_CASE("an exception at once is a 500; after the end of the registration there is no servlet") {
  House house;
  auto servlet = house.quick([](const Request&, Response&) -> bool {
    throw std::runtime_error("a secret");
  });
  RawClient client(house.server.port());
  client.send(kGet);
  const std::string answer = client.answer();
  CHECK(has(answer, " 500 "));
  CHECK_FALSE(has(answer, "a secret"));
  CHECK(house.server.counters().handlerFailures == 1);
  servlet.reset();
  client.send(kGet);
  CHECK(has(client.answer(), " 404 "));
}

TEST_CASE("a servlet's fields replace ours and its own earlier ones; what frames the message is ours") {
  House house;
  auto servlet = house.quick([](const Request&, Response& response) {
    response.body = std::string(100'000, 'b');  // not copied behind its head
    response.headers = {{"Cache-Control", "max-age=60"}, {"X-Twice", "first"}, {"X-Twice", "second"},
                        {"Content-Length", "7"},         {"connection", "close"},
                        {"X-Bad", "a\r\nX-Smuggled: 1"}};
    return true;
  });
  RawClient client(house.server.port());
  for (int round = 0; round < 2; ++round) {
    client.send(kGet);
    const std::string answer = client.answer();
    CHECK(has(answer, "Cache-Control: max-age=60\r\n"));
    CHECK(count(answer, "Cache-Control") == 1);
    CHECK(count(answer, "X-Twice") == 1);
    CHECK(has(answer, "X-Twice: second\r\n"));
    CHECK(has(answer, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(count(answer, "Content-Length") == 1);
    CHECK(has(answer, "Content-Length: 100000\r\n"));
    CHECK_FALSE(has(answer, "Smuggled"));
    CHECK(answer.size() - answer.find("\r\n\r\n") - 4 == 100'000);
  }
}

TEST_CASE("answers that have no body say no length") {
  House house;
  auto servlet = house.quick([](const Request&, Response& response) {
    response.status = 204;
    response.body = "must not go out";
    return true;
  });
  RawClient client(house.server.port());
  client.send(kGet);
  const std::string answer = client.until("\r\n\r\n");
  CHECK(has(answer, "HTTP/1.1 204 No Content\r\n"));
  CHECK_FALSE(has(answer, "Content-Length"));
  client.send(kGet);
  CHECK_FALSE(has(client.until("\r\n\r\n", 2), "must not"));
}

TEST_CASE("a connection that was busy still ends by its idle time, and by that of a half header") {
  HttpSettings s;
  s.idleTimeoutMillis = 1500;
  s.headerTimeoutMillis = 1000;
  s.writeTimeoutMillis = 500;  // the earliest moment comes from an operation that is long over
  House house(s);
  auto servlet = house.quick([](const Request&, Response& response) {
    response.body = "x";
    return true;
  });
  RawClient idle(house.server.port()), slow(house.server.port());
  for (int i = 0; i < 20; ++i) {
    idle.send(kGet);
    CHECK(has(idle.answer(), " 200 "));
    slow.send(kGet);
    CHECK(has(slow.answer(), " 200 "));
  }
  slow.send("GET /ajax/quick HTTP/1.1\r\nHo");
  CHECK(has(slow.untilClosed(), " 408 "));
  CHECK(idle.untilClosed().empty());
}

// A connector on free loopback ports with its shards and workers, and one servlet, "echo".
#pragma once

#include "http/server.h"

namespace ox::test {

struct HttpHouse {
  HttpHouse(http::HttpSettings s, int workerThreads, std::size_t queue)
      : shards(2), workers(workerThreads, queue, "worker"), server(prepare(std::move(s)), shards, workers) {}
  ~HttpHouse() {
    echo.reset();
    server.stop();
    workers.stop();
    shards.stop();
  }
  static http::HttpSettings prepare(http::HttpSettings s) {
    s.port = 0;
    s.backendRoute = "OX1";
    return s;
  }
  net::ShardSet shards;
  net::Workers workers;
  http::HttpServer server;
  std::shared_ptr<void> echo;
};

}  // namespace ox::test

// One AJP/1.3 connection of a web server, on its shard. Included by its .cpp and listener.cpp only.
//
// Purpose: forwarded requests one after another, CPING in between; bodies come in pieces that are
//          asked for, answers go out in pieces.
// Bounds:  a packet (ajp_packets.h), a body (com.openexchange.servlet.maxBodySize), the times of an
//          HTTP connection. Packets that break the protocol close the connection and are counted.
// Safety:  a request without the configured secret is answered with 403 and the connection closed.
#pragma once

#include <chrono>
#include <string>

#include "http/ajp_packets.h"
#include "http/client_connection.h"

namespace ox::http {

class AjpConnection final : public ClientConnection {
 public:
  AjpConnection(std::shared_ptr<Shared> shared, net::Shard& shard,
                boost::asio::ip::tcp::socket&& socket);

 private:
  std::shared_ptr<AjpConnection> self() {
    return std::static_pointer_cast<AjpConnection>(shared_from_this());
  }
  void begin() override { waitForPacket(); }
  void send(Response response, bool close) override;

  using Step = void (AjpConnection::*)();
  void waitForPacket();
  // Reads a packet into payload_, then the step.
  void readPacket(Step then, std::int64_t millis);
  void readPayload(Step then);
  void packetDone();
  void requestDone();
  void askForPiece();
  void readPiece();
  void pieceDone();
  void bodyDone();
  void say(std::string bytes, Step then);
  void broken(const Error& error);
  void failed();

  std::string head_;
  std::string payload_;
  std::string out_;
  AjpRequest request_;
  std::chrono::steady_clock::time_point bodyDeadline_;
  bool headOnly_ = false;
};

}  // namespace ox::http

// How a tool talks to a node: administrative operations on the RMI port and Jolokia reads on the
// JMX port, both HTTP+JSON on loopback.
//
// Node:      1. the tool's own options, 2. RMI_HOSTNAME ("host", "rmi://host:1099/"), 3. --etc DIR
//            (ports of that configuration), 4. localhost.
// Format:    POST /rmi/<Service>/<operation>  {"arguments":{...}}, Basic authentication
//            -> {"result":...} or {"error":{"code":"CTX-0007","message":"..."}}
// Bounds:    an answer above kMaxAnswerBytes is refused; connecting gives up after
//            connectTimeoutSeconds.
// Errors:    refused ADM-0105 (exit 105), wrong credentials ADM-0101, the node's own codes as they
//            are.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "options.h"

namespace ox::tool {

inline constexpr std::size_t kMaxAnswerBytes = 64U << 20U;

struct Endpoint {
  std::string host = "localhost";
  std::uint16_t port = 0;
};
// "rmi://host:port/", "host:port", "[::1]:1099", "host" -> endpoint; nothing usable = CODE
// ADM-0109.
Result<Endpoint> parseRmiHostname(const std::string& text, std::uint16_t defaultPort);

enum class Port : std::uint8_t { kRmi, kJmx };
Result<Endpoint> findNode(const AdminOptions& admin, Port port);

class Client {
 public:
  explicit Client(AdminOptions admin);
  // operation = "UpdateTaskService/runUpdate"; arguments = a JSON object.
  Result<nlohmann::json> call(const std::string& operation, const nlohmann::json& arguments);
  // Answer `value` of a Jolokia request (a JSON object with "type") on the JMX port.
  Result<nlohmann::json> jolokia(const nlohmann::json& request);

  // Prints the error as the original does and returns the exit code: `firstLine` (may be empty),
  // then
  // "Server response:" and the node's text, or "Error: text" for what happened on this side.
  int report(const Error& error, const std::string& firstLine = {}) const;

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  Result<Answer> post(const Endpoint& node, const std::string& path, const std::string& body);
  AdminOptions admin_;
  bool fromServer_ = false;
};

}  // namespace ox::tool

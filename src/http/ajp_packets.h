// AJP/1.3: the packets between Apache's mod_proxy_ajp (or mod_jk) and this connector.
//
// Purpose: decodes a forwarded request, encodes the packets of an answer. Pure, no socket.
// Threads: pure functions.
// Units:   16-bit big-endian numbers; a text is its length, its bytes, a zero byte; 0xffff = none.
// Errors:  NET-0004 for a packet that ends early, counts that do not fit, unknown codes.
// Bounds:  a packet has at most kMaxAjpPacket bytes (its length field allows no more), ours at most
//          kAjpSend; at most kMaxAjpHeaders headers and as many attributes.
// Source:  the published description of the protocol (AJPv13) of the Apache Tomcat connectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "http/dispatcher.h"

namespace ox::http {

inline constexpr std::size_t kAjpHead = 4;  // magic and length
inline constexpr std::size_t kMaxAjpPacket = 65535;
inline constexpr std::size_t kAjpSend = 8192;             // what every peer accepts, head included
inline constexpr std::size_t kAjpBodyPiece = kAjpSend - 8;  // of an answer, and asked of the peer
inline constexpr std::size_t kMaxAjpHeaders = 200;

enum class AjpCode : std::uint8_t { kForward = 2, kShutdown = 7, kPing = 8, kCping = 10 };

struct AjpRequest {
  RawRequest raw;  // body empty
  std::string secret;
  std::string jvmRoute;
  std::optional<std::uint64_t> contentLength;
  bool chunked = false;  // the body has to be asked for, to its end
};

// Length of what follows the four bytes of a packet from the web server; NET-0004 for others.
Result<std::size_t> ajpLength(BytesView head);
// `payload` with its code kForward in front.
Result<AjpRequest> parseAjpRequest(BytesView payload);
// The bytes inside a body packet (without a code); empty = the end.
Result<BytesView> parseAjpBody(BytesView payload);

// Nothing when the headers do not fit into one packet.
std::optional<std::string> ajpHeaders(
    int status, std::string_view reason,
    const std::vector<std::pair<std::string, std::string>>& headers);
// Appends a piece of the body, at most kAjpBodyPiece bytes.
void appendAjpBody(std::string& out, std::string_view piece);
std::string ajpEnd(bool keepConnection);
std::string ajpAskBody(std::size_t bytes);
std::string ajpCpong();

}  // namespace ox::http

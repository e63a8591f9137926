// Requests of HTTP/1.1 clients, in pieces, as the connector reads them: heads, bodies, chunks, trailers,
// and what the dispatcher makes of them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "base/random.h"
#include "http/dispatcher.h"
#include "http/request_parser.h"

namespace {

constexpr std::uint32_t kHeaderLimit = 4096;
constexpr std::uint64_t kBodyLimit = 2048;

bool boundsHold(ox::http::RequestParser& parser) {
  const ox::http::RawRequest& raw = parser.raw();
  std::size_t head = raw.method.size() + raw.target.size();
  for (const auto& [name, value] : raw.headers) {
    if (name.empty()) return false;
    head += name.size() + value.size();
  }
  return head <= kHeaderLimit && raw.body.size() <= kBodyLimit;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::http;
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];  // bytes that come at a time
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestParser parser;
  parser.header_limit(kHeaderLimit);
  parser.body_limit(kBodyLimit);
  std::string waiting;
  std::size_t at = 0;
  boost::beast::error_code error;
  while (!parser.is_done()) {
    error = {};
    const std::size_t used =
        waiting.empty() ? 0 : parser.put(boost::asio::buffer(waiting), error);
    if (used > waiting.size()) std::abort();
    waiting.erase(0, used);
    if (error && error != boost::beast::http::error::need_more) break;
    if (used > 0 && !error) continue;
    if (at == text.size()) break;
    const std::size_t more = std::min(piece, text.size() - at);
    waiting.append(text.substr(at, more));
    at += more;
  }
  if (!boundsHold(parser)) std::abort();
  if (!parser.is_done()) return 0;
  static Dispatcher dispatcher(HttpSettings(), ox::secureRandom());
  const auto prepared = dispatcher.prepare(std::move(parser.raw()));
  if (!prepared.refusal && !prepared.servlet) std::abort();
  return 0;
}

#include "http/request_parser.h"

#include <algorithm>

#include <boost/beast/http/impl/basic_parser.hpp>

namespace ox::http {
namespace {
constexpr std::size_t kUsualFields = 16;
// What is reserved because a client says so; the rest when it comes.
constexpr std::uint64_t kReserveBody = 64 * 1024;
}  // namespace

void RequestParser::on_request_impl(boost::beast::http::verb method, Text methodText, Text target,
                                    int version, ErrorCode&) {
  raw_.method.assign(methodText.data(), methodText.size());
  raw_.target.assign(target.data(), target.size());
  raw_.headers.reserve(kUsualFields);
  head_ = method == boost::beast::http::verb::head;
  oldVersion_ = version < 11;
}

void RequestParser::on_field_impl(Field field, Text name, Text value, ErrorCode&) {
  if (headerDone_) return;  // of a trailer
  if (field == Field::host) ++hosts_;
  if (field == Field::transfer_encoding) transferEncoding_ = true;
  if (field == Field::expect && !expects_) {
    expects_ = true;
    expect_.assign(value.data(), value.size());
  }
  raw_.headers.emplace_back(std::string(name.data(), name.size()),
                            std::string(value.data(), value.size()));
}

void RequestParser::on_header_impl(ErrorCode&) { headerDone_ = true; }

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) {
  if (length) raw_.body.reserve(static_cast<std::size_t>(std::min(*length, kReserveBody)));
}

std::size_t RequestParser::on_body_impl(Text body, ErrorCode&) {
  raw_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text body, ErrorCode&) {
  raw_.body.append(body.data(), body.size());
  return body.size();
}

}  // namespace ox::http

// RequestParser: a request as Beast's parser finds it, straight into a RawRequest: no list of fields
// between the two. Included by connection.* only (Boost.Beast).
//
// Threads: one. Errors: Beast's, as of its own parser; a method or target is checked by the dispatcher.
// Bounds:  header_limit() and body_limit() of the base. Fields of a chunked body's trailer are read
//          and not looked at.
#pragma once

#include <string>

#include <boost/beast/http/basic_parser.hpp>

#include "http/dispatcher.h"

namespace ox::http {

class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  RawRequest& raw() { return raw_; }
  int hosts() const { return hosts_; }  // Host fields
  bool head() const { return head_; }
  bool oldVersion() const { return oldVersion_; }  // HTTP/1.0
  bool transferEncoding() const { return transferEncoding_; }
  const std::string* expect() const { return expects_ ? &expect_ : nullptr; }

 private:
  using Field = boost::beast::http::field;
  using Text = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  void on_request_impl(boost::beast::http::verb method, Text methodText, Text target, int version,
                       ErrorCode& error) override;
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_field_impl(Field field, Text name, Text value, ErrorCode& error) override;
  void on_header_impl(ErrorCode& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& error) override;
  std::size_t on_body_impl(Text body, ErrorCode& error) override;
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remaining, Text body, ErrorCode& error) override;
  void on_finish_impl(ErrorCode&) override {}

  RawRequest raw_;
  std::string expect_;
  int hosts_ = 0;
  bool head_ = false;
  bool oldVersion_ = false;
  bool transferEncoding_ = false;
  bool expects_ = false;
  bool headerDone_ = false;
};

}  // namespace ox::http

// JSON answers of the API: data, and errors in the original's shape.
//
// {"error":TEXT,"error_params":[],"code":"SES-0203","categories":"TRY_AGAIN","category":4,
//  "error_id":ID,"error_desc":TEXT}
// Threads: any. Internal errors (database, grid) show the meaning of their code only, so that no
// host name or SQL text reaches a client. Source: the original's HTTP API documentation.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "http/servlet.h"

namespace ox::login {

using Field = std::pair<std::string, std::variant<std::string, std::int64_t, bool>>;

// {"name": value, ...} or, with `inData`, {"data": {...}}.
// A JSON object, or one in the member "data", written field by field.
class AnswerText {
 public:
  explicit AnswerText(bool inData);
  AnswerText& put(std::string_view name, std::string_view value);
  AnswerText& put(std::string_view name, const char* value) { return put(name, std::string_view(value)); }
  AnswerText& put(std::string_view name, const std::string& value) {
    return put(name, std::string_view(value));
  }
  AnswerText& put(std::string_view name, std::int64_t value);
  AnswerText& put(std::string_view name, bool value);
  http::Response response();

 private:
  void begin(std::string_view name);
  const bool inData_;
  std::string out_;
};
http::Response jsonAnswer(const std::vector<Field>& fields, bool inData);

// Status of the answer: 200 for what the API reports in JSON only (SES, LGI, CTX), 400 for SVL,
// 503 when trying again later helps, else 500. `status` other than 0 wins.
http::Response errorAnswer(const Error& error, int status = 0);

// A code that exists in answers only: user input, status 200.
struct NamedError {
  const char* code;
  const char* text;
};
http::Response errorAnswer(const NamedError& error);
// LGI-0016: no error, but where the client shall go on.
http::Response elsewhereAnswer(const std::string& url);

struct Category {
  const char* name;
  int number;
};
Category categoryOf(Code code);

}  // namespace ox::login

#include "answers.h"

#include <algorithm>
#include <atomic>

#include <nlohmann/json.hpp>

#include "base/random.h"

namespace ox::login {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kUsualAnswer = 256;  // bytes

constexpr Category kUserInput{"USER_INPUT", 1};
constexpr Category kPermissionDenied{"PERMISSION_DENIED", 3};
constexpr Category kTryAgain{"TRY_AGAIN", 4};
constexpr Category kServiceDown{"SERVICE_DOWN", 5};
constexpr Category kError{"ERROR", 8};

std::string nextErrorId() {
  static const std::string prefix = secureHex(4);
  static std::atomic<std::uint64_t> counter{0};
  return prefix + "-" + std::to_string(++counter);
}

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Texts without anything to escape, which is nearly all of them, go out as they are; the library
// writes the others.
void append(std::string& out, std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (!plain) {
    out += text(Json(std::string(value)));
    return;
  }
  out += '"';
  out += value;
  out += '"';
}
void append(std::string& out, std::int64_t value) { out += std::to_string(value); }
void append(std::string& out, bool value) { out += value ? "true" : "false"; }

std::string shape(const std::string& code, const std::string& shown, const Category& category,
                  const std::vector<std::string>& parameters = {}) {
  Json object = Json::object();
  object["error"] = shown;
  object["error_params"] = parameters;
  object["categories"] = category.name;
  object["category"] = category.number;
  object["code"] = code;
  object["error_id"] = nextErrorId();
  object["error_desc"] = shown;
  return text(object);
}

int statusOf(const Error& error) {
  const std::string_view name = error.name();
  if (name.starts_with("SVL-")) return 400;
  if (name.starts_with("SES-") || name.starts_with("LGI-") || name.starts_with("CTX-")) return 200;
  return error.retryable ? 503 : 500;
}

}  // namespace

Category categoryOf(Code code) {
  switch (code) {
    case Code::kLgiInvalid: case Code::kLgiMissing: case Code::kSesMaxPerUser: return kUserInput;
    case Code::kLgiUserDisabled: case Code::kLgiContextDisabled: return kPermissionDenied;
    case Code::kSesExpired: case Code::kSesContextLocked: case Code::kSesWrongSecret:
    case Code::kCtxUpdating: case Code::kCtxUpdateNeeded: return kTryAgain;
    case Code::kCtxNoConnection: case Code::kUnavailable: return kServiceDown;
    default: return codeInfo(code).retryable ? kTryAgain : kError;
  }
}

AnswerText& AnswerText::put(std::string_view name, std::string_view value) {
  begin(name);
  append(out_, value);
  return *this;
}
AnswerText& AnswerText::put(std::string_view name, std::int64_t value) {
  begin(name);
  append(out_, value);
  return *this;
}
AnswerText& AnswerText::put(std::string_view name, bool value) {
  begin(name);
  append(out_, value);
  return *this;
}

AnswerText::AnswerText(bool inData) : inData_(inData) {
  out_.reserve(kUsualAnswer);
  out_ = inData ? "{\"data\":{" : "{";
}

void AnswerText::begin(std::string_view name) {
  if (out_.back() != '{') out_ += ',';
  append(out_, name);
  out_ += ':';
}

http::Response AnswerText::response() {
  http::Response response;
  out_ += inData_ ? "}}" : "}";
  response.body = std::move(out_);
  return response;
}

http::Response jsonAnswer(const std::vector<Field>& fields, bool inData) {
  AnswerText text(inData);
  for (const auto& field : fields)
    std::visit([&](const auto& value) { text.put(field.first, value); }, field.second);
  return text.response();
}

http::Response errorAnswer(const Error& error, int status) {
  const bool ours = error.name().starts_with("SVL-");  // names a parameter, nothing inside
  http::Response response;
  response.status = status != 0 ? status : statusOf(error);
  response.body = shape(std::string(error.name()),
                        ours ? error.message : std::string(codeInfo(error.code).meaning),
                        categoryOf(error.code));
  return response;
}

http::Response errorAnswer(const NamedError& error) {
  http::Response response;
  response.body = shape(error.code, error.text, kUserInput);
  return response;
}

http::Response elsewhereAnswer(const std::string& url) {
  http::Response response;
  response.body = shape("LGI-0016", url, kUserInput, {url});
  return response;
}

}  // namespace ox::login

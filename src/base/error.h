// Error and Result<T>: how runtime paths report failure.
//
// Purpose:   one error vocabulary from wire to log, metric label and exit code (codes.def).
// Threads:   plain values, no sharing.
// Rule:      runtime paths return Result; exceptions only for configuration at start and at the
//            POCO/MariaDB edge, never across a shard or bundle boundary. A programmer's mistake
//            aborts (OX_CHECK in check.h); hostile input is an Error and a counter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ox {

enum class Code : std::uint16_t {
#define OX_CODE(id, name, retryable, exit, meaning) id,
#include "base/codes.def"
#undef OX_CODE
};

// Facts of a code, from codes.def.
struct CodeInfo {
  std::string_view name;  // "SES-0203"
  bool retryable;         // trying the same again may succeed
  int exit;               // exit code of a tool that ends with it
  std::string_view meaning;
};
const CodeInfo& codeInfo(Code code);
// Code with that name; kInternal when the name is unknown.
Code codeByName(std::string_view name);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one sentence: what, where, what is allowed; never a secret
  bool retryable = false;

  Error() = default;
  explicit Error(Code c) : Error(c, std::string(codeInfo(c).meaning)) {}
  Error(Code c, std::string text)
      : code(c), message(std::move(text)), retryable(codeInfo(c).retryable) {}

  std::string_view name() const { return codeInfo(code).name; }
  // "SES-0203: session expired, please log in again"
  std::string toString() const { return std::string(name()) + ": " + message; }
};

// Either a value or an Error. Asking for the side that is not there aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}    // NOLINT
  Result(Code code, std::string text) : Result(Error(code, std::move(text))) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { OX_CHECK(ok()); return *std::get_if<0>(&state_); }
  const T& value() const& { OX_CHECK(ok()); return *std::get_if<0>(&state_); }
  T&& value() && { OX_CHECK(ok()); return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { OX_CHECK(!ok()); return *std::get_if<1>(&state_); }
  T valueOr(T other) const { return ok() ? value() : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT
  Result(Code code, std::string text) : Result(Error(code, std::move(text))) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { OX_CHECK(!ok_); return error_; }

 private:
  Error error_;
  bool ok_ = true;
};
using Status = Result<void>;

}  // namespace ox

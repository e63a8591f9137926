// Reads the JSON arguments of a provisioning operation.
//
// Threads:   one call, one thread. Ownership: the JSON must outlive the reader.
// Errors:    the first thing that is wrong is remembered (ADM-0103), everything later is a default;
//            a handler reads all of its arguments first and asks status() before it acts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "management/management.h"

namespace ox::provisioning {

class Arguments {
 public:
  explicit Arguments(const nlohmann::json& object);
  bool has(const char* name) const { return find(name) != nullptr; }
  std::string text(const char* name, const std::string& fallback = {});
  std::int64_t number(const char* name, std::int64_t fallback);
  std::optional<std::int32_t> id(const char* name);  // 0 to 2147483647
  bool boolean(const char* name, bool fallback);
  std::vector<std::string> texts(const char* name);
  const nlohmann::json& object(const char* name);
  // Nothing when it is not there.
  std::optional<std::string> maybeText(const char* name);
  std::optional<std::int64_t> maybeNumber(const char* name);
  std::optional<bool> maybeBoolean(const char* name);
  std::optional<std::vector<std::string>> maybeTexts(const char* name);
  void fail(const std::string& text);
  Status status() const;

 private:
  const nlohmann::json* find(const char* name) const;
  const nlohmann::json& object_;
  std::string problem_;
};

using Handler = std::function<Result<nlohmann::json>(Arguments&, const management::Caller&)>;

// Handlers read all arguments first and ask status() before they act.
#define OX_ARGUMENTS_FINE(in) \
  if (auto fine = (in).status(); !fine) return fine.error()

}  // namespace ox::provisioning

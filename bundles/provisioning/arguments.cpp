#include "arguments.h"

#include <nlohmann/json.hpp>

namespace ox::provisioning {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxItems = 1000;

}  // namespace

Arguments::Arguments(const json& object) : object_(object) {
  if (!object.is_object()) fail("the arguments must be a JSON object");
}

std::string Arguments::text(const char* name, const std::string& fallback) {
  const json* value = find(name);
  if (!value) return fallback;
  if (!value->is_string() || value->get_ref<const std::string&>().size() > kMaxText) {
    fail(std::string(name) + " must be a text of at most 4096 bytes");
    return fallback;
  }
  return value->get<std::string>();
}

std::int64_t Arguments::number(const char* name, std::int64_t fallback) {
  const json* value = find(name);
  if (!value) return fallback;
  if (!value->is_number_integer()) {
    fail(std::string(name) + " must be a whole number");
    return fallback;
  }
  return value->get<std::int64_t>();
}

std::optional<std::int32_t> Arguments::id(const char* name) {
  if (!find(name)) return std::nullopt;
  const std::int64_t value = number(name, 0);
  if (value < 0 || value > INT32_MAX) fail(std::string(name) + " must be 0 to 2147483647");
  return static_cast<std::int32_t>(value);
}

bool Arguments::boolean(const char* name, bool fallback) {
  const json* value = find(name);
  if (!value) return fallback;
  if (!value->is_boolean()) {
    fail(std::string(name) + " must be true or false");
    return fallback;
  }
  return value->get<bool>();
}

std::vector<std::string> Arguments::texts(const char* name) {
  std::vector<std::string> out;
  const json* value = find(name);
  if (!value) return out;
  if (!value->is_array() || value->size() > kMaxItems) {
    fail(std::string(name) + " must be a list of at most 1000 texts");
    return out;
  }
  for (const auto& item : *value) {
    if (!item.is_string() || item.get_ref<const std::string&>().size() > kMaxText) {
      fail(std::string(name) + " must hold texts of at most 4096 bytes only");
      return {};
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

const json& Arguments::object(const char* name) {
  static const json none = json::object();
  const json* value = find(name);
  if (value && !value->is_object()) fail(std::string(name) + " must be an object");
  return value && value->is_object() ? *value : none;
}

std::optional<std::string> Arguments::maybeText(const char* name) {
  return has(name) ? std::optional(text(name)) : std::nullopt;
}
std::optional<std::int64_t> Arguments::maybeNumber(const char* name) {
  return has(name) ? std::optional(number(name, 0)) : std::nullopt;
}
std::optional<bool> Arguments::maybeBoolean(const char* name) {
  return has(name) ? std::optional(boolean(name, false)) : std::nullopt;
}
std::optional<std::vector<std::string>> Arguments::maybeTexts(const char* name) {
  return has(name) ? std::optional(texts(name)) : std::nullopt;
}

void Arguments::fail(const std::string& text) {
  if (problem_.empty()) problem_ = text;
}

Status Arguments::status() const {
  return problem_.empty() ? Status() : Status(Error(Code::kAdmInvalidData, problem_));
}

const json* Arguments::find(const char* name) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace ox::provisioning

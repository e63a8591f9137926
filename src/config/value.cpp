#include "config/value.h"

#include <algorithm>
#include <charconv>

namespace ox::config {
namespace {

constexpr std::size_t kMaxShown = 80;  // of a bad value in a message

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr Unit kUnits[] = {{"ms", 1},          {"s", 1000},        {"m", 60'000},
                           {"h", 3'600'000},   {"d", 86'400'000},  {"w", 604'800'000}};

std::string shown(const KeyInfo& key, const std::string& text) {
  if (key.secret) return "the value";
  std::string out = "value \"";
  for (const char c : text.substr(0, kMaxShown))
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c);
  return out + (text.size() > kMaxShown ? "...\"" : "\"");
}

std::string outside(const KeyInfo& key, std::int64_t value) {
  if (value < key.min) return "is too small";
  if (value > key.max) return "is too large";
  return {};
}

// What is wrong, without the allowed part.
std::string reason(const KeyInfo& key, const std::string& text) {
  if (key.type == "bool") {
    const auto value = parseBool(text);
    return value ? "" : value.error().message;
  }
  if (key.type == "int") {
    const auto value = parseInt(text);
    return value ? outside(key, *value) : value.error().message;
  }
  if (key.type == "timespan") {
    const auto value = parseMillis(text);
    return value ? outside(key, value->value) : value.error().message;
  }
  if (key.type == "enum") {
    const std::string wanted = lowered(trimmed(text));
    const auto same = [&](const std::string& v) { return lowered(v) == wanted; };
    if (std::none_of(key.values.begin(), key.values.end(), same)) return "is not one of the values";
  }
  return {};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<bool> parseBool(std::string_view text) {
  const std::string word = lowered(trimmed(text));
  if (word == "true") return true;
  if (word == "false") return false;
  return Error(Code::kConfig, "is neither true nor false");
}

Result<std::int64_t> parseInt(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc::result_out_of_range && end == text.data() + text.size())
    return Error(Code::kConfig, "is out of the range of a 64-bit number");
  if (ec != std::errc() || end != text.data() + text.size())
    return Error(Code::kConfig, "is not a whole number");
  return value;
}

Result<Millis> parseMillis(std::string_view text) {
  const Error bad(Code::kConfig, "is not a time span");
  text = trimmed(text);
  if (text.empty()) return bad;
  std::int64_t total = 0;
  bool plainSeen = false;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc::result_out_of_range) return Error(Code::kConfig, "is too large");
    if (ec != std::errc() || number < 0 || plainSeen) return bad;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    text = trimmed(text);
    std::size_t letters = 0;
    while (letters < text.size() && !(text[letters] >= '0' && text[letters] <= '9') &&
           text[letters] != ' ')
      ++letters;
    const std::string name = lowered(text.substr(0, letters));
    std::int64_t factor = 1;
    if (name.empty()) {
      if (total != 0) return bad;
      plainSeen = true;
    } else {
      const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                      [&](const Unit& u) { return u.name == name; });
      if (unit == std::end(kUnits)) return bad;
      factor = unit->millis;
    }
    if (__builtin_mul_overflow(number, factor, &number) ||
        __builtin_add_overflow(total, number, &total))
      return Error(Code::kConfig, "is too large");
    text.remove_prefix(letters);
    text = trimmed(text);
  }
  return Millis{total};
}

std::vector<std::string> parseList(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trimmed(text.substr(0, comma));
    if (!item.empty()) out.emplace_back(item);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

std::string valueProblem(const KeyInfo& key, const std::string& text) {
  const bool isBlank = trimmed(text).empty();
  if (isBlank && key.type != "string") return {};  // the default applies
  std::string what = reason(key, text);
  if (what.empty() && key.check) what = key.check(std::string(trimmed(text)));
  if (what.empty()) return {};
  std::string out = shown(key, text) + " " + what;
  if (!key.allowed.empty()) out += "; allowed: " + key.allowed;
  return out;
}

}  // namespace ox::config

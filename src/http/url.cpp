#include "http/url.h"

#include <algorithm>

namespace ox::http {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool startsWithNoCase(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

// Continuation bytes that follow a first byte, and the least code point they may encode.
bool utf8Sequence(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  std::size_t more = 0;
  unsigned point = 0;
  unsigned least = 0;
  if (first < 0x80) more = 0, point = first, least = 0;
  else if (first >= 0xc2 && first < 0xe0) more = 1, point = first & 0x1f, least = 0x80;
  else if (first >= 0xe0 && first < 0xf0) more = 2, point = first & 0x0f, least = 0x800;
  else if (first >= 0xf0 && first < 0xf5) more = 3, point = first & 0x07, least = 0x10000;
  else return false;
  if (at + more >= text.size()) return false;
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return false;
    point = (point << 6) | (byte(at + i) & 0x3f);
  }
  at += more + 1;
  return point >= least && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
}

}  // namespace

bool validUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();)
    if (!utf8Sequence(text, at)) return false;
  return true;
}

std::optional<std::string> percentDecode(std::string_view text, bool plusIsSpace) {
  if (std::all_of(text.begin(), text.end(), [](char c) {  // nothing to do, as nearly always
        return c > 0 && c != '%' && c != '+';
      }))
    return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hexDigit(text[i + 1]);
      const int low = hexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      const char decoded = static_cast<char>(high * 16 + low);
      if (decoded == '\0') return std::nullopt;
      out.push_back(decoded);
      i += 2;
    } else if (c == '\0') {
      return std::nullopt;
    } else {
      out.push_back(c == '+' && plusIsSpace ? ' ' : c);
    }
  }
  if (!validUtf8(out)) return std::nullopt;
  return out;
}

std::string percentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[u >> 4]);
      out.push_back(kDigits[u & 15]);
    }
  }
  return out;
}

Result<Target> parseTarget(std::string_view target) {
  if (target.size() > kMaxTargetBytes)
    return Error(Code::kInvalid, "request target is longer than " + std::to_string(kMaxTargetBytes) +
                                     " bytes");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!startsWithNoCase(target, scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  if (target.empty() || target.front() != '/')
    return Error(Code::kInvalid, "request target does not begin with '/'");
  Target out;
  if (const std::size_t mark = target.find('?'); mark != std::string_view::npos) {
    out.query = target.substr(mark + 1);
    target = target.substr(0, mark);
  }
  std::string raw;
  static constexpr std::string_view kJSession = "jsessionid=";
  for (std::size_t at = 0; at < target.size();) {
    const std::size_t end = std::min(target.find('/', at + 1), target.size());
    std::string_view segment = target.substr(at, end - at);
    at = end;
    const std::size_t mark = segment.find(';');
    raw.append(segment.substr(0, mark));
    while (mark != std::string_view::npos && !segment.empty()) {
      const std::size_t from = segment.find(';');
      if (from == std::string_view::npos) break;
      segment.remove_prefix(from + 1);
      const std::string_view parameter = segment.substr(0, segment.find(';'));
      if (startsWithNoCase(parameter, kJSession) && !out.jsessionId)
        out.jsessionId = std::string(parameter.substr(kJSession.size()));
    }
  }
  auto path = percentDecode(raw, false);
  if (!path) return Error(Code::kInvalid, "request path has a bad escape or is not UTF-8");
  for (const char c : *path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return Error(Code::kInvalid, "request path has a control character");
  out.path = std::move(*path);
  return out;
}

Status parseParameters(std::string_view text, std::size_t limit, Parameters& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (out.size() >= limit)
      return Error(Code::kInvalid, "more than " + std::to_string(limit) + " request parameters");
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percentDecode(pair.substr(0, equals), true);
    auto value = percentDecode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value)
      return Error(Code::kInvalid, "a request parameter has a bad escape or is not UTF-8");
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace ox::http

#include "hzclient/utf16.h"

namespace ox::hzclient {
namespace {
constexpr char32_t kReplacement = 0xFFFD;

// One code point from `text`, which is not empty; moves it on.
char32_t takePoint(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  char32_t point = size == 1 ? first : first & (0xFFu >> (size + 1));
  bool good = (first < 0x80 || first >= 0xC2) && first < 0xF5 && size <= text.size();
  for (std::size_t i = 1; good && i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    good = (next & 0xC0) == 0x80;
    point = point << 6 | (next & 0x3Fu);
  }
  good = good && point >= kLeast[size] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  text.remove_prefix(good ? size : 1);
  return good ? point : kReplacement;
}

void appendPoint(std::string& out, char32_t p) {
  const auto add = [&](char32_t c) { out.push_back(static_cast<char>(c)); };
  if (p < 0x80) return add(p);
  if (p < 0x800) {
    add(0xC0 | p >> 6);
  } else {
    if (p < 0x10000) {
      add(0xE0 | p >> 12);
    } else {
      add(0xF0 | p >> 18);
      add(0x80 | (p >> 12 & 0x3F));
    }
    add(0x80 | (p >> 6 & 0x3F));
  }
  add(0x80 | (p & 0x3F));
}
}  // namespace

std::u16string utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char32_t p = takePoint(text);
    if (p < 0x10000) {
      out.push_back(static_cast<char16_t>(p));
    } else {
      out.push_back(static_cast<char16_t>(0xD7C0 + (p >> 10)));
      out.push_back(static_cast<char16_t>(0xDC00 + (p & 0x3FF)));
    }
  }
  return out;
}

std::string utf8(std::u16string_view units) {
  std::string out;
  out.reserve(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const char16_t u = units[i];
    const bool pair = u >= 0xD800 && u < 0xDC00 && i + 1 < units.size() &&
                      units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000;
    if (pair) {
      appendPoint(out, 0x10000 + ((u - 0xD800u) << 10) + (units[i + 1] - 0xDC00u));
      ++i;
    } else {
      appendPoint(out, u >= 0xD800 && u < 0xE000 ? kReplacement : u);
    }
  }
  return out;
}

void appendUnits(Bytes& out, std::u16string_view units, bool longZero) {
  const auto add = [&](unsigned c) { out.push_back(static_cast<char>(c)); };
  for (const unsigned u : units) {
    if (u < 0x80 && (u != 0 || !longZero)) {
      add(u);
    } else if (u < 0x800) {
      add(0xC0 | u >> 6);
      add(0x80 | (u & 0x3F));
    } else {
      add(0xE0 | u >> 12);
      add(0x80 | (u >> 6 & 0x3F));
      add(0x80 | (u & 0x3F));
    }
  }
}

std::optional<std::u16string> takeUnits(BytesView& in, std::size_t count) {
  if (count > in.size()) return std::nullopt;
  std::u16string out;
  out.reserve(count);
  std::size_t at = 0;
  const auto more = [&](unsigned& u) {
    if (at >= in.size() || (static_cast<unsigned char>(in[at]) & 0xC0) != 0x80) return false;
    u = u << 6 | (static_cast<unsigned char>(in[at++]) & 0x3Fu);
    return true;
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (at >= in.size()) return std::nullopt;
    const auto first = static_cast<unsigned char>(in[at++]);
    unsigned u = first;
    if (first >= 0x80) {
      const bool three = (first & 0xF0) == 0xE0;
      if (!three && (first & 0xE0) != 0xC0) return std::nullopt;
      u = first & (three ? 0x0Fu : 0x1Fu);
      if (!more(u) || (three && !more(u))) return std::nullopt;
    }
    out.push_back(static_cast<char16_t>(u));
  }
  in.remove_prefix(at);
  return out;
}

}  // namespace ox::hzclient

// A small XML document as a tree with line numbers.
//
// Threads: a pure function and plain values.
// Bounds:  kMaxXmlBytes, kMaxXmlElements, kMaxXmlDepth. A document with a DOCTYPE is refused, so
//          that there are neither entities to expand nor files to fetch.
// Errors:  XmlError with the line and what is wrong.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ox::grid {

inline constexpr std::size_t kMaxXmlBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxXmlElements = 20'000;
inline constexpr int kMaxXmlDepth = 32;

struct XmlElement {
  std::string name;                               // without namespace prefix
  std::map<std::string, std::string> attributes;  // by local name
  std::string text;                               // its own, trimmed
  int line = 0;
  std::vector<XmlElement> children;
  const std::string* attribute(const std::string& key) const {
    const auto it = attributes.find(key);
    return it == attributes.end() ? nullptr : &it->second;
  }
};

struct XmlError {
  int line = 0;
  std::string text;
};

// The root element, or nothing and `error`.
std::optional<XmlElement> parseXml(std::string_view text, XmlError& error);

}  // namespace ox::grid

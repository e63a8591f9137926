#include "config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace ox::config {
namespace {

int lineOf(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

PropertiesText failed(int line, std::string text) {
  PropertiesText out;
  out.problems.push_back({true, line, {}, std::move(text)});
  return out;
}

PropertiesText read(const YAML::Node& root, const std::string& section) {
  const std::string form = "; allowed: " + section + ": and below it name: value, indented";
  if (!root.IsDefined() || root.IsNull()) return {};
  if (!root.IsMap()) return failed(lineOf(root.Mark()), "the file is no map" + form);
  PropertiesText out;
  for (const auto& top : root) {
    const int line = lineOf(top.first.Mark());
    const std::string name = top.first.IsScalar() ? top.first.Scalar() : std::string();
    if (name != section) {
      if (out.problems.size() < kMaxPropertiesProblems)
        out.problems.push_back({false, line, {}, "an unknown section has no effect" + form});
      continue;
    }
    if (top.second.IsNull()) continue;
    if (!top.second.IsMap()) return failed(line, "the section is no map" + form);
    for (const auto& one : top.second) {
      const int at = lineOf(one.first.Mark());
      if (!one.first.IsScalar() || one.first.Scalar().empty())
        return failed(at, "a name is no text" + form);
      if (!one.second.IsScalar() && !one.second.IsNull())
        return failed(at,
                      "the value of " + one.first.Scalar().substr(0, 80) + " is no text" + form);
      if (out.entries.size() >= kMaxYamlEntries)
        return failed(at, "there are too many values; allowed: " + std::to_string(kMaxYamlEntries));
      out.entries.push_back(
          {one.first.Scalar(), one.second.IsNull() ? "" : one.second.Scalar(), at});
    }
  }
  return out;
}

}  // namespace

PropertiesText parseYamlSection(std::string_view text, const std::string& section) {
  if (text.size() > kMaxYamlBytes)
    return failed(0, "the file is too large; allowed: " + std::to_string(kMaxYamlBytes) + " bytes");
  try {
    return read(YAML::Load(std::string(text)), section);
  } catch (const YAML::Exception& e) {
    return failed(lineOf(e.mark), "this is no YAML: " + e.msg.substr(0, 200));
  }
}

}  // namespace ox::config

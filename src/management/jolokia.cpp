#include "management/jolokia.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "management/object_name.h"

namespace ox::management {
namespace {

using nlohmann::json;

struct Failure {
  int status;
  std::string type;
  std::string text;
};

struct Request {
  std::string type;
  std::string mbean;
  std::vector<std::string> attributes;
  bool attributeList = false;  // several were asked for: the answer is an object
  std::vector<std::string> path;
  json echo = json::object();
};

// Attributes are texts; what is a number or a truth value looks the same as JSON.
json valueOf(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  const bool numeric = !text.empty() && text.size() < 25 &&
                       text.find_first_not_of("-0123456789.eE") == std::string::npos;
  if (numeric) {
    auto number = json::parse(text, nullptr, false);
    if (number.is_number() && number.dump() == text) return number;
  }
  return text;
}

[[noreturn]] void fail(int status, const char* type, const std::string& text) {
  throw Failure{status, type, text};
}

ObjectName parsedName(const std::string& text) {
  auto name = ObjectName::parse(text);
  if (!name)
    fail(400, "javax.management.MalformedObjectNameException", "'" + text + "' is no object name");
  return *name;
}

void forEachMatch(const ManagementRegistry& registry, const ObjectName& pattern,
                  const std::function<void(const MBean&, const ObjectName&)>& visit) {
  registry.forEachBean([&](const MBean& bean) {
    const auto name = ObjectName::parse(bean.objectName);
    if (name && pattern.matches(*name)) visit(bean, *name);
  });
}

// All attributes of a bean, or those asked for. A missing one fails, unless a pattern asked.
json attributesOf(const MBean& bean, const Request& request, bool pattern) {
  json out = json::object();
  const Attributes all = bean.attributes();
  if (request.attributes.empty()) {
    for (const auto& [name, value] : all) out[name] = valueOf(value);
    return out;
  }
  for (const std::string& wanted : request.attributes) {
    bool found = false;
    for (const auto& [name, value] : all)
      if (name == wanted) {
        out[name] = valueOf(value);
        found = true;
      }
    if (!found && !pattern)
      fail(404, "javax.management.AttributeNotFoundException", "No such attribute: " + wanted);
  }
  return out;
}

json read(const ManagementRegistry& registry, const Request& request) {
  const ObjectName name = parsedName(request.mbean);
  if (!request.path.empty())
    fail(400, "java.lang.IllegalArgumentException", "attributes of this node have no inner path");
  const bool pattern = name.isPattern();
  json out = json::object();
  bool found = false;
  forEachMatch(registry, name, [&](const MBean& bean, const ObjectName&) {
    if (found && !pattern) return;
    json values = attributesOf(bean, request, pattern);
    found = true;
    if (!pattern) out = std::move(values);
    else if (!values.empty()) out[bean.objectName] = std::move(values);
  });
  if (!found)
    fail(404, "javax.management.InstanceNotFoundException",
         std::string("No MBean ") + (pattern ? "with pattern " : "") + request.mbean + " found");
  if (!pattern && !request.attributeList && request.attributes.size() == 1)
    return out[request.attributes.front()];
  return out;
}

json search(const ManagementRegistry& registry, const Request& request) {
  json out = json::array();
  forEachMatch(registry, parsedName(request.mbean),
               [&](const MBean& bean, const ObjectName&) { out.push_back(bean.objectName); });
  return out;
}

json list(const ManagementRegistry& registry, const Request& request) {
  json out = json::object();
  registry.forEachBean([&](const MBean& bean) {
    const auto colon = bean.objectName.find(':');
    if (colon == std::string::npos) return;
    const std::string domain = bean.objectName.substr(0, colon);
    const std::string properties = bean.objectName.substr(colon + 1);
    json attributes = json::object();
    for (const auto& [name, value] : bean.attributes()) {
      const json shown = valueOf(value);
      const char* type = shown.is_boolean()          ? "boolean"
                         : shown.is_number_integer() ? "long"
                         : shown.is_number()         ? "double"
                                                     : "java.lang.String";
      attributes[name] = {{"type", type}, {"desc", ""}, {"rw", false}};
    }
    out[domain][properties] = {{"attr", std::move(attributes)}, {"desc", ""}};
  });
  for (const std::string& step : request.path) {
    if (!out.is_object() || !out.contains(step))
      fail(404, "java.lang.IllegalArgumentException", "No such path element: " + step);
    json inner = out[step];
    out = std::move(inner);
  }
  return out;
}

json version() {
  return {{"agent", OX_VERSION},
          {"protocol", "7.2"},
          {"config", json::object()},
          {"info", {{"product", "open-xchange"}, {"version", OX_VERSION}}}};
}

json dispatch(const ManagementRegistry& registry, const Request& request) {
  if (request.type == "read") return read(registry, request);
  if (request.type == "search") return search(registry, request);
  if (request.type == "list") return list(registry, request);
  if (request.type == "version") return version();
  if (request.type == "exec" || request.type == "write" || request.type == "notification")
    fail(403, "java.lang.UnsupportedOperationException",
         "'" + request.type + "' is not offered; read, search, list and version are");
  fail(400, "java.lang.IllegalArgumentException", "unknown request type '" + request.type + "'");
}

json answered(const ManagementRegistry& registry, const Request& request) {
  json out = {{"request", request.echo}, {"timestamp", systemClock().wallMillis() / 1000}};
  const auto failed = [&out](int status, const std::string& type, const std::string& text) {
    out["status"] = status;
    out["error_type"] = type;
    out["error"] = type + " : " + text;
  };
  try {
    out["value"] = dispatch(registry, request);
    out["status"] = 200;
  } catch (const Failure& e) {
    failed(e.status, e.type, e.text);
  } catch (const std::exception& e) {
    failed(500, "java.lang.IllegalStateException", e.what());
  }
  return out;
}

Request requestOf(const json& in) {
  Request request;
  const auto text = [&in](const char* key) {
    const auto at = in.find(key);
    return at != in.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  request.type = text("type");
  request.mbean = text("mbean");
  request.path = splitEscaped(text("path"));
  const auto attribute = in.find("attribute");
  if (attribute != in.end() && attribute->is_string()) {
    request.attributes.push_back(attribute->get<std::string>());
  } else if (attribute != in.end() && attribute->is_array()) {
    request.attributeList = true;
    for (const auto& name : *attribute)
      if (name.is_string()) request.attributes.push_back(name.get<std::string>());
  }
  request.echo["type"] = request.type;
  if (!request.mbean.empty()) request.echo["mbean"] = request.mbean;
  if (request.attributeList) request.echo["attribute"] = request.attributes;
  else if (!request.attributes.empty()) request.echo["attribute"] = request.attributes.front();
  return request;
}

std::string textOf(const json& answer) {
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

json malformed(const std::string& text) {
  return {{"status", 400},
          {"error_type", "java.lang.IllegalArgumentException"},
          {"error", "java.lang.IllegalArgumentException : " + text},
          {"timestamp", systemClock().wallMillis() / 1000}};
}

}  // namespace

std::optional<std::string> percentDecoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]);
    const int low = digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::vector<std::string> splitEscaped(std::string_view path) {
  std::vector<std::string> out;
  std::string word;
  bool any = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '!' && i + 1 < path.size()) {
      word += path[++i];
      any = true;
    } else if (path[i] == '/') {
      if (any) out.push_back(word);
      word.clear();
      any = false;
    } else {
      word += path[i];
      any = true;
    }
  }
  if (any) out.push_back(word);
  return out;
}

std::string jolokiaGet(const ManagementRegistry& registry, std::string_view path) {
  const auto decoded = percentDecoded(path);
  if (!decoded) return textOf(malformed("the path is not percent-encoded correctly"));
  auto parts = splitEscaped(*decoded);
  json in = {{"type", parts.empty() ? "version" : parts.front()}};
  if (parts.size() > 1 && parts[0] != "list") in["mbean"] = parts[1];
  if (parts.size() > 2 && parts[0] == "read") {
    // a comma separates several attributes
    json names = json::array();
    std::size_t at = 0;
    while (at <= parts[2].size()) {
      const std::size_t comma = std::min(parts[2].find(',', at), parts[2].size());
      if (comma > at) names.push_back(parts[2].substr(at, comma - at));
      at = comma + 1;
    }
    if (names.size() == 1) in["attribute"] = names[0];
    else in["attribute"] = names;
  }
  Request request = requestOf(in);
  const std::size_t pathFrom = request.type == "list" ? 1 : 3;
  if (parts.size() > pathFrom)
    request.path.assign(parts.begin() + static_cast<std::ptrdiff_t>(pathFrom), parts.end());
  return textOf(answered(registry, request));
}

std::string jolokiaPost(const ManagementRegistry& registry, const std::string& body) {
  const json in = json::parse(body, nullptr, false);
  if (in.is_object()) return textOf(answered(registry, requestOf(in)));
  if (!in.is_array()) return textOf(malformed("the body is neither a JSON object nor an array"));
  if (in.size() > kMaxBulk)
    return textOf(malformed("more than " + std::to_string(kMaxBulk) + " requests in one body"));
  json out = json::array();
  for (const auto& one : in)
    out.push_back(one.is_object() ? answered(registry, requestOf(one))
                                  : malformed("a request is no JSON object"));
  return textOf(out);
}

}  // namespace ox::management

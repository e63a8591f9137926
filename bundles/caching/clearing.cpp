#include "clearing.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace ox::caching {

using services::CacheEvent;
using services::CacheKey;

Result<CacheKey> readKey(const std::string& text) {
  CacheKey key;
  const std::size_t end = std::min(text.find('/'), text.size());
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, key.id);
  const bool number = end > 0 && error == std::errc() && stop == text.data() + end && key.id >= 0;
  if (end > 0 && !number)
    return Error(Code::kInvalid, "key '" + text + "' is not allowed; allowed: a number, number/part, "
                                 "number/part/part, or /part for a key without a number");
  if (end == 0) key.id = -1;
  for (std::size_t from = end + 1; from <= text.size();) {
    const std::size_t next = std::min(text.find('/', from), text.size());
    key.parts.push_back(text.substr(from, next - from));
    from = next + 1;
  }
  if (end == 0 && key.parts.empty()) return Error(Code::kInvalid, "an empty key is not allowed");
  if (key.parts.size() > kMaxParts || text.size() > kMaxTextBytes)
    return Error(Code::kInvalid, "a key has at most 64 parts and 4096 bytes");
  return key;
}

Result<nlohmann::json> clearCaches(const nlohmann::json& arguments, Regions& regions,
                                   CacheEventsService& events) {
  std::string region, group;
  std::optional<std::string> key;
  bool local = false;
  try {
    region = arguments.value("region", "");
    group = arguments.value("group", "");
    local = arguments.value("local", false);
    if (arguments.contains("key")) key = arguments.at("key").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    return Error(Code::kInvalid, "region, key and group are texts, local is true or false");
  }
  if (region.empty() && (key || !group.empty()))
    return Error(Code::kInvalid, "a key or group needs a region");
  std::vector<std::string> names;
  std::uint64_t before = 0, after = 0;
  for (const auto& one : regions.stats())
    if (region.empty() || one.region == region) {
      names.push_back(one.region);
      before += one.count;
    }
  if (names.empty()) {
    std::string known;
    for (const auto& one : regions.stats()) known += (known.empty() ? "" : ", ") + one.region;
    return Error(Code::kInvalid, "there is no region '" + region + "'; allowed: " + known);
  }
  CacheEvent event;
  event.group = group;
  if (key) {
    auto read = readKey(*key);
    if (!read) return read.error();
    event.keys.push_back(std::move(*read));
  } else {
    event.operation =
        group.empty() ? CacheEvent::Operation::kClear : CacheEvent::Operation::kInvalidateGroup;
  }
  for (const auto& name : names) {
    event.region = name;
    local ? events.tellHere(event) : events.publish(event);
  }
  for (const auto& one : regions.stats())
    if (region.empty() || one.region == region) after += one.count;
  log::info("cache regions cleared by an administrator: " +
            (region.empty() ? std::string("all") : region) + (local ? ", this node only" : ""));
  return nlohmann::json{{"regions", names.size()}, {"removed", before > after ? before - after : 0}};
}

}  // namespace ox::caching

#include "region_settings.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "config/properties.h"
#include "net/interfaces.h"

namespace ox::caching {
namespace {

using config::Problem;
using config::Property;

constexpr std::string_view kMark = "LTCP";
constexpr std::string_view kRegionPrefix = "jcs.region.";
constexpr std::string_view kDefaultPrefix = "jcs.default";
constexpr std::string_view kLateralPrefix = "jcs.auxiliary.LTCP";
constexpr std::int64_t kMaxSeconds = 315'360'000;  // ten years

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// One reading of one file: where problems go.
struct Reading {
  const std::string& file;
  std::vector<Problem>& problems;

  void say(Problem::Severity severity, const Property& at, std::string text) const {
    problems.push_back({severity, file, at.line, at.key, std::move(text)});
  }
  void warn(const Property& at, std::string text) const {
    say(Problem::Severity::kWarn, at, std::move(text));
  }
  bool whole(const Property& at, std::int64_t least, std::int64_t most, std::int64_t& out) const {
    std::int64_t value = 0;
    const char* const end = at.value.data() + at.value.size();
    const auto [stop, error] = std::from_chars(at.value.data(), end, value);
    if (error != std::errc() || stop != end || value < least || value > most) {
      say(Problem::Severity::kError, at,
          "'" + at.value + "' is not allowed; allowed: a whole number from " +
              std::to_string(least) + " to " + std::to_string(most));
      return false;
    }
    out = value;
    return true;
  }
  void boolean(const Property& at, bool& out) const {
    const std::string value = lower(at.value);
    if (value == "true" || value == "false") out = value == "true";
    else
      say(Problem::Severity::kError, at, "'" + at.value + "' is not allowed; allowed: true, false");
  }
  // Seconds; every negative number means never, as in the original.
  void seconds(const Property& at, std::int64_t& millis) const {
    std::int64_t value = 0;
    if (whole(at, -kMaxSeconds, kMaxSeconds, value)) millis = value < 0 ? -1 : value * 1000;
  }
  void limit(const Property& at, std::uint64_t& out) const {
    std::int64_t value = 0;
    if (whole(at, -1, INT64_MAX, value)) out = value < 0 ? 0 : static_cast<std::uint64_t>(value);
  }
};

bool accepted(const std::string& name) {
  static const std::set<std::string> kWithoutEffect = {
      "isspool", "isremote", "islateral", "maxspoolperrun", "size", "diskusagepatternname",
      "usedisk", "uselateral", "useremote", "spoolchunksize"};
  return kWithoutEffect.contains(name);
}

// `name` is what follows "jcs.default" or "jcs.region.<name>": "", ".cacheattributes", ...
void regionProperty(const Reading& in, const Property& at, std::string_view name,
                    RegionSettings& region) {
  if (name.empty()) {
    // A comma separated list of auxiliaries; disk and remote ones do not exist here.
    region.clusterWide = lower(at.value).find(lower(kMark)) != std::string::npos;
    if (!at.value.empty() && at.value != kMark)
      in.warn(at, "'" + at.value + "': of the auxiliaries only LTCP means something here; allowed: "
                  "LTCP, or nothing for a region of this node only");
    return;
  }
  if (name == ".cacheattributes" || name == ".elementattributes") return;  // names of Java classes
  const std::string attribute = lower(name.substr(name.rfind('.') + 1));
  const std::string part = lower(name.substr(0, name.rfind('.')));
  const bool cache = part == ".cacheattributes";
  const bool element = part == ".elementattributes";
  if (cache && attribute == "maxobjects") in.limit(at, region.maxObjects);
  else if (cache && attribute == "maxbytes") in.limit(at, region.maxBytes);
  else if (cache && attribute == "maxmemoryidletimeseconds") in.seconds(at, region.memoryIdleMillis);
  else if (cache && attribute == "usememoryshrinker") in.boolean(at, region.shrinker);
  else if (cache && attribute == "shrinkerintervalseconds") {
    std::int64_t value = 0;
    if (in.whole(at, 1, kMaxSeconds, value)) region.shrinkerMillis = value * 1000;
  } else if (cache && attribute == "memorycachename") {
    if (!at.value.ends_with("LRUMemoryCache"))
      in.warn(at, "'" + at.value + "' does not exist here, the least recently used value goes first; "
                  "allowed: org.apache.jcs.engine.memory.lru.LRUMemoryCache");
  } else if (element && attribute == "maxlifeseconds") in.seconds(at, region.maxLifeMillis);
  else if (element && attribute == "idletime") in.seconds(at, region.idleMillis);
  else if (element && attribute == "iseternal") in.boolean(at, region.eternal);
  else if (!(cache || element) || !accepted(attribute))
    in.warn(at, "unknown, without effect; known: cacheattributes.MaxObjects, MaxBytes, "
                "MaxMemoryIdleTimeSeconds, UseMemoryShrinker, ShrinkerIntervalSeconds, "
                "elementattributes.MaxLifeSeconds, IdleTime, IsEternal");
}

bool hostAndPort(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && stop == end && port >= 1 && port <= 65535;
}

void lateralProperty(const Reading& in, const Property& at, std::string_view name,
                     LateralSettings& lateral) {
  static constexpr std::size_t kMaxServers = 1'000;
  if (name.empty() || name == ".attributes") return;  // names of Java classes
  const std::string attribute = lower(name.substr(name.rfind('.') + 1));
  std::int64_t port = 0;
  if (attribute == "tcpservers") {
    lateral.servers.clear();
    for (std::size_t from = 0; from <= at.value.size();) {
      const auto comma = std::min(at.value.find(',', from), at.value.size());
      std::string one = at.value.substr(from, comma - from);
      std::erase_if(one, [](char c) { return c == ' ' || c == '\t'; });
      from = comma + 1;
      if (one.empty()) continue;
      if (!hostAndPort(one) || lateral.servers.size() == kMaxServers) {
        in.say(Problem::Severity::kError, at,
               "'" + one + "' is not allowed; allowed: up to 1000 of host:port, with commas between");
        return;
      }
      lateral.servers.push_back(std::move(one));
    }
  } else if (attribute == "tcplistenerport") {
    if (in.whole(at, 1, 65535, port)) lateral.listenerPort = static_cast<std::uint16_t>(port);
  } else if (attribute == "tcplistenerhost") {
    if (at.value.empty() || at.value == "*" || net::isNumericAddress(at.value))
      lateral.listenerHost = at.value;
    else
      in.say(Problem::Severity::kError, at,
             "'" + at.value + "' is not allowed; allowed: a numeric address of this machine, or *");
  } else if (attribute == "udpdiscoveryaddr") {
    if (net::isNumericAddress(at.value)) lateral.discoveryAddress = at.value;
    else
      in.say(Problem::Severity::kError, at,
             "'" + at.value + "' is not allowed; allowed: the numeric address of a multicast group");
  } else if (attribute == "udpdiscoveryport") {
    if (in.whole(at, 1, 65535, port)) lateral.discoveryPort = static_cast<std::uint16_t>(port);
  } else if (attribute == "udpdiscoveryenabled") {
    in.boolean(at, lateral.discovery);
  } else if (attribute == "receive") {
    in.boolean(at, lateral.receive);
  } else if (attribute == "allowget" || attribute == "issueremoveonput" ||
             attribute == "filterremovebyhashcode") {
    bool on = false;
    in.boolean(at, on);
    if (on) lateral.ignored.push_back(at.key);
  } else {
    in.warn(at, "unknown, without effect");
  }
}

// "Name" and what follows it; an attribute begins with .cacheattributes or .elementattributes, all
// else belongs to the name.
std::pair<std::string, std::string_view> regionName(std::string_view rest) {
  for (const std::string_view part : {".cacheattributes", ".elementattributes"})
    if (const auto at = rest.find(part); at != std::string_view::npos)
      return {std::string(rest.substr(0, at)), rest.substr(at)};
  return {std::string(rest), {}};
}

}  // namespace

void readCacheFile(const std::string& file, const std::string& text, bool main,
                   CacheSettings& settings, std::vector<Problem>& problems) {
  const Reading in{file, problems};
  auto parsed = config::parseProperties(text);
  for (auto& problem : parsed.problems)
    problems.push_back({problem.error ? Problem::Severity::kError : Problem::Severity::kWarn, file,
                        problem.line, problem.key, problem.text});
  // The defaults first: regions begin as a copy of them, wherever in the file they stand.
  for (const Property& at : parsed.entries) {
    if (!at.key.starts_with(kDefaultPrefix)) continue;
    if (main) regionProperty(in, at, std::string_view(at.key).substr(kDefaultPrefix.size()),
                             settings.defaults);
    else in.warn(at, "without effect: the defaults of all regions are set in cache.ccf");
  }
  std::set<std::string> mine, foreign;
  for (const Property& at : parsed.entries) {
    const std::string_view key = at.key;
    if (key.starts_with(kDefaultPrefix)) continue;
    if (key.starts_with(kRegionPrefix)) {
      const auto [name, rest] = regionName(key.substr(kRegionPrefix.size()));
      if (!mine.contains(name)) {
        if (foreign.contains(name)) continue;
        if (name.empty() || settings.regions.contains(name) ||
            settings.regions.size() >= kMaxRegions) {
          foreign.insert(name);
          in.warn(at, name.empty() ? "a region needs a name"
                      : settings.regions.contains(name)
                          ? "region " + name + " is described in another file, which counts"
                          : "more than " + std::to_string(kMaxRegions) + " regions");
          continue;
        }
        mine.insert(name);
        settings.regions.emplace(name, settings.defaults);
      }
      regionProperty(in, at, rest, settings.regions[name]);
    } else if (key.starts_with(kLateralPrefix)) {
      if (main) lateralProperty(in, at, key.substr(kLateralPrefix.size()), settings.lateral);
      else in.warn(at, "without effect: the lateral connection is set in cache.ccf");
    } else if (!key.starts_with("jcs.system.") && !key.starts_with("jcs.auxiliary.")) {
      in.warn(at, "unknown, without effect; allowed: jcs.default, jcs.region, jcs.auxiliary.LTCP");
    } else {
      in.warn(at, "without effect: disk and remote caches do not exist here");
    }
  }
}

CacheSettings readCacheSettings(const std::string& etc, std::vector<Problem>& problems) {
  static constexpr std::size_t kMaxFiles = 200;
  namespace fs = std::filesystem;
  CacheSettings settings;
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(etc, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".ccf") && !name.starts_with(".") && name != "cache.ccf" &&
        names.size() < kMaxFiles)
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.insert(names.begin(), "cache.ccf");
  for (const std::string& name : names) {
    const fs::path path = fs::path(etc) / name;
    if (name == "cache.ccf" && !fs::exists(path, failed)) continue;  // the built-in defaults count
    auto text = config::readPropertiesFile(path.string());
    if (!text) {
      problems.push_back({Problem::Severity::kError, name, 0, "", text.error().message});
      continue;
    }
    settings.files.push_back(name);
    readCacheFile(name, *text, name == "cache.ccf", settings, problems);
  }
  return settings;
}

}  // namespace ox::caching

#include "config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/keys_hazelcast.h"
#include "config/value.h"
#include "member_protocol/message.h"
#include "net/interfaces.h"

namespace ox::grid {
namespace {
namespace keys = config::keys;
using config::Problem;

constexpr const char* kStructure = "com.openexchange.hazelcast.configuration.";

class Reader {
 public:
  Reader(const config::Config& config, std::vector<Problem>& problems)
      : config_(config), problems_(problems) {}

  // At the key's own line, or at its file when it is absent.
  void add(Problem::Severity severity, const std::string& key, const std::string& file,
           const std::string& text) {
    // The general rules may have found the same; one line per mistake is enough.
    for (const Problem& known : config_.problems())
      if (known.key == key && known.severity == Problem::Severity::kError) return;
    Problem p;
    p.severity = severity;
    p.key = key;
    p.file = file;
    p.text = text;
    if (const auto raw = config_.raw(key)) {
      p.file = raw->file;
      p.line = raw->line;
    }
    problems_.push_back(std::move(p));
  }
  template <typename T>
  void error(const config::Key<T>& key, const std::string& text) {
    add(Problem::Severity::kError, key.name(), key.info().file, text);
  }
  void at(Problem::Severity severity, const std::string& key, const config::Setting& where,
          const std::string& text) {
    Problem p;
    p.severity = severity;
    p.key = key;
    p.file = where.file;
    p.line = where.line;
    p.text = text;
    problems_.push_back(std::move(p));
  }

 private:
  const config::Config& config_;
  std::vector<Problem>& problems_;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string> items(const std::string& text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= text.size()) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (auto item = trimmed(text.substr(at, comma - at)); !item.empty()) out.push_back(item);
    at = comma + 1;
  }
  return out;
}

void readName(const config::Config& config, GridConfig& out, Reader& reader) {
  const std::string group = trimmed(config.get(keys::kGroupName));
  if (group.empty() && out.join != "empty")
    reader.error(keys::kGroupName, "join \"" + out.join +
                                       "\" needs a name for the cluster: set a name that is the "
                                       "same on all its nodes");
  out.clusterName = (group.empty() ? std::string(kDefaultGroup) : group) + "-" +
                    kProtocolGeneration;
  out.password = config.get(keys::kGroupPassword);
}

void readJoin(const config::Config& config, GridConfig& out, Reader& reader) {
  out.join = lower(trimmed(config.get(keys::kNetworkJoin)));
  if (out.join == "multicast" || out.join == "dns" || out.join == "kubernetes" ||
      out.join == "aws") {
    reader.error(keys::kNetworkJoin, "this release does not have join \"" + out.join +
                                         "\" yet; use \"static\" with a list of nodes, or \"empty\"");
    return;
  }
  if (out.join == "static") {
    auto nodes = config::parseHostList(config.get(keys::kStaticNodes));
    if (!nodes) reader.error(keys::kStaticNodes, nodes.error().message);
    else out.nodes = std::move(*nodes);
    if (nodes && out.nodes.empty())
      reader.error(keys::kStaticNodes, "join \"static\" needs at least one node, e.g. "
                                       "10.0.0.15,10.0.0.16");
  } else if (out.join != "empty") {
    reader.error(keys::kNetworkJoin, "\"" + out.join + "\" is no way to join; allowed are empty, "
                                     "static (and in later releases multicast, dns, aws, kubernetes)");
  }
}

// The form is checked with the file (config/key_checks.h).
std::vector<net::PortRange> readPortRanges(const std::vector<std::string>& items) {
  std::vector<net::PortRange> out;
  for (const auto& item : items) {
    const auto dash = item.find('-');
    const auto first = config::parseInt(item.substr(0, dash));
    const auto last = dash == std::string::npos ? first : config::parseInt(item.substr(dash + 1));
    if (first && last && *first >= 1 && *first <= *last && *last <= 65535)
      out.push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)});
  }
  return out;
}

void readNetwork(const config::Config& config, const std::vector<std::string>& local,
                 GridConfig& out, Reader& reader) {
  out.ipv6 = config.get(keys::kEnableIPv6);
  std::vector<std::string> usable;
  for (const auto& address : local)
    if (out.ipv6 || address.find(':') == std::string::npos) usable.push_back(address);

  const auto raw = config.raw(keys::kNetworkInterfaces.name());
  if (raw && items(raw->value).empty()) {
    out.bindHost = out.ipv6 ? "::" : "0.0.0.0";
    out.announcedHost = usable.empty() ? "127.0.0.1" : usable.front();
  } else {
    const auto patterns = config.get(keys::kNetworkInterfaces);
    const auto picked = net::pickAddress(patterns, usable);
    if (!picked) reader.error(keys::kNetworkInterfaces, picked.error().message);
    else out.bindHost = out.announcedHost = *picked;
    if (config.get(keys::kSocketBindAny)) out.bindHost = out.ipv6 ? "::" : "0.0.0.0";
  }

  const std::string offset = lower(trimmed(config.get(keys::kNetworkPortOffset)));
  std::int64_t added = kAutoPortOffset;
  if (offset != "auto") {
    const auto end = offset.data() + offset.size();
    const auto [stop, failed] = std::from_chars(offset.data(), end, added);
    if (failed != std::errc() || stop != end || added < 0 || added > 65534) {
      reader.error(keys::kNetworkPortOffset, "\"" + offset + "\" is not an offset; allowed are "
                                             "auto (10) and 0..65534");
      added = 0;
    }
  }
  const std::int64_t port = config.get(keys::kNetworkPort) + added;
  if (port < 1 || port > 65535)
    reader.error(keys::kNetworkPortOffset, "port plus offset is " + std::to_string(port) +
                                         ", allowed is 1..65535");
  else
    out.port = static_cast<std::uint16_t>(port);
  out.outboundPorts = readPortRanges(config.get(keys::kOutboundPortDefinitions));
  out.portTries = config.get(keys::kNetworkPortAutoIncrement) ? kAutoIncrementPorts : 1;
  if (config.get(keys::kGridSsl))
    reader.error(keys::kGridSsl, "this release does not encrypt the member traffic yet; set false");
  else if (config.get(keys::kSymmetricEncryption))
    reader.error(keys::kSymmetricEncryption,
                 "this release does not encrypt the member traffic yet; set false");
}

// Fields of a map file; the original matches them without regard to case.
bool parseInt(const std::string& text, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const std::string t = trimmed(text);
  const auto [stop, failed] = std::from_chars(t.data(), t.data() + t.size(), out);
  return failed == std::errc() && stop == t.data() + t.size() && out >= min && out <= max;
}

void readMapField(const std::string& field, const std::string& key, const config::Setting& setting,
                  MapConfig& map, Reader& reader) {
  const auto number = [&](std::int64_t max, auto& target) {
    std::int64_t value = 0;
    if (parseInt(setting.value, 0, max, value))
      target = static_cast<std::remove_reference_t<decltype(target)>>(value);
    else
      reader.at(Problem::Severity::kError, key, setting,
                "\"" + setting.value + "\" is not a number in 0.." + std::to_string(max));
  };
  if (field == "name") map.name = trimmed(setting.value);
  else if (field == "backupcount") number(6, map.backupCount);
  else if (field == "asyncbackupcount") number(6, map.asyncBackupCount);
  else if (field == "timetoliveseconds") number(INT32_MAX, map.timeToLiveSeconds);
  else if (field == "maxidleseconds") number(INT32_MAX, map.maxIdleSeconds);
  else if (field == "indexes.attributes") map.indexes = items(setting.value);
  else if (field == "indexes.orderedattributes") map.orderedIndexes = items(setting.value);
  else if (field == "readbackupdata") {
    const std::string value = lower(trimmed(setting.value));
    if (value != "true" && value != "false")
      reader.at(Problem::Severity::kError, key, setting,
                "\"" + setting.value + "\" is not true or false");
    map.readBackupData = value == "true";
  } else {
    reader.at(Problem::Severity::kWarn, key, setting,
              "unknown field of a map, ignored; known are name, backupCount, asyncBackupCount, "
              "readBackupData, timeToLiveSeconds, maxIdleSeconds, indexes.attributes, "
              "indexes.orderedAttributes");
  }
}

void readStructures(const config::Config& config, GridConfig& out, Reader& reader) {
  auto maps = std::make_shared<MapConfigs>();
  for (const auto& file : config.files()) {
    if (!file.starts_with("hazelcast/") || file.find('/', 10) != std::string::npos) continue;
    MapConfig map;
    bool any = false;
    config::Setting last;
    for (const auto& [key, setting] : config.file(file)) {
      if (!key.starts_with(kStructure)) {
        reader.at(Problem::Severity::kWarn, key, setting,
                  "is no property of a data structure, ignored here");
        continue;
      }
      const std::string rest = key.substr(std::string(kStructure).size());
      if (rest.starts_with("map.")) {
        any = true;
        last = setting;
        readMapField(lower(rest.substr(4)), key, setting, map, reader);
      } else if (!rest.starts_with("topic.")) {
        reader.at(Problem::Severity::kWarn, key, setting,
                  "this release has maps and topics only; ignored");
      }
    }
    if (!any) continue;
    last.line = 0;
    const std::string nameKey = std::string(kStructure) + "map.name";
    if (map.name.empty())
      reader.at(Problem::Severity::kError, nameKey, last, "a map needs a name");
    else if (maps->all().contains(map.name))
      reader.at(Problem::Severity::kError, nameKey, last,
                "map \"" + map.name + "\" is described by another file as well");
    else if (map.backupCount + map.asyncBackupCount > 6)
      reader.at(Problem::Severity::kError, std::string(kStructure) + "map.backupCount", last,
                "backupCount and asyncBackupCount are " +
                    std::to_string(map.backupCount + map.asyncBackupCount) +
                    " together, allowed are at most 6");
    else
      maps->add(std::move(map));
  }
  out.maps = std::move(maps);
}

}  // namespace

GridConfig readGridConfig(const config::Config& config, const std::vector<std::string>& local,
                          std::vector<Problem>& problems) {
  GridConfig out;
  Reader reader(config, problems);
  out.enabled = config.get(keys::kHazelcastEnabled);
  readJoin(config, out, reader);
  readName(config, out, reader);
  readNetwork(config, local, out, reader);
  readStructures(config, out, reader);
  out.lite = config.get(keys::kLiteMember);
  out.connectMillis = config.get(keys::kStaticConnectionTimeout) * 1000;
  out.callTimeoutMillis = config.get(keys::kMaxOperationTimeout);
  out.mergeFirstMillis = config.get(keys::kMergeFirstRunDelay).value;
  out.mergeNextMillis = config.get(keys::kMergeRunDelay).value;
  out.heartbeatMillis = config.get(keys::kHeartbeatIntervalSeconds) * 1000;
  out.silenceMillis = config.get(keys::kMaxNoHeartbeatSeconds) * 1000;
  if (out.silenceMillis <= out.heartbeatMillis)
    reader.error(keys::kMaxNoHeartbeatSeconds,
                 "must be greater than " + keys::kHeartbeatIntervalSeconds.name() + " (" +
                     std::to_string(out.heartbeatMillis / 1000) + "), or every member is suspected");
  out.leaveMillis = config.get(keys::kGracefulShutdownMaxWait) * 1000;
  out.partitionCount = static_cast<int>(config.get(keys::kPartitionCount));
  return out;
}

std::vector<Address> candidateAddresses(const std::vector<config::HostPort>& nodes,
                                        std::uint16_t port, const Resolver& resolve,
                                        std::vector<std::string>& failed) {
  std::vector<Address> out;
  std::set<Address> seen;
  for (const auto& node : nodes) {
    std::vector<std::string> hosts{node.host};
    if (!node.numeric) {
      auto found = resolve(node.host);
      if (!found) {
        failed.push_back(found.error().message);
        continue;
      }
      hosts = std::move(*found);
    }
    const int first = node.port != 0 ? node.port : port;
    const int last = node.port != 0 ? first : std::min(65535, first + kProbedPorts - 1);
    for (const auto& host : hosts)
      for (int p = first; p <= last; ++p)
        if (Address a{host, static_cast<std::uint16_t>(p)}; seen.insert(a).second)
          out.push_back(std::move(a));
  }
  return out;
}

}  // namespace ox::grid

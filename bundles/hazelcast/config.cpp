#include "config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/keys_hazelcast.h"
#include "config/keys_hazelcast_join.h"
#include "config/value.h"
#include "config_reader.h"
#include "hazelcast_xml.h"
#include "map/attributes.h"
#include "member_protocol/message.h"

namespace ox::grid {
namespace {
namespace keys = config::keys;
using config::Problem;

constexpr std::size_t kMaxIndexes = 16;  // of a map and kind
constexpr const char* kStructure = "com.openexchange.hazelcast.configuration.";

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
  const std::string group =
      reader.given(keys::kGroupName) ? trimmed(config.get(keys::kGroupName)) : out.clusterName;
  if (group.empty() && out.join != "empty")
    reader.error(keys::kGroupName, "join \"" + out.join +
                                       "\" needs a name for the cluster: set a name that is the "
                                       "same on all its nodes");
  out.clusterName = (group.empty() ? std::string(kDefaultGroup) : group) + "-" +
                    kProtocolGeneration;
  if (reader.given(keys::kGroupPassword)) out.password = config.get(keys::kGroupPassword);
}

// Properties that the original hands to its library unchanged: they win over the keys above.
void readPassThrough(const Reader& reader, GridConfig& out) {
  const auto take = [&](const config::Key<std::string>& key, std::int64_t unit, std::int64_t& target) {
    if (const auto number = config::parseInt(reader.text(key))) target = *number * unit;
  };
  take(keys::kPassMergeFirst, 1000, out.mergeFirstMillis);
  take(keys::kPassMergeNext, 1000, out.mergeNextMillis);
  take(keys::kPassCallTimeout, 1, out.callTimeoutMillis);
  take(keys::kPassConnectTimeout, 1000, out.connectMillis);
}

// Fields of a map file; the original matches them without regard to case.
bool parseInt(const std::string& text, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const std::string t = trimmed(text);
  const auto [stop, failed] = std::from_chars(t.data(), t.data() + t.size(), out);
  return failed == std::errc() && stop == t.data() + t.size() && out >= min && out <= max;
}

constexpr std::int64_t kMaxMinClusterSize = 1024;

}  // namespace

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
  const auto flag = [&](bool& target) {
    const std::string value = lower(trimmed(setting.value));
    if (value != "true" && value != "false")
      reader.at(Problem::Severity::kError, key, setting,
                "\"" + setting.value + "\" is not true or false");
    target = value == "true";
  };
  const auto attributes = [&](std::vector<std::string>& target) {
    target = items(setting.value);
    for (const auto& name : target)
      if (auto path = AttributePath::parse(name); !path)
        reader.at(Problem::Severity::kError, key, setting, path.error().message);
    if (target.size() > kMaxIndexes)
      reader.at(Problem::Severity::kError, key, setting,
                "has " + std::to_string(target.size()) + " attributes, allowed are at most " +
                    std::to_string(kMaxIndexes));
  };
  const auto choice = [&]<typename T>(T& target, std::vector<std::pair<std::string, T>> allowed) {
    const std::string value = lower(trimmed(setting.value));
    std::string names;
    for (const auto& [name, one] : allowed) {
      if (value == lower(name)) {
        target = one;
        return;
      }
      names += (names.empty() ? "" : ", ") + name;
    }
    reader.at(Problem::Severity::kError, key, setting,
              "\"" + setting.value + "\" is not allowed; allowed are " + names);
  };
  if (field == "name") map.name = trimmed(setting.value);
  else if (field == "backupcount") number(6, map.backupCount);
  else if (field == "asyncbackupcount") number(6, map.asyncBackupCount);
  else if (field == "timetoliveseconds") number(INT32_MAX, map.timeToLiveSeconds);
  else if (field == "maxidleseconds") number(INT32_MAX, map.maxIdleSeconds);
  else if (field == "indexes.attributes") attributes(map.indexes);
  else if (field == "indexes.orderedattributes") attributes(map.orderedIndexes);
  else if (field == "evictionpolicy")
    choice(map.eviction, {{"NONE", Eviction::kNone}, {"LRU", Eviction::kLru},
                          {"LFU", Eviction::kLfu}});
  else if (field == "maxsizepolicy")
    choice(map.maxSizePolicy, {{"PER_NODE", MaxSizePolicy::kPerNode},
                               {"PER_PARTITION", MaxSizePolicy::kPerPartition},
                               {"USED_HEAP_SIZE", MaxSizePolicy::kUsedMemory}});
  else if (field == "maxsize") number(INT32_MAX, map.maxSize);
  else if (field == "readbackupdata") flag(map.readBackupData);
  else if (field == "discardable") flag(map.discardable);
  else if (field == "minclustersize") number(kMaxMinClusterSize, map.minClusterSize);
  else if (field == "minclustersizeprotects") {
    const std::string value = lower(trimmed(setting.value));
    if (value != "write" && value != "read-write")
      reader.at(Problem::Severity::kError, key, setting,
                "\"" + setting.value + "\" is not write or read-write");
    map.protectReads = value != "write";
  } else if (field == "mergepolicy") {
    if (const auto policy = mergePolicyByName(trimmed(setting.value))) map.mergePolicy = *policy;
    else
      reader.at(Problem::Severity::kError, key, setting,
                "\"" + setting.value + "\" is no merge policy; allowed are latest-update, "
                "put-if-absent, higher-hits, pass-through, discard, higher-number, and the original's "
                "class names");
  } else {
    reader.at(Problem::Severity::kWarn, key, setting,
              "unknown field of a map, ignored; known are name, backupCount, asyncBackupCount, "
              "readBackupData, timeToLiveSeconds, maxIdleSeconds, mergePolicy, minClusterSize, "
              "minClusterSizeProtects, discardable, indexes.attributes, "
              "indexes.orderedAttributes, evictionPolicy, maxSizePolicy, maxSize");
  }
}

namespace {

// What belongs to the sessions is as safe as they are: unless described in files of their own, these
// maps take copies, protection and merge policy of the map of the sessions.
void addSessionCompanions(MapConfigs& maps) {
  MapConfig base = maps.defaults();
  for (const auto& [name, map] : maps.all())
    if (name.starts_with("sessions-")) {
      base = map;
      break;
    }
  base.timeToLiveSeconds = 0;
  base.maxIdleSeconds = 0;
  base.eviction = Eviction::kNone;
  base.maxSize = 0;
  base.orderedIndexes.clear();
  const auto companion = [&](const char* name, std::vector<std::string> indexes) {
    if (maps.all().contains(name)) return;
    base.name = name;
    base.indexes = std::move(indexes);
    maps.add(base);
  };
  companion("session-attributes-1", {"sessionId"});
  companion("session-endings-1", {});
}

// How far replicas must have come (bundles/database): whatever is lost of it is asked again.
void addReplicaPositions(MapConfigs& maps) {
  MapConfig map = maps.defaults();
  map.name = "replication-positions-1";
  if (maps.all().contains(map.name)) return;
  map.backupCount = std::max(map.backupCount, 1);
  map.readBackupData = false;
  map.timeToLiveSeconds = 0;
  map.maxIdleSeconds = 3600;
  map.indexes.clear();
  map.orderedIndexes.clear();
  map.eviction = Eviction::kLru;
  map.maxSizePolicy = MaxSizePolicy::kPerNode;
  map.maxSize = 200'000;
  map.mergePolicy = MergePolicy::kHigherNumber;
  map.minClusterSize = 0;
  map.discardable = true;
  maps.add(map);
}

void readStructures(const config::Config& config, GridConfig& out, Reader& reader) {
  auto maps = std::make_shared<MapConfigs>(*out.maps);  // of hazelcast.xml
  std::set<std::string> described;
  for (const auto& file : config.files()) {
    if (!file.starts_with("hazelcast/") || file.find('/', 10) != std::string::npos) continue;
    const std::string own = trimmed(config.getFrom(file, keys::kMapName));
    MapConfig map = described.contains(own) ? maps->defaults() : maps->of(own);
    map.name.clear();
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
    else if (!described.insert(map.name).second)
      reader.at(Problem::Severity::kError, nameKey, last,
                "map \"" + map.name + "\" is described by another file as well");
    else if (map.backupCount + map.asyncBackupCount > 6)
      reader.at(Problem::Severity::kError, std::string(kStructure) + "map.backupCount", last,
                "backupCount and asyncBackupCount are " +
                    std::to_string(map.backupCount + map.asyncBackupCount) +
                    " together, allowed are at most 6");
    else {
      if (map.eviction != Eviction::kNone && map.maxSize == 0)
        reader.at(Problem::Severity::kWarn, std::string(kStructure) + "map.evictionPolicy", last,
                  "has no effect without maxSize");
      else if (map.eviction != Eviction::kNone && map.name.starts_with("sessions"))
        reader.at(Problem::Severity::kWarn, std::string(kStructure) + "map.evictionPolicy", last,
                  "sessions are evicted beyond maxSize: their users are logged out");
      maps->add(std::move(map));
    }
  }
  addSessionCompanions(*maps);
  addReplicaPositions(*maps);
  out.maps = std::move(maps);
}

}  // namespace

GridConfig readGridConfig(const config::Config& config, const std::vector<std::string>& local,
                          std::vector<Problem>& problems) {
  GridConfig out;
  Reader reader(config, problems);
  out.enabled = config.get(keys::kHazelcastEnabled);
  readHazelcastXml(config, out, reader);
  readJoin(config, out, reader);
  readName(config, out, reader);
  readNetwork(config, local, out, reader);
  checkXmlSecurity(config, out, reader);
  readStructures(config, out, reader);
  out.encryption = readEncryption(config, problems);
  if (reader.given(keys::kLiteMember)) out.lite = config.get(keys::kLiteMember);
  out.connectMillis = reader.number(keys::kStaticConnectionTimeout) * 1000;
  out.callTimeoutMillis = config.get(keys::kMaxOperationTimeout);
  out.mergeFirstMillis = config.get(keys::kMergeFirstRunDelay).value;
  out.mergeNextMillis = config.get(keys::kMergeRunDelay).value;
  readPassThrough(reader, out);
  out.heartbeatMillis = reader.number(keys::kHeartbeatIntervalSeconds) * 1000;
  out.silenceMillis = reader.number(keys::kMaxNoHeartbeatSeconds) * 1000;
  if (out.silenceMillis <= out.heartbeatMillis)
    reader.error(keys::kMaxNoHeartbeatSeconds,
                 "must be greater than " + keys::kHeartbeatIntervalSeconds.name() + " (" +
                     std::to_string(out.heartbeatMillis / 1000) + "), or every member is suspected");
  out.leaveMillis = reader.number(keys::kGracefulShutdownMaxWait) * 1000;
  out.migrationBytesPerSecond = reader.number(keys::kMigrationMaxMib) << 20;
  out.partitionCount = static_cast<int>(reader.number(keys::kPartitionCount));
  out.maxBytes = config.get(keys::kGridMaxBytes);
  out.discardableMaxBytes = config.get(keys::kGridDiscardableMaxBytes);
  out.tombstoneMillis = config.get(keys::kGridTombstoneSeconds) * 1000;
  return out;
}

}  // namespace ox::grid

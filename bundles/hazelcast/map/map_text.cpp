#include "map/map_text.h"

#include <algorithm>

namespace ox::grid {
namespace {

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& item : list) text += (text.empty() ? "" : ",") + item;
  return text.substr(0, kMaxMapText);
}

const MapText* named(const MapTexts& maps, const std::string& name) {
  for (const MapText& m : maps)
    if (m.name == name) return &m;
  return nullptr;
}

std::string value(const MapText& map, const std::string& key) {
  for (const auto& [k, v] : map.fields)
    if (k == key) return v.empty() ? "(nothing)" : v;
  return "(nothing)";
}

}  // namespace

MapTexts describeMaps(const MapConfigs& maps) {
  MapTexts texts;
  const auto tell = [&](const std::string& name, const MapConfig& c) {
    if (texts.size() >= kMaxMapsTold) return;
    MapText text;
    text.name = name.substr(0, kMaxMapText);
    text.fields = {{"backupCount", std::to_string(c.backupCount)},
                   {"asyncBackupCount", std::to_string(c.asyncBackupCount)},
                   {"readBackupData", c.readBackupData ? "true" : "false"},
                   {"timeToLiveSeconds", std::to_string(c.timeToLiveSeconds)},
                   {"maxIdleSeconds", std::to_string(c.maxIdleSeconds)},
                   {"indexes.attributes", joined(c.indexes)},
                   {"indexes.orderedAttributes", joined(c.orderedIndexes)},
                   {"mergePolicy", nameOf(c.mergePolicy)},
                   {"minClusterSize", std::to_string(c.minClusterSize)},
                   {"protectReads", c.protectReads ? "true" : "false"},
                   {"discardable", c.discardable ? "true" : "false"}};
    texts.push_back(std::move(text));
  };
  for (const auto& [name, c] : maps.all()) tell(name, c);
  for (const auto& [name, c] : maps.patterns()) tell(name, c);
  return texts;
}

std::uint64_t digest64(BytesView text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

std::uint64_t digestOf(const MapTexts& maps) {
  ByteWriter out;
  for (const MapText& m : maps) {
    out.blob(m.name);
    for (const auto& [key, value] : m.fields) {
      out.blob(key);
      out.blob(value);
    }
  }
  return std::max<std::uint64_t>(1, digest64(out.bytes()));
}

std::vector<std::string> differences(const MapTexts& ours, const std::string& we,
                                     const MapTexts& theirs, const std::string& they) {
  std::vector<std::string> list;
  const auto tell = [&](const std::string& text) {
    if (list.size() < kMaxDifferencesTold) list.push_back(text);
  };
  for (const MapText& mine : ours) {
    const MapText* other = named(theirs, mine.name);
    if (other == nullptr) {
      tell("map " + mine.name + ": configured at " + we + ", but not at " + they);
      continue;
    }
    // A key that only one of them knows belongs to a newer release: named as well.
    for (const auto& [key, _] : mine.fields)
      if (value(mine, key) != value(*other, key))
        tell("map " + mine.name + ": " + key + " is " + value(mine, key) + " at " + we + ", " +
             value(*other, key) + " at " + they);
  }
  for (const MapText& other : theirs)
    if (named(ours, other.name) == nullptr)
      tell("map " + other.name + ": configured at " + they + ", but not at " + we);
  return list;
}

}  // namespace ox::grid

#include "hazelcast_xml.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "config/address_pattern.h"
#include "config/catalog.h"
#include "config/keys_hazelcast.h"
#include "config/keys_server.h"
#include "config/secrets.h"
#include "config/value.h"
#include "discovery/dns_book.h"
#include "net/interfaces.h"
#include "xml_tree.h"

namespace ox::grid {
namespace {
using Severity = Problem::Severity;

constexpr std::size_t kMaxGroups = 1000;

class Xml {
 public:
  Xml(GridConfig& out, Reader& reader) : out_(out), reader_(reader) {}

  void root(const XmlElement& e) {
    if (e.name != "hazelcast")
      return error(e, "the root element is <" + e.name + ">; allowed: <hazelcast>");
    // What maps refer to comes first.
    for (const auto& c : e.children)
      if (c.name == "split-brain-protection" || c.name == "quorum") protection(c);
    each(e, {{"group", [&](const auto& c) { group(c); }},
             {"cluster-name", [&](const auto& c) { out_.clusterName = c.text; }},
             {"license-key", [](const auto&) {}},
             {"lite-member", [&](const auto& c) { flag(c, "enabled", out_.lite); }},
             {"properties", [&](const auto& c) { properties(c); }},
             {"network", [&](const auto& c) { network(c); }},
             {"partition-group", [&](const auto& c) { partitionGroup(c); }},
             {"map", [&](const auto& c) { map(c); }},
             {"split-brain-protection", [](const auto&) {}},
             {"quorum", [](const auto&) {}}});
    const int modes = std::count(joins_.begin(), joins_.end(), true);
    if (modes > 1) error(e, "more than one way to join is enabled; allowed: one");
    out_.maps = std::move(maps_);
  }

 private:
  using Handler = std::function<void(const XmlElement&)>;
  using Handlers = std::vector<std::pair<const char*, Handler>>;

  config::Setting at(const XmlElement& e, const std::string& value = {}) const {
    return {value, kHazelcastXml, e.line};
  }
  void error(const XmlElement& e, const std::string& text) {
    reader_.at(Severity::kError, "<" + e.name + ">", at(e), text);
  }
  void warn(const XmlElement& e, const std::string& text) {
    reader_.at(Severity::kWarn, "<" + e.name + ">", at(e), text);
  }

  void each(const XmlElement& parent, const Handlers& handlers) {
    for (const auto& c : parent.children) {
      const auto it = std::find_if(handlers.begin(), handlers.end(),
                                   [&](const auto& h) { return c.name == h.first; });
      if (it != handlers.end()) {
        it->second(c);
        continue;
      }
      std::string known;
      for (const auto& h : handlers) known += (known.empty() ? "" : ", ") + std::string(h.first);
      warn(c, "has no effect in <" + parent.name + ">; known there: " + known);
    }
  }
  static Handler ignored() { return [](const XmlElement&) {}; }

  // True only when the attribute says so; anything else than true and false is an error.
  bool flag(const XmlElement& e, const char* name, bool& target) {
    const std::string* text = e.attribute(name);
    if (text == nullptr) return false;
    const auto value = config::parseBool(*text);
    if (!value) {
      error(e, std::string(name) + "=\"" + *text + "\" is neither true nor false");
      return false;
    }
    target = *value;
    return *value;
  }
  bool enabled(const XmlElement& e) {
    bool is = false;
    flag(e, "enabled", is);
    return is;
  }
  template <typename N>
  void number(const XmlElement& e, const std::string& text, std::int64_t least, std::int64_t most,
              N& target) {
    const auto value = config::parseInt(text);
    if (!value || *value < least || *value > most)
      return error(e, "\"" + text.substr(0, 80) + "\" is not a number in " + std::to_string(least) +
                          ".." + std::to_string(most));
    target = static_cast<N>(*value);
  }

  void group(const XmlElement& e) {
    each(e, {{"name", [&](const auto& c) { out_.clusterName = c.text; }},
             {"password", [&](const auto& c) { out_.password = c.text; }}});
  }

  void properties(const XmlElement& e) {
    each(e, {{"property", [&](const auto& c) {
                const std::string* name = c.attribute("name");
                const auto* key =
                    name == nullptr ? nullptr : config::Catalog::instance().find(*name);
                if (key == nullptr || !name->starts_with("hazelcast."))
                  return warn(c, "\"" + (name ? name->substr(0, 120) : std::string()) +
                                     "\" is no property that is known here, it has no effect");
                if (const std::string bad = config::valueProblem(*key, c.text); !bad.empty())
                  return error(c, *name + ": " + bad);
                reader_.base(*name, c.text);
              }}});
  }

  void network(const XmlElement& e) {
    each(e, {{"port", [&](const auto& c) { port(c); }},
             {"reuse-address", ignored()},
             {"outbound-ports", [&](const auto& c) {
                out_.outboundPorts.clear();
                each(c, {{"ports", [&](const auto& p) { outbound(p); }}});
              }},
             {"join", [&](const auto& c) { join(c); }},
             {"interfaces", [&](const auto& c) { interfaces(c); }},
             {"ssl", [&](const auto& c) { encryption(c); }},
             {"symmetric-encryption", [&](const auto& c) { encryption(c); }}});
  }
  void port(const XmlElement& e) {
    number(e, e.text, 1, 65535, out_.basePort);
    bool increment = true;
    flag(e, "auto-increment", increment);
    int count = kAutoIncrementPorts;
    if (const auto* text = e.attribute("port-count")) number(e, *text, 1, 65535, count);
    out_.portTries = increment ? count : 1;
  }
  void outbound(const XmlElement& e) {
    for (const auto& item : config::parseList(e.text)) {
      const auto dash = item.find('-');
      std::int64_t first = 0, last = 0;
      number(e, item.substr(0, dash), 1, 65535, first);
      last = first;
      if (dash != std::string::npos) number(e, item.substr(dash + 1), 1, 65535, last);
      if (first > last) error(e, "\"" + item.substr(0, 80) + "\" is a range that runs backwards");
      else if (first > 0)
        out_.outboundPorts.push_back(
            {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
    }
  }
  void interfaces(const XmlElement& e) {
    if (!enabled(e)) return;
    std::vector<std::string> list;
    each(e, {{"interface", [&](const auto& c) {
                if (const auto p = config::AddressPattern::parse(c.text); !p)
                  return error(c, p.error().message);
                list.push_back(c.text);
              }}});
    out_.xmlInterfaces = std::move(list);
  }
  void encryption(const XmlElement& e) {
    if (enabled(e))
      error(e, "is not read here, and without it the traffic would be in clear; set the network." +
                   std::string(e.name == "ssl" ? "ssl" : "symmetricEncryption") +
                   " keys in hazelcast.properties and take it out");
  }

  void join(const XmlElement& e) {
    each(e, {{"multicast", [&](const auto& c) { multicast(c); }},
             {"tcp-ip", [&](const auto& c) { tcpIp(c); }},
             {"aws", [&](const auto& c) { use(c, "aws"); }},
             {"kubernetes", [&](const auto& c) { kubernetes(c); }}});
  }
  bool use(const XmlElement& e, const char* mode) {
    const bool is = enabled(e);
    joins_.push_back(is);
    if (is) out_.join = mode;
    return is;
  }
  void multicast(const XmlElement& e) {
    use(e, "multicast");
    flag(e, "loopbackModeEnabled", out_.multicast.loopback);
    each(e, {{"multicast-group", [&](const auto& c) {
                const auto* key = config::Catalog::instance().find(
                    "com.openexchange.hazelcast.network.join.multicast.group");
                const std::string bad = config::valueProblem(*key, c.text);
                if (!bad.empty()) return error(c, bad);
                out_.multicast.group = c.text;
              }},
             {"multicast-port",
              [&](const auto& c) { number(c, c.text, 1, 65535, out_.multicast.port); }},
             {"multicast-time-to-live",
              [&](const auto& c) { number(c, c.text, 0, 255, out_.multicast.timeToLive); }},
             {"multicast-timeout-seconds", ignored()}});
  }
  void tcpIp(const XmlElement& e) {
    use(e, "static");
    if (const auto* seconds = e.attribute("connection-timeout-seconds")) {
      std::int64_t value = 0;
      number(e, *seconds, 1, 3600, value);
      if (value > 0) reader_.base("com.openexchange.hazelcast.network.join.static.connectionTimeout",
                                  *seconds);
    }
    const Handler add = [&](const XmlElement& c) {
      auto nodes = config::parseHostList(config::parseList(c.text));
      if (!nodes) return error(c, nodes.error().message);
      out_.nodes.insert(out_.nodes.end(), nodes->begin(), nodes->end());
    };
    each(e, {{"member", add},
             {"members", add},
             {"member-list", [&](const auto& c) { each(c, {{"member", add}}); }},
             {"required-member", add}});
  }
  void kubernetes(const XmlElement& e) {
    const bool is = use(e, "kubernetes");
    std::string service, nameSpace;
    each(e, {{"service-dns", [&](const auto& c) { service = c.text; }},
             {"service-name", [&](const auto& c) { service = c.text; }},
             {"namespace", [&](const auto& c) { nameSpace = c.text; }}});
    if (is) out_.dns.names = {serviceDnsName(service, nameSpace)};
  }

  void partitionGroup(const XmlElement& e) {
    PartitionGroups groups;
    const std::string* type = e.attribute("group-type");
    const std::string kind = type == nullptr ? "PER_MEMBER" : config::lowered(*type);
    if (kind == "custom") groups.kind = PartitionGroups::Kind::kCustom;
    else if (kind == "host_aware") groups.kind = PartitionGroups::Kind::kHostAware;
    else if (type != nullptr && kind != "per_member")
      error(e, "group-type \"" + *type + "\"; allowed: PER_MEMBER, HOST_AWARE, CUSTOM");
    each(e, {{"member-group", [&](const auto& c) {
                std::vector<config::AddressPattern> patterns;
                each(c, {{"interface", [&](const auto& i) {
                            auto p = config::AddressPattern::parse(i.text);
                            if (p) patterns.push_back(std::move(*p));
                            else error(i, p.error().message);
                          }}});
                if (patterns.empty()) return error(c, "has no <interface>; a group needs one");
                if (groups.patterns.size() < kMaxGroups) groups.patterns.push_back(patterns);
                else error(c, "is one too many; at most " + std::to_string(kMaxGroups));
              }}});
    if (!enabled(e)) return;
    if (groups.kind == PartitionGroups::Kind::kCustom && groups.patterns.empty())
      return error(e, "group-type CUSTOM needs at least one <member-group>");
    if (groups.kind != PartitionGroups::Kind::kCustom) groups.patterns.clear();
    out_.partitionGroup = std::move(groups);
  }

  // Least number of members for the maps that refer to it.
  void protection(const XmlElement& e) {
    const std::string* name = e.attribute("name");
    if (!enabled(e) || name == nullptr) return;
    each(e, {{"minimum-cluster-size", [&](const auto& c) { protections_[*name] = c.text; }},
             {"quorum-size", [&](const auto& c) { protections_[*name] = c.text; }}});
  }

  void map(const XmlElement& e) {
    const std::string* name = e.attribute("name");
    if (name == nullptr || name->empty()) return error(e, "a map needs a name");
    if (std::count(name->begin(), name->end(), '*') > 1)
      return error(e, "name \"" + *name + "\": a pattern has one *");
    // What patterns say does not add up: one description, the nearest, applies to a map.
    const auto& known = name->find('*') == std::string::npos ? maps_->all() : maps_->patterns();
    const auto former = known.find(*name);
    MapConfig map = former != known.end() ? former->second : maps_->defaults();
    map.name = *name;
    const auto set = [&](const XmlElement& c, const char* field, const std::string& value) {
      readMapField(field, "<" + c.name + ">", at(c, value), map, reader_);
    };
    const auto plain = [&](const char* field) -> Handler {
      return [&set, field](const XmlElement& c) { set(c, field, c.text); };
    };
    const auto attribute = [&](const XmlElement& c, const char* key, const char* field) {
      if (const auto* value = c.attribute(key)) set(c, field, *value);
    };
    const Handler guarded = [&](const XmlElement& c) {
      const auto it = protections_.find(c.text);
      if (it == protections_.end())
        return warn(c, "refers to \"" + c.text + "\", which is not described or not enabled");
      set(c, "minclustersize", it->second);
    };
    each(e, {{"backup-count", plain("backupcount")},
             {"async-backup-count", plain("asyncbackupcount")},
             {"time-to-live-seconds", plain("timetoliveseconds")},
             {"max-idle-seconds", plain("maxidleseconds")},
             {"read-backup-data", plain("readbackupdata")},
             {"eviction-policy", plain("evictionpolicy")},
             {"max-size", [&](const auto& c) {
                attribute(c, "policy", "maxsizepolicy");
                set(c, "maxsize", c.text);
              }},
             {"eviction", [&](const auto& c) {
                attribute(c, "eviction-policy", "evictionpolicy");
                attribute(c, "max-size-policy", "maxsizepolicy");
                attribute(c, "size", "maxsize");
              }},
             {"merge-policy", plain("mergepolicy")},
             {"indexes", [&](const auto& c) { indexes(c, map); }},
             {"split-brain-protection-ref", guarded},
             {"quorum-ref", guarded},
             {"in-memory-format", ignored()},
             {"statistics-enabled", ignored()}});
    if (map.backupCount + map.asyncBackupCount > 6)
      return error(e, "backup-count and async-backup-count of \"" + *name +
                          "\" are more than 6 together");
    if (*name == "default") maps_->setDefaults(std::move(map));
    else maps_->add(std::move(map));
  }
  void indexes(const XmlElement& e, MapConfig& map) {
    each(e, {{"index", [&](const auto& c) {
                bool ordered = false;
                flag(c, "ordered", ordered);
                if (const auto* type = c.attribute("type")) ordered = config::lowered(*type) == "sorted";
                auto& list = ordered ? map.orderedIndexes : map.indexes;
                if (!c.text.empty()) list.push_back(c.text);
                each(c, {{"attributes", [&](const auto& a) {
                            each(a, {{"attribute",
                                      [&](const auto& x) { list.push_back(x.text); }}});
                          }}});
              }}});
  }

  GridConfig& out_;
  Reader& reader_;
  std::vector<bool> joins_;
  std::map<std::string, std::string> protections_;
  std::shared_ptr<MapConfigs> maps_ = std::make_shared<MapConfigs>();
};

}  // namespace

void applyHazelcastXml(std::string_view text, GridConfig& out, Reader& reader) {
  XmlError bad;
  const auto root = parseXml(text, bad);
  if (!root)
    return reader.at(Severity::kError, "", {"", kHazelcastXml, bad.line}, bad.text);
  Xml(out, reader).root(*root);
}

void readHazelcastXml(const config::Config& config, GridConfig& out, Reader& reader) {
  const std::filesystem::path path =
      std::filesystem::path(config.directory()) / kHazelcastXml;
  std::error_code absent;
  if (!std::filesystem::exists(path, absent)) return;
  std::ifstream in(path, std::ios::binary);
  // One byte more than allowed, so that the parser sees that it is too much.
  std::string text(kMaxXmlBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in.is_open()))
    return reader.at(Severity::kError, "", {"", kHazelcastXml, 0}, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  applyHazelcastXml(text, out, reader);
}

void checkXmlSecurity(const config::Config& config, const GridConfig& out, Reader& reader) {
  namespace keys = config::keys;
  std::error_code absent;
  if (!std::filesystem::exists(std::filesystem::path(config.directory()) / kHazelcastXml, absent))
    return;
  const config::Setting here{"", kHazelcastXml, 0};
  if (out.join != "empty" && !config.get(keys::kAllowStockSecrets) &&
      config::isStockSecret(keys::kGroupPassword.name(), out.password))
    reader.at(Severity::kError, keys::kGroupPassword.name(), here,
              "the group password is a published one that everybody knows, and " + out.join +
                  " forms a cluster; allowed: another one");
  const bool open = !out.interfacesChosen || !net::isLoopback(out.bindHost);
  if (open && out.password.empty() && out.xmlInterfaces &&
      !config.raw(keys::kNetworkInterfaces.name()) && !config.get(keys::kGridSsl) &&
      !config.get(keys::kSymmetricEncryption))
    reader.at(Severity::kWarn, keys::kNetworkInterfaces.name(), here,
              "the grid can be reached from other machines, and whoever reaches it may join and "
              "read every session; set " + keys::kGroupPassword.name() + " or " +
                  keys::kGridSsl.name());
}

}  // namespace ox::grid

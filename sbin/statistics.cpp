#include "statistics.h"

#include <nlohmann/json.hpp>

namespace ox::tool {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string line(const std::string& bean, const std::string& attribute, const std::string& value) {
  return bean + "," + attribute + " = " + value + "\n";
}

// The instance's whole configuration text is too long for a line: five parts of it are shown.
std::string configLines(const std::string& bean, const std::string& config) {
  std::string out;
  for (const char* part :
       {"groupConfig", "properties", "interfaces", "tcpIpConfig", "multicastConfig"})
    if (const std::string content = bracketContent(config, part); !content.empty())
      out += line(bean, part, content);
  return out;
}

Result<std::string> allAttributes(const BeanReader& read, const std::string& pattern,
                                  bool splitConfig, bool* found) {
  auto beans = read(pattern);
  if (!beans) return beans.error();
  std::string out;
  for (const auto& [bean, attributes] : beans->items()) {
    *found = true;
    for (const auto& [name, value] : attributes.items())
      out += splitConfig && name == "config" ? configLines(bean, shown(value))
                                             : line(bean, name, shown(value));
  }
  return out;
}

}  // namespace

const std::vector<StatisticsSection>& statisticsSections() {
  static const std::vector<StatisticsSection> kSections = {
      {"-x,--xchangestats",
       "--xchangestats",
       "requests, mail, pools, rate limits",
       {"com.openexchange.monitoring:*", "com.openexchange.pooling:*"},
       true},
      {"-p,--threadpoolstats",
       "--threadpoolstats",
       "thread pool",
       {"com.openexchange.threadpool:*"},
       true},
      {"-r,--runtimestats",
       "--runtimestats",
       "run time and memory",
       {"java.lang:type=Runtime", "java.lang:type=Memory", "java.lang:type=MemoryPool,*"},
       true},
      {"-o,--osstats", "--osstats", "operating system", {"java.lang:type=OperatingSystem"}, true},
      {"-t,--threadingstats", "--threadingstats", "threads", {"java.lang:type=Threading"}, true},
      {"-a,--allstats",
       "--allstats",
       "everything but cluster, office and document converter",
       {},
       false},
      {"-s,--showoperations", "--showoperations", "all MBeans of the node", {}, false},
      {"-i,--sessionstats", "--sessionstats", "sessions", {"com.openexchange.sessiond:*"}, true},
      {"-j,--cachestats", "--cachestats", "caches", {"com.openexchange.caching:*"}, true},
      {"-u,--usmsessionstats",
       "--usmsessionstats",
       "USM sessions",
       {"com.openexchange.usm.session:*"},
       true},
      {"-c,--clusterstats", "--clusterstats", "the cluster", {}, false},
      {"-g,--grizzlystats",
       "--grizzlystats",
       "HTTP connector",
       {"com.openexchange.http:*", "org.glassfish.grizzly*:*"},
       true},
      {"-z,--gcstats",
       "--gcstats",
       "garbage collection",
       {"java.lang:type=GarbageCollector,*"},
       true},
      {"-m,--memory",
       "--memory",
       "memory of the threads",
       {"com.openexchange.thread.memory:*"},
       false},
      {"-M,--Memory",
       "--Memory",
       "memory of the threads with stack traces",
       {"com.openexchange.thread.memory:*"},
       false},
      {"-e,--eventstats",
       "--eventstats",
       "events",
       {"org.apache.felix.eventadmin.monitor:*"},
       true},
      {"-n,--niobufferstats", "--niobufferstats", "buffers", {"java.nio:type=BufferPool,*"}, true},
      {"-R,--rtstats", "--rtstats", "realtime", {"com.openexchange.realtime:*"}, true},
      {"-y,--documentconverterstats",
       "--documentconverterstats",
       "document converter",
       {"com.openexchange.documentconverter*:*"},
       false},
      {"-f,--officestats", "--officestats", "office", {"com.openexchange.office*:*"}, false},
      {"--pnsstats", "--pnsstats", "push notifications", {"com.openexchange.pns:*"}, true},
      {"--websocketstats",
       "--websocketstats",
       "web sockets",
       {"com.openexchange.websockets:*"},
       true},
      {"--generalstats",
       "--generalstats",
       "general monitor",
       {"com.openexchange.monitoring:name=GeneralMonitor"},
       false},
      {"--mailinterfacestats",
       "--mailinterfacestats",
       "mail interface",
       {"com.openexchange.monitoring:name=MailInterfaceMonitor"},
       false},
      {"--poolingstats", "--poolingstats", "database pools", {"com.openexchange.pooling:*"}, false},
      {"--callmonitor",
       "--callmonitor",
       "calls",
       {"com.openexchange.monitoring:name=CallMonitor"},
       false},
      {"--misc", "--misc", "log counters", {"com.openexchange.logging:*"}, false},
      {"--overview",
       "--overview",
       "run time, sessions and pools",
       {"java.lang:type=Runtime", "com.openexchange.sessiond:*", "com.openexchange.pooling:*"},
       false},
      {"--memorypool",
       "--memorypool",
       "memory pools",
       {"java.lang:type=Memory", "java.lang:type=MemoryPool,*"},
       false},
  };
  return kSections;
}

std::string beanLines(const json& beans) {
  std::string out;
  for (const auto& [bean, attributes] : beans.items())
    for (const auto& [name, value] : attributes.items())
      if (!value.is_null()) out += line(bean, name, shown(value));
  return out;
}

Result<std::string> sectionText(const StatisticsSection& section, const BeanReader& read) {
  std::string out;
  for (const char* pattern : section.patterns) {
    auto beans = read(pattern);
    if (!beans) return beans.error();
    out += beanLines(beans.value());
  }
  if (out.empty()) {
    out = "[this node has no MBean";
    for (const char* pattern : section.patterns) out += std::string(" ") + pattern;
    out += "]\n";
  }
  return out;
}

Result<std::string> clusterText(const BeanReader& read) {
  std::string out;
  bool found = false;
  for (const char* type : {"HazelcastInstance", "HazelcastInstance.Node",
                           "HazelcastInstance.EventService", "HazelcastInstance.ClientEngine",
                           "HazelcastInstance.ConnectionManager", "Member"}) {
    const std::string name = type;
    auto text = allAttributes(read, "com.hazelcast:type=" + name + ",*",
                              name == "HazelcastInstance", &found);
    if (!text) return text.error();
    out += text.value();
  }
  if (!found) return out + "[Hazelcast MBeans not available: this node runs no grid]\n";
  for (const char* type : {"IMap", "IMultiMap", "ITopic", "IQueue"}) {
    auto beans = read(std::string("com.hazelcast:type=") + type + ",instance=*,name=*");
    if (!beans) return beans.error();
    for (const auto& [bean, attributes] : beans->items())
      for (const auto& [name, value] : attributes.items())
        if (name == "config" || name.starts_with("local")) out += line(bean, name, shown(value));
  }
  return out;
}

std::string bracketContent(std::string_view text, std::string_view name) {
  std::size_t at = 0;
  while ((at = text.find(name, at)) != std::string_view::npos) {
    const std::size_t begin = text.find_first_of("[{", at + name.size());
    // between name and bracket: at most "=", ":" and the name of a type
    const bool near =
        begin != std::string_view::npos &&
        text.substr(at + name.size(), begin - at - name.size()).find_first_of(",]}") ==
            std::string_view::npos;
    const bool whole = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
    if (!near || !whole) {
      at += name.size();
      continue;
    }
    int depth = 0;
    for (std::size_t end = begin; end < text.size(); ++end) {
      if (text[end] == '[' || text[end] == '{') ++depth;
      if (text[end] == ']' || text[end] == '}') --depth;
      if (depth == 0) return std::string(text.substr(begin + 1, end - begin - 1));
    }
    return {};
  }
  return {};
}

}  // namespace ox::tool

// showruntimestats: statistics of a node from its MBeans (source: the original's StatisticTools;
// options, line format and exit codes are its own).
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "statistics.h"
#include "tool.h"

namespace {

using nlohmann::json;
using ox::Result;

constexpr int kFailed = 1;  // whatever goes wrong between tool and node, as in the original

// Reads by pattern; "no such bean" is an empty answer, not an error.
ox::tool::BeanReader readerOf(ox::tool::Client& client) {
  return [&client](const std::string& pattern) -> Result<json> {
    auto names = client.jolokia({{"type", "search"}, {"mbean", pattern}});
    if (!names) return names;
    if (names->empty()) return json::object();
    // a name without wildcards is answered without its own name
    const bool one = pattern.find('*') == std::string::npos;
    auto values = client.jolokia({{"type", "read"}, {"mbean", pattern}});
    if (!values || !one) return values;
    return json{{names->front().get<std::string>(), values.value()}};
  };
}

int printed(const Result<std::string>& text, const ox::tool::Client& client) {
  if (!text) {
    (void)client.report(text.error());
    return kFailed;
  }
  std::cout << text.value() << "Done\n";
  return 0;
}

Result<std::string> listing(ox::tool::Client& client) {
  auto names = client.jolokia({{"type", "search"}, {"mbean", "*:*"}});
  if (!names) return names.error();
  std::string out;
  for (const auto& name : names.value()) out += name.get<std::string>() + "\n";
  return out + "[operations are not offered on this port; see listbundles and the RMI tools]\n";
}

// <object name>!<operation>[!<argument>...]
int operate(ox::tool::Client& client, const std::string& text) {
  const auto mark = text.find('!');
  if (mark == std::string::npos || mark == 0 || mark + 1 == text.size()) {
    std::cerr << "Error: '" << text
              << "' is no operation: <object name>!<operation>[!<argument>...]\n";
    return kFailed;
  }
  const auto end = std::min(text.find('!', mark + 1), text.size());
  const auto answer = client.jolokia({{"type", "exec"},
                                      {"mbean", text.substr(0, mark)},
                                      {"operation", text.substr(mark + 1, end - mark - 1)}});
  if (!answer) {
    (void)client.report(answer.error());
    return kFailed;
  }
  std::cout << answer->dump() << "\nDone\n";
  return 0;
}

Result<std::string> textOf(const ox::tool::StatisticsSection& section, ox::tool::Client& client) {
  const std::string name = section.longName;
  const auto read = readerOf(client);
  if (name == "--clusterstats") return ox::tool::clusterText(read);
  if (name == "--showoperations") return listing(client);
  if (name != "--allstats") return ox::tool::sectionText(section, read);
  std::string out;
  for (const auto& other : ox::tool::statisticsSections()) {
    if (!other.inAll) continue;
    auto text = ox::tool::sectionText(other, read);
    if (!text) return text;
    out += text.value();
  }
  return out;
}

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string operation;
  constexpr std::int64_t kMaxSeconds = 24 * 3600;
  ox::tool::Options options(call, "prints statistics of a node");
  options.addNode(admin, ox::tool::NodeOptions::kHost);
  options.number("-T,--timeout", &admin.connectTimeoutSeconds, 1, kMaxSeconds,
                 "seconds for connecting (default: 15)");
  options.text("-J,--jmxauthuser", &admin.user, "<user>", "user of the JMX port (JMXLogin)");
  options.secret("-P,--jmxauthpassword", &admin.password, "<password>", "its password");
  options.text("-d,--dooperation", &operation, "<operation>",
               "<object name>!<operation>[!<argument>...]");
  std::map<std::string, bool> selected;
  for (const auto& section : ox::tool::statisticsSections())
    options.flag(section.names, &selected[section.longName], section.help);
  options.sharedShort("-p", "--port", "--threadpoolstats");
  if (const auto exit = options.parse()) return *exit;
  if (!admin.user.empty() && admin.password.empty())
    return options.refuse("-J needs -P", ox::codeInfo(ox::Code::kAdmMissingOption).exit);

  ox::tool::Client client(admin);
  const ox::tool::StatisticsSection* chosen = nullptr;
  std::string ignored;
  for (const auto& section : ox::tool::statisticsSections()) {
    if (!selected[section.longName]) continue;
    if (chosen == nullptr && operation.empty()) chosen = &section;
    else ignored += std::string(" ") + section.longName;
  }
  if (!ignored.empty())
    std::cerr << "Warning: only " << (chosen != nullptr ? chosen->longName : "--dooperation")
              << " is done; ignored:" << ignored << "\n";
  if (!operation.empty()) return operate(client, operation);
  if (chosen == nullptr) {
    std::cerr << "No option selected!\n";
    std::cout << options.usage();
    return 0;
  }
  return printed(textOf(*chosen, client), client);
}

}  // namespace

OX_TOOL(run, "prints statistics of a node", "showruntimestats")

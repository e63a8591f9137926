// Documentation and stock files made from the catalog.
#include "config/catalog.h"
#include "config/properties.h"

namespace ox::config {
namespace {

constexpr std::size_t kColumns = 96;

struct StockFile {
  const char* file;
  const char* intro;
};
// In the order in which a reader wants them.
constexpr StockFile kStockFiles[] = {
    {"hazelcast.properties",
     "The grid: which nodes form a cluster and how they reach each other. The same file serves every "
     "node. Any further key beginning with \"hazelcast.\" is handed to the grid; known ones apply, "
     "others are reported."},
    {"hazelcast/sessions.properties",
     "The distributed map of the sessions. Every *.properties file in this directory describes one "
     "structure of the grid."},
    {"cache.properties", "Caches and how their changes reach the other nodes. The regions are in "
                         "cache.ccf."},
    {"sessiond.properties", "Sessions of users: how many, how long, how they are stored."},
    {"server.properties", "The HTTP side of the node: connector, proxies in front, cookies, routes."},
    {"grizzly.properties", "The HTTP connectors: TLS, and the limit of a header."},
    {"configdb.properties", "The configuration database, and the connection pools of all databases. "
                            "Times are in milliseconds."},
    {"system.properties", "Basics of the process: server name, threads, logging."},
    {"management.properties", "The management interface: statistics, metrics, health."},
    {"updatetasks.properties", "Update tasks of the database schemas."},
    {"excludedupdatetasks.properties",
     "Update tasks that are not run by themselves: one task name (the full class name) per line, "
     "without a value. A task that stands here can still be run by name."},
    {"login.properties", "The login interface."},
    {"tokenlogin.properties", "Tokens with which applications of a user get sessions of their own."},
    {"share.properties", "Guests who come by a share link."},
    {"AdminDaemon.properties", "Provisioning: who may do what. The master administrator's password is "
                               "in the file mpasswd."},
    {"plugin/hosting.properties", "Provisioning: how contexts are spread over schemas."},
    {"User.properties", "Provisioning: what users get unless a tool says otherwise."},
};

std::string introOf(const std::string& file) {
  for (const auto& stock : kStockFiles)
    if (file == stock.file) return stock.intro;
  return {};
}

void comment(std::string& out, const std::string& text) {
  std::string line = "#";
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = "#";
    }
    line += " " + word;
  }
  out += line + "\n";
}

bool pattern(const KeyInfo& key) {
  return key.name.size() > 2 && key.name.compare(key.name.size() - 2, 2, ".N") == 0;
}

std::string stockOf(const KeyInfo& key) {
  return key.stockText.empty() ? key.defaultText : key.stockText;
}

std::string cell(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += "\\|";
    else if (c == '\n') out += "`, `";
    else out.push_back(c);
  }
  return out;
}

std::string code(const std::string& text) { return text.empty() ? "-" : "`" + cell(text) + "`"; }

void section(std::string& out, const Catalog& catalog, const std::string& file) {
  out += "\n## " + file + "\n\n" + introOf(file) + "\n";
  const auto keys = catalog.ofFile(file);
  if (keys.empty()) return;
  out += "\n| key | type | default | delivered | allowed | notes |\n|---|---|---|---|---|---|\n";
  for (const auto* key : keys) {
    std::string notes;
    const auto note = [&](bool is, const char* word) {
      if (is) notes += (notes.empty() ? "" : ", ") + std::string(word);
    };
    note(key->reloadable, "reloadable");
    note(key->secret, "secret");
    note(key->ours, "ours");
    out += "| `" + key->name + "` | " + key->type + " | " + code(key->defaultText) + " | " +
           code(key->stockText) + " | " + (key->allowed.empty() ? "any" : cell(key->allowed)) + " | " +
           (notes.empty() ? "-" : notes) + " |\n";
  }
  for (const auto* key : keys) out += "\n**`" + key->name + "`** " + key->help + "\n";
}

}  // namespace

std::vector<std::string> stockFiles() {
  std::vector<std::string> out;
  for (const auto& stock : kStockFiles) out.emplace_back(stock.file);
  return out;
}

std::string renderCatalogMarkdown(const Catalog& catalog) {
  std::string out =
      "# Properties\n\n"
      "Made from the catalog in `src/config/keys_*.cpp` by `catalog_doc`; do not edit.\n\n"
      "Files are in Java's `.properties` format, in UTF-8. *default* is the value when the key is "
      "absent, *delivered* the one in the file of the package when it differs. *reloadable* keys take "
      "effect on `reload`, all others after a restart. *ours* marks keys that the original does not "
      "have. A time span is a number of milliseconds, or numbers with the units ms, s, m, h, d and w "
      "in any case.\n";
  for (const auto& stock : kStockFiles) section(out, catalog, stock.file);
  return out;
}

std::string renderStockFile(const std::string& file, const Catalog& catalog) {
  std::string out;
  comment(out, introOf(file));
  for (const auto* key : catalog.ofFile(file)) {
    out += "\n";
    comment(out, key->help);
    if (!key->allowed.empty()) comment(out, "Allowed: " + key->allowed);
    if (pattern(*key)) {
      out += key->stockText + "\n";
    } else {
      if (stockOf(*key) != key->defaultText)
        comment(out, "Without this line: " +
                         (key->defaultText.empty() ? "nothing" : key->defaultText));
      out += key->name + "=" + escapeValue(stockOf(*key)) + "\n";
    }
  }
  return out;
}

}  // namespace ox::config

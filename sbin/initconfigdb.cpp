// initconfigdb: creates the configuration database on a MySQL server (source: the original's script).
// Works directly on the server, no node is needed; passwords never reach another command line.
#include <iostream>
#include <sstream>

#include "database/connection.h"
#include "database/statement.h"
#include "etc_files.h"
#include "tool.h"

namespace {

struct Settings {
  ox::db::ConnectionSettings account;
  ox::db::ConnectionSettings root;
  std::string schema = "configdb";
  std::string addons;
  std::string etc;
  bool createAccount = false;
  bool replace = false;
};

ox::Status createAccount(const Settings& settings) {
  auto root = ox::db::Connection::open(settings.root);
  if (!root) return root.error();
  for (const char* host : {"%", "localhost"}) {
    const ox::db::Value user = settings.account.user, at = std::string(host);
    const ox::db::Value password = settings.account.password;
    auto done = (*root)->execute("CREATE USER IF NOT EXISTS ?@? IDENTIFIED BY ?",
                                 {user, at, password});
    if (done) done = (*root)->execute("ALTER USER ?@? IDENTIFIED BY ?", {user, at, password});
    if (done)
      done = (*root)->execute("GRANT ALL PRIVILEGES ON *.* TO ?@? WITH GRANT OPTION", {user, at});
    if (!done) return done.error();
  }
  return {};
}

// The stock file: --etc, the installed place, or beside the build directory this program is in.
ox::Result<std::string> sqlFile(const std::string& etc, const std::string& name) {
  std::vector<std::string> places;
  if (!etc.empty()) places.push_back(etc);
  places.emplace_back("/opt/open-xchange/etc");
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self);
  std::string directory(self, n > 0 ? static_cast<std::size_t>(n) : 0);
  for (int i = 0; i < 4 && !directory.empty(); ++i) {
    directory.erase(directory.find_last_of('/') == std::string::npos ? 0
                                                                     : directory.find_last_of('/'));
    if (!directory.empty()) places.push_back(directory + "/etc");
  }
  for (const auto& place : places) {
    const std::string path = place + "/mysql/" + name;
    if (access(path.c_str(), R_OK) == 0) return path;
  }
  return ox::Error(ox::Code::kIo, "mysql/" + name + " is in none of the etc directories, see --etc");
}

ox::Status runFile(ox::db::Connection& connection, const std::string& etc, const std::string& name) {
  auto path = sqlFile(etc, name);
  if (!path) return path.error();
  auto text = ox::tool::readWhole(*path);
  if (!text) return text.error();
  for (const auto& statement : ox::db::splitStatements(*text))
    if (auto done = connection.execute(statement); !done)
      return ox::Error(done.error().code, *path + ": " + done.error().message);
  return {};
}

ox::Status fill(const Settings& settings) {
  auto connection = ox::db::Connection::open(settings.account);
  if (!connection) return connection.error();
  auto there = (*connection)->query(
      "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", {settings.schema});
  if (!there) return there.error();
  if (!there->empty() && !settings.replace)
    return ox::Error(ox::Code::kAdmExists, "database " + settings.schema +
                                               " exists already, use -i to delete it");
  std::cout << "initializing configdb from scratch..." << std::flush;
  auto done = (*connection)->execute("DROP DATABASE IF EXISTS `" + settings.schema + "`");
  if (done)
    done = (*connection)->execute("CREATE DATABASE `" + settings.schema +
                                  "` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  if (!done) return done.error();
  if (auto selected = (*connection)->selectSchema(settings.schema); !selected) return selected;
  std::string addons = settings.addons;
  for (char& c : addons)
    if (c == ',') c = ' ';
  std::istringstream names("configdb.sql " + addons);
  for (std::string name; names >> name;)
    if (auto ran = runFile(**connection, settings.etc, name); !ran) return ran;
  std::cout << " done\n";
  return {};
}

int run(ox::tool::Invocation& call) {
  using ox::tool::Need;
  Settings settings;
  std::string host = "localhost", socket, rootSocket;
  std::int64_t port = 3306;
  settings.account.user = "openexchange";
  settings.root.user = "root";
  ox::tool::Options options(call, "creates the configuration database");
  options.text("--configdb-user", &settings.account.user, "<name>", "default openexchange");
  options.secret("--configdb-pass", &settings.account.password, "<password>", "its password",
                 Need::kRequired);
  options.text("--configdb-host", &host, "<host>", "default localhost");
  options.number("-p,--configdb-port", &port, 1, 65535, "default 3306");
  options.text("--configdb-dbname", &settings.schema, "<name>", "default configdb");
  options.text("--mysql-root-user", &settings.root.user, "<name>", "for -a, default root");
  options.secret("--mysql-root-passwd", &settings.root.password, "<password>", "for -a");
  options.text("--mysql-root-socket", &rootSocket, "<file>", "for -a: socket instead of the host");
  options.text("--addon-sql", &settings.addons, "<files>", "further files in etc/mysql");
  options.text("--etc", &settings.etc, "<directory>", "etc directory with mysql/configdb.sql");
  options.flag("-a,--create-account", &settings.createAccount, "create the account with all rights first");
  options.flag("-i,--replace", &settings.replace, "delete an existing database without asking");
  if (const auto exit = options.parse()) return *exit == 0 ? 1 : *exit;  // help ends with 1
  if (!ox::db::isSchemaName(settings.schema))
    return options.refuse("--configdb-dbname may have A-Z a-z 0-9 _ $ - only", 109);
  for (auto* one : {&settings.account, &settings.root}) {
    one->host = host;
    one->port = static_cast<std::uint16_t>(port);
    one->readTimeoutMillis = 120000;
  }
  settings.root.socketPath = rootSocket;
  ox::Status done;
  if (settings.createAccount) done = createAccount(settings);
  if (done) done = fill(settings);
  if (done) return 0;
  std::cerr << "\nError: " << done.error().message << "\n";
  return done.error().code == ox::Code::kAdmExists ? 1 : ox::codeInfo(done.error().code).exit;
}

}  // namespace

OX_TOOL(run, "creates the configuration database", "initconfigdb")

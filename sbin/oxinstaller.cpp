// oxinstaller: writes the basic settings of a node (source: the original's script).
// Edits the properties files of the etc directory; comments and order stay. Published stock secrets
// are replaced by random ones; secrets somebody chose are kept.
#include <iostream>
#include <map>

#include "base/random.h"
#include "config/keys_hazelcast.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/keys_system.h"
#include "config/secrets.h"
#include "master_password.h"
#include "tool.h"

namespace {

class Etc {
 public:
  explicit Etc(std::string directory) : directory_(std::move(directory)) {}
  bool exists(const std::string& file) const {
    return access((directory_ + "/" + file).c_str(), F_OK) == 0;
  }
  ox::tool::PropertiesEdit& open(const std::string& file) {
    const auto found = files_.find(file);
    if (found != files_.end()) return found->second;
    std::string text;
    if (exists(file)) {
      auto read = ox::tool::readWhole(directory_ + "/" + file);
      if (read) text = *read;
      else if (problem_.empty()) problem_ = read.error().message;
    }
    return files_.emplace(file, ox::tool::PropertiesEdit(text)).first->second;
  }
  void set(const std::string& file, const std::string& key, const std::string& value) {
    open(file).set(key, value);
  }
  // Files of other packages: only where they are there.
  void setIfThere(const std::string& file, const std::string& key, const std::string& value) {
    if (exists(file)) set(file, key, value);
    else std::cerr << "notice: " << file << " is not there, " << key << " was not written\n";
  }
  ox::Status save() {
    if (!problem_.empty()) return ox::Error(ox::Code::kIo, problem_);
    for (const auto& [file, edit] : files_) {
      const bool secret = file != "system.properties" && file != "AdminDaemon.properties" &&
                          file != "imap.properties" && file != "mail.properties";
      const mode_t mode = secret ? ox::tool::kSecretMode : ox::tool::kPlainMode;
      if (auto done = ox::tool::writeWhole(directory_ + "/" + file, edit.text(), mode); !done)
        return done;
    }
    return {};
  }

 private:
  const std::string directory_;
  std::map<std::string, ox::tool::PropertiesEdit> files_;
  std::string problem_;
};

void randomize(Etc& etc, const std::string& file, const std::string& key) {
  const auto now = etc.open(file).get(key);
  if (now && !now->empty() && !ox::config::isStockSecret(key, *now)) return;
  etc.set(file, key, ox::secureHex(32));
}

std::string jdbc(const std::string& host, std::int64_t port, const std::string& schema) {
  const bool v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return "jdbc:mysql://" + (v6 ? "[" + host + "]" : host) +
         (port == 3306 ? std::string() : ":" + std::to_string(port)) + "/" + schema;
}

struct Choice {
  std::string etc = "/opt/open-xchange/etc";
  std::string server, user = "openexchange", password, schema = "configdb";
  std::string readHost = "localhost", writeHost, imap = "localhost", imapType = "user";
  std::string loginType = "database", tmp, masterUser = "oxadminmaster", masterPassword, route;
  std::string listener, licence, link;
  std::int64_t readPort = 3306, writePort = 0, poolSize = 5, memory = 0, permSize = 0;
  bool disableAuth = false, noLicence = false;
};

void writeSecrets(Etc& etc) {
  namespace keys = ox::config::keys;
  randomize(etc, "sessiond.properties", keys::kSessiondEncryptionKey.name());
  randomize(etc, "server.properties", keys::kCookieHashSalt.name());
  const std::string file = "hazelcast.properties";
  const std::string join = etc.open(file).get(keys::kNetworkJoin.name()).value_or("empty");
  if (!join.empty() && join != "empty")
    randomize(etc, file, keys::kGroupPassword.name());
}

void writeAll(Etc& etc, const Choice& c) {
  namespace keys = ox::config::keys;
  etc.set("system.properties", keys::kServerName.name(), c.server);
  const std::string config = "configdb.properties";
  const std::string writeHost = c.writeHost.empty() ? c.readHost : c.writeHost;
  const std::int64_t writePort = c.writePort == 0 ? c.readPort : c.writePort;
  etc.set(config, "readUrl", jdbc(c.readHost, c.readPort, c.schema));
  etc.set(config, "writeUrl", jdbc(writeHost, writePort, c.schema));
  for (const char* side : {"read", "write"}) {
    etc.set(config, std::string(side) + "Property.1", "user=" + c.user);
    etc.set(config, std::string(side) + "Property.2", "password=" + c.password);
  }
  if (c.disableAuth)
    for (const char* key : {"MASTER_AUTHENTICATION_DISABLED", "CONTEXT_AUTHENTICATION_DISABLED"})
      etc.set("AdminDaemon.properties", key, "true");
  if (!c.route.empty()) etc.set("server.properties", keys::kBackendRoute.name(), c.route);
  if (!c.listener.empty()) etc.set("server.properties", keys::kConnectorHost.name(), c.listener);
  writeSecrets(etc);
}

void writeForeign(Etc& etc, const Choice& c, const ox::tool::Options& options) {
  if (options.given("--imapserver")) {
    etc.setIfThere("mail.properties", "com.openexchange.mail.mailServer", c.imap);
    etc.setIfThere("mail.properties", "com.openexchange.mail.transportServer", c.imap);
  }
  if (options.given("--imaplogintype"))
    etc.setIfThere("mail.properties", "com.openexchange.mail.mailServerSource", c.imapType);
  const auto notice = [&](const char* option, const char* why) {
    if (options.given(option)) std::cerr << "notice: " << option << " has no effect: " << why << "\n";
  };
  if (options.given("--logintype") && c.loginType != "database")
    std::cerr << "notice: --logintype: only database exists in this release\n";
  notice("--servermemory", "the daemon has no heap to size");
  notice("--maxpermsize", "the daemon has no permanent generation");
  notice("--tmpdir-path", "this release stores no uploads");
  notice("--object-link-hostname", "this release sends no notification mails");
  notice("--configdb-poolsize", "see maxActive in configdb.properties");
  notice("--add-license", "this software needs no licence key");
}

int run(ox::tool::Invocation& call) {
  using ox::tool::Need;
  Choice c;
  ox::tool::Options options(call, "writes the basic settings of a node");
  options.text("--etc", &c.etc, "<directory>", "default /opt/open-xchange/etc");
  options.text("-s,--servername", &c.server, "<name>", "SERVER_NAME", Need::kRequired);
  options.text("--configdb-user", &c.user, "<name>", "default openexchange");
  options.secret("--configdb-pass", &c.password, "<password>", "its password", Need::kRequired);
  options.text("--configdb-dbname", &c.schema, "<name>", "default configdb");
  options.text("--configdb-readhost", &c.readHost, "<host>", "default localhost");
  options.number("--configdb-readport", &c.readPort, 1, 65535, "default 3306");
  options.text("--configdb-writehost", &c.writeHost, "<host>", "default: as for reading");
  options.number("--configdb-writeport", &c.writePort, 1, 65535, "default: as for reading");
  options.number("--configdb-poolsize", &c.poolSize, 1, 100000, "accepted");
  options.text("-i,--imapserver", &c.imap, "<host>", "IMAP server");
  options.text("--imaplogintype", &c.imapType, "<global/user>", "where the server is looked up");
  options.text("-l,--logintype", &c.loginType, "<database>", "authentication");
  options.number("--servermemory", &c.memory, 1, 1048576, "accepted");
  options.number("--maxpermsize", &c.permSize, 1, 1048576, "accepted");
  options.text("--tmpdir-path", &c.tmp, "<directory>", "accepted");
  options.text("--object-link-hostname", &c.link, "<host>", "accepted");
  options.text("--master-user", &c.masterUser, "<name>", "default oxadminmaster");
  options.secret("--master-pass", &c.masterPassword, "<password>", "master administrator's");
  options.flag("--disableauth", &c.disableAuth, "no passwords for provisioning calls");
  options.text("--jkroute", &c.route, "<name>", "route of this node at the load balancer");
  options.text("--network-listener-host", &c.listener, "<address>", "where HTTP is served");
  options.flag("--no-license", &c.noLicence, "accepted");
  options.text("--add-license", &c.licence, "<key>", "accepted");
  if (const auto exit = options.parse()) return *exit;
  if (c.masterPassword.empty() && !c.disableAuth)
    return options.refuse("the option --master-pass is missing", 104);
  if (c.imapType != "global" && c.imapType != "user")
    return options.refuse("--imaplogintype must be global or user", 109);
  if (c.route.find_first_of(". ;") != std::string::npos)
    return options.refuse("--jkroute must not have a dot, a semicolon or a space", 109);
  Etc etc(c.etc);
  writeAll(etc, c);
  writeForeign(etc, c, options);
  auto done = etc.save();
  if (done && !c.masterPassword.empty())
    done = ox::tool::writeMaster(c.etc + "/mpasswd", c.masterUser, c.masterPassword,
                                 ox::db::Mechanism::kBcrypt);
  if (done) return 0;
  std::cerr << "Error: " << done.error().message << "\n";
  return ox::codeInfo(done.error().code).exit;
}

}  // namespace

OX_TOOL(run, "writes the basic settings of a node", "oxinstaller")

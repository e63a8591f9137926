// registerdatabase: adds a database host, master or slave (source: the original's RegisterDatabase).
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  using ox::tool::Need;
  ox::tool::AdminOptions admin;
  std::string name, host = "localhost", user = "openexchange", password;
  std::string driver = "com.mysql.jdbc.Driver", hard;
  std::optional<bool> master;
  std::int64_t masterId = 0, weight = 100, units = 1000, initial = 0, maximum = 100;
  ox::tool::Options options(call, "registers a database");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-n,--name", &name, "<name>", "name of the database", Need::kRequired);
  options.text("-H,--hostname", &host, "<host>", "host, host:port or mysql://host:port");
  options.text("-u,--dbuser", &user, "<name>", "account, default openexchange");
  options.secret("-p,--dbpasswd", &password, "<password>", "its password", Need::kRequired);
  options.text("-d,--dbdriver", &driver, "<class>", "driver of the original, stored only");
  options.boolean("-m,--master", &master, "a master (true) or the slave of one (false)",
                  Need::kRequired);
  options.number("-M,--masterid", &masterId, 1, 2147483647, "id of the master, with -m false");
  options.number("-w,--dbweight", &weight, 0, 2147483647, "weight, default 100");
  options.number("-x,--maxunit", &units, 0, 2147483647, "contexts at most, default 1000");
  options.text("-l,--poolhardlimit", &hard, "<true/false>", "wait (true) or grow (false)");
  options.number("-o,--poolinitial", &initial, 0, 100000, "connections at start, default 0");
  options.number("-a,--poolmax", &maximum, 0, 100000, "connections at most, default 100");
  if (const auto exit = options.parse()) return *exit;
  const bool hasMaster = options.given("--masterid");
  if (!master.value_or(true) && !hasMaster)
    return options.refuse("the option -M,--masterid must be set for a slave", 104);
  ox::tool::Client client(admin);
  const std::string first = "database " + name + " could not be registered: ";
  const auto refuse = [&](const char* text) {
    return client.report(ox::Error(ox::Code::kAdmInvalidData, text), first);
  };
  if (master.value_or(true) && hasMaster) return refuse("a master database has no master id");
  if (!hard.empty() && hard != "true" && hard != "false")
    return refuse("Only true or false are allowed for poolhardlimit");
  const auto answer = client.call("OXUtilService/registerDatabase",
                                  {{"name", name},
                                   {"hostname", host},
                                   {"user", user},
                                   {"password", password},
                                   {"driver", driver},
                                   {"master", master.value_or(true)},
                                   {"masterId", masterId},
                                   {"weight", weight},
                                   {"maxUnits", units},
                                   {"poolHardLimit", hard != "false"},
                                   {"poolInitial", initial},
                                   {"poolMax", maximum}});
  if (!answer) return client.report(answer.error(), first);
  std::cout << "database " << answer.value().value("id", 0) << " registered\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "registers a database", "registerdatabase")

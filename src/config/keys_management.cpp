#include "config/keys_management.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::int64_t> kJmxPort(
    {.name = "JMXPort", .file = "management.properties", .defaultText = "9999", .min = 0,
     .max = 65535,
     .help = "Port of the management interface: the statistics tools, /metrics and the health "
     "probes. It speaks HTTP with JSON. 0 takes any free port."});

const Key<std::string> kJmxBindAddress(
    {.name = "JMXBindAddress", .file = "management.properties", .defaultText = "localhost",
     .allowed = "* or an IP address or a host name",
     .help = "Address on which the management interface listens; * is every address.",
     .check = checkListenHost});

const Key<std::string> kJmxLogin(
    {.name = "JMXLogin", .file = "management.properties", .defaultText = "",
     .help = "User for the management interface; empty means that no login is asked for."});

const Key<std::string> kJmxPassword(
    {.name = "JMXPassword", .file = "management.properties", .defaultText = "", .secret = true,
     .help = "Password for that user."});

}  // namespace ox::config::keys

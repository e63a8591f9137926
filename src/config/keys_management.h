// Keys: management.properties (management port, metrics, health).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kJmxPort;  // JMXPort
extern const Key<std::string> kJmxBindAddress;  // JMXBindAddress
extern const Key<std::string> kJmxLogin;  // JMXLogin
extern const Key<std::string> kJmxPassword;  // JMXPassword

}  // namespace ox::config::keys

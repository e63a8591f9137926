// Management: MBeans with the original object names, metrics, administrative operations.
// Offered to bundles as "management" (type Management).
//
// Threads:   any. Attribute getters are called on a management thread and must not block long.
// Security:  operations need the master password unless registered as open; nothing secret may be
//            an attribute.
// The JMX port (9999) and the RMI port (1099) keep numbers and keys and speak HTTP+JSON on loopback.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace ox::management {

using Attributes = std::vector<std::pair<std::string, std::string>>;  // value as shown by tools

struct MBean {
  std::string objectName;  // "com.hazelcast:type=IMap,instance=_hzInstance_1_ox,name=sessions-7"
  std::function<Attributes()> attributes;
};

// Who may call an administrative operation.
enum class Access : std::uint8_t {
  kMaster,   // master administrator (mpasswd), unless MASTER_AUTHENTICATION_DISABLED
  kContext,  // the handler checks a context administrator itself (credentials are passed on)
  kOpen,     // anybody who reaches the loopback port
};
struct Caller {
  std::string user;
  std::string password;   // only for Access::kContext; empty otherwise
  bool master = false;    // verified as master administrator
};
using Operation =
    std::function<Result<nlohmann::json>(const nlohmann::json& arguments, const Caller& caller)>;

struct MetricSample {
  std::string name;  // prometheus name, e.g. ox_grid_map_entries
  std::string help;
  bool counter = false;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};
using MetricSource = std::function<void(std::vector<MetricSample>&)>;

// Every add* returns a handle; destroying it ends the registration.
using Registration = std::shared_ptr<void>;

class Management {
 public:
  virtual ~Management() = default;
  // One bean or a changing set of beans.
  [[nodiscard]] virtual Registration addMBean(MBean bean) = 0;
  [[nodiscard]] virtual Registration addMBeans(std::function<std::vector<MBean>()> beans) = 0;
  // Operation "<service>/<name>", e.g. "UpdateTaskService/runUpdate".
  [[nodiscard]] virtual Registration addOperation(const std::string& name, Access access,
                                                  Operation operation) = 0;
  [[nodiscard]] virtual Registration addMetrics(MetricSource source) = 0;
  // Health: all of `ready` must be true for /ready; same for /safe. The text names what is missing.
  [[nodiscard]] virtual Registration addReadiness(const std::string& name,
                                                  std::function<bool(std::string& why)> ready) = 0;
  [[nodiscard]] virtual Registration addSafety(const std::string& name,
                                               std::function<bool(std::string& why)> safe) = 0;
};

}  // namespace ox::management

// Servers, file stores, databases and schemas in configdb.
//
// Threads: any blocking thread. Errors: ADM-*.
// Source: the original's OXUtil storage: registerServer, registerFilestore, registerDatabase,
// the choice of a database by load, the naming of schemas.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal.h"
#include "storage.h"

namespace ox::provisioning {

struct Server {
  std::int32_t id = 0;
  std::string name;
};

struct Filestore {
  std::int32_t id = 0;
  std::string uri;
  std::int64_t sizeMb = 1000;
  std::int64_t maxContexts = 5000;
  std::int64_t currentContexts = 0;
  std::int64_t reservedMb = 0;  // sum of the contexts' quotas
  std::int64_t usedMb = 0;
};

struct Database {
  std::int32_t id = 0;
  std::string name;
  std::string host = "localhost";  // "host", "host:port" or "mysql://host:port"
  std::string user = "openexchange";
  std::string password;
  std::string driver = "com.mysql.jdbc.Driver";
  bool master = true;
  std::int32_t masterId = 0;
  std::int64_t weight = 100;
  std::int64_t maxUnits = 1000;
  std::int64_t currentUnits = 0;
  bool hardLimit = true;
  std::int64_t poolInitial = 0;
  std::int64_t poolMax = 100;
  std::string url;
};

// By id or by name; with both, both must fit.
struct NamedRef {
  std::optional<std::int32_t> id;
  std::string name;
  explicit operator bool() const { return id || !name.empty(); }
};

// Empty text = fine.
std::string checkDatabase(const Database& database);
std::string checkFilestore(const Filestore& store);
// "host", "host:port", "mysql://host:port" or a whole "jdbc:mysql://host:port/?name=value..." -> the
// URL that is stored. Parameters of `before` are kept unless a whole URL is given.
Result<std::string> databaseUrl(const std::string& host, const std::string& before = {});

class UtilStorage {
 public:
  explicit UtilStorage(Surroundings surroundings)
      : around_(std::move(surroundings)), journal_(around_) {}

  Result<std::int32_t> registerServer(const std::string& name);
  Result<std::vector<Server>> listServers(const std::string& pattern);
  Result<std::int32_t> registerFilestore(const Filestore& store);
  Result<std::vector<Filestore>> listFilestores(const std::string& pattern);
  Result<std::int32_t> registerDatabase(const Database& database);
  Result<std::vector<Database>> listDatabases(const std::string& pattern);
  Result<Database> findDatabase(const NamedRef& database);
  // On the given database or the least filled one that answers.
  Result<services::SchemaRef> createSchema(std::optional<std::int32_t> databaseId);
  // Masters with room, least filled first; only the given one when there is one.
  Result<std::vector<Database>> candidates(std::optional<std::int32_t> databaseId);
  // Connection to configdb's master with all counter tables there.
  Result<db::Lease> config();

 private:
  Result<services::SchemaRef> createSchemaOnce(std::optional<std::int32_t> databaseId);
  Status fillSchema(db::Connection& server, const services::SchemaRef& schema);
  Status insertDatabase(db::Connection& config, const Database& database, std::int32_t id);

  const Surroundings around_;
  Journal journal_;
  std::mutex mutex_;
  bool countersChecked_ = false;
};

}  // namespace ox::provisioning

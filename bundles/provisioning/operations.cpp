#include "operations.h"

#include <nlohmann/json.hpp>

#include "operation_parts.h"

namespace ox::provisioning {
namespace {

using nlohmann::json;
using management::Access;
using management::Caller;

// Each call first removes what a node that died left half done.
management::Operation wrap(std::shared_ptr<Journal> journal, Handler handler) {
  return [journal = std::move(journal), handler = std::move(handler)](const json& arguments,
                                                                      const Caller& caller) {
    Arguments in(arguments);
    if (auto fine = in.status(); !fine) return Result<json>(fine.error());
    if (journal) journal->settle(false);
    return handler(in, caller);
  };
}

Handler registerServer(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    const std::string name = in.text("name");
    OX_ARGUMENTS_FINE(in);
    auto id = util->registerServer(name);
    if (!id) return id.error();
    return json{{"id", *id}};
  };
}

Handler listServer(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    const std::string pattern = in.text("pattern");
    OX_ARGUMENTS_FINE(in);
    auto all = util->listServers(pattern);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all) out.push_back({{"id", one.id}, {"name", one.name}});
    return out;
  };
}

Handler registerFilestore(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    Filestore store;
    store.uri = in.text("uri");
    store.sizeMb = in.number("sizeMb", store.sizeMb);
    store.maxContexts = in.number("maxContexts", store.maxContexts);
    OX_ARGUMENTS_FINE(in);
    auto id = util->registerFilestore(store);
    if (!id) return id.error();
    return json{{"id", *id}};
  };
}

Handler listFilestore(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    const std::string pattern = in.text("pattern");
    OX_ARGUMENTS_FINE(in);
    auto all = util->listFilestores(pattern);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all)
      out.push_back({{"id", one.id},
                     {"uri", one.uri},
                     {"sizeMb", one.sizeMb},
                     {"reservedMb", one.reservedMb},
                     {"usedMb", one.usedMb},
                     {"maxContexts", one.maxContexts},
                     {"currentContexts", one.currentContexts}});
    return out;
  };
}

Handler registerDatabase(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    Database database;
    database.name = in.text("name");
    database.host = in.text("hostname", database.host);
    database.user = in.text("user", database.user);
    database.password = in.text("password");
    database.driver = in.text("driver", database.driver);
    database.master = in.boolean("master", true);
    database.masterId = in.id("masterId").value_or(0);
    database.weight = in.number("weight", database.weight);
    database.maxUnits = in.number("maxUnits", database.maxUnits);
    database.hardLimit = in.boolean("poolHardLimit", true);
    database.poolInitial = in.number("poolInitial", database.poolInitial);
    database.poolMax = in.number("poolMax", database.poolMax);
    OX_ARGUMENTS_FINE(in);
    auto id = util->registerDatabase(database);
    if (!id) return id.error();
    return json{{"id", *id}};
  };
}

Handler listDatabase(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    const std::string pattern = in.text("pattern");
    OX_ARGUMENTS_FINE(in);
    auto all = util->listDatabases(pattern);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all)
      out.push_back({{"id", one.id},
                     {"name", one.name},
                     {"hostname", one.host},
                     {"master", one.master},
                     {"masterId", one.masterId},
                     {"weight", one.weight},
                     {"maxUnits", one.maxUnits},
                     {"currentUnits", one.currentUnits},
                     {"poolHardLimit", one.hardLimit},
                     {"poolMax", one.poolMax},
                     {"poolInitial", one.poolInitial},
                     {"login", one.user},
                     {"url", one.url}});
    return out;
  };
}

Handler createSchema(const Storages& s) {
  return [util = s.util](Arguments& in, const Caller&) -> Result<json> {
    auto id = in.id("databaseId");
    OX_ARGUMENTS_FINE(in);
    auto schema = util->createSchema(id);
    if (!schema) return schema.error();
    return json{{"databaseId", schema->writePoolId}, {"schema", schema->schema}};
  };
}

}  // namespace

std::vector<management::Registration> addOperations(management::Management& management,
                                                    const Storages& storages) {
  std::vector<management::Registration> all;
  const AddOperation add = [&](OperationSpec one) {
    all.push_back(management.addOperation(
        one.name, one.access,
        wrap(one.settles ? nullptr : storages.journal, std::move(one.handler))));
  };
  add({"OXUtilService/registerServer", Access::kMaster, registerServer(storages)});
  add({"OXUtilService/listServer", Access::kMaster, listServer(storages)});
  add({"OXUtilService/registerFilestore", Access::kMaster, registerFilestore(storages)});
  add({"OXUtilService/listFilestore", Access::kMaster, listFilestore(storages)});
  add({"OXUtilService/registerDatabase", Access::kMaster, registerDatabase(storages)});
  add({"OXUtilService/listDatabase", Access::kMaster, listDatabase(storages)});
  add({"OXUtilService/createSchema", Access::kMaster, createSchema(storages)});
  addDatabaseOperations(add, storages);
  addContextOperations(add, storages);
  addUserOperations(add, storages);
  return all;
}

}  // namespace ox::provisioning

// The operations on databases, schemas, file stores and servers beyond registering and listing.
#include <utility>

#include <nlohmann/json.hpp>

#include "counts.h"
#include "operation_parts.h"

namespace ox::provisioning {
namespace {

using nlohmann::json;
using management::Access;
using management::Caller;

Handler checkCountsConsistency(const Storages& s) {
  return [util = s.util, journal = s.journal](Arguments&, const Caller&) -> Result<json> {
    const std::size_t undone = journal->settle(true);
    auto corrected = checkCounts(*util);
    if (!corrected) return corrected.error();
    return json{{"corrected", *corrected}, {"undone", undone}};
  };
}

// id, name: which one is meant.
NamedRef readRef(Arguments& in, const char* what) {
  NamedRef ref{in.id("id"), in.text("name")};
  if (!ref) in.fail("id or name of the " + std::string(what) + " is missing");
  return ref;
}

json idOnly(std::int32_t id) { return json{{"id", id}}; }

Handler changeDatabase(const Storages& s) {
  return [changes = s.databases](Arguments& in, const Caller&) -> Result<json> {
    NamedRef ref = readRef(in, "database");
    DatabaseChange change;
    if (ref.id && !ref.name.empty()) change.name = std::exchange(ref.name, {});
    change.host = in.maybeText("hostname");
    change.user = in.maybeText("user");
    change.password = in.maybeText("password");
    change.driver = in.maybeText("driver");
    change.master = in.maybeBoolean("master");
    change.masterId = in.maybeNumber("masterId");
    change.weight = in.maybeNumber("weight");
    change.maxUnits = in.maybeNumber("maxUnits");
    change.hardLimit = in.maybeBoolean("poolHardLimit");
    change.poolInitial = in.maybeNumber("poolInitial");
    change.poolMax = in.maybeNumber("poolMax");
    OX_ARGUMENTS_FINE(in);
    auto id = changes->changeDatabase(ref, change);
    if (!id) return id.error();
    return idOnly(*id);
  };
}

Handler unregisterDatabase(const Storages& s) {
  return [changes = s.databases](Arguments& in, const Caller&) -> Result<json> {
    const NamedRef ref = readRef(in, "database");
    OX_ARGUMENTS_FINE(in);
    auto id = changes->unregisterDatabase(ref);
    if (!id) return id.error();
    return idOnly(*id);
  };
}

Handler changeFilestore(const Storages& s) {
  return [changes = s.databases](Arguments& in, const Caller&) -> Result<json> {
    const auto id = in.id("id");
    if (!id) in.fail("id of the file store is missing");
    const FilestoreChange change{in.maybeText("uri"), in.maybeNumber("sizeMb"),
                                 in.maybeNumber("maxContexts")};
    OX_ARGUMENTS_FINE(in);
    auto changed = changes->changeFilestore(*id, change);
    if (!changed) return changed.error();
    return idOnly(*changed);
  };
}

Handler unregisterFilestore(const Storages& s) {
  return [changes = s.databases](Arguments& in, const Caller&) -> Result<json> {
    const auto id = in.id("id");
    if (!id) in.fail("id of the file store is missing");
    OX_ARGUMENTS_FINE(in);
    auto gone = changes->unregisterFilestore(*id);
    if (!gone) return gone.error();
    return idOnly(*gone);
  };
}

Handler unregisterServer(const Storages& s) {
  return [changes = s.databases](Arguments& in, const Caller&) -> Result<json> {
    const NamedRef ref = readRef(in, "server");
    OX_ARGUMENTS_FINE(in);
    auto id = changes->unregisterServer(ref);
    if (!id) return id.error();
    return idOnly(*id);
  };
}

json schemaList(const std::vector<services::SchemaRef>& schemas) {
  json out = json::array();
  for (const auto& one : schemas)
    out.push_back({{"databaseId", one.writePoolId}, {"schema", one.schema}});
  return out;
}

Handler createSchemas(const Storages& s) {
  return [schemas = s.schemas](Arguments& in, const Caller&) -> Result<json> {
    const auto id = in.id("databaseId");
    const std::int64_t number = in.number("number", 1);
    OX_ARGUMENTS_FINE(in);
    auto made = schemas->create(id, number);
    if (!made) return made.error();
    return schemaList(*made);
  };
}

Handler deleteEmptySchemas(const Storages& s) {
  return [schemas = s.schemas](Arguments& in, const Caller&) -> Result<json> {
    const NamedRef ref{in.id("id"), in.text("name")};
    const std::string schema = in.text("schema");
    const std::int64_t keep = in.number("keep", 0);
    OX_ARGUMENTS_FINE(in);
    auto gone = schemas->removeEmpty(ref, schema, keep);
    if (!gone) return gone.error();
    return schemaList(*gone);
  };
}

Handler listDatabaseSchema(const Storages& s) {
  return [schemas = s.schemas](Arguments& in, const Caller&) -> Result<json> {
    const NamedRef ref{in.id("id"), in.text("name")};
    OX_ARGUMENTS_FINE(in);
    auto all = schemas->list(ref);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all)
      out.push_back({{"id", one.databaseId},
                     {"name", one.databaseName},
                     {"schema", one.schema},
                     {"contexts", one.contexts},
                     {"created", one.createdMillis}});
    return out;
  };
}

Handler countDatabaseSchema(const Storages& s) {
  return [schemas = s.schemas](Arguments& in, const Caller&) -> Result<json> {
    const NamedRef ref{in.id("id"), in.text("name")};
    OX_ARGUMENTS_FINE(in);
    auto all = schemas->count(ref);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all)
      out.push_back({{"id", one.databaseId}, {"name", one.databaseName}, {"schemas", one.schemas}});
    return out;
  };
}

std::string readSchema(Arguments& in) {
  const std::string schema = in.text("schema");
  if (schema.empty()) in.fail("schema is missing");
  return schema;
}

Handler setSchemaEnabled(const Storages& s, bool enabled) {
  return [schemas = s.schemas, enabled](Arguments& in, const Caller&) -> Result<json> {
    const std::string schema = readSchema(in);
    OX_ARGUMENTS_FINE(in);
    auto contexts = schemas->setEnabled(schema, enabled);
    if (!contexts) return contexts.error();
    return json{{"id", schema}, {"contexts", *contexts}};
  };
}

Handler changeServer(const Storages& s) {
  return [schemas = s.schemas](Arguments& in, const Caller&) -> Result<json> {
    const std::string schema = readSchema(in);
    const auto server = in.id("serverId");
    if (!server) in.fail("serverId is missing");
    OX_ARGUMENTS_FINE(in);
    auto contexts = schemas->changeServer(schema, *server);
    if (!contexts) return contexts.error();
    return json{{"id", schema}, {"contexts", *contexts}};
  };
}

}  // namespace

void addDatabaseOperations(const AddOperation& add, const Storages& storages) {
  const auto util = [&](const char* name, Handler handler) {
    add({name, Access::kMaster, std::move(handler)});
  };
  util("OXUtilService/changeDatabase", changeDatabase(storages));
  util("OXUtilService/unregisterDatabase", unregisterDatabase(storages));
  util("OXUtilService/changeFilestore", changeFilestore(storages));
  util("OXUtilService/unregisterFilestore", unregisterFilestore(storages));
  util("OXUtilService/unregisterServer", unregisterServer(storages));
  util("OXUtilService/changeServer", changeServer(storages));
  util("OXUtilService/createSchemas", createSchemas(storages));
  util("OXUtilService/listDatabaseSchema", listDatabaseSchema(storages));
  util("OXUtilService/countDatabaseSchema", countDatabaseSchema(storages));
  util("OXUtilService/deleteEmptySchemas", deleteEmptySchemas(storages));
  util("OXUtilService/enableSchema", setSchemaEnabled(storages, true));
  util("OXUtilService/disableSchema", setSchemaEnabled(storages, false));
  add({"OXUtilService/checkCountsConsistency", Access::kMaster, checkCountsConsistency(storages),
       true});
}

}  // namespace ox::provisioning

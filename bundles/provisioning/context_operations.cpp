// The operations on contexts.
#include <nlohmann/json.hpp>

#include "operation_parts.h"
#include "user_arguments.h"

namespace ox::provisioning {
namespace {

using nlohmann::json;
using management::Access;
using management::Caller;

Handler createContext(const Storages& s) {
  return [contexts = s.contexts](Arguments& in, const Caller&) -> Result<json> {
    NewContext context;
    context.id = in.id("id");
    context.name = in.text("name");
    context.quotaMb = in.number("quotaMb", -1);
    context.mappings = in.texts("mappings");
    context.filestoreId = in.id("filestoreId");
    context.databaseId = in.id("databaseId");
    context.schema = in.text("schema");
    Arguments admin(in.object("admin"));
    context.admin = readUser(admin);
    OX_ARGUMENTS_FINE(in);
    OX_ARGUMENTS_FINE(admin);
    auto made = contexts->create(context);
    if (!made) return made.error();
    return json{{"id", made->id},
                {"databaseId", made->databaseId},
                {"schema", made->schema},
                {"adminId", made->adminId}};
  };
}

Handler listContexts(const Storages& s) {
  return [contexts = s.contexts](Arguments& in, const Caller&) -> Result<json> {
    const std::string pattern = in.text("pattern");
    const bool ignoreCase = in.boolean("ignoreCase", false);
    OX_ARGUMENTS_FINE(in);
    auto all = contexts->list(pattern, ignoreCase);
    if (!all) return all.error();
    json out = json::array();
    for (const auto& one : *all)
      out.push_back({{"id", one.id},
                     {"filestoreId", one.filestoreId},
                     {"filestoreName", one.filestoreName},
                     {"enabled", one.enabled},
                     {"quotaMb", one.quotaMb},
                     {"usedMb", one.usedMb},
                     {"name", one.name},
                     {"mappings", one.mappings}});
    return out;
  };
}

Handler changeContext(const Storages& s) {
  return [contexts = s.contexts, users = s.users](Arguments& in, const Caller&) -> Result<json> {
    ContextChange change;
    change.name = in.maybeText("name");
    change.quotaMb = in.maybeNumber("quotaMb");
    change.addMappings = in.texts("addMappings");
    change.removeMappings = in.texts("removeMappings");
    auto id = contextOf(in, *users);
    if (!id) return id.error();
    if (auto done = contexts->change(*id, change); !done) return done.error();
    return json{{"id", *id}};
  };
}

Handler setEnabled(const Storages& s, bool enabled) {
  return [contexts = s.contexts, users = s.users, enabled](Arguments& in,
                                                           const Caller&) -> Result<json> {
    const auto reason = in.maybeNumber("reasonId");
    auto id = contextOf(in, *users);
    if (!id) return id.error();
    if (auto done = contexts->setEnabled(*id, enabled, reason); !done) return done.error();
    return json{{"id", *id}};
  };
}

Handler deleteContext(const Storages& s) {
  return [contexts = s.contexts, users = s.users](Arguments& in, const Caller&) -> Result<json> {
    auto id = contextOf(in, *users);
    if (!id) return id.error();
    if (auto done = contexts->remove(*id); !done) return done.error();
    return json{{"id", *id}};
  };
}

Handler moveContextDatabase(const Storages& s) {
  return [contexts = s.contexts, users = s.users, util = s.util](Arguments& in,
                                                                 const Caller&) -> Result<json> {
    const NamedRef database{in.id("databaseId"), in.text("databaseName")};
    if (!database) in.fail("databaseId or databaseName is missing");
    auto id = contextOf(in, *users);
    if (!id) return id.error();
    auto found = util->findDatabase(database);
    if (!found) return found.error();
    auto place = contexts->move(*id, found->id);
    if (!place) return place.error();
    return json{{"id", *id}, {"databaseId", place->writePoolId}, {"schema", place->schema}};
  };
}

}  // namespace

Result<std::int32_t> contextOf(Arguments& in, UserStorage& users) {
  const auto id = in.id("contextId");
  const std::string name = in.text("contextName");
  if (!id && name.empty()) in.fail("contextId or contextName is missing");
  OX_ARGUMENTS_FINE(in);
  if (id) return *id;
  return users.contextByName(name);
}

void addContextOperations(const AddOperation& add, const Storages& storages) {
  add({"OXContextService/create", Access::kMaster, createContext(storages)});
  add({"OXContextService/list", Access::kMaster, listContexts(storages)});
  add({"OXContextService/change", Access::kMaster, changeContext(storages)});
  add({"OXContextService/enable", Access::kMaster, setEnabled(storages, true)});
  add({"OXContextService/disable", Access::kMaster, setEnabled(storages, false)});
  add({"OXContextService/delete", Access::kMaster, deleteContext(storages)});
  add({"OXContextService/moveContextDatabase", Access::kMaster, moveContextDatabase(storages)});
}

}  // namespace ox::provisioning

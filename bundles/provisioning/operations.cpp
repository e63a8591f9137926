#include "operations.h"

#include <nlohmann/json.hpp>

namespace ox::provisioning {
namespace {

using nlohmann::json;
using management::Access;
using management::Caller;

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxItems = 1000;

// Reads arguments; the first thing that is wrong is remembered, everything later is a default.
class Arguments {
 public:
  explicit Arguments(const json& object) : object_(object) {
    if (!object.is_object()) fail("the arguments must be a JSON object");
  }
  std::string text(const char* name, const std::string& fallback = {}) {
    const json* value = find(name);
    if (!value) return fallback;
    if (!value->is_string() || value->get_ref<const std::string&>().size() > kMaxText) {
      fail(std::string(name) + " must be a text of at most 4096 bytes");
      return fallback;
    }
    return value->get<std::string>();
  }
  std::int64_t number(const char* name, std::int64_t fallback) {
    const json* value = find(name);
    if (!value) return fallback;
    if (!value->is_number_integer()) {
      fail(std::string(name) + " must be a whole number");
      return fallback;
    }
    return value->get<std::int64_t>();
  }
  std::optional<std::int32_t> id(const char* name) {
    if (!find(name)) return std::nullopt;
    const std::int64_t value = number(name, 0);
    if (value < 0 || value > INT32_MAX) fail(std::string(name) + " must be 0 to 2147483647");
    return static_cast<std::int32_t>(value);
  }
  bool boolean(const char* name, bool fallback) {
    const json* value = find(name);
    if (!value) return fallback;
    if (!value->is_boolean()) {
      fail(std::string(name) + " must be true or false");
      return fallback;
    }
    return value->get<bool>();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    const json* value = find(name);
    if (!value) return out;
    if (!value->is_array() || value->size() > kMaxItems) {
      fail(std::string(name) + " must be a list of at most 1000 texts");
      return out;
    }
    for (const auto& item : *value) {
      if (!item.is_string()) {
        fail(std::string(name) + " must hold texts only");
        return {};
      }
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  const json& object(const char* name) {
    static const json none = json::object();
    const json* value = find(name);
    if (value && !value->is_object()) fail(std::string(name) + " must be an object");
    return value && value->is_object() ? *value : none;
  }
  void fail(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }
  Status status() const {
    return problem_.empty() ? Status() : Status(Error(Code::kAdmInvalidData, problem_));
  }

 private:
  const json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  const json& object_;
  std::string problem_;
};

NewUser readUser(Arguments& in) {
  NewUser user;
  user.name = in.text("name");
  user.displayName = in.text("displayName");
  user.givenName = in.text("givenName");
  user.surName = in.text("surName");
  user.password = in.text("password");
  user.email = in.text("email");
  user.language = in.text("language", user.language);
  user.timeZone = in.text("timeZone", user.timeZone);
  user.department = in.text("department");
  user.company = in.text("company");
  user.aliases = in.texts("aliases");
  user.imapServer = in.text("imapServer");
  user.imapLogin = in.text("imapLogin");
  user.smtpServer = in.text("smtpServer");
  user.guestCreatedBy = in.id("guestCreatedBy").value_or(0);
  return user;
}

using Handler = std::function<Result<json>(Arguments&, const Caller&)>;

management::Operation wrap(Handler handler) {
  return [handler = std::move(handler)](const json& arguments, const Caller& caller) {
    Arguments in(arguments);
    if (auto fine = in.status(); !fine) return Result<json>(fine.error());
    return handler(in, caller);
  };
}

// Handlers read all arguments first and ask status() before they act.
#define OX_ARGUMENTS_FINE(in) \
  if (auto fine = (in).status(); !fine) return fine.error()

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

Handler createUser(const Storages& s) {
  return [users = s.users](Arguments& in, const Caller& caller) -> Result<json> {
    auto contextId = in.id("contextId");
    const std::string contextName = in.text("contextName");
    if (!contextId && contextName.empty()) in.fail("contextId or contextName is missing");
    Arguments given(in.object("user"));
    const NewUser user = readUser(given);
    OX_ARGUMENTS_FINE(in);
    OX_ARGUMENTS_FINE(given);
    if (!contextId) {
      auto found = users->contextByName(contextName);
      if (!found) return found.error();
      contextId = *found;
    }
    auto id = users->create(*contextId, user, {caller.user, caller.password, caller.master});
    if (!id) return id.error();
    return json{{"id", *id}, {"contextId", *contextId}};
  };
}

#undef OX_ARGUMENTS_FINE

}  // namespace

std::vector<management::Registration> addOperations(management::Management& management,
                                                    const Storages& storages) {
  const auto add = [&](const char* name, Access access, Handler handler) {
    return management.addOperation(name, access, wrap(std::move(handler)));
  };
  return {
      add("OXUtilService/registerServer", Access::kMaster, registerServer(storages)),
      add("OXUtilService/listServer", Access::kMaster, listServer(storages)),
      add("OXUtilService/registerFilestore", Access::kMaster, registerFilestore(storages)),
      add("OXUtilService/listFilestore", Access::kMaster, listFilestore(storages)),
      add("OXUtilService/registerDatabase", Access::kMaster, registerDatabase(storages)),
      add("OXUtilService/listDatabase", Access::kMaster, listDatabase(storages)),
      add("OXUtilService/createSchema", Access::kMaster, createSchema(storages)),
      add("OXContextService/create", Access::kMaster, createContext(storages)),
      add("OXContextService/list", Access::kMaster, listContexts(storages)),
      add("OXUserService/create", Access::kContext, createUser(storages)),
  };
}

}  // namespace ox::provisioning

// changedatabase: what is given of a database is changed (source: the original's tool of that
// name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "changes a database", "OXUtilService/changeDatabase");
  tool.idOrName("id", "name");
  tool.text("-H,--hostname", "hostname", "<host>",
            "host, host:port, mysql://host:port or a whole JDBC URL");
  tool.text("-u,--dbuser", "user", "<name>", "account");
  tool.secret("-p,--dbpasswd", "password", "<password>", "its password");
  tool.text("-d,--dbdriver", "driver", "<class>", "driver of the original, stored only");
  tool.boolean("-m,--master", "master",
               "true: a slave takes the place of its master; false (with -M): a master becomes a slave");
  tool.number("-M,--masterid", "masterId", 1, 2147483647, "id of the master of a slave");
  tool.number("-w,--dbweight", "weight", 0, 2147483647, "weight");
  tool.number("-x,--maxunit", "maxUnits", 0, 2147483647, "contexts at most");
  tool.boolean("-l,--poolhardlimit", "poolHardLimit", "wait (true) or grow (false)");
  tool.number("-o,--poolinitial", "poolInitial", 0, 100000, "connections at start");
  tool.number("-a,--poolmax", "poolMax", 0, 100000, "connections at most");
  return tool.act("database", "changed");
}

}  // namespace

OX_TOOL(run, "changes a database", "changedatabase")

"""configdb, provisioning and log-in look-ups on a real MariaDB through a real node and the tools.

First the doctest program database_live_test (src/database against the server), then: oxinstaller,
generatempasswd, initconfigdb, a node, register*/list*/create* tools, counters after failures.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "packaging", "tour"))
import cluster  # noqa: E402
from mariadb import MariaDb, free_port  # noqa: E402
from processes import run  # noqa: E402

BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
MASTER = "oxadminmaster"
MASTER_PASSWORD = "master-Secret1"
DB_PASSWORD = "db-Secret1"
SECRETS = [MASTER_PASSWORD, DB_PASSWORD, "admin-1", "admin-2", "anna-1", "$2a$"]
COUNTS = re.compile(r"test cases:\s+\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, what, condition, shown=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s %s" % (what, shown))


class Node(cluster.Node):
    """A node of its own below `directory`, not in a cluster."""

    def __init__(self, directory, database_port):
        super().__init__(1, directory, BUILD, [free_port() for _ in range(4)])
        shutil.copytree(os.path.join(ROOT, "etc"), self.etc)
        self.directory = directory
        self.database_port = database_port

    def tool(self, name, *words, environment=None):
        env = dict(os.environ, RMI_HOSTNAME="rmi://localhost:%d/" % self.rmi)
        env.update(environment or {})
        return run([os.path.join(BUILD, "sbin", name)] + list(words), env=env, check=False,
                   split=True)

    def admin(self, name, *words, environment=None):
        return self.tool(name, "-A", MASTER, "-P", MASTER_PASSWORD, *words,
                         environment=environment)

    def ports(self):
        self.write_etc()
        cluster.edit_properties(os.path.join(self.etc, "hazelcast.properties"), {
            "com.openexchange.hazelcast.network.port": self.grid,
            "com.openexchange.hazelcast.network.portOffset": 0})

    def log(self):
        return self.tail(1000)


def certificates(directory):
    """A certificate authority and a server's certificate for localhost, made by openssl."""
    def openssl(*words):
        subprocess.run(["openssl"] + list(words), check=True, cwd=directory, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test ca",
            "-keyout", "ca-key.pem", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem",
            "-out", "request.pem")
    with open(os.path.join(directory, "names"), "w", encoding="utf-8") as names:
        names.write("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-days", "2",
            "-CAcreateserial", "-extfile", "names", "-out", "cert.pem")
    return [os.path.join(directory, name) for name in ("ca.pem", "cert.pem", "key.pem")]


def live_program(checks, server):
    with tempfile.TemporaryDirectory(prefix="ox-tls-") as directory:
        authority, certificate, key = certificates(directory)
        with MariaDb(options=["--ssl-ca=" + authority, "--ssl-cert=" + certificate,
                              "--ssl-key=" + key]) as encrypted:
            encrypted.create_account("ox", "ox")
            run_live_program(checks, server, {"OX_TEST_DB_TLS_PORT": str(encrypted.port),
                                              "OX_TEST_DB_TLS_CA": authority})


def run_live_program(checks, server, more):
    server.create_account("ox", "ox")
    env = dict(os.environ, OX_TEST_DB_PORT=str(server.port), **more)
    program = os.path.join(BUILD, "tests", "unit", "database", "database_live_test")
    done = subprocess.run([program], env=env, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    counts = COUNTS.search(done.stdout)
    passed, failed = (int(n) for n in counts.groups()) if counts else (0, 1)
    checks.passed += passed
    checks.failed += failed
    if done.returncode != 0:
        print(done.stdout)
        checks.failed += 0 if failed else 1


def install(checks, node, server):
    done = node.tool("oxinstaller", "--etc", node.etc, "--servername", "oxserver",
                     "--configdb-pass", DB_PASSWORD, "--configdb-readhost", "127.0.0.1",
                     "--configdb-readport", str(server.port), "--master-pass", MASTER_PASSWORD,
                     "--jkroute", "APP1", "--network-listener-host", "127.0.0.1", "--no-license")
    checks.check("oxinstaller", done.returncode == 0, done.stderr)
    with open(os.path.join(node.etc, "configdb.properties"), encoding="utf-8") as text:
        config = text.read()
    checks.check("readUrl", "readUrl=jdbc:mysql://127.0.0.1:%d/configdb" % server.port in config)
    checks.check("comments stay", "#" in config)
    with open(os.path.join(node.etc, "sessiond.properties"), encoding="utf-8") as text:
        key = re.search(r"^com.openexchange.sessiond.encryptionKey=(.*)$", text.read(), re.M)
    checks.check("random session key", key and re.fullmatch("[0-9a-f]{64}", key.group(1)))
    for file in ("mpasswd", "configdb.properties", "sessiond.properties", "server.properties"):
        mode = os.stat(os.path.join(node.etc, file)).st_mode & 0o777
        checks.check("mode of " + file, mode == 0o640, oct(mode))
    done = node.tool("oxinstaller", "--etc", node.etc, "--servername", "oxserver",
                     "--configdb-pass", DB_PASSWORD, "--configdb-readhost", "127.0.0.1",
                     "--configdb-readport", str(server.port), "--master-pass", MASTER_PASSWORD)
    with open(os.path.join(node.etc, "sessiond.properties"), encoding="utf-8") as text:
        checks.check("a second run keeps the key", key and key.group(1) in text.read())
    checks.check("oxinstaller without -s", node.tool("oxinstaller").returncode == 104)


def create_configdb(checks, node, server):
    words = ["--configdb-pass", DB_PASSWORD, "--configdb-host", "127.0.0.1", "-p",
             str(server.port), "--etc", node.etc]
    done = node.tool("initconfigdb", "-a", "--mysql-root-socket", server.socket, *words)
    checks.check("initconfigdb", done.returncode == 0, done.stderr)
    checks.check("initconfigdb output",
                 done.stdout == "initializing configdb from scratch... done\n", done.stdout)
    checks.check("sequence row", server.sql("select id from configdb_sequence", "configdb") == [["0"]])
    done = node.tool("initconfigdb", *words)
    checks.check("existing configdb without -i", done.returncode == 1 and "-i" in done.stderr)
    checks.check("with -i", node.tool("initconfigdb", "-i", *words).returncode == 0)


def counters(server):
    return [server.sql("select count from " + table, "configdb") for table in
            ("contexts_per_dbpool", "contexts_per_dbschema", "contexts_per_filestore")]


USER = ["-d", "Some Body", "-g", "Some", "-s", "Body", "-e", "some@example.com"]


def register(checks, node, server):
    done = node.admin("registerserver", "-n", "oxserver")
    checks.check("registerserver", done.stdout == "server 1 registered\n", done.stdout + done.stderr)
    checks.check("again", node.admin("registerserver", "-n", "oxserver").returncode == 110)
    done = node.tool("registerserver", "-A", MASTER, "-P", "wrong", "-n", "x")
    checks.check("wrong master password", done.returncode == 101, done.stderr)
    checks.check("listserver", node.admin("listserver").stdout.split() == ["id", "name", "1",
                                                                           "oxserver"])
    store = os.path.join(node.directory, "store")
    os.mkdir(store)
    done = node.admin("registerfilestore", "-t", "file:" + store, "-s", "100000")
    checks.check("registerfilestore", "filestore 2 registered" in done.stdout, done.stderr)
    done = node.admin("registerdatabase", "-n", "oxdb", "-H", "127.0.0.1:%d" % server.port, "-p",
                      DB_PASSWORD, "-m", "true")
    checks.check("registerdatabase", "database 3 registered" in done.stdout, done.stderr)
    done = node.admin("registerdatabase", "-n", "slave", "-p", "x", "-m", "false")
    checks.check("slave without master", done.returncode == 104, done.stderr)
    done = node.admin("registerdatabase", "-n", "m2", "-p", "x", "-m", "true", "-M", "3")
    checks.check("master with master id", done.returncode == 103, done.stderr)
    done = node.admin("registerdatabase", "-n", "m2", "-p", "x", "-m", "true", "-l", "maybe")
    checks.check("bad hard limit", done.returncode == 103, done.stderr)
    done = node.admin("listdatabase")
    checks.check("listdatabase header", done.stdout.splitlines()[0].split() ==
                 "id name hostname master mid weight maxctx curctx hlimit max inital".split())
    done = node.admin("listfilestore", "--csv")
    checks.check("listfilestore csv", done.stdout.splitlines()[0] ==
                 "id,path,size,reserved,used,maxent,curent", done.stdout)


def contexts(checks, node, server):
    create = ["createcontext", "-c", "1", "-N", "first", "-q", "1000", "-L", "defaultcontext,a.org",
              "-u", "oxadmin", "-p", "admin-1"] + USER
    done = node.admin(*create)
    checks.check("createcontext", done.stdout == "context 1 created\n", done.stdout + done.stderr)
    checks.check("counters", counters(server) == [[["1"]]] * 3, counters(server))
    done = node.admin(*create)
    checks.check("duplicate context", done.returncode == 1 and "could not be created" in done.stderr,
                 done.stderr)
    other = ["createcontext", "-c", "2", "-N", "second", "-q", "1", "-L", "a.org", "-u", "oxadmin",
             "-p", "admin-1"] + USER
    done = node.admin(*other)
    checks.check("mapping of another context", done.returncode == 1, done.stderr)
    checks.check("no rows left", server.sql("select cid from context", "configdb") == [["1"]])
    schema = server.sql("select db_schema from context_server2db_pool", "configdb")[0][0]
    checks.check("schema name", re.fullmatch(r"oxdb_\d+", schema), schema)
    server.sql("rename table sequence_forum to forum_away", schema)
    done = node.admin("createcontext", "-c", "2", "-q", "1", "-u", "oxadmin", "-p", "x", *USER)
    checks.check("failing payload", done.returncode == 106, done.stderr)
    server.sql("rename table forum_away to sequence_forum", schema)
    checks.check("counters after failures", counters(server) == [[["1"]]] * 3, counters(server))
    checks.check("no payload left", server.sql("select distinct cid from user", schema) == [["1"]])
    checks.check("mechanism", server.sql("select passwordMech from user", schema) == [["{BCRYPT}"]])
    if os.path.exists(os.path.join(BUILD, "bundles", "update.so")):
        tasks = server.sql("select count(*), min(successful) from updateTask", schema)
        checks.check("tasks count as executed", int(tasks[0][0]) > 0 and tasks[0][1] == "1", tasks)
    checks.check("admin mark", server.sql("select user from user_setting_admin", schema) == [["2"]])
    done = node.admin("createcontext", "-q", "1", "-L", "b.org", "-u", "oxadmin", "-p", "admin-2",
                      *USER)
    checks.check("context without id", re.fullmatch(r"context \d+ created\n", done.stdout),
                 done.stderr)
    lines = node.admin("listcontext").stdout.splitlines()
    checks.check("listcontext", len(lines) == 3 and lines[0].split()[:3] == ["cid", "fid", "fname"],
                 lines)
    done = node.admin("createcontext", "-q", "1", "-L", "bad mapping!", "-u", "a", "-p", "x", *USER)
    checks.check("bad mapping", done.returncode == 103, done.stderr)
    done = node.admin("createschema")
    checks.check("createschema", re.fullmatch(r"schema oxdb_\d+ in database 3 created\n",
                                              done.stdout), done.stderr)
    return schema


def users(checks, node, server, schema):
    words = ["createuser", "-c", "1", "-A", "oxadmin", "-P", "admin-1", "-u", "anna"] + USER
    done = node.tool(*words, "-p", "anna-1")
    checks.check("createuser", done.stdout == "user 3 in context 1 created\n",
                 done.stdout + done.stderr)
    done = node.tool(*words, "-p", "anna-1")
    checks.check("duplicate user", done.returncode == 110, done.stderr)
    checks.check("no rows left", server.sql("select count(*) from user where cid=1", schema) ==
                 [["2"]])
    words = ["createuser", "-c", "1", "-u", "berta", "-p", "b"] + USER
    done = node.tool(*words, "-A", "anna", "-P", "anna-1")
    checks.check("a user is no administrator", done.returncode == 101, done.stderr)
    done = node.tool(*words, "-A", "oxadmin", "-P", "wrong")
    checks.check("wrong password", done.returncode == 101, done.stderr)
    done = node.tool("createuser", "-c", "77", "-u", "x", "-p", "b", "-A", "a", "-P", "b", *USER)
    checks.check("no such context", done.returncode == 102, done.stderr)
    done = node.tool("createuser", "-N", "first", "-A", "oxadmin", "-P", "admin-1", "-u", "carla",
                     *USER, environment={"NEW_USER_PASSWORD": "c"})
    checks.check("context by name, password by environment", done.returncode == 0, done.stderr)


def rehash(checks, node, server, schema):
    """The administrator's password in the form an old node stored it: the next check renews it."""
    server.sql("update user set passwordMech='{SHA}', "
               "userPassword='5en6G6MezRroT3XKqkdPOmY/BfQ=' where cid=1 and id=2", schema)
    words = ["createuser", "-c", "1", "-A", "oxadmin", "-P", "secret", "-u", "dora", "-p", "d"]
    done = node.tool(*words, *USER)
    checks.check("log-in with {SHA}", done.returncode == 0, done.stderr)
    row = server.sql("select passwordMech, left(userPassword, 7) from user where cid=1 and id=2",
                     schema)
    checks.check("renewed hash", row == [["{BCRYPT}", "$2a$10$"]], row)


def updating(checks, node, server, schema):
    """A fresh LOCKED row, as a Java node writes it, keeps the schema's contexts out."""
    row = "(0, 'LOCKED', 1, %s, x'8d8b93e559794baca39daef8f87087a1')"
    now = "cast(round(unix_timestamp(now(3)) * 1000) as signed)"
    server.sql("insert into updateTask values " + row % (now + " - 600000"), schema)
    words = ["createuser", "-c", "1", "-A", "oxadmin", "-P", "secret", "-p", "d"] + USER
    done = node.tool(*words, "-u", "emma")
    checks.check("a stale lock does not hinder", done.returncode == 0, done.stderr)
    server.sql("update updateTask set lastModified = " + now + " where taskName='LOCKED'", schema)
    node.stop()  # what the node knows of the schema may be 30 s old
    node.start()
    done = node.tool(*words, "-u", "frida")
    checks.check("a fresh lock: CTX-0007", "CTX-0007" in done.stderr or "updated" in done.stderr,
                 done.stderr)
    server.sql("delete from updateTask where taskName='LOCKED'", schema)
    done = node.tool(*words, "-u", "frida")
    checks.check("works again at once", done.returncode == 0, done.stderr)


def heals(checks, node, server):
    """A node that starts without configdb lives, and works when the server is back."""
    node.stop()
    server.stop_process()
    node.start(ready=False)

    def answered():  # the port is open before provisioning has started
        done = node.admin("listserver")
        return None if done.returncode == 105 or "RUN-0003" in done.stderr else done
    done = cluster.wait_for("the node to answer a tool", answered, 60, 0.2)
    checks.check("without configdb", done.returncode == 106, done.stderr)
    server.start()
    checks.check("configdb is back", node.admin("listserver").returncode == 0)


def driver_file(checks, node):
    """dbconnector.yaml is taken over by a reload; a mistake in it is told and nothing changes."""
    path = os.path.join(node.etc, "dbconnector.yaml")

    def reload_with(text):
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return node.admin("reloadconfiguration")
    done = reload_with("com.mysql.jdbc:\n  useSSL: true\n")
    checks.check("reload", done.returncode == 0, done.stdout + done.stderr)
    done = node.admin("listserver")
    checks.check("TLS is demanded of a server without it", done.returncode == 106 and
                 ("SSL is required" in done.stderr or "TLS is demanded" in done.stderr), done.stderr)
    done = reload_with("com.mysql.jdbc:\n  useSSL: [\n")
    checks.check("a file that is no YAML is refused with its line", done.returncode == 1 and
                 "dbconnector.yaml:" in done.stdout + done.stderr, done.stdout + done.stderr)
    checks.check("--check-config says it too", node.check_config().returncode == 1)
    done = reload_with("com.mysql.jdbc:\n  useSSL: false\n  sessionVariables: wait_timeout=4321\n")
    checks.check("reload again", done.returncode == 0, done.stdout + done.stderr)
    checks.check("and configdb answers", node.admin("listserver").returncode == 0)
    cluster.edit_properties(os.path.join(node.etc, "configdb.properties"),
                            {"com.openexchange.database.checkWriteCons": "true"})
    checks.check("reload of a key", node.admin("reloadconfiguration").returncode == 0)
    done = node.tool("listuser", "-c", "1", "-A", "oxadmin", "-P", "secret")
    checks.check("a writing connection that only read is told", done.returncode == 0 and
                 "changed nothing" in node.log(), done.stderr)


def main():
    checks = Checks()
    directory = tempfile.mkdtemp(prefix="ox-database-")
    node = None
    try:
        with MariaDb() as server:
            live_program(checks, server)
            node = Node(directory, server.port)
            install(checks, node, server)
            node.ports()
            create_configdb(checks, node, server)
            node.start()
            register(checks, node, server)
            schema = contexts(checks, node, server)
            users(checks, node, server, schema)
            rehash(checks, node, server, schema)
            updating(checks, node, server, schema)
            heals(checks, node, server)
            driver_file(checks, node)
            node.stop()
            errors = re.findall(r"^\d{4}-\S+ ERROR .*\n.*", node.log(), re.M)
            errors = [e for e in errors if "dbconnector.yaml:" not in e]  # the refused reload
            checks.check("no ERROR record", not errors, errors[:3])
            secrets = [s for s in SECRETS if s in node.log()]
            checks.check("no secret in the log", not secrets, secrets)
    except Exception as problem:  # the line below must come
        checks.check("no exception", False, repr(problem))
        if node:
            print(node.tail(60))
    finally:
        if node:
            node.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

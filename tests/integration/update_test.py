"""Update tasks on a real MariaDB: lease, runner, conversion of an old schema; then the tools
against a real node.

The first part is the doctest program update_live_test; this script gives it a server of its own.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
from database_test import MariaDb  # noqa: E402

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
PROGRAM = os.path.join(BUILD, "tests", "unit", "update", "update_live_test")
COUNTS = re.compile(r"test cases:\s+\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


def live_program(checks, server):
    server.create_account("ox", "ox")
    env = dict(os.environ, OX_TEST_DB_PORT=str(server.port), OX_SOURCE=ROOT)
    done = subprocess.run([PROGRAM] + sys.argv[1:], env=env, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    counts = COUNTS.search(done.stdout)
    passed, failed = (int(n) for n in counts.groups()) if counts else (0, 1)
    if done.returncode != 0 and failed == 0:
        failed = 1  # an ERROR record that no test expected, or a crash
    checks.passed += passed
    checks.failed += failed
    if failed:
        print(done.stdout)


def write_task(node, file, text):
    folder = os.path.join(node.etc, "updatetasks")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
        out.write(text)


def tools(checks, node, server, schema):
    def expect(what, done, code, *parts):
        shown = done.stdout + done.stderr
        checks.check(what, done.returncode == code and all(p in shown for p in parts),
                     "exit %d: %s" % (done.returncode, shown))
        return done
    run = lambda *words: node.admin("runupdate", "-p", str(node.rmi), *words)  # noqa: E731
    listed = lambda *words: node.admin("listUpdateTasks", "-p", str(node.rmi), "-n", schema,  # noqa: E731
                                       *words)
    expect("neither -c nor -n", run(), 1, "Missing context/schema identifier.")
    expect("-c abc", run("-c", "abc"), 1, "Context parameter is not a number: abc")
    expect("unknown schema", run("-n", "nowhere_1"), 1, "UPD-0016")
    expect("wrong password", node.tool("runupdate", "-p", str(node.rmi), "-A", installed.MASTER,
                                       "-P", "wrong", "-n", schema), 101)
    done = expect("a new schema is up to date", run("-n", schema), 0)
    checks.check("and nothing is printed", done.stdout == "", done.stdout)
    expect("nothing pending", listed("-g"), 0, "No entries found.")
    expect("executed", listed("-e"), 0, "taskName", "LdapConvertUtf8ToUtf8mb4Task", "true")
    expect("no switch", listed(), 104)
    expect("two switches", listed("-g", "-e"), 109)

    write_task(node, "a.sql", "-- name: test.First\nCREATE TABLE upd (a INT PRIMARY KEY);\n")
    write_task(node, "b.sql", "-- name: test.Bad\nINSERT INTO missing VALUES (1);\n")
    write_task(node, "c.sql", "-- name: test.Last\n-- depends: test.First\n"
               "-- concurrency: background\nINSERT INTO upd VALUES (1);\n")
    expect("pending", listed("-g"), 0, "test.First", "test.Bad", "never executed")
    expect("checkdatabase", node.admin("checkdatabase"), 0, schema, "127.0.0.1", "Needs update")
    expect("checkdatabase --csv", node.admin("checkdatabase", "--csv"), 0,
           "id,display_name,url,scheme,status", '"Needs update"', "jdbc:mysql://")

    server.sql("insert into updateTask values (0, 'LOCKED', 1, %s, "
               "x'00112233445566778899aabbccddeeff')" % NOW, schema)
    expect("locked elsewhere", run("-n", schema), 1, "UPD-0003")
    expect("checkdatabase while locked", node.admin("checkdatabase"), 0, "Blocking updates running")
    server.sql("update updateTask set lastModified = lastModified - 61000 "
               "where taskName = 'LOCKED'", schema)
    done = expect("a stale lock is taken over, one task fails", node.admin(
        "runUpdate", "-p", str(node.rmi), "-c", "1"), 1,
        "The following update task(s) failed:", "taskName", "className", "schema", "test.Bad")
    checks.check("only the failed one", "test.First" not in done.stdout, done.stdout)
    rows = server.sql("select taskName, successful from updateTask where taskName like 'test.%' or "
                      "taskName in ('LOCKED', 'BACKGROUND') order by taskName", schema)
    checks.check("result rows", rows == [["test.Bad", "0"], ["test.First", "1"],
                                         ["test.Last", "1"]], rows)
    expect("a failed task is listed", listed("-g"), 0, "test.Bad", "failed", "b.sql:2")
    expect("it is not repeated by itself", run("-n", schema), 0)
    log = node.log()
    checks.check("log lines", "Starting blocking updates on schema " + schema in log or
                 "Finished background updates on schema " + schema in log, log[-800:])


def implicit(checks, node, server, schema):
    """The first use of a context with pending tasks: refused, or started and asked to come again."""
    def set_deny(value):
        installed.cluster.edit_properties(os.path.join(node.etc, "updatetasks.properties"), {
            "com.openexchange.groupware.update.denyImplicitUpdateOnContextLoad": value})
        done = node.admin("reloadconfiguration")
        checks.check("reloadconfiguration", done.returncode == 0, done.stdout + done.stderr)

    installed.cluster.edit_properties(os.path.join(node.etc, "updatetasks.properties"), {
        "com.openexchange.push.allowPermanentPush": "true"})

    def login(name):
        return node.tool("createuser", "-c", "1", "-A", "oxadmin", "-P", "admin-1", "-u", name, "-p",
                         "x", *installed.USER)
    write_task(node, "e.sql", "-- name: test.AtLogin\nALTER TABLE upd ADD COLUMN b INT;\n")
    set_deny("true")
    done = login("denied")
    checks.check("denied: CTX-0013", "CTX-0013" in done.stderr, done.stderr)
    checks.check("and nothing was started", server.sql(
        "select count(*) from updateTask where taskName = 'test.AtLogin'", schema) == [["0"]])
    set_deny("false")
    done = login("early")
    checks.check("started: CTX-0007", "CTX-0007" in done.stderr, done.stderr)
    installed.cluster.wait_for("the task", lambda: server.sql(
        "select successful from updateTask where taskName = 'test.AtLogin'", schema) == [["1"]],
        60, 0.1)
    done = installed.cluster.wait_for("the log-in", lambda: (
        lambda d: d if "CTX-0007" not in d.stderr else None)(login("later")), 60, 0.2)
    checks.check("afterwards it works", done.returncode == 0, done.stderr)
    checks.check("push on a node that updates is warned of, once",
                 node.log().count("allowPermanentPush=true: a node that runs update tasks") == 1)
    # Other nodes have both places on this host.
    others = subprocess.Popen(server._client() + ["-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        others.stdin.write("select get_lock('ox_implicit_update_1', 0) + get_lock('ox_implicit_update_2', 0);\n")
        others.stdin.flush()
        checks.check("both places are taken", others.stdout.readline().strip() == "2")
        write_task(node, "g.sql", "-- name: test.Places\nALTER TABLE upd ADD COLUMN d INT;\n")
        set_deny("false")
        done = login("queued")
        checks.check("asked to come again: CTX-0007", "CTX-0007" in done.stderr, done.stderr)
        installed.cluster.wait_for("its turn to be waited for", lambda: (
            "The update of schema %s waits: 2 that began by themselves" % schema in node.log()), 60, 0.1)
        checks.check("nothing was begun", server.sql(
            "select count(*) from updateTask where taskName = 'test.Places'", schema) == [["0"]])
    finally:
        others.stdin.close()
        others.wait(30)
        others.stdout.close()
    installed.cluster.wait_for("the task", lambda: server.sql(
        "select successful from updateTask where taskName = 'test.Places'", schema) == [["1"]], 60, 0.1)
    installed.cluster.wait_for("the log-in", lambda: "CTX-0007" not in login("admitted").stderr, 60, 0.2)
    write_task(node, "f.sql", "-- name: test.Quiet\n-- concurrency: background\n"
               "ALTER TABLE upd ADD COLUMN c INT;\n")
    set_deny("false")
    done = login("unhindered")
    checks.check("background tasks refuse nobody", done.returncode == 0, done.stderr)
    installed.cluster.wait_for("the background task", lambda: server.sql(
        "select successful from updateTask where taskName = 'test.Quiet'", schema) == [["1"]],
        60, 0.1)


def end_to_end(checks, server):
    directory = tempfile.mkdtemp(prefix="ox-update-")
    node = installed.Node(directory, server.port)
    quiet = installed.Checks()  # the installation itself is the business of database_test.py
    try:
        installed.install(quiet, node, server)
        node.ports()
        installed.create_configdb(quiet, node, server)
        node.start()
        for words in (["registerserver", "-n", "oxserver"],
                      ["registerfilestore", "-t", "file:" + directory, "-s", "100000"],
                      ["registerdatabase", "-n", "oxdb", "-H", "127.0.0.1:%d" % server.port, "-p",
                       installed.DB_PASSWORD, "-m", "true"],
                      ["createcontext", "-c", "1", "-N", "one", "-q", "1000", "-u", "oxadmin", "-p",
                       "admin-1"] + installed.USER):
            done = node.admin(*words)
            checks.check(words[0], done.returncode == 0, done.stdout + done.stderr)
        schema = server.sql("select db_schema from context_server2db_pool", "configdb")[0][0]
        tools(checks, node, server, schema)
        implicit(checks, node, server, schema)
    except Exception as problem:  # the last line of main() must come
        checks.check("no exception", False, repr(problem))
        print(node.tail(60))
    finally:
        node.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    checks = installed.Checks()
    with MariaDb() as server:
        live_program(checks, server)
        end_to_end(checks, server)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

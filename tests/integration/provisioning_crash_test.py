"""A node is killed at every step of the creation of a context and of a schema, and of a move: nothing of it is ever seen by
login, lists or counters, and the next provisioning call or checkcountsconsistency removes what is left.

The database holds the node at a step: a trigger on the table waits for a named lock that this script holds.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
from database_test import MariaDb, USER  # noqa: E402
from cluster import wait_for  # noqa: E402
import tally  # noqa: E402
from tally import check  # noqa: E402

HOLD = "ox_hold"
# Where the creation of a context stands still: (database, when, table).
STEPS = [("configdb", "before insert", "provisioning_journal"),
         ("configdb", "before update", "contexts_per_dbpool"),
         ("configdb", "before update", "contexts_per_filestore"),
         ("configdb", "after insert", "context"),
         ("configdb", "after insert", "login2context"),
         (None, "before insert", "sequence_id"),
         (None, "after insert", "user"),
         (None, "after insert", "user_setting_admin"),
         ("configdb", "before delete", "provisioning_journal"),
         ("configdb", "after delete", "provisioning_journal")]


class Holder:
    """A client that owns the named lock until released."""

    def __init__(self, server):
        self.process = subprocess.Popen(server._client() + ["-n"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdin.write("select get_lock('%s', 30);\n" % HOLD)
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != "1":
            self.release()
            raise RuntimeError("the lock is taken")

    def release(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class World:
    def __init__(self, node, server):
        self.node = node
        self.server = server
        self.schema = None

    def held(self, database, when, table, call):
        """Runs the call until it stands at the step, kills the node there, starts it again."""
        server = self.server
        server.sql("create trigger ox_hold %s on `%s` for each row do get_lock('%s', 300)" %
                   (when, table, HOLD), database)
        holder = Holder(server)
        try:
            process = call()
            wait_for("the step", lambda: server.sql(
                "select count(*) from information_schema.processlist where state = 'User lock'")[0][0]
                == "1", 30)
            self.node.kill()
            process.communicate(timeout=60)
        finally:
            holder.release()
        # The server notices that the client is gone and undoes what was open.
        wait_for("the end of its connections", lambda: server.sql(
            "select count(*) from information_schema.processlist where user = 'openexchange'")[0][0]
            == "0", 60)
        server.sql("drop trigger ox_hold", database)
        self.node.start()

    def tool(self, name, *words):
        env = dict(os.environ, RMI_HOSTNAME="rmi://localhost:%d/" % self.node.rmi)
        return subprocess.Popen([os.path.join(installed.BUILD, "sbin", name), "-A", installed.MASTER,
                                 "-P", installed.MASTER_PASSWORD] + [str(w) for w in words], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def config(self, statement):
        return self.server.sql(statement, "configdb")

    def tables(self):
        return [t for [t] in self.server.sql(
            "select table_name from information_schema.columns where table_schema = '%s' and "
            "column_name = 'cid'" % self.schema)]

    def rows_of(self, cid, schema=None):
        return [t for t in self.tables() if self.server.sql(
            "select count(*) from `%s` where cid = %d" % (t, cid), schema or self.schema) != [["0"]]]

    def schemas(self):
        return sorted(s for [s] in self.server.sql("show databases like 'oxdb\\_%'"))

    def old(self):
        """Time passes for what was left."""
        self.config("update provisioning_journal set since = since - 10000")


def creations(world, node):
    for number, (database, when, table) in enumerate(STEPS):
        cid = 100 + number
        step = "%s %s" % (when, table)
        world.held(database or world.schema, when, table, lambda c=cid: world.tool(
            "createcontext", "-c", c, "-N", "c%d" % c, "-q", 1, "-L", "m%d.example" % c, "-u",
            "oxadmin", "-p", "admin-1", *USER))
        listed = node.admin("listcontext").stdout
        check("c%d" % cid not in listed and len(listed.splitlines()) == 2,
              "%s: the list shows the first context only" % step)
        check(installed.counters(world.server) == [[["1"]]] * 3, "%s: counters" % step)
        check(world.config("select cid from login2context where cid <> 1") == [], "%s: no login" % step)
        left = world.config("select id from provisioning_journal")
        rows = world.rows_of(cid)
        # The very first statement stands alone: the server may finish it for a client that is gone.
        first = number == 0
        check(left == [[str(cid)]] or (first and left == []), "%s: the journal names it: %s" % (step, left))
        if "delete" in when:
            check(len(rows) > 20, "%s: the payload is there, unseen" % step)
        if number % 2:
            done = node.admin("checkcountsconsistency")
            check(done.returncode == 0 and "1 unfinished creations or moves removed" in done.stdout,
                  "%s: checkcountsconsistency removes it: %s" % (step, done.stdout + done.stderr))
        else:
            world.old()
            done = node.admin("createcontext", "-c", str(cid), "-N", "c%d" % cid, "-q", "1", "-L",
                              "m%d.example" % cid, "-u", "oxadmin", "-p", "admin-1", *USER)
            check(done.returncode == 0, "%s: the same call succeeds: %s" % (step, done.stderr))
            check(installed.counters(world.server) == [[["2"]]] * 3, "%s: counters with it" % step)
            done = node.admin("deletecontext", "-c", str(cid))
            check(done.returncode == 0, "%s: deleted again %s" % (step, done.stderr))
        check(world.rows_of(cid) == [] and world.config("select * from provisioning_journal") == [],
              "%s: nothing is left" % step)


def schemas(world, node):
    before = world.schemas()
    for number, (when, table) in enumerate((("before insert", "contexts_per_dbschema"),
                                            ("before delete", "provisioning_journal"))):
        step = "schema, %s %s" % (when, table)
        world.held("configdb", when, table, lambda: world.tool("createschema"))
        check(len(world.schemas()) == len(before) + 1, "%s: it exists, unregistered" % step)
        check(len(world.config("select * from contexts_per_dbschema")) == 1, "%s: not counted" % step)
        if number == 0:
            world.old()
        done = node.admin("checkcountsconsistency" if number else "listserver")
        check(done.returncode == 0 and world.schemas() == before, "%s: it is dropped: %s" % (
            step, done.stdout + done.stderr))
    check(world.config("select * from provisioning_journal") == [], "the journal is empty")


def moves(world, node):
    done = node.admin("registerdatabase", "-n", "oxdc", "-H", "127.0.0.1:%d" % world.server.port, "-p",
                      installed.DB_PASSWORD, "-m", "true")
    check(done.returncode == 0, "registerdatabase " + done.stderr)
    done = node.admin("createschema", "-i", re.search(r"\d+", done.stdout).group())
    target = re.search(r"oxdc_\d+", done.stdout).group()
    for database, when, table, arrives in ((target, "before insert", "user_alias", False),
                                           ("configdb", "before update", "context_server2db_pool", False),
                                           (world.schema, "before delete", "user", True)):
        step = "move, %s %s" % (when, table)
        world.held(database, when, table, lambda: world.tool("movecontextdatabase", "-c", 1, "-n", "oxdc"))
        row = world.config("select enabled from context where cid = 1")
        check(row == [["0"]], "%s: the context stands still" % step)
        done = node.admin("checkcountsconsistency")
        place = world.config("select db_schema from context_server2db_pool where cid = 1")
        check(place == [[target if arrives else world.schema]], "%s: it is where it %s: %s" % (
            step, "was going" if arrives else "was", done.stdout + done.stderr))
        there, gone = (target, world.schema) if arrives else (world.schema, target)
        check(len(world.rows_of(1, there)) > 20 and world.rows_of(1, gone) == [],
              "%s: its rows are there and nowhere else" % step)
        check(world.config("select enabled, reason_id from context where cid = 1") == [["1", "NULL"]],
              "%s: it is enabled again" % step)
        check(world.config("select * from provisioning_journal") == [], "%s: nothing is left" % step)
        counted = world.config("select count from contexts_per_dbschema where schemaname = '%s'" % there)
        check(counted == [["1"]] and "all counters are right" in done.stdout, "%s: counters" % step)


def counters(world, node):
    world.config("update contexts_per_dbpool set count = 7; delete from contexts_per_filestore; "
                 "update contexts_per_dbschema set count = 0; "
                 "insert into contexts_per_dbpool values (999, 5)")
    done = node.admin("checkcountsconsistency")
    check(done.returncode == 0 and re.search("counter was 7, is 1\n", done.stdout) and
          "counter was missing, is 1" in done.stdout and "now all counters are right" in done.stdout,
          "wrong counters are corrected and told: " + done.stdout + done.stderr)
    check(installed.counters(world.server) == [[["1"]]] * 3, "they are right")
    done = node.admin("checkcountsconsistency")
    check(done.stdout == "all counters are right\n", "a second check finds nothing: " + done.stdout)


def main():
    directory = tempfile.mkdtemp(prefix="ox-crash-")
    node = None
    try:
        with MariaDb() as server:
            node = installed.Node(directory, server.port)
            quiet = installed.Checks()  # the installation itself is the business of database_test.py
            installed.install(quiet, node, server)
            node.ports()
            installed.create_configdb(quiet, node, server)
            node.start()
            world = World(node, server)
            for words in (["registerserver", "-n", "oxserver"],
                          ["registerfilestore", "-t", "file:" + directory, "-s", "100000"],
                          ["registerdatabase", "-n", "oxdb", "-H", "127.0.0.1:%d" % server.port, "-p",
                           installed.DB_PASSWORD, "-m", "true"],
                          ["createcontext", "-c", "1", "-N", "first", "-q", "1", "-u", "oxadmin", "-p",
                           "admin-1"] + USER):
                done = node.admin(*words)
                check(done.returncode == 0, words[0] + " " + done.stderr)
            world.schema = world.config("select db_schema from context_server2db_pool")[0][0]
            creations(world, node)
            schemas(world, node)
            counters(world, node)
            moves(world, node)
            check(" ERROR " not in node.log(), "no ERROR in the log")
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
        if node:
            print(node.tail(40))
    finally:
        if node:
            node.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

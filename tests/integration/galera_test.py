"""A Galera cluster of three MariaDB servers with two nodes of ours: reads at another server than writes,
provisioning and update runners at different servers (worse than what is supported: one writer), a
server outside of the primary component, the death of the writer during an update.

docs/operating/database.md describes the set-up that is built here.
    galera_test.py [PART]       runs the parts whose name contains PART
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import galera_runners as runners  # noqa: E402
import tally  # noqa: E402
from cluster import Browser, edit_properties  # noqa: E402
from galera_cluster import Galera, wait  # noqa: E402
from tally import check  # noqa: E402
from two_nodes import TwoNodes  # noqa: E402

UPDATE = "com.openexchange.groupware.update."
IDLE_MILLIS = 8000
ROUNDS = 4      # of simultaneous creations, until a conflict was seen
EACH = 3        # contexts per round and node
RACES = 3
COUNTERS = ("select (select sum(count) from contexts_per_dbpool), (select sum(count) from "
            "contexts_per_dbschema), (select sum(count) from contexts_per_filestore), (select count(*) "
            "from context), (select count(*) from context_server2db_pool)")
STEPS = ["k1", "k2", "k3", "k4"]


class World(TwoNodes):
    def prepare(self):
        super().prepare()
        b = self.base
        self.galera = Galera([b, b + 5, b + 6], [b + 7, b + 15, b + 25])
        self.database = self.galera.nodes[0]
        self.pool = None

    def start_database(self):
        began = time.monotonic()
        self.galera.start()
        print("three nodes were in sync after %.1f s" % (time.monotonic() - began), flush=True)
        reader = self.galera.nodes[1]
        self.sessions_log = os.path.join(reader.directory, "general.log")
        reader.sql("set global general_log_file = '%s'; set global general_log = on" %
                   self.sessions_log)

    def config_url(self, node, key, server):
        edit_properties(os.path.join(node.etc, "configdb.properties"), {
            key: "jdbc:mysql://127.0.0.1:%d/configdb" % server.port})

    def configure(self):
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "configdb.properties"), {
                "com.openexchange.database.replicationMonitor": "false", "cleanerInterval": 500})
            self.config_url(node, "readUrl", self.galera.nodes[1])
            with open(os.path.join(node.etc, "dbconnector.yaml"), "w", encoding="utf-8") as out:
                out.write("com.mysql.jdbc:\n  sessionVariables: wsrep_sync_wait=1\n"
                          "  connectTimeout: 3000\n")
            edit_properties(os.path.join(node.etc, "updatetasks.properties"), {
                UPDATE + "locked.idleMillis": IDLE_MILLIS, UPDATE + "refreshIntervalMillis": 500,
                UPDATE + "denyImplicitUpdateOnContextLoad": "true"})

    def register(self):
        super().register()
        [[self.pool]] = self.config("select db_pool_id from db_pool")
        [[store]] = self.config("select id from filestore")
        self.administer(self.nodes[0], "changefilestore", "-i", store, "-s", 1000000)
        done = self.administer(self.nodes[0], "registerdatabase", "-n", "oxread", "-H",
                               "127.0.0.1:%d" % self.galera.nodes[1].port, "-u", "openexchange",
                               "-p", self.configdb_password, "-m", "false", "-M", self.pool)
        check(done.returncode == 0, "a read server is registered: " + done.stdout.strip())

    def create_contexts(self):
        text = super().create_contexts()
        reads = self.config("select distinct p.name from context_server2db_pool s join db_pool p on "
                            "p.db_pool_id = s.read_db_pool_id")
        check(reads == [["oxread"]], "contexts read at the second server: %s" % reads)
        return text

    def administer(self, node, name, *words):
        return node.admin(name, "-A", "oxadminmaster", "-P", self.master, *words, check=False)

    def config(self, query, server=None):
        return (server or self.database).sql(runners.CAUSAL + query, "configdb")

    def reload(self):
        for node in self.nodes:
            done = node.admin("reloadconfiguration", "-A", "oxadminmaster", "-P", self.master,
                              "-p", node.rmi, check=False)
            if done.returncode != 0:
                check(False, "reloadconfiguration: " + done.stdout)

    def write_at(self, node, server):
        """configdb of this node of ours is written at that server."""
        self.config_url(node, "writeUrl", server)

    def cleanup(self):
        self.database = getattr(self, "galera", None)  # all three are stopped
        super().cleanup()


# -- one writer, reads at another server -----------------------------------------------------------

def reads(world):
    one, two = world.nodes
    for n in range(5):
        user = "user%d" % n
        done = one.admin("createuser", "-c", 1, "-A", "oxadmin", "-P", world.user_password, "-u", user,
                         "-d", user, "-g", "U", "-s", "S", "-e", user + "@company1.example", "-p",
                         world.user_password, check=False)
        browser = Browser()
        answer = world.login(browser, two, user, 1)[1] if done.returncode == 0 else done.stdout
        if not browser.session:
            check(False, "a user made at node 1 logs in at node 2 at once: %s" % answer)
            return
    check(True, "users made at node 1 log in at node 2 at once, read at another server")
    waits_for_the_write(world)
    with open(world.sessions_log, errors="replace") as log:
        text = log.read()
    world.galera.nodes[1].sql("set global general_log = off")
    ours = set(re.findall(r"^\s*(?:\S+ +\S+)?\s*(\d+) Connect\s+openexchange@", text, re.M))
    told = set(re.findall(r"(\d+) Query\s+SET SESSION sql_mode.*, wsrep_sync_wait = 1\s*$", text, re.M))
    check(ours and ours == told, "each of our %d sessions at the reading server has wsrep_sync_wait" %
          len(ours))


def waits_for_the_write(world):
    """The reading server is kept from applying: a log-in must wait and not see the old state."""
    writer, reader = world.galera.nodes[:2]
    holder = subprocess.Popen(reader._client() + ["-n"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        world.login(Browser(), world.nodes[1], "renamed", 1)[1]))
    try:
        holder.stdin.write("flush tables with read lock; select 'held';\n")
        holder.stdin.flush()
        holder.stdout.readline()
        writer.sql("update login2user set uid = 'renamed' where cid = 1 and uid = 'user0'",
                   world.schemas[0])
        thread.start()
        wait("the log-in's query at the reading server", lambda: answers or reader.sql(
            "select id from information_schema.processlist where user = 'openexchange' and info like "
            "'%userPassword%'"))
        check(not answers, "a read waits until the reading server has applied the write%s" % (
            ": %s" % answers if answers else ""))
    finally:
        holder.stdin.write("unlock tables;\n")
        holder.stdin.close()
        holder.wait(30)
        holder.stdout.close()
        if thread.ident:
            thread.join(60)
    check(answers and answers[0].get("session"), "then it sees it: %s" % (
        "" if answers and answers[0].get("session") else answers))


# -- two writers: provisioning ------------------------------------------------------------------------

def create(world, node, cid, mapping=None):
    return world.administer(node, "createcontext", "-c", cid, "-N", "many%d" % cid, "-q", 100, "-u",
                            "oxadmin", "-d", "A", "-g", "A", "-s", "U", "-p", world.user_password,
                            "-L", mapping or "many%d.example" % cid, "-e", "a@many.example")


def at_once(calls):
    """Runs the calls in threads; their results in order."""
    results = [None] * len(calls)

    def run(i):
        results[i] = calls[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def conflicts(world):
    return sum(int(n.status(name)) for n in world.galera.nodes[:2] for name in
               ("local_cert_failures", "local_bf_aborts"))


def rows_of(world, ids):
    """For each of the contexts the tables of the user schemas with rows of it."""
    found = {i: set() for i in ids}
    for schema in world.schemas if ids else []:
        tables = world.database.sql("select table_name from information_schema.columns where "
                                    "table_schema = '%s' and column_name = 'cid'" % schema)
        for table, cid in world.database.sql(runners.CAUSAL + " union ".join(
                "select '%s', cid from `%s` where cid in (%s)" % (t, t, ",".join(map(str, ids)))
                for [t] in tables), schema):
            found[int(cid)].add(table)
    return found


def two_writers(world):
    one, two = world.nodes
    world.write_at(two, world.galera.nodes[1])
    world.reload()
    before, cid, made, problems = conflicts(world), 1000, [], []
    for number in range(ROUNDS):
        ids = [[cid + 10 * i + k for k in range(EACH)] for i in range(2)]
        cid += 100
        done = at_once([lambda n=node, i=i: create(world, n, i)
                        for node, mine in zip((one, two), ids) for i in mine])
        for i, result in zip(ids[0] + ids[1], done):
            if result.returncode == 0:
                made.append(i)
            elif "DB-0006" not in result.stdout:
                problems.append(result.stdout)
            elif rows_of(world, [i])[i]:
                problems.append("context %d was refused but left rows" % i)
        if conflicts(world) > before:
            break
    print("%d contexts made in %d rounds, %d conflicts between the servers" % (
        len(made), number + 1, conflicts(world) - before), flush=True)
    check(conflicts(world) > before, "creations at two servers met in a conflict")
    check(not problems, "each creation was done, or refused with 'try again': %s" % problems)
    consistent(world, made)
    same = at_once([lambda n=node: create(world, n, 5000) for node in (one, two)])
    check(sorted(r.returncode for r in same)[0] == 0 < sorted(r.returncode for r in same)[1],
          "the same context at both: one made, one refused: %s" % [r.stdout.strip() for r in same])
    same = at_once([lambda n=node, i=i: create(world, n, i, "one-only.example")
                    for node, i in ((one, 5001), (two, 5002))])
    check([r.returncode == 0 for r in same].count(True) == 1, "the same mapping at both: one made: %s" %
          [r.stdout.strip() for r in same])
    consistent(world, [])
    taken_for_abandoned(world)


def consistent(world, made):
    lost = [i for i, tables in rows_of(world, made).items()
            if not {"user", "login2user", "sequence_id", "user_setting_admin"} <= tables]
    check(not lost, "no rows of a made context are missing: %s" % lost)
    text = world.administer(world.nodes[0], "checkcountsconsistency").stdout
    check(text == "all counters are right\n", "counters: " + text.strip())
    [counted] = world.config(COUNTERS)
    check(len(set(counted)) == 1, "counters and contexts: %s" % counted)
    check(world.config("select count(*) from provisioning_journal") == [["0"]], "nothing is unfinished")


def taken_for_abandoned(world):
    """A slow creation at one server is removed from another, where its row lock is not seen."""
    one, two = world.nodes
    for schema in world.schemas:
        world.database.sql("create trigger slow before insert on sequence_id for each row do "
                           "sleep(if(new.cid = 6000, 2, 0))", schema)
    results = []
    thread = threading.Thread(target=lambda: results.append(create(world, one, 6000)))
    thread.start()
    wait("the creation", lambda: results or world.config(
        "select id from provisioning_journal where id = 6000", world.galera.nodes[1]))
    wait("its slow step", lambda: results or world.database.sql(
        "select id from information_schema.processlist where state = 'User sleep'"))
    world.administer(two, "checkcountsconsistency")
    thread.join()
    check(results[0].returncode == 0, "a creation that another server took for abandoned is done again: " +
          results[0].stdout.strip())
    for schema in world.schemas:
        world.database.sql("drop trigger slow", schema)
    consistent(world, [6000])
    browser = Browser()
    status, text = browser.request(two, "/ajax/login?action=login", {
        "name": "oxadmin@many6000.example", "password": world.user_password, "client": "test"})
    check('"session"' in text, "its administrator logs in: %s %s" % (status, "" if '"session"' in text
                                                                      else text))


# -- outside of the primary component ------------------------------------------------------------------

def isolated(world, directory):
    writer, reader = world.galera.nodes[:2]
    case = runners.Case(writer, directory, "outside")
    world.write_at(world.nodes[1], reader)  # also when this part runs alone
    world.reload()
    reader.option("gmcast.isolate=1")
    wait("its exclusion", lambda: reader.status("cluster_status") != "Primary")
    browser = Browser()
    answer = world.login(browser, world.nodes[0], "anna", 1)[1]
    check(browser.session, "while the reading server is excluded, reads go to the writer: %s" % (
        "" if browser.session else answer))
    done = create(world, world.nodes[1], 7000)  # this node writes configdb there
    check(done.returncode != 0 and "primary component" in done.stdout,
          "provisioning there says why it fails: " + done.stdout.strip())

    def heal():
        reader.option("gmcast.isolate=0")
        wait("its return", lambda: reader.status("ready") == "ON")
    runners.outside(reader, case, heal)
    world.galera.settle(3)
    check(not rows_of(world, [7000])[7000], "the refused context left nothing")
    world.write_at(world.nodes[1], writer)  # one writer from here on
    world.reload()


# -- the writer dies ----------------------------------------------------------------------------------

def task_file(world):
    text = "-- name: test.Long\n-- rerunnable: yes\n" + "".join(
        "INSERT INTO effects (name) SELECT '%s' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM effects WHERE "
        "name = '%s') AND SLEEP(0.7) = 0;\n" % (k, k) for k in STEPS)
    text += "ALTER TABLE effects ADD INDEX nameIndex (name);\n"
    for node in world.nodes:
        folder = os.path.join(node.etc, "updatetasks")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "long.sql"), "w", encoding="utf-8") as out:
            out.write(text)


def writer_dies(world, directory):
    writer, second, third = world.galera.nodes
    one, two = world.nodes
    schema = world.schemas[0]
    writer.sql("create table effects (id int auto_increment primary key, name varchar(50) not null)",
               schema)
    task_file(world)
    planned = world.administer(one, "runupdate", "-p", one.rmi, "-n", schema, "--dry-run").stdout
    check("the whole cluster writes nothing" in planned, "the dry run says what TOI means: %s" %
          [line.strip() for line in planned.splitlines() if "Galera" in line])
    sleeper, afterwards = runners.orphan(world.galera.nodes, directory)
    try:
        results = []
        thread = threading.Thread(target=lambda: results.append(
            world.administer(one, "runupdate", "-p", one.rmi, "-n", schema)))
        thread.start()
        wait("the third statement", lambda: results or writer.sql(
            "select id from information_schema.processlist where db = '%s' and info like "
            "'INSERT INTO effects%%%s%%'" % (schema, STEPS[2])))
        writer.kill()
        died = time.monotonic()
        for node in world.nodes:
            world.write_at(node, third)
            world.config_url(node, "readUrl", third)
        world.reload()
        world.database = third
        wait("the two that are left", lambda: third.status("cluster_size") == "2" and
             third.status("ready") == "ON")
        done = world.administer(two, "changedatabase", "-i", world.pool, "-H",
                                "127.0.0.1:%d" % third.port)
        changed = time.monotonic()
        check(done.returncode == 0, "changedatabase -H: " + done.stdout.strip())
        bound = wait("the run at the new writer", lambda: results or third.sql(
            "select server from updateTaskLease where owner <> '' and server like '%%:%d/%%'" %
            third.port, schema))
        print("the writer died; address changed after %.1f s, the run was at the new one %.1f s later "
              "(allowed: %.1f s)" % (changed - died, time.monotonic() - changed, IDLE_MILLIS / 1000),
              flush=True)
        thread.join()
        check(bound and results[0].returncode == 0, "the run goes on there and ends well: " +
              results[0].stdout.strip())
        check("performed again" in one.tail(400), "its log says that the master was lost")
        effects = third.sql(runners.CAUSAL + "select name, count(*) from effects group by name "
                            "order by name", schema)
        check(effects == [[k, "1"] for k in STEPS], "each effect once: %s" % effects)
        state = third.sql("select taskName, successful from updateTask where taskName in ('LOCKED', "
                          "'BACKGROUND', 'test.Long')", schema)
        check(state == [["test.Long", "1"]], "one result, no lock: %s" % state)
        check("the whole cluster writes nothing" in one.tail(400), "the run states what TOI means")
        browser = Browser()
        world.login(browser, two, "anna", 1)
        check(browser.session, "users work at the new writer")
    finally:
        if sleeper.poll() is None and not results:
            sleeper.send_signal(signal.SIGKILL)
    afterwards()
    returns(world, writer, third, schema)


def returns(world, writer, third, schema):
    writer.join(world.galera.nodes)
    world.galera.settle(3)
    sums = [node.sql(runners.CAUSAL + "checksum table effects, updateTask, updateTaskLease", schema)
            for node in (writer, third)]
    check(sums[0] == sums[1], "the old writer comes back and has everything")


def last_one(world):
    """Two servers die at once: the third is no cluster until it is told to be one."""
    keep = world.database
    for server in world.galera.nodes:
        if server is not keep:
            server.kill()
    wait("the last one to know", lambda: keep.status("cluster_status") != "Primary")
    answer = world.login(Browser(), world.nodes[0], "anna", 1)[1]
    check(answer.get("code") == "CTX-0005", "nobody works with one server of three: %s" % answer)
    keep.option("pc.bootstrap=YES")
    wait("it to be the cluster", lambda: keep.status("ready") == "ON")

    def enters():
        browser = Browser()
        world.login(browser, world.nodes[0], "anna", 1)
        return browser.session
    check(wait("a log-in", enters), "told to be the cluster it is one: a user logs in")


def main():
    world = World(23000)
    directory = tempfile.mkdtemp(prefix="ox-galera-")
    runners.write_tasks(directory)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        world.begin()
        nodes = world.galera.nodes
        nodes[0].create_account("ox", "ox")  # of the runners
        for name, part in (
                ("reads", lambda: reads(world)),
                ("two writers", lambda: two_writers(world)),
                ("races", lambda: runners.race(nodes, directory, RACES)),
                ("frozen", lambda: [runners.frozen(nodes, directory, p, n) for p, n in
                                    (("start-recorded", 2), ("performed", 2), ("statement", 4))]),
                ("under way", lambda: runners.under_way(nodes, directory)),
                ("isolated", lambda: isolated(world, directory)),
                ("writer dies", lambda: writer_dies(world, directory)),
                ("last one", lambda: last_one(world))):
            if not any(word in name for word in wanted.split(",")):
                continue
            began = time.monotonic()
            part()
            print("%s: %.1f s" % (name, time.monotonic() - began), flush=True)
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
    finally:
        if tally.failed:
            for node in world.nodes:
                print(node.name + ":\n" + node.tail(40))
        world.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

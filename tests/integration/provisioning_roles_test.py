"""Databases that change roles (changedatabase -m, -M) on a real primary with its replica; contexts written and moved side
by side or one by one; quotas, password mechanisms and --csv-import of users and contexts.

Three MariaDB servers: one for configdb, two for contexts, of which each replicates from the other in turn.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
from database_test import MariaDb, USER  # noqa: E402
from cluster import Browser, edit_properties, wait_for  # noqa: E402
from provisioning_crash_test import Holder  # noqa: E402
import tally  # noqa: E402
from tally import check  # noqa: E402

ACCOUNT = "openexchange"


def replicating(number):
    return MariaDb(options=["--log-bin", "--server-id=%d" % number, "--log-slave-updates", "--skip-slave-start"])


class World:
    def __init__(self, node, config, left, right):
        self.node, self.config, self.left, self.right = node, config, left, right
        self.ids = {}

    def admin(self, name, *words, code=0):
        done = self.node.admin(name, *[str(w) for w in words])
        text = done.stdout + done.stderr
        check(done.returncode == code, "%s %s: exit %d%s" % (
            name, " ".join(str(w) for w in words[:6]), done.returncode,
            "" if done.returncode == code else ": " + text))
        return text

    def tenant(self, name, *words, code=0):
        done = self.node.tool(name, "-c", "1", "-A", "oxadmin", "-P", "admin-1", *[str(w) for w in words])
        text = done.stdout + done.stderr
        check(done.returncode == code, "%s %s: exit %d%s" % (
            name, " ".join(str(w) for w in words[:4]), done.returncode,
            "" if done.returncode == code else ": " + text))
        return text

    def start_tool(self, name, *words):
        env = dict(os.environ, RMI_HOSTNAME="rmi://localhost:%d/" % self.node.rmi)
        return subprocess.Popen([os.path.join(installed.BUILD, "sbin", name), "-A", installed.MASTER,
                                 "-P", installed.MASTER_PASSWORD] + [str(w) for w in words], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def register(self, name, server, *words):
        text = self.admin("registerdatabase", "-n", name, "-H", "127.0.0.1:%d" % server.port, "-p",
                          installed.DB_PASSWORD, *words)
        self.ids[name] = int(re.search(r"database (\d+) registered", text).group(1))
        return self.ids[name]

    def places(self):
        return self.config.sql("select read_db_pool_id, write_db_pool_id from context_server2db_pool "
                               "order by cid", "configdb")

    def set(self, file, **keys):
        edit_properties(os.path.join(self.node.etc, file), keys)
        self.admin("reloadconfiguration")

    def create(self, cid, *words):
        return ("createcontext", "-c", cid, "-N", "c%d" % cid, "-q", 1000, "-u", "oxadmin", "-p", "admin-1",
                *words, *USER)


def replicate(source, target, position="slave_pos"):
    target.sql("change master to master_host = '127.0.0.1', master_port = %d, master_user = '%s', "
               "master_password = '%s', master_use_gtid = %s; start slave" % (
                   source.port, ACCOUNT, installed.DB_PASSWORD, position))


def same_state(source, target):
    wanted = source.sql("select @@gtid_current_pos")[0][0]
    wait_for("the replica", lambda: target.sql("select master_gtid_wait('%s', 1)" % wanted) == [["0"]], 60)


def stale_replica(w):
    """A replica that still has the old password lets nobody in with it, also at a node that knows of no change."""
    def login(password):
        return Browser().request(w.node, "/ajax/login?action=login", {"name": "oxadmin@1", "password": password})[1]
    check("session" in login("admin-1"), "a login")
    w.right.sql("stop slave sql_thread")
    w.tenant("changeuser", "-i", 2, "-p", "admin-2")
    w.node.stop()
    w.node.start()
    check("LGI-0006" in login("admin-1"), "the old password is refused while the replica still has it")
    text = w.admin("runallupdate", "-p", w.node.rmi, "--max-lag", 5)
    job = text.split("id: ")[1].split()[0]

    def status():
        return json.loads(w.node.admin("getUpdateTaskStatus", "-p", str(w.node.rmi), "-j", job, "--json").stdout)
    wait_for("the throttle", lambda: "replica %d does not replicate" % w.ids["right"] in status()["note"], 30, 0.2)
    check(status()["done"] == 0, "an update job begins nothing while the replica does not follow")
    w.right.sql("start slave sql_thread")
    wait_for("the end of the job", lambda: status()["state"] == "done", 30, 0.2)
    check(status()["done"] == 1, "and goes on when it does")
    same_state(w.left, w.right)
    done = w.node.tool("changeuser", "-c", "1", "-A", "oxadmin", "-P", "admin-2", "-i", "2", "-p", "admin-1")
    check(done.returncode == 0 and "session" in login("admin-1"), "the former password again: " + done.stderr)


def roles(w):
    left, right = w.ids["left"], w.ids["right"]
    w.admin(*w.create(1))
    check(w.places() == [[str(right), str(left)]], "a context of a database with a slave reads there")
    [[schema]] = w.config.sql("select db_schema from context_server2db_pool", "configdb")
    same_state(w.left, w.right)
    text = w.admin("changedatabase", "-i", right, "-m", "true", code=103)
    check("read-only" in text and w.places() == [[str(right), str(left)]],
          "a replica that accepts no writes does not become master: " + text.strip())
    w.admin("changedatabase", "-i", left, "-m", "false", code=104)
    w.admin("changedatabase", "-i", left, "-M", right, code=103)
    stale_replica(w)
    w.left.sql("set global read_only = 1")
    same_state(w.left, w.right)
    w.right.sql("stop slave; reset slave all; set global read_only = 0")
    text = w.admin("changedatabase", "-i", right, "-m", "true")
    check(text == "database %d changed\n" % right, text.strip())
    check(w.places() == [[str(left), str(right)]], "the slave is master, the former master its slave")
    listed = {line.split()[1]: line.split() for line in w.admin("listdatabase").splitlines()[1:]}
    check(listed["right"][3:5] == ["true", "0"] and listed["left"][3:5] == ["false", str(right)] and
          listed["right"][7] == "1", "listdatabase: %s" % listed)
    w.tenant("createuser", "-u", "anna", "-p", "anna-1", *USER)
    rows = w.right.sql("select count(*) from login2user where cid = 1 and uid = 'anna'", schema)
    check(rows == [["1"]], "users are written at the new master, without a restart")
    text = w.admin("checkcountsconsistency")
    check(text == "all counters are right\n", "counters went along: " + text.strip())
    w.admin(*w.create(2))
    check(w.places()[1] == [str(left), str(right)], "a new context finds the new master and its slave")

    # Back again, with replication the other way round.
    replicate(w.right, w.left, "current_pos")
    same_state(w.right, w.left)
    w.right.sql("set global read_only = 1")
    same_state(w.right, w.left)
    w.left.sql("stop slave; reset slave all; set global read_only = 0")
    w.admin("changedatabase", "-i", right, "-m", "false", "-M", left)
    check(w.places() == [[str(right), str(left)]] * 2, "-m false -M with the own slave swaps as well")
    rows = w.left.sql("select count(*) from login2user where cid = 1 and uid = 'anna'", schema)
    check(rows == [["1"]], "nothing was lost on the way")
    w.tenant("createuser", "-u", "bert", "-p", "bert-1", *USER)
    w.right.sql("set global read_only = 0")

    # Another slave takes the place; the former one stands alone.
    third = w.register("third", w.config, "-m", "true")
    w.admin("changedatabase", "-i", left, "-m", "false", "-M", third, code=103)
    w.admin("changedatabase", "-i", third, "-m", "false", "-M", left)
    check(w.places() == [[str(third), str(left)]] * 2, "a master without schemas becomes a slave and replaces another")
    w.admin("changedatabase", "-i", right, "-m", "true", "-x", 7)
    rows = w.config.sql("select read_db_pool_id, max_units from db_cluster where write_db_pool_id = %d" % right,
                        "configdb")
    check(rows == [["0", "7"]], "a slave of nobody becomes a master of its own: %s" % rows)
    w.admin("unregisterdatabase", "-i", third)
    check(w.places() == [[str(left), str(left)]] * 2, "without a slave contexts read from their master")
    text = w.admin("checkcountsconsistency")
    check(text == "all counters are right\n", "after all that: " + text.strip())


def held(w, server, schema, table, calls, seen):
    """Starts the calls while rows of the table cannot be written; `seen` is looked for before they may."""
    server.sql("create trigger ox_hold before insert on `%s` for each row do get_lock('ox_hold', 300), "
               "release_lock('ox_hold')" % table, schema)
    holder = Holder(server)
    try:
        processes = [w.start_tool(*call) for call in calls]
        try:
            wait_for("what is to be seen", lambda: seen(processes), 60)
            good = True
        except installed.cluster.Failure as late:
            good = str(late)
    finally:
        holder.release()
    ended = [(p.communicate(timeout=90)[0], p.returncode) for p in processes]
    server.sql("drop trigger ox_hold", schema)
    return good, ended


def side_by_side(w):
    """Two contexts into two schemas of one database; the first one is held while it writes its rows."""
    left = w.ids["left"]
    w.admin("createschemas", "-i", left, "-q", 2)
    schemas = sorted(s for [s] in w.config.sql(
        "select schemaname from contexts_per_dbschema where db_pool_id = %d and count = 0" % left, "configdb"))[:2]
    busy = ("select count(*) from information_schema.processlist where state = 'User lock'")
    waiting = ("select count(*) from information_schema.processlist where info like '%dbpool_lock%for update' "
               "and id <> connection_id()")

    def one_held():
        return w.left.sql(busy) == [["1"]]

    def done(cid):
        return w.config.sql("select count(*) from context where cid = %d" % cid, "configdb") == [["1"]]
    many = [w.start_tool(*w.create(cid, "-D", left)) for cid in range(31, 39)]
    ended = [(p.communicate(timeout=120)[0], p.returncode) for p in many]
    check([code for _, code in ended] == [0] * 8, "eight at once: %s" % ended)
    text = w.admin("checkcountsconsistency")
    check(text == "all counters are right\n", "counters of them: " + text.strip())
    good, ended = held(w, w.left, schemas[0], "sequence_id",
                       [w.create(11, "--schema", schemas[0]), w.create(12, "--schema", schemas[1])],
                       lambda _: one_held() and done(12) and not done(11))
    check(good is True, "side by side: the second context is there while the first is written: %s" % good)
    check([code for _, code in ended] == [0, 0], "both exist in the end: %s" % ended)
    w.set("plugin/hosting.properties", LOCK_ON_WRITE_CONTEXT_INTO_PAYLOAD_DB="true")
    good, ended = held(w, w.left, schemas[0], "sequence_id", [w.create(13, "--schema", schemas[0])],
                       lambda _: one_held())
    check(good is True and ended[0][1] == 0, "one by one: a context alone: %s" % ended)

    second = {}

    def begun(_):
        if one_held() and not second:
            second["process"] = w.start_tool(*w.create(15, "--schema", schemas[1]))
        return second and int(w.config.sql(waiting)[0][0]) > 0 and not done(15)
    good, ended = held(w, w.left, schemas[0], "sequence_id", [w.create(14, "--schema", schemas[0])], begun)
    check(good is True, "one by one: the second waits for the first: %s" % good)
    out = second["process"].communicate(timeout=90)[0] if second else "never begun"
    check(ended[0][1] == 0 and second and second["process"].returncode == 0, "both exist in the end: " + out)
    text = w.admin("checkcountsconsistency")
    check(text == "all counters are right\n", "counters: " + text.strip())


def moves(w):
    """CONCURRENT_JOBS moves at a time on a node."""
    right = w.ids["right"]

    def fresh():
        w.admin("createschemas", "-i", right, "-q", 1)
        return w.config.sql("select schemaname from contexts_per_dbschema where db_pool_id = %d and count = 0" % right,
                            "configdb")[0][0]
    journal = "select count(*) from provisioning_journal where kind = 'move'"

    def begun(number):
        return w.config.sql(journal, "configdb") == [[str(number)]]
    w.set("AdminDaemon.properties", CONCURRENT_JOBS=1)
    calls = [("movecontextdatabase", "-c", cid, "-d", right) for cid in (11, 12, *range(31, 39))]
    arrived = ("select count(*) from context_server2db_pool where write_db_pool_id = %d and cid in (11, 12, 13, 14, "
               "31, 32, 33, 34, 35, 36, 37, 38)" % right)
    most = []

    def one_refused(processes):
        most.append(int(w.config.sql(journal, "configdb")[0][0]))
        held_one = w.right.sql("select count(*) from information_schema.processlist where state = 'User lock'")
        return held_one == [["1"]] and any(p.poll() is not None for p in processes)
    w.config.sql("update db_cluster set max_units = 100 where write_db_pool_id = %d" % right, "configdb")
    good, ended = held(w, w.right, fresh(), "sequence_id", calls, one_refused)
    refused = [out for out, code in ended if code == 1 and "RUN-0005" in out]
    check(good is True and len(refused) == 1 and sum(code == 0 for _, code in ended) == 9 and max(most) == 1,
          "one move at a time, eight wait, the tenth call is refused: %s %s %s" % (good, most[-3:], ended))
    w.set("AdminDaemon.properties", CONCURRENT_JOBS=2)
    calls = [("movecontextdatabase", "-c", cid, "-d", right) for cid in (13, 14)]
    good, ended = held(w, w.right, fresh(), "sequence_id", calls, lambda _: begun(2))
    check(good is True and [code for _, code in ended] == [0, 0], "two at a time: %s %s" % (good, ended))
    check(w.config.sql(arrived, "configdb") == [["11"]], "all but the refused one arrived")


def people(w, directory):
    path = os.path.join(directory, "users.csv")
    with open(path, "w", encoding="utf-8") as out:
        out.write("username,password,displayname,givenname,surname,email,quota,passwordmech\n"
                  'carla,carla-1,"Bell, ""C"" Carla",Carla,Bell,carla@example.com,25,SHA-512\n'
                  "anna,x,A,A,A,a@example.com,,\n"
                  "dora,dora-1,Dora,Dora,D,dora@example.com,,\n")
    text = w.tenant("createuser", "--csv-import", path, code=110)
    check("user 5 in context 1 created\n" in text and "line 3 of" in text and "2 of 3 rows taken" in text,
          "createuser --csv-import: " + text.strip().replace("\n", "; "))
    schema = w.config.sql("select db_schema from context_server2db_pool where cid = 1", "configdb")[0][0]
    row = w.left.sql("select passwordMech, quota_max, length(salt) > 0 from user where cid = 1 and id = 5", schema)
    check(row == [["{SHA-512}", str(25 << 20), "1"]], "mechanism and quota: %s" % row)
    w.left.sql("update filestore_usage set used = %d where cid = 1 and user = 5" % (3 << 20), schema)
    lines = w.tenant("listuser", "--csv", "-s", "carla").splitlines()
    check(lines[0].endswith("guest_created_by,max_quota,used_quota,passwordmech") and
          lines[1].endswith('"0","25","3","{SHA-512}"') and '"Bell, ""C"" Carla"' in lines[1], "listuser: %s" % lines)
    w.tenant("changeuser", "-i", 5, "--quota", -1, "-p", "carla-2", "--passwordmech", "SHA")
    row = w.left.sql("select passwordMech, quota_max from user where cid = 1 and id = 5", schema)
    check(row == [["{SHA}", "-1"]], "changeuser: %s" % row)
    w.tenant("changeuser", "-i", 5, "--passwordmech", "SHA", code=103)
    w.tenant("changeuser", "-i", 5, "-p", "x", "--passwordmech", "MD5", code=103)
    w.tenant("changeuser", "-i", 5, "--quota", -2, code=109)
    w.tenant("createuser", "-u", "guest", "-p", "g", "--guestcreatedby", 5, *USER)
    guest = w.left.sql("select id from login2user where cid = 1 and uid = 'guest'", schema)[0][0]
    w.tenant("changeuser", "-i", guest, "--guestcreatedby", 3)
    check(w.left.sql("select guestCreatedBy from user where cid = 1 and id = %s" % guest, schema) == [["3"]],
          "a guest goes over to another user")
    w.tenant("changeuser", "-i", 5, "--guestcreatedby", 3, code=103)
    w.tenant("changeuser", "-i", guest, "--guestcreatedby", guest, code=108)
    w.set("User.properties", DEFAULT_PASSWORD_MECHANISM="{SHA-256}")
    w.tenant("changeuser", "-i", 5, "-p", "carla-3")
    row = w.left.sql("select passwordMech from user where cid = 1 and id = 5", schema)
    check(row == [["{SHA-256}"]], "DEFAULT_PASSWORD_MECHANISM: %s" % row)

    path = os.path.join(directory, "contexts.csv")
    with open(path, "w", encoding="utf-8") as out:
        out.write("contextid,contextname,quota,addmapping\n21,one,5,\"a.example,b.example\"\n22,two,6,\n")
    text = w.admin("createcontext", "--csv-import", path, "-u", "oxadmin", "-p", "admin-1", *USER)
    check("context 21 created\ncontext 22 created\n" in text and "2 of 2 rows taken" in text,
          "createcontext --csv-import: " + text.strip().replace("\n", "; "))
    infos = w.config.sql("select login_info from login2context where cid = 21 order by 1", "configdb")
    check(infos == [["21"], ["a.example"], ["b.example"], ["one"]], "mappings: %s" % infos)
    with open(path, "a", encoding="utf-8") as out:
        out.write("23,three\n")
    text = w.admin("createcontext", "--csv-import", path, "-u", "oxadmin", "-p", "admin-1", *USER, code=114)
    check("line 4: 2 values for 4 columns" in text, text.strip())


def main():
    directory = tempfile.mkdtemp(prefix="ox-roles-")
    node = None
    try:
        with MariaDb() as config, replicating(1) as left, replicating(2) as right:
            quiet = installed.Checks()  # the installation is the business of database_test.py
            node = installed.Node(directory, config.port)
            installed.install(quiet, node, config)
            node.ports()
            installed.create_configdb(quiet, node, config)
            for server in (left, right):
                server.create_account(ACCOUNT, installed.DB_PASSWORD)
            right.sql("reset master; set global gtid_slave_pos = ''")
            left.sql("reset master")
            replicate(left, right)
            # The account has every right; only read_only without SUPER counts for it.
            right.sql("set global read_only = 1")
            node.start()
            w = World(node, config, left, right)
            w.admin("registerserver", "-n", "oxserver")
            w.admin("registerfilestore", "-t", "file:" + directory, "-s", 100000)
            w.register("left", left, "-m", "true")
            w.register("right", right, "-m", "false", "-M", w.ids["left"])
            roles(w)
            people(w, directory)
            side_by_side(w)
            moves(w)
            node.stop()
            errors = re.findall(r"^\d{4}-\S+ ERROR .*\n.*", node.log(), re.M)
            check(not errors, "no ERROR in the log: %s" % errors[:3])
            check(not [s for s in ("carla-1", "carla-2", "admin-1") if s in node.log()], "no password in the log")
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

"""The tour of packaging/quickstart: three nodes, a login that survives kill -9, an update run.

Prints one line a step, "tour: NN ok|failed SECONDS text", and as the last line of standard output
"tour: N steps, M failed", after a failure or an interrupt too. Exit 0 only with 0 failed.
"""
import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import ROOT, Browser, Node, edit_properties, port_free, wait_for  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from processes import Failure, Interrupted, end_running, interrupts  # noqa: E402

CLIENTS = 50
ROWS = 300_000
TASK = "com.openexchange.tour.RebuildMailDigestsTask"
TASK_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tour.sql")
IMPLICIT = ("updatetasks.properties",
            "com.openexchange.groupware.update.denyImplicitUpdateOnContextLoad")


class Tour:
    def __init__(self, args):
        self.steps = args.steps_done
        self.failed = 0
        self.keep = args.keep
        self.work = None
        self.base = args.port_base
        self.build = args.build
        self.database = None
        self.nodes = []
        self.master = secrets.token_urlsafe(12)
        self.configdb_password = secrets.token_urlsafe(12)
        self.user_password = secrets.token_urlsafe(9)
        self.group = "QuickstartCluster"
        self.browser = Browser()
        self.session = None
        self.schemas = []
        self.complete = False

    # -- steps ---------------------------------------------------------------------------------

    def step(self, action):
        """Runs one step; a failure ends the tour. `action` may return text of what was seen."""
        started = time.monotonic()
        text = (action.__doc__ or action.__name__).strip().split("\n")[0]
        try:
            seen = action()
        except Interrupted:
            self.line(False, started, text + ": interrupted")
            raise
        except Exception as e:  # noqa: BLE001 - every failure must become a line of the tour
            self.line(False, started, "%s: %s" % (text, str(e).strip().replace("\n", " | ")[:1500]))
            return False
        self.line(True, started, text + (": " + seen if seen else ""))
        return True

    def line(self, ok, started, text):
        with interrupts:
            self.steps += 1
            self.failed += 0 if ok else 1
            print("tour: %02d %s %.1f %s" % (self.steps, "ok" if ok else "failed",
                                             time.monotonic() - started, text), flush=True)

    def run(self):
        for action in (self.prepare, self.start_database, self.write_configuration,
                       self.init_configdb, self.start_first_node, self.register,
                       self.create_contexts, self.start_other_nodes, self.log_in, self.whoami_at_1,
                       self.three_members, self.kill_node_1, self.whoami_at_2,
                       self.node_1_returns, self.rolling_restart, self.fill_rows,
                       self.task_is_pending, self.run_update, self.works_afterwards):
            if not self.step(action):
                return
        self.complete = True

    def interrupted(self):
        """Between two steps nobody has said so yet; after the last one it is no failure."""
        if not self.complete and self.failed == 0:
            self.line(False, time.monotonic(), "interrupted")

    def summary(self):
        print("tour: %d steps, %d failed" % (self.steps, self.failed), flush=True)

    def prepare(self):
        """ports are free and the work directory is ready"""
        if self.keep:
            keep = os.path.abspath(self.keep)
            os.makedirs(keep, exist_ok=True)
            if os.listdir(keep):
                raise Failure("%s is not empty; name a new directory" % keep)
            self.work = keep
        else:
            self.work = tempfile.mkdtemp(prefix="open-xchange-quickstart.")
        self.database = MariaDb(os.path.join(self.work, "mariadb"), self.base, buffer_mb=128)
        nodes = [Node(i, self.work, self.build, [self.base + 10 * i - 9 + k for k in range(4)])
                 for i in (1, 2, 3)]
        self.nodes = nodes
        wanted = [self.base] + [p for n in nodes for p in (n.http, n.jmx, n.rmi, n.grid)]
        taken = [p for p in wanted if not port_free(p)]
        if taken:
            raise Failure("port %s is taken on 127.0.0.1; free it or choose others with --port-base"
                          % ", ".join(str(p) for p in taken))

    def start_database(self):
        """a private MariaDB runs below the work directory"""
        self.database.start()

    def write_configuration(self):
        """three configuration directories with random secrets (oxinstaller, generatempasswd)"""
        first = self.nodes[0]
        for node in self.nodes:
            node.write_etc()
            node.join(self.group, self.nodes)
        first.tool("oxinstaller", "--etc", first.etc, "--servername", "oxserver",
                   "--configdb-pass", self.configdb_password,
                   "--configdb-readhost", self.database.host, "--configdb-readport", self.database.port,
                   "--master-user", "oxadminmaster", "--master-pass", self.master)
        # One cluster shares its secrets: the others get what oxinstaller wrote for the first.
        for node in self.nodes[1:]:
            shutil.rmtree(node.etc)
            shutil.copytree(first.etc, node.etc)
            node.write_etc()
            node.join(self.group, self.nodes)
        for node in self.nodes:
            done = node.check_config()
            if done.returncode != 0:
                raise Failure("--check-config of %s: %s" % (node.name, done.stdout.strip()))

    def init_configdb(self):
        """initconfigdb makes the configuration database"""
        self.nodes[0].tool("initconfigdb", "--configdb-pass", self.configdb_password, "-a", "-i",
                           "--configdb-host", self.database.host, "--configdb-port", self.database.port,
                           "--mysql-root-user", "root", "--mysql-root-socket",
                           self.database.socket)

    def start_first_node(self):
        """node 1 starts"""
        self.nodes[0].start()

    def auth(self):
        return {"ADMIN_PASSWORD": self.master}

    def register(self):
        """registerserver, registerfilestore, registerdatabase; each listed"""
        node, auth = self.nodes[0], self.auth()
        store = os.path.join(self.work, "filestore")
        os.makedirs(store, exist_ok=True)
        node.admin("registerserver", "-A", "oxadminmaster", "-n", "oxserver", env=auth)
        node.admin("registerfilestore", "-A", "oxadminmaster", "-t", "file:" + store,
                   "-s", "1000", env=auth)
        node.admin("registerdatabase", "-A", "oxadminmaster", "-n", "oxdatabase",
                   "-H", "%s:%d" % (self.database.host, self.database.port), "-u", "openexchange",
                   "-p", self.configdb_password, "-m", "true", env=auth)
        listed = node.admin("listdatabase", "-A", "oxadminmaster", env=auth).stdout
        if "oxdatabase" not in listed:
            raise Failure("listdatabase does not show oxdatabase: " + listed)
        node.admin("listserver", "-A", "oxadminmaster", env=auth)
        node.admin("listfilestore", "-A", "oxadminmaster", env=auth)

    def create_contexts(self):
        """two schemas, a context in each, users in both (createschema, createcontext, createuser)"""
        node = self.nodes[0]
        for cid in (1, 2):
            made = node.admin("createschema", "-A", "oxadminmaster", env=self.auth()).stdout
            schema = [w for w in made.replace(",", " ").split() if w.startswith("oxdatabase_")]
            if not schema:
                raise Failure("createschema names no schema: " + made)
            self.schemas.append(schema[0].strip(".'\""))
            node.admin("createcontext", "-A", "oxadminmaster", "-c", cid, "-N", "company%d" % cid,
                       "-q", "1000", "--schema", self.schemas[-1], "-u", "oxadmin",
                       "-d", "Context Admin", "-g", "Admin", "-s", "User",
                       "-p", self.user_password, "-L", "company%d.example" % cid,
                       "-e", "oxadmin@company%d.example" % cid, env=self.auth())
            for name in ("anna", "bert"):
                node.admin("createuser", "-c", cid, "-A", "oxadmin", "-P", self.user_password,
                           "-u", name, "-d", name.title(), "-g", name.title(), "-s", "Example",
                           "-e", "%s@company%d.example" % (name, cid),
                           env={"NEW_USER_PASSWORD": self.user_password})
        listed = node.admin("listcontext", "-A", "oxadminmaster", env=self.auth()).stdout
        if "company1" not in listed or "company2" not in listed:
            raise Failure("listcontext does not show both: " + listed)
        return "schemas " + ", ".join(self.schemas)

    def start_other_nodes(self):
        """nodes 2 and 3 start and join"""
        for node in self.nodes[1:]:
            node.start()
        self.settle()

    def settle(self, nodes=None):
        nodes = nodes or self.nodes
        wait_for("%d members and a safe state on every node" % len(nodes),
                 lambda: all(n.safe() and self.members(n) == len(nodes) for n in nodes), 30, 0.2)

    def members(self, node):
        """Distinct member objects: a line is "<object name>,<attribute> = <value>"."""
        return len({line.partition(" = ")[0].rsplit(",", 1)[0]
                    for line in self.stats(node).splitlines()
                    if line.startswith("com.hazelcast:type=Member,")})

    def stats(self, node):
        return node.tool("showruntimestats", "-H", node.host, "-p", node.jmx, "-c").stdout

    # -- sessions ------------------------------------------------------------------------------

    def login(self, browser, node, user, cid):
        status, text = browser.request(node, "/ajax/login?action=login", {
            "name": "%s@company%d.example" % (user, cid), "password": self.user_password,
            "client": "open-xchange-appsuite"})
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"raw": text}
        browser.session = answer.get("session")
        return status, answer

    def whoami(self, browser, node):
        status, text = browser.request(node, "/ajax/system?action=whoami&session=%s" % browser.session)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {"raw": text}

    def expect_same(self, node):
        _, answer = self.whoami(self.browser, node)
        data = answer.get("data") or {}
        if data.get("session") != self.session or data.get("node") != node.route:
            raise Failure("whoami answered " + json.dumps(answer))
        route = self.browser.cookies.get("JSESSIONID", "").partition(".")[2]
        if route != node.route:
            raise Failure("JSESSIONID carries route %r, expected %s" % (route, node.route))
        return "user %s, JSESSIONID route %s" % (data.get("user"), route)

    def log_in(self):
        """anna of company 1 logs in at node 1"""
        _, answer = self.login(self.browser, self.nodes[0], "anna", 1)
        self.session = answer.get("session")
        if not self.session:
            raise Failure("login answered " + json.dumps(answer))

    def whoami_at_1(self):
        """whoami at node 1 answers as that session"""
        return self.expect_same(self.nodes[0])

    def three_members(self):
        """showruntimestats -c shows three members, and the session and its backup on two of them"""
        count = self.members(self.nodes[0])
        if count != 3:
            raise Failure("%d members in: %s" % (count, self.stats(self.nodes[0])))
        kinds = ("localOwnedEntryCount", "localBackupEntryCount")
        held = [[self.figure(node, "name=sessions-7," + kind) for kind in kinds]
                for node in self.nodes]
        if sorted(held) != [[0, 0], [0, 1], [1, 0]]:
            raise Failure("owned and backup entries of sessions-7 on the nodes: %s" % held)

    def figure(self, node, end):
        """One number: of the line whose part before " = " ends so; 0 when there is none."""
        found = [line.partition(" = ")[2] for line in self.stats(node).splitlines()
                 if line.partition(" = ")[0].endswith(end)]
        return int(found[0]) if found else 0

    def kill_node_1(self):
        """kill -9 of node 1"""
        self.nodes[0].kill()

    def whoami_at_2(self):
        """whoami with the same cookies at node 2 answers as the same session"""
        return self.expect_same(self.nodes[1])

    def node_1_returns(self):
        """node 1 comes back and has its share again"""
        self.nodes[0].start()
        self.settle()

    # -- rolling restart -----------------------------------------------------------------------

    def rolling_restart(self):
        """all three nodes stopped and started one by one while 50 clients click"""
        stop = threading.Event()
        lock = threading.Lock()
        seen = {"clicks": 0, "moved": 0, "forced": 0, "other": 0, "finished": 0}
        notes = []
        clients = []
        for i in range(CLIENTS):
            browser = Browser()
            user = ("anna", "bert")[i % 2]
            status, answer = self.login(browser, self.nodes[i % 3], user, 1 + (i // 2) % 2)
            if not browser.session:
                raise Failure("client %d could not log in: %d %s" % (i, status, json.dumps(answer)))
            clients.append((browser, i % 3))

        def click(browser, at):
            last_one = False
            while not last_one:
                last_one = stop.is_set()  # each client clicks once more when all nodes are back
                try:
                    status, answer = self.whoami(browser, self.nodes[at])
                except OSError:
                    last_one = False
                    at = (at + 1) % 3  # as a load balancer would: the next node
                    with lock:
                        seen["moved"] += 1
                    stop.wait(0.02)
                    continue
                code = str(answer.get("code", ""))
                with lock:
                    seen["clicks"] += 1
                    if code.startswith("SES-"):
                        seen["forced"] += 1
                        notes.append(code + " at " + self.nodes[at].name)
                    elif status in (502, 503):
                        seen["moved"] += 1
                        at = (at + 1) % 3
                    elif (answer.get("data") or {}).get("session") != browser.session:
                        seen["other"] += 1
                        notes.append("%d %s" % (status, json.dumps(answer)[:200]))
                if code.startswith("SES-"):
                    return
                stop.wait(0.05)
            with lock:
                seen["finished"] += 1

        threads = [threading.Thread(target=click, args=c, daemon=True) for c in clients]
        for t in threads:
            t.start()
        try:
            for node in self.nodes:
                node.stop()
                node.start()
                self.settle()
        finally:
            stop.set()
        deadline = time.monotonic() + 30
        for t in threads:
            t.join(max(0, deadline - time.monotonic()))
        if seen["forced"] or seen["other"] or seen["finished"] < CLIENTS:
            raise Failure("%s; %s" % (seen, "; ".join(notes[:5])))
        return "%d clicks, %d followed to another node, 0 forced logins" % (seen["clicks"],
                                                                           seen["moved"])

    # -- update --------------------------------------------------------------------------------

    def fill_rows(self):
        """300,000 rows in a table of company 1's schema"""
        self.database.sql(
            "CREATE TABLE tour_mail (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL,"
            " subject VARCHAR(128) NOT NULL, body VARCHAR(255) NOT NULL, PRIMARY KEY (cid, id))"
            " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;"
            "INSERT INTO tour_mail SELECT 1, seq, CONCAT('subject ', seq),"
            " CONCAT('body of message ', seq, ' ', MD5(seq)) FROM seq_1_to_%d;" % ROWS,
            self.schemas[0])
        self.database.sql("CREATE TABLE tour_mail LIKE %s.tour_mail" % self.schemas[0],
                          self.schemas[1])
        rows = self.database.sql("SELECT COUNT(*) FROM tour_mail", self.schemas[0])
        if rows != [[str(ROWS)]]:
            raise Failure("rows: %s" % rows)

    def task_is_pending(self):
        """a new update task is put into etc/updatetasks and listUpdateTasks shows it pending"""
        for node in self.nodes:
            folder = os.path.join(node.etc, "updatetasks")
            os.makedirs(folder, exist_ok=True)
            shutil.copy(TASK_FILE, folder)
            # The tool is to run it, not the first user who comes.
            edit_properties(os.path.join(node.etc, IMPLICIT[0]), {IMPLICIT[1]: "true"})
            node.process.send_signal(signal.SIGHUP)
        node = self.nodes[0]

        def pending():
            listed = node.admin("listUpdateTasks", "-p", node.rmi, "-A", "oxadminmaster",
                                "-n", self.schemas[0], "-g", env=self.auth()).stdout
            return TASK in listed
        wait_for("the task in listUpdateTasks -g", pending, 10, 0.2)
        # The other schema has nothing to convert and is done at once.
        node.admin("runupdate", "-p", node.rmi, "-A", "oxadminmaster", "-n", self.schemas[1],
                   env=self.auth())

    def run_update(self):
        """runupdate runs it: CTX-0007 for that schema meanwhile, the other schema works"""
        node = self.nodes[0]
        result = {}

        def update():
            try:
                result["done"] = node.admin("runupdate", "-p", node.rmi, "-A", "oxadminmaster",
                                            "-n", self.schemas[0], env=self.auth(), check=False)
            except Exception as e:  # noqa: BLE001 - handed to the step
                result["error"] = e
        seen = {"refused": 0, "login refused": 0, "other schema": 0, "other failed": 0}
        worker = threading.Thread(target=update, daemon=True)
        begun = time.monotonic()
        worker.start()
        while worker.is_alive():
            _, answer = self.whoami(self.browser, self.nodes[1])
            if answer.get("code") == "CTX-0007":
                seen["refused"] += 1
                _, answer = self.login(Browser(), self.nodes[2], "bert", 1)
                if answer.get("code") == "CTX-0007":
                    seen["login refused"] += 1
                stranger = Browser()
                _, answer = self.login(stranger, self.nodes[2], "anna", 2)
                if stranger.session:
                    seen["other schema"] += 1
                else:
                    seen["other failed"] += 1
            time.sleep(0.05)
        worker.join()
        took = time.monotonic() - begun
        if "error" in result:
            raise result["error"]
        if result["done"].returncode != 0:
            raise Failure("runupdate ended with %d: %s" % (result["done"].returncode,
                                                          result["done"].stdout.strip()))
        if not (seen["refused"] and seen["login refused"] and seen["other schema"]) or \
                seen["other failed"]:
            raise Failure("during %.1f s of update: %s" % (took, seen))
        return "%.1f s over %d rows; %s" % (took, ROWS, ", ".join(
            "%s %d" % item for item in seen.items() if item[1]))

    def works_afterwards(self):
        """the user of that schema works again with the same session, and no row is lost"""
        def works():
            _, answer = self.whoami(self.browser, self.nodes[1])
            return (answer.get("data") or {}).get("session") == self.session
        wait_for("whoami after the update", works, 10)
        done = self.database.sql("SELECT COUNT(*), COUNT(digest) FROM tour_mail", self.schemas[0])
        if done != [[str(ROWS), str(ROWS)]]:
            raise Failure("rows and digests: %s" % done)
        state = self.database.sql("SELECT successful FROM updateTask WHERE taskName = '%s'" % TASK,
                                  self.schemas[0])
        if state != [["1"]]:
            raise Failure("updateTask row: %s" % state)

    # -- end -----------------------------------------------------------------------------------

    def describe(self):
        print("\nThe cluster is running:")
        for node in self.nodes:
            print("  %s  http://127.0.0.1:%d/ajax/  management http://127.0.0.1:%d/  etc %s" % (
                node.name, node.http, node.jmx, node.etc))
        print("  user anna@company1.example, password %s" % self.user_password)
        print("  master administrator oxadminmaster, password %s" % self.master)
        print("  try: %s/sbin/showruntimestats -H 127.0.0.1 -p %d -c" % (
            os.path.relpath(self.build, ROOT), self.nodes[0].jmx))
        print("Ctrl-C stops it.", flush=True)

    def cleanup(self):
        """Stops what this tour started, and only that; removes the data unless --keep."""
        end_running()
        for node in self.nodes:
            if node.alive():
                node.process.terminate()
        for node in self.nodes:
            try:
                if node.process is not None:
                    node.process.wait(30)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()
        if self.database is not None:
            self.database.stop()
        if self.work is None or self.keep:
            return
        if self.failed and not interrupts.happened:
            # The logs tell why; the data would only fill the disk.
            for data in ("mariadb/data", "filestore"):
                shutil.rmtree(os.path.join(self.work, data), ignore_errors=True)
            print("configuration and logs are kept in " + self.work, file=sys.stderr)
        else:
            shutil.rmtree(self.work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="./packaging/quickstart")
    parser.add_argument("--tour", action="store_true", help="end after the tour")
    parser.add_argument("--keep", metavar="DIR", help="keep all data in DIR (new or empty)")
    parser.add_argument("--port-base", type=int, default=18000)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"),
                        help=argparse.SUPPRESS)  # tests: another flavour's build directory
    parser.add_argument("--steps-done", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.umask(0o077)  # a database without password and files with secrets are nobody else's business
    tour = Tour(args)
    interrupts.install()
    try:
        tour.run()
        if not args.tour and tour.complete:
            tour.describe()
            while True:
                signal.pause()
        interrupts.close()
    except Interrupted:
        tour.interrupted()
    except BrokenPipeError:  # nobody reads any more
        tour.failed += 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        tour.cleanup()
        # The interpreter's end gives its own handlers up: a late signal must not take the exit code.
        interrupts.ignore()
        tour.summary()
    return 0 if tour.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

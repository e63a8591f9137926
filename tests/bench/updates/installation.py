"""What updates_bench measures: three MariaDB servers, a node from the build tree, schemas, tasks, tools.

Told by lines on standard input, answers "ok name=number ..." or "error TEXT" (process.h). Everything
lives below a temporary directory (OX_BENCH_DATA: where) and ends with this program, also when its input just ends.
    begin                     servers and node; whether the data is in memory
    schemas COUNT             with 20 tables, over the hosts
    bare COUNT                further ones with the table updateTask only, until there are COUNT
    client HOST|all           the work of one turn by the client, host after host; seconds, also of each
    run PARALLEL HOST|all     the same by runallupdate with tasks of new names
    small TASKS SCHEMAS       small tasks on host 1, first by the client, then by runallupdate
    check PENDING             checkdatabase, and the same read by the client; PENDING: 0 or 1
    memory                    MiB that the node has resident
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [HERE, os.path.join(ROOT, "packaging", "tour"), os.path.join(ROOT, "tests", "integration")]
import work  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from processes import Failure, end_group, interrupts  # noqa: E402
from tour import Tour  # noqa: E402
from two_nodes import port_base  # noqa: E402

HOSTS = 3
FIRST_PORT = 24000
BUFFER_MIB = 64
# Durable commits, as a server has them that nobody told otherwise.
SERVER = ["--innodb-flush-log-at-trx-commit=1"]
FREE_GIB = 5
# In memory where there is room: else the turns are those of a disk's fsync, which others use as well.
MEMORY = "/dev/shm"
CONTEXTS_PER_SCHEMA = 10
TOOL_SECONDS = 600
FIRST_CONTEXT = 1000
READ = "SELECT taskName, successful, lastModified FROM updateTask WHERE cid = 0"


def parallel(actions):
    """Runs all at the same time; the first failure is raised when all have ended."""
    failures = []

    def guarded(action):
        try:
            action()
        except Exception as broken:  # noqa: BLE001 - raised below
            failures.append(broken)
    threads = [threading.Thread(target=guarded, args=(one,)) for one in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def answer(**figures):
    return " ".join("%s=%.6f" % item for item in sorted(figures.items()))


class Installation(Tour):
    def __init__(self, build):
        super().__init__(SimpleNamespace(steps_done=0, keep=None, build=build,
                                         port_base=port_base(FIRST_PORT)))
        self.databases = []
        self.pools = []
        self.schemas_of = [[] for _ in range(HOSTS)]
        self.bare_of = [[] for _ in range(HOSTS)]
        self.table = []
        self.turn = 0
        self.contexts = FIRST_CONTEXT

    # -- what is started -------------------------------------------------------------------------

    def begin(self):
        os.umask(0o077)
        tempfile.tempdir = self.place()
        self.prepare()
        self.nodes = self.nodes[:1]
        self.databases = [
            MariaDb(os.path.join(self.work, "mariadb%d" % n), self.base if n == 1 else None,
                    buffer_mb=BUFFER_MIB, options=SERVER) for n in range(1, HOSTS + 1)]
        self.database = self.databases[0]
        parallel([database.start for database in self.databases])
        self.write_configuration()
        self.init_configdb()
        self.start_first_node()
        self.register()
        for number, database in list(enumerate(self.databases))[1:]:
            database.create_account("openexchange", self.configdb_password)
            self.admin("registerdatabase", "-n", "oxdatabase%d" % (number + 1), "-H",
                       "%s:%d" % (database.host, database.port), "-u", "openexchange", "-p",
                       self.configdb_password, "-m", "true")
        self.pools = [row[0] for row in self.database.sql(
            "select db_pool_id from db_pool order by db_pool_id", "configdb")]
        if len(self.pools) != HOSTS:
            raise Failure("registered are the databases " + " ".join(self.pools))
        os.makedirs(self.task_directory(), exist_ok=True)
        return answer(memory=tempfile.tempdir == MEMORY)

    @staticmethod
    def place():
        def free(path):
            return shutil.disk_usage(path).free / 2**30 if os.path.isdir(path) else 0
        named = os.environ.get("OX_BENCH_DATA")
        path = named or (MEMORY if free(MEMORY) >= FREE_GIB else tempfile.gettempdir())
        if free(path) < FREE_GIB:
            raise Failure("%.1f GiB are free in %s, needed are %d" % (free(path), path, FREE_GIB))
        return path

    def end(self):
        try:
            for node in self.nodes:
                node.stop()
        except Failure:
            pass  # it was killed
        for database in self.databases[1:]:
            database.stop()
        self.cleanup()

    def admin(self, tool, *words):
        return self.nodes[0].admin(tool, "-A", "oxadminmaster", *words, env=self.auth(),
                                   timeout=TOOL_SECONDS)

    # -- schemas ---------------------------------------------------------------------------------

    def update_task(self):
        """How the table looks in a schema that is made now, with everything executed."""
        made = self.admin("createschema").stdout
        found = re.search(r"oxdatabase\d*_\d+", made)
        if not found:
            raise Failure("createschema names no schema: " + made)
        schema = found.group(0)
        of = [d for d in self.databases if d.sql("show databases like '%s'" % schema)][0]
        table = of.sql("show create table updateTask", schema)[0][1].replace("\\n", " ")
        rows = of.sql("select concat('(', cid, ',', quote(taskName), ',', successful, ',', lastModified, "
                      "',x''', hex(uuid), ''')') from updateTask", schema)
        self.admin("deleteemptyschemas")
        return [table, "INSERT INTO updateTask VALUES " + ", ".join(row[0] for row in rows)]

    def make(self, count, kind, statements):
        """`count` further schemas over the hosts; returns their names by host."""
        self.table = self.table or self.update_task()
        statements = self.table + statements
        server = self.database.sql("select server_id from server", "configdb")[0][0]
        made, rows, first = [], [], self.contexts
        for host in range(HOSTS):
            number = count // HOSTS + (1 if host < count % HOSTS else 0)
            made.append(["%s_%d_%04d" % (kind, host + 1, n) for n in range(number)])
        for host, names in enumerate(made):
            for name in names:
                rows += ["(%s, %d, %s, %s, '%s')" % (server, first + n, self.pools[host],
                                                     self.pools[host], name)
                         for n in range(CONTEXTS_PER_SCHEMA)]
                first += CONTEXTS_PER_SCHEMA
        self.contexts = first

        def build(host):
            text = "SET GLOBAL innodb_flush_log_at_trx_commit = 0;\n" + "".join(
                "CREATE DATABASE %s CHARACTER SET utf8mb4;\n%s" % (name, work.script([name], statements))
                for name in made[host]) + "SET GLOBAL innodb_flush_log_at_trx_commit = 1;\n"
            self.feed(host, text, root=True)
        parallel([lambda host=host: build(host) for host in range(HOSTS)])
        for at in range(0, len(rows), 1000):
            self.database.sql(
                "set foreign_key_checks = 0; insert into context_server2db_pool (server_id, cid, "
                "read_db_pool_id, write_db_pool_id, db_schema) values " +
                ", ".join(rows[at:at + 1000]), "configdb")
        return made

    def schemas_with_tables(self, count):
        started = time.monotonic()
        self.schemas_of = self.make(count, "bench", work.CREATE)
        return answer(seconds=time.monotonic() - started)

    def bare(self, count):
        started = time.monotonic()
        missing = count - sum(len(names) for names in self.schemas_of)
        self.bare_of = self.make(max(0, missing), "bare", [])
        return answer(seconds=time.monotonic() - started)

    # -- the client ------------------------------------------------------------------------------

    def feed(self, host, text, root=False):
        """One client process, fed from a file; its seconds. As the node: over TCP and its account."""
        database = self.databases[host]
        place = ["-uroot", "-S", database.socket] if root else [
            "-h" + database.host, "-P%d" % database.port, "--protocol=tcp", "-uopenexchange"]
        path = os.path.join(self.work, "client%d.sql" % host)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        started = time.monotonic()
        with open(path, encoding="utf-8") as source, interrupts:
            process = subprocess.Popen(
                ["mariadb", "--no-defaults", "--batch", "--default-character-set=utf8mb4"] + place,
                env=dict(os.environ, **({} if root else {"MYSQL_PWD": self.configdb_password})),
                stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                start_new_session=True)
        try:
            wrong = process.communicate(timeout=TOOL_SECONDS)[1]
        except BaseException:
            end_group(process)
            raise
        seconds = time.monotonic() - started
        if process.returncode != 0:
            raise Failure("the client failed: " + wrong.strip()[-500:])
        return seconds

    def hosts(self, word):
        return range(HOSTS) if word == "all" else [int(word) - 1]

    def client(self, word):
        """Host after host: one client process at a time."""
        texts = {h: work.script(self.schemas_of[h], work.work()) for h in self.hosts(word)}
        seconds = {h: self.feed(h, text) for h, text in texts.items()}
        return answer(seconds=sum(seconds.values()),
                      statements=sum(len(self.schemas_of[h]) for h in seconds) * len(work.work()))

    # -- runallupdate ----------------------------------------------------------------------------

    def task_directory(self):
        return os.path.join(self.nodes[0].etc, "updatetasks")

    def write_tasks(self, tasks):
        """Replaces the tasks by others of new names, each after the one before of its kind."""
        directory = self.task_directory()
        for file in os.listdir(directory):
            if file.startswith("bench"):
                os.remove(os.path.join(directory, file))
        self.turn += 1
        before = ""
        for number, (name, concurrency, statements) in enumerate(tasks):
            full = "bench.turn%d.%s" % (self.turn, name)
            with open(os.path.join(directory, "bench%03d.sql" % number), "w", encoding="utf-8") as out:
                out.write(work.task_file(full, concurrency, before, statements))
            before = full if len(tasks) <= len(work.WORK) else ""

    def questions(self):
        return sum(int(d.sql("show global status like 'Questions'")[0][1]) for d in self.databases)

    def node_seconds(self):
        with open("/proc/%d/stat" % self.nodes[0].process.pid, encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def run_tool(self, parallel_schemas, only, schemas, tasks):
        """runallupdate to its end: its seconds, and what its events say."""
        questions, used = self.questions(), self.node_seconds()
        started = time.monotonic()
        done = self.admin("runallupdate", "-p", str(self.nodes[0].rmi), "--wait", "--json", "--parallel",
                          str(parallel_schemas), "--only", only)
        seconds = time.monotonic() - started
        used, questions = self.node_seconds() - used, self.questions() - questions
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        end = events[-1] if events else {}
        if end.get("event") != "end" or end.get("state") != "done" or end.get("done") != schemas or \
                end.get("tasks") != schemas * tasks:
            raise Failure("runallupdate: " + json.dumps(end)[:1000])
        return SimpleNamespace(seconds=seconds, events=events, end=end, node=used,
                               questions=questions)

    @staticmethod
    def eta_errors(run):
        """Of each progress between a tenth and nine tenths: how far its ETA was from what was left
        then, in percent of that."""
        out = []
        for event in run.events:
            ended = event.get("done", 0) + event.get("failed", 0)
            if event["event"] != "progress" or not 0.1 <= ended / event["total"] <= 0.9:
                continue
            left = run.end["finished"] - event["now"]
            if left > 0:
                out.append(abs(event["eta"] - left) / left * 100 if event["eta"] >= 0 else 100)
        return out

    def run_work(self, parallel_schemas, word):
        hosts = self.hosts(word)
        count = sum(len(self.schemas_of[h]) for h in hosts)
        self.write_tasks(work.WORK)
        only = ",".join("bench_%d_*" % (h + 1) for h in hosts)
        run = self.run_tool(parallel_schemas, only, count, len(work.WORK))
        errors = self.eta_errors(run)
        return answer(seconds=run.seconds, node=run.node, questions=run.questions / count,
                      job=(run.end["finished"] - run.end["created"]) / 1000,
                      etas=len(errors), eta_first=errors[0] if errors else 0,
                      eta_median=statistics.median(errors) if errors else 0,
                      eta_worst=max(errors) if errors else 0)

    def small(self, tasks, count):
        """Small tasks on the first schemas of host 1. An interval reaches from the start of one task to
        that of the next, as updateTaskRun has them: everything that a task costs the runner."""
        names = self.schemas_of[0][:count]
        client = self.feed(0, work.script(names, [work.SMALL] * tasks)) / (tasks * len(names)) * 1000
        self.write_tasks(work.small(tasks))
        run = self.run_tool(1, ",".join(names), len(names), tasks)
        means, intervals = [], []
        for name in names:
            rows = self.databases[0].sql("select started from updateTaskRun where task like "
                                         "'bench.turn%d.%%' order by id" % self.turn, name)
            starts = [int(row[0]) for row in rows]
            if len(starts) != tasks:
                raise Failure("%s has %d runs of %d tasks" % (name, len(starts), tasks))
            means.append((starts[-1] - starts[0]) / (tasks - 1))
            intervals += [b - a for a, b in zip(starts, starts[1:])]
        intervals.sort()
        return answer(client=client, task=statistics.median(means),
                      p50=statistics.median(intervals),
                      p99=intervals[len(intervals) * 99 // 100],
                      statements=run.questions / (tasks * len(names)),
                      node=run.node / (tasks * len(names)) * 1000)

    # -- checkdatabase ---------------------------------------------------------------------------

    def check(self, pending):
        """The tool, and the client that only reads the same table of each schema."""
        everything = [a + b for a, b in zip(self.schemas_of, self.bare_of)]
        self.write_tasks([("Pending", "blocking", [work.SMALL])] if pending else [])

        def read():
            return sum(self.feed(h, work.script(everything[h], [READ])) for h in range(HOSTS))
        client_first = self.turn % 2 == 0  # the second finds what the first has opened
        client = read() if client_first else 0
        started = time.monotonic()
        shown = self.admin("checkdatabase", "--csv").stdout
        seconds = time.monotonic() - started
        listed = len(re.findall(r"(?:bench|bare)_\d_\d{4}\b.*Needs update", shown))
        expected = sum(len(names) for names in everything) if pending else 0
        if listed != expected:
            raise Failure("checkdatabase lists %d of %d: %s" % (listed, expected, shown[:500]))
        client = client if client_first else read()
        return answer(seconds=seconds, client=client, schemas=sum(len(n) for n in everything))

    def memory(self):
        with open("/proc/%d/status" % self.nodes[0].process.pid, encoding="utf-8") as status:
            return answer(rss=int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024)

    def command(self, words):
        numbers = [int(w) for w in words[1:] if w.isdigit()]
        known = {("begin", 1): self.begin, ("memory", 1): self.memory,
                 ("schemas", 2): lambda: self.schemas_with_tables(*numbers),
                 ("bare", 2): lambda: self.bare(*numbers),
                 ("client", 2): lambda: self.client(words[1]),
                 ("run", 3): lambda: self.run_work(numbers[0], words[2]),
                 ("small", 3): lambda: self.small(*numbers),
                 ("check", 2): lambda: self.check(*numbers)}
        action = known.get((words[0] if words else "", len(words)))
        if action is None:
            raise Failure("unknown command " + " ".join(words))
        return action()


def main():
    interrupts.install()
    installation = Installation(sys.argv[1])
    try:
        for line in sys.stdin:
            try:
                text = "ok " + installation.command(line.split())
            except Exception as broken:  # noqa: BLE001 - the bench must hear of it
                text = "error " + str(broken).replace("\n", " | ")[-1500:]
            print(text, flush=True)
    finally:
        interrupts.close()
        installation.end()


if __name__ == "__main__":
    main()

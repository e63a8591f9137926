"""Update jobs over many schemas with two nodes: runallupdate, its control and status, the loss of the
node that ran a job; and the other tools of update tasks.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
import terminal_picture  # noqa: E402
from database_test import MariaDb  # noqa: E402
from update_test import NOW, write_task  # noqa: E402

SCHEMAS = ["job_%d" % n for n in range(1, 7)]
KEYS = "com.openexchange.groupware.update."


class World:
    def __init__(self, checks, server, directory):
        self.checks, self.server = checks, server
        self.nodes = []
        quiet = installed.Checks()  # the installation is the business of database_test.py
        for name in ("a", "b"):
            home = os.path.join(directory, name)
            os.mkdir(home)
            node = installed.Node(home, server.port)
            if not self.nodes:
                installed.install(quiet, node, server)
            else:
                shutil.rmtree(node.etc)
                shutil.copytree(self.nodes[0].etc, node.etc)
            node.ports()
            installed.cluster.edit_properties(os.path.join(node.etc, "updatetasks.properties"), {
                KEYS + "locked.idleMillis": 3000, KEYS + "refreshIntervalMillis": 300})
            if not self.nodes:
                installed.create_configdb(quiet, node, server)
            self.nodes.append(node)
        self.a, self.b = self.nodes

    def set_up(self):
        self.a.start()
        for words in (["registerserver", "-n", "oxserver"],
                      ["registerfilestore", "-t", "file:" + self.a.directory, "-s", "100000"],
                      ["registerdatabase", "-n", "oxdb", "-H", "127.0.0.1:%d" % self.server.port,
                       "-p", installed.DB_PASSWORD, "-m", "true"],
                      ["createcontext", "-c", "1", "-N", "one", "-q", "1000", "-u", "oxadmin", "-p",
                       "admin-1"] + installed.USER):
            done = self.a.admin(*words)
            self.checks.check(words[0], done.returncode == 0, done.stdout + done.stderr)
        first, self.pool = self.server.sql(
            "select db_schema, write_db_pool_id from context_server2db_pool", "configdb")[0]
        for n, schema in enumerate(SCHEMAS):
            self.server.sql(
                "create database %(s)s character set utf8mb4; create table %(s)s.updateTask like "
                "%(f)s.updateTask; insert into %(s)s.updateTask select * from %(f)s.updateTask; "
                "create table %(s)s.effects (a varchar(50)); set foreign_key_checks = 0; insert into "
                "configdb.context_server2db_pool (server_id, cid, read_db_pool_id, "
                "write_db_pool_id, db_schema) values (%(server)s, %(cid)d, %(pool)s, %(pool)s, "
                "'%(s)s')" % {"s": schema, "f": first, "cid": 100 + n, "pool": self.pool,
                              "server": self.server.sql("select server_id from server",
                                                        "configdb")[0][0]})
        self.server.sql("create table effects (a varchar(50))", first)
        self.first = first
        self.all = SCHEMAS + [first]
        self.b.start()

    def task(self, file, text):
        for node in self.nodes:
            write_task(node, file, text)

    def run(self, tool, *words, node=None):
        node = node or self.a
        return node.admin(tool, "-p", str(node.rmi), *words)

    def expect(self, what, done, code, *parts):
        shown = done.stdout + done.stderr
        self.checks.check(what, done.returncode == code and all(p in shown for p in parts),
                          "exit %d: %s" % (done.returncode, shown))
        return done

    def effects(self, name):
        return {s: int(self.server.sql("select count(*) from effects where a = '%s'" % name, s)[0][0])
                for s in self.all}

    def wait(self, what, condition):
        return installed.cluster.wait_for(what, condition, 90, 0.2)

    def start(self, *words):
        done = self.run("runallupdate", *words)
        return done.stdout.split("id: ")[1].split()[0]

    def status(self, job, node=None):
        done = self.run("getUpdateTaskStatus", "-j", job, "--json", node=node)
        return json.loads(done.stdout)


def insert(name, extra=""):
    return "-- name: test.%s\n%sINSERT INTO effects VALUES ('%s');\n" % (name, extra, name)


def whole_job(w):
    w.task("a.sql", insert("One", "-- namespace: test.space\n"))
    done = w.expect("all schemas", w.run("runallupdate", "--wait", "--parallel", "2"), 0,
                    "Scheduled an asynchronous job with id: ",
                    "Attempting to update 7 schemas in total...",
                    "schema job_3 of database %s: done, 1 task(s)" % w.pool,
                    "is done: 7 schemas done, 0 failed, 0 not processed, 7 task(s)")
    job = done.stdout.split("id: ")[1].split()[0]
    w.checks.check("each once", set(w.effects("One").values()) == {1}, w.effects("One"))
    w.expect("its status, from the other node", w.run("getUpdateTaskStatus", "-j", job, node=w.b), 0,
             "Processed 7 of 7 schemas.")
    w.expect("an unknown job", w.run("getUpdateTaskStatus", "-j", "x"), 1,
             "No job found for id 'x'.")
    w.expect("the list of jobs", w.run("runallupdate", "--jobs"), 0, job, "done")
    frames, code = terminal_picture.record(
        [os.path.join(installed.BUILD, "sbin", "runallupdate"), "-p", str(w.a.rmi), "-A", installed.MASTER, "--attach", job],
        "runallupdate --attach", dict(os.environ, ADMIN_PASSWORD=installed.MASTER_PASSWORD))
    w.checks.check("on a terminal a line per host and the sum", code == 0 and {
        "database %s: 7 of 7 schemas, 0 failed, 0 running" % w.pool, "total: 7 of 7 schemas, 0 failed, 0 running"} <=
        set(frames[-1][1]), frames[-1])
    w.task("b.sql", insert("Two"))
    w.server.sql("drop table effects", "job_2")
    w.expect("only some", w.run("runallupdate", "--wait", "--only", "job_*", "--skip", "job_5,job_6"),
             1, "3 schemas done, 1 failed", 'failed on schema "job_2"')
    w.server.sql("create table effects (a varchar(50))", "job_2")
    missing = {s: 0 for s in ("job_2", "job_5", "job_6", w.first)}
    w.checks.check("where it ran", w.effects("Two") == dict({s: 1 for s in w.all}, **missing),
                   w.effects("Two"))
    w.expect("a failed task waits for force", w.run("runupdate", "-n", "job_2"), 0)
    w.expect("forced on one schema", w.run("forceupdatetask", "-t", "test.Two", "-n", "job_2"), 0)
    w.task("i.sql", insert("Stop"))
    w.server.sql("rename table effects to away", "job_2")
    done = w.expect("-e ends at the first failure", w.run("runallupdate", "-e", "--wait", "--only", "job_[123]"), 1,
                    "is stopped (schema job_2 failed", "1 schemas done, 1 failed, 1 not processed")
    job = done.stdout.split("id: ")[1].split()[0]
    w.server.sql("rename table away to effects", "job_2")
    w.expect("--resume leaves what failed", w.run("runallupdate", "--resume", job, "--wait"), 1,
             "2 schemas done, 1 failed, 0 not processed")
    w.expect("the reason in the status", w.run("getUpdateTaskStatus", "-j", job), 1, "Processed 3 of 3 schemas.",
             'failed on schema "job_2":', "test.Stop: ")
    w.checks.check("it is not there", w.effects("Stop")["job_2"] == 0)
    w.expect("--retry", w.run("runallupdate", "--retry", job, "--wait"), 0, "3 schemas done, 0 failed")
    w.checks.check("what had failed is done, the rest not again", {s: n for s, n in w.effects("Stop").items() if n} ==
                   {"job_1": 1, "job_2": 1, "job_3": 1}, w.effects("Stop"))
    w.checks.check("with one row", w.server.sql(
        "select successful from updateTask where taskName = 'test.Stop'", "job_2") == [["1"]])
    os.remove(os.path.join(w.a.etc, "updatetasks", "i.sql"))
    os.remove(os.path.join(w.b.etc, "updatetasks", "i.sql"))
    w.expect("the rest", w.run("runallupdate", "--wait", "--json"), 0, '"event":"start"',
             '"event":"schema"', '"event":"end"')
    w.checks.check("now everywhere once", set(w.effects("Two").values()) == {1}, w.effects("Two"))
    w.expect("forced on all", w.run("forceupdatetask", "-t", "test.Two", "--parallel", "4"), 0,
             "7 schemas done")
    w.checks.check("everywhere twice", set(w.effects("Two").values()) == {2}, w.effects("Two"))
    w.task("b.sql", insert("Two").replace("('Two')", "('Three')"))
    w.expect("a changed file is not run again", w.run("runupdate", "-n", "job_2"), 0)
    done = w.expect("and is reported", w.run("listUpdateTasks", "-n", "job_2", "-e"), 0,
                    "Warning: test.Two was changed since it was executed")
    w.checks.check("only that one", done.stderr.count("Warning") == 1, done.stderr)
    w.checks.check("in the log as well", "test.Two was changed since" in w.a.log())
    w.expect("forced, unknown", w.run("forceupdatetask", "-t", "test.None", "-n", "job_2"), 1,
             "UPD-0024")
    w.expect("forced without a task", w.run("forceupdatetask"), 1,
             "Missing update task's class name.")


def reading_tools(w):
    w.expect("name spaces", w.run("listUpdateTaskNamespaces"), 0, "groupware.utf8mb4", "test.space",
             "test.One")
    done = w.expect("only name spaces", w.run("listUpdateTaskNamespaces", "-n"), 0, "test.space")
    w.checks.check("without tasks", "test.One" not in done.stdout, done.stdout)
    w.expect("executed tasks", w.run("listExecutedUpdateTasks", "-n", "job_1"), 0, "taskName",
             "successful", "test.One")
    w.task("c.sql", "-- name: test.Plan\n-- description: a column more\n-- depends: test.One\n"
           "ALTER TABLE effects ADD COLUMN b INT;\n")
    w.expect("dry run", w.run("runupdate", "-n", "job_1", "--dry-run"), 0,
             "schema job_1: 1 task(s) pending", "1. test.Plan (blocking)", "a column more",
             "after test.One", "SQL: ALTER TABLE effects ADD COLUMN b INT", "table effects: ",
             "expected at worst: INSTANT")
    done = w.expect("--sql", w.run("runupdate", "-n", "job_1", "--sql"), 0)
    w.checks.check("only SQL", done.stdout == "-- test.Plan\nALTER TABLE effects ADD COLUMN b INT;\n",
                   done.stdout)
    w.checks.check("nothing was done", w.server.sql(
        "select count(*) from updateTask where taskName = 'test.Plan'", "job_1") == [["0"]])
    w.expect("dry run over schemas", w.run("runallupdate", "--dry-run", "--only", "job_1,job_2"), 0,
             "schema job_1: 1 task(s) pending", "schema job_2: 1 task(s) pending", "1. test.Plan (blocking)",
             "2 of 2 schemas need an update, 2 task(s)")
    done = w.expect("SQL over schemas", w.run("runallupdate", "--sql", "--only", "job_1"), 0)
    w.checks.check("ready for a client", done.stdout == "USE `job_1`;\n-- test.Plan\nALTER TABLE effects ADD "
                   "COLUMN b INT;\n", done.stdout)
    w.checks.check("nothing was done", w.server.sql(
        "select count(*) from updateTask where taskName = 'test.Plan'", "job_2") == [["0"]])
    w.expect("one thing at a time", w.run("runallupdate", "--sql", "--jobs"), 109)
    w.expect("a window that is no time", w.run("runupdate", "-n", "job_1", "--until", "25:00"), 103)
    os.remove(os.path.join(w.a.etc, "updatetasks", "c.sql"))
    os.remove(os.path.join(w.b.etc, "updatetasks", "c.sql"))


def rehearsal(w):
    """On a copy: keys, references and odd data are copied; the schema itself stays as it is."""
    w.server.sql(
        "create table parent (id int primary key, t varchar(20)); create table child (id int, p int, "
        "g int generated always as (p + 1) stored, foreign key (p) references parent (id)); insert "
        "into parent values (1, 'gr\u00fc\u00dfe'), (2, null); insert into child (id, p) values "
        "(1, 1), (1, 1), (2, 2); create table `odd name` (b blob, d datetime(3)); insert into `odd "
        "name` values (x'00ff80', now(3)), (null, null)", "job_4")
    w.task("c.sql", "-- name: test.Copy\nALTER TABLE parent ADD COLUMN more INT;\n"
           "INSERT INTO parent (id) VALUES (3);\nDELETE FROM `odd name` WHERE b IS NULL;\n"
           "CREATE TABLE fresh (a INT);\n")
    before = w.server.sql("checksum table parent, child, `odd name`, updateTask", "job_4")
    done = w.expect("a rehearsal that loses a row", w.run("runupdate", "-n", "job_4", "--copy"), 1,
                    "copied schema job_4", "ran 1 task(s)", "fewer rows")
    shown = done.stdout
    w.checks.check("parent", any(line.split() == ["parent", "2", "3", "changed", "+more"]
                                 for line in shown.splitlines()), shown)
    w.checks.check("child", any(line.split() == ["child", "3", "3", "same"]
                                for line in shown.splitlines()), shown)
    w.checks.check("the lost row", any(line.split() == ["odd", "name", "2", "1", "changed"]
                                       for line in shown.splitlines()), shown)
    w.checks.check("a new table", any(line.split()[0] == "fresh" and "new" in line
                                      for line in shown.splitlines() if line), shown)
    w.checks.check("the schema is as before", before == w.server.sql(
        "checksum table parent, child, `odd name`, updateTask", "job_4"))
    w.checks.check("the copy has gone", w.server.sql("show databases like 'ox%updatecopy%'") == [])
    for node in w.nodes:
        os.remove(os.path.join(node.etc, "updatetasks", "c.sql"))


def killed_rehearsal(w):
    """A node dies while it works in a copy; the next run drops the copy, with what still runs there."""
    copies = "show databases like 'ox\\_updatecopy\\_%'"
    w.task("c.sql", "-- name: test.SlowCopy\n-- rerunnable: yes\nINSERT INTO effects SELECT IF(SLEEP(600), '', 'x');\n")
    tool = subprocess.Popen(
        [os.path.join(installed.BUILD, "sbin", "runupdate"), "-p", str(w.a.rmi), "-A", installed.MASTER, "-P",
         installed.MASTER_PASSWORD, "-n", "job_3", "--copy"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = "select count(*) from information_schema.processlist where info like 'INSERT%SLEEP%'"
    w.wait("the task in the copy", lambda: w.server.sql(running) == [["1"]])
    [[copy]] = w.server.sql(copies)
    w.expect("a copy in use is told", w.run("runupdate", "--copies", node=w.b), 0, copy, "job_3", "in use")
    w.expect("and is not dropped", w.run("runupdate", "--remove-copies", node=w.b), 0, copy, "in use")
    w.checks.check("it is there", w.server.sql(copies) == [[copy]] and w.server.sql(running) == [["1"]])
    w.a.kill()
    w.a.process.wait()
    out = tool.communicate(timeout=60)[0]
    w.checks.check("the tool ends with an error", tool.returncode == 105, "exit %s: %s" % (tool.returncode, out))
    w.checks.check("the copy stayed", w.server.sql(copies) == [[copy]])
    w.wait("the end of its time", lambda: "left behind" in w.run("runupdate", "--copies", node=w.b).stdout)
    w.task("c.sql", "-- name: test.QuickCopy\nINSERT INTO effects VALUES ('quick');\n")
    w.expect("the next rehearsal", w.run("runupdate", "-n", "job_4", "--copy", node=w.b), 0,
             "dropped the copy %s of schema job_3, left by" % copy, "ran 1 task(s)")
    w.checks.check("no copy is left, nothing runs there", w.server.sql(copies) == [] and
                   w.server.sql(running) == [["0"]])
    w.server.sql("create database ox_updatecopy_00; create database ox_updatecopy_11; insert into configdb.updateCopy "
                 "values (%s, 'ox_updatecopy_00', 'job_5', 'a node', 1, 2)" % w.pool)
    done = w.expect("by hand", w.run("runupdate", "--remove-copies", node=w.b), 0, "ox_updatecopy_00", "removed")
    w.checks.check("only what this cluster knows", w.server.sql(copies) == [["ox_updatecopy_11"]], done.stdout)
    w.server.sql("drop database ox_updatecopy_11")
    w.expect("nothing more", w.run("runupdate", "--copies", node=w.b), 0, "No entries found.")
    for node in w.nodes:
        os.remove(os.path.join(node.etc, "updatetasks", "c.sql"))
    w.a.start()


def unblocking(w):
    lock = ("insert into updateTask values (0, 'LOCKED', 1, %s - %d, "
            "x'00112233445566778899aabbccddeeff')")
    w.server.sql(lock % (NOW, 1000), "job_1")
    w.server.sql(lock % (NOW, 25 * 3600 * 1000), "job_2")
    words = ["unblockdatabase", "-n", "oxdb"]
    done = w.expect("what is locked for a day", w.a.admin(*words), 0,
                    "unblocked the following schemas from database %s:" % w.pool, "job_2")
    w.checks.check("not what is fresh", "job_1" not in done.stdout, done.stdout)
    w.expect("a named schema", w.a.admin(*words, "--schema", "job_1"), 0, "job_1")
    w.expect("a schema that is not locked", w.a.admin(*words, "--schema", "job_1"), 1, "UPD-0005")


def control(w):
    slow = "-- name: test.Slow\n-- rerunnable: yes\nINSERT INTO effects SELECT IF(SLEEP(%s), '', 'Slow');\n"
    w.task("d.sql", slow % "600")
    job = w.start("--max-load", "0")
    w.wait("the throttle", lambda: "running threads, allowed are 0" in w.status(job)["note"])
    w.checks.check("a throttled job begins nothing", w.status(job)["running"] == 0)
    w.expect("abort while it waits", w.run("runallupdate", "--abort", job), 0)
    w.wait("the end", lambda: w.status(job)["state"] == "aborted")
    job = w.start("--parallel", "2")
    w.wait("two running schemas", lambda: w.status(job)["running"] == 2)
    w.expect("abort", w.run("runallupdate", "--abort", job, node=w.b), 0)
    w.wait("the end", lambda: w.status(job)["state"] == "aborted")
    status = w.status(job)
    w.checks.check("nothing done, nothing failed", status["done"] == status["failed"] == 0, status)
    w.expect("its text", w.run("getUpdateTaskStatus", "-j", job), 1, "aborted by an administrator")
    w.checks.check("no statement goes on", w.server.sql(
        "select count(*) from information_schema.processlist where info like 'INSERT%SLEEP%'") ==
        [["0"]])
    w.server.sql("insert into updateJob (id, settings, state, wish, creator, created) values ('window', "
                 "'{\"until\": 1}', 'running', 'run', 'test', %s); insert into updateJobSchema (job, db_pool_id, "
                 "db_schema) values ('window', %s, 'job_1')" % (NOW, w.pool), "configdb")
    w.wait("the end of a job whose window is over", lambda: w.status("window")["state"] == "stopped")
    w.expect("it says why", w.run("getUpdateTaskStatus", "-j", "window"), 1, "The job is stopped: the window is over")
    w.checks.check("and began nothing", w.status("window")["done"] == w.status("window")["failed"] == 0)
    w.task("d.sql", slow % "0.5")
    w.expect("resume", w.run("runallupdate", "--resume", job), 0)
    w.wait("a first schema", lambda: w.status(job)["done"] >= 1)
    w.expect("pause", w.run("runallupdate", "--pause", job), 0)
    w.wait("the pause", lambda: "paused" in w.status(job)["note"] and
           w.status(job)["running"] == 0)
    before = w.status(job)["done"]
    w.expect("it is listed as paused", w.run("runallupdate", "--jobs"), 0, "paused")
    w.checks.check("nothing is locked meanwhile", all(w.server.sql(
        "select count(*) from updateTask where taskName = 'LOCKED'", s) == [["0"]] for s in w.all))
    w.checks.check("nothing begins", w.status(job)["done"] == before < 7, before)
    done = w.expect("continue", w.run("runallupdate", "--continue", job, "--wait"), 0,
                    "7 schemas done, 0 failed")
    w.checks.check("each once", set(w.effects("Slow").values()) == {1},
                   [w.effects("Slow"), done.stdout])


def loss_of_the_node(w):
    w.task("e.sql", "-- name: test.Lost\n-- precondition: SELECT COUNT(*) = 0 FROM effects WHERE a = "
           "'Lost'\n-- rerunnable: yes\nINSERT INTO effects SELECT IF(SLEEP(1), '', 'Lost');\n")
    follower = subprocess.Popen(
        [os.path.join(installed.BUILD, "sbin", "runallupdate"), "-p", str(w.b.rmi), "-A",
         installed.MASTER, "-P", installed.MASTER_PASSWORD, "--wait"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    job = None
    for line in follower.stdout:
        if "id: " in line:
            job = line.split("id: ")[1].strip()
            break
    w.wait("a first schema", lambda: w.status(job)["done"] >= 1)
    owner = w.status(job)["owner"]
    owners = [n for n in w.nodes if ":%d#" % n.process.pid in owner]
    w.checks.check("one of the two runs it", len(owners) == 1, owner)
    lost = owners[0]
    other = w.b if lost is w.a else w.a
    lost.process.send_signal(signal.SIGKILL)
    lost.process.wait()
    died = time.monotonic()
    w.wait("the other node", lambda: (lambda s: s["owner"] not in ("", owner) or
                                      s["state"] == "done")(w.status(job, other)))
    print("another node continued the job after %.1f s" % (time.monotonic() - died))
    w.wait("the end of the job", lambda: w.status(job, other)["state"] == "done")
    status = w.status(job, other)
    w.checks.check("all done", status["done"] == 7 and status["failed"] == 0, status)
    w.checks.check("each once", set(w.effects("Lost").values()) == {1}, w.effects("Lost"))
    lost.start()  # the tool asks its node again and learns the end
    out, _ = follower.communicate(timeout=90)
    w.checks.check("the tool outlives it", follower.returncode == 0 and "is done: 7 schemas" in out,
                   out)


def to_a_new_server(w):
    w.task("h.sql", insert("Upgrade"))
    words = ["upgradeschemata", "-p", str(w.a.rmi), "-n", "newserver", "-k", ",".join(SCHEMAS)]
    w.expect("all schemas to a new server", w.a.admin(*words), 0, " registered",
             "schema %s upgraded" % w.first)
    moved = w.server.sql("select s.name, c.enabled from context_server2db_pool p join server s on "
                         "s.server_id = p.server_id join context c on c.cid = p.cid where p.cid = 1",
                         "configdb")
    w.checks.check("updated, moved and enabled", moved == [["newserver", "1"]] and
                   w.effects("Upgrade")[w.first] == 1, moved)
    done = w.expect("again: the question is answered by the end of input", w.a.admin(*words), 1,
                    "registered already", "abort")
    w.checks.check("nothing was done", "upgraded" not in done.stdout, done.stdout)
    w.expect("a schema that does not exist", w.a.admin(*words, "-m", "nowhere"), 103, "nowhere")


def main():
    checks = installed.Checks()
    directory = tempfile.mkdtemp(prefix="ox-jobs-")
    world = None
    try:
        with MariaDb() as server:
            try:
                world = World(checks, server, directory)
                world.set_up()
                for part in (whole_job, reading_tools, rehearsal, killed_rehearsal, unblocking, control, loss_of_the_node,
                             to_a_new_server):
                    began = time.monotonic()
                    part(world)
                    print("%s: %.1f s" % (part.__name__, time.monotonic() - began), flush=True)
            except Exception as problem:  # the last line must come
                checks.check("no exception", False, repr(problem))
            finally:
                for node in world.nodes if world else []:
                    if checks.failed:
                        print(node.tail(60))
                    node.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

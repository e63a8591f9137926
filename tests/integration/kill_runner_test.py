"""An update runner that dies (SIGKILL) or freezes (SIGSTOP) at each point of a run: another node
takes over, every task is done, and none takes effect twice.

The runners are the processes of update_runner.cpp on a MariaDB of this script. What a task did is
seen in the table `effects`, which has no key: a second effect would be a second row.
    kill_runner_test.py [CASE]      runs the cases whose name contains CASE
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tally  # noqa: E402

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
sys.path.insert(0, os.path.join(ROOT, "packaging", "tour"))
from mariadb import MariaDb  # noqa: E402

PROGRAM = os.path.join(BUILD, "tests", "integration", "update_runner")
LIMIT = 90  # seconds for anything that is waited for

TASKS = {
    "a_column": ("t.Column", "-- precondition: SELECT COUNT(*) = 0 FROM information_schema.COLUMNS "
                 "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'effects' AND COLUMN_NAME = 'n'\n"
                 "-- rerunnable: yes\nALTER TABLE effects ADD COLUMN n INT NOT NULL DEFAULT 0;\n"),
    "b_insert": ("t.Insert", "-- depends: t.Column\n-- precondition: SELECT COUNT(*) = 0 FROM "
                 "effects WHERE name = 'insert'\n-- rerunnable: yes\n"
                 "INSERT INTO effects (name) VALUES ('insert');\n"),
    "c_many": ("t.Many", "-- rerunnable: yes\n" + "".join(
        "INSERT INTO effects (name) SELECT '%s' FROM DUAL WHERE NOT EXISTS "
        "(SELECT 1 FROM effects WHERE name = '%s');\n" % (n, n) for n in ("m1", "m2", "m3"))),
    "d_once": ("t.Once", "INSERT INTO effects (name) VALUES ('once');\n"),
    "e_back": ("t.Back", "-- concurrency: background\n-- rerunnable: yes\n-- precondition: SELECT "
               "COUNT(*) = 0 FROM effects WHERE name = 'back'\n"
               "INSERT INTO effects (name) VALUES ('back');\n"),
}
NAMES = [name for name, _ in TASKS.values()]
# Point and which of its occurrences; the background phase is the second one of a run.
POINTS = ([("taken", 1), ("predecessor-ended", 1), ("planned", 1)] +
          [(p, n) for n in (1, 3, 4, 5) for p in ("start-recorded", "performed",
                                                     "result-written")] +
          [("statement", n) for n in (1, 2, 4, 6, 7)] +
          [("ended", 1), ("given-back", 1), ("taken", 2), ("ended", 2)])


class Case:
    def __init__(self, server, directory, number):
        self.server = server
        self.schema = "kill_%d" % number
        self.etc = directory
        server.sql("create database %s character set utf8mb4; use %s; create table effects "
                   "(name varchar(50) not null) engine=innodb" % (self.schema, self.schema))

    def runner(self, node, *words):
        return subprocess.Popen(
            [PROGRAM, "--port", str(self.server.port), "--schema", self.schema, "--node", node,
             "--etc", self.etc, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace")

    def finish(self, process, what):
        try:
            return process.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            tally.check(False, what + ": the runner did not end: " + process.communicate()[0])
            return ""

    def rows(self, query):
        return self.server.sql(query, self.schema)

    def judge(self, what, out):
        """Everything is done, nothing twice, nothing locked."""
        effects = {name: int(n) for name, n in
                   self.rows("select name, count(*) from effects group by name")}
        failed = tally.failed
        twice = {name: n for name, n in effects.items() if n != 1}
        missing = {"insert", "m1", "m2", "m3", "back"} - set(effects)
        results = dict(self.rows("select taskName, successful from updateTask"))
        # The file that must not run twice may have been refused, with its reason in the history.
        refused = results.get("t.Once") == "0" and "interrupted" in str(self.rows(
            "select text from updateTaskRun where task = 't.Once' and successful = 0"))
        done = all(results.get(name) == "1" for name in NAMES if name != "t.Once")
        locks = {"LOCKED", "BACKGROUND"} & set(results)
        owner = self.rows("select kind from updateTaskLease where owner <> ''")
        tally.check(not twice and not missing and done and not locks and not owner and
                    (refused or effects.get("once") == 1 and results.get("t.Once") == "1"),
                    "%s: all done, nothing twice, nothing locked" % what)
        if tally.failed > failed:
            print(effects, results, owner, out)

    def locked(self):
        return self.rows("select taskName from updateTask where taskName in "
                         "('LOCKED', 'BACKGROUND')")

    def drop(self):
        self.server.sql("drop database " + self.schema)


def wait(what, condition):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited too long for " + what)


def killed(case, point, count):
    what = "killed at %s #%d" % (point, count)
    dead = case.runner("dead", "--die", point, "--count", str(count))
    out = case.finish(dead, what)
    if dead.returncode != -signal.SIGKILL:
        tally.check(False, "%s: it died there (%s)" % (what, out))
        return
    died = time.monotonic()
    heir = case.runner("heir", "--until-free")
    shown = case.finish(heir, what)
    tally.check(heir.returncode == 0, what + ": another node went on, %.1f s after the death%s" %
                (time.monotonic() - died, "" if heir.returncode == 0 else ": " + shown))
    if case.locked():  # it died after its last task: the next run cleans up once its time is over
        wait("the end of the dead runner's lease", lambda: case.rows(
            "select kind from updateTaskLease where owner <> '' and expires < unix_timestamp(now(3)) "
            "* 1000 - 5"))
        shown += case.finish(case.runner("second"), what)
    case.judge(what, shown)


def frozen(case, point, count):
    """A runner that thaws after it was overtaken writes nothing and says so."""
    what = "frozen at %s #%d" % (point, count)
    sleeper = case.runner("sleeper", "--freeze", point, "--count", str(count))
    try:
        wait("the freeze", lambda: os.waitid(os.P_PID, sleeper.pid,
                                             os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
        heir = case.runner("heir", "--until-free")
        shown = case.finish(heir, what)
        tally.check(heir.returncode == 0, what + ": another node went on" +
                    ("" if heir.returncode == 0 else ": " + shown))
    finally:
        sleeper.send_signal(signal.SIGCONT)
    out = case.finish(sleeper, what)
    tally.check("UPD-0028" in out or "error UPD" in out, what + ": it noticed: " +
                out.strip().splitlines()[-1][:150])
    case.judge(what, out)


def left_running(case, policy):
    """The dead runner's INSERT waits in the server for rows that somebody else holds; the server
    does not notice that its client has gone."""
    what = "statement left running, " + policy
    case.rows("alter table effects add column n int not null default 0; "
              "insert into effects (name) values ('seed')")
    holder = subprocess.Popen(case.server._client() + ["-n", case.schema], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    holder.stdin.write("start transaction; select name from effects for update; "
                       "select 'holding';\n")
    holder.stdin.flush()
    while holder.stdout.readline().strip() != "holding":
        pass
    waiting = ("select id from information_schema.processlist where db = '%s' and info like "
               "'INSERT INTO effects%%'" % case.schema)
    dead = case.runner("dead")
    first = wait("the INSERT", lambda: case.rows(waiting))
    dead.kill()
    dead.communicate()
    heir = case.runner("heir", "--until-free", "--wait", "60000" if policy == "waited for" else "0")
    wait("the new owner", lambda: case.rows(
        "select owner from updateTaskLease where owner like 'heir%'"))
    if policy == "killed":
        wait("the end of the old statement", lambda: first[0] not in case.rows(waiting))
        tally.check(case.rows("select count(*) from effects where name = 'insert'") == [["0"]],
                    what + ": it changed nothing")
    else:
        still = case.rows(waiting)
        ran = case.rows("select count(*) from updateTaskRun where owner like 'heir%'")
        tally.check(still == first and ran == [["0"]], what + ": the heir began no task meanwhile")
    holder.stdin.write("commit;\n")
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()
    shown = case.finish(heir, what)
    tally.check(heir.returncode == 0, what + ": another node went on" +
                ("" if heir.returncode == 0 else ": " + shown))
    case.rows("delete from effects where name = 'seed'")
    case.judge(what, shown)


def cases():
    for point, count in POINTS:
        yield "killed at %s #%d" % (point, count), lambda c, p=point, n=count: killed(c, p, n)
    for point, count in (("taken", 1), ("performed", 2), ("statement", 4), ("start-recorded", 3)):
        yield "frozen at %s #%d" % (point, count), lambda c, p=point, n=count: frozen(c, p, n)
    for policy in ("waited for", "killed"):
        yield "statement " + policy, lambda c, p=policy: left_running(c, p)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    directory = tempfile.mkdtemp(prefix="ox-kill-runner-")
    os.mkdir(os.path.join(directory, "updatetasks"))
    for file, (name, text) in TASKS.items():
        with open(os.path.join(directory, "updatetasks", file + ".sql"), "w",
                  encoding="utf-8") as out:
            out.write("-- name: %s\n%s" % (name, text))
    try:
        with MariaDb() as server:
            server.create_account("ox", "ox")
            for number, (name, run) in enumerate(cases()):
                if wanted not in name:
                    continue
                case = Case(server, directory, number)
                try:
                    run(case)
                except Exception as problem:  # the last line must come
                    tally.check(False, "%s: no exception: %r" % (name, problem))
                case.drop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

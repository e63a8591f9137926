"""Update runners as processes, each with a Galera node of its own as master: the worst case, where no
row lock and no process list of one is seen by the other. Used by galera_test.py.

What a task did is seen in the table `effects`: a second effect would be a second row.
"""
import os
import signal
import subprocess
import threading

import kill_runner_test as killing
from galera_cluster import wait
from tally import check

CAUSAL = "set session wsrep_sync_wait = 7; "  # reads see what any node has committed
SLOW = 4  # seconds of a statement that is under way while its runner is overtaken


class Case(killing.Case):
    """One schema; runners are directed at the node that is named."""

    def __init__(self, server, directory, name):
        self.server, self.schema, self.etc = server, name, directory
        server.sql("create database %s character set utf8mb4; use %s; create table effects "
                   "(id int auto_increment primary key, name varchar(50) not null)" % (name, name))

    def runner_at(self, server, node, *words):
        return subprocess.Popen(
            [killing.PROGRAM, "--port", str(server.port), "--schema", self.schema, "--node", node,
             "--etc", self.etc] + [str(w) for w in words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace")

    def rows(self, query):
        return self.server.sql(CAUSAL + query, self.schema)

    def last(self, out):
        return out.strip().splitlines()[-1][:200] if out.strip() else "(nothing)"


def write_tasks(directory):
    os.makedirs(os.path.join(directory, "updatetasks"))
    for file, (name, text) in killing.TASKS.items():
        with open(os.path.join(directory, "updatetasks", file + ".sql"), "w",
                  encoding="utf-8") as out:
            out.write("-- name: %s\n%s" % (name, text))


def race(nodes, directory, rounds):
    """Two runners begin at the same moment, each at its node."""
    refused = 0
    for number in range(rounds):
        case = Case(nodes[0], directory, "race_%d" % number)
        wait("the schema at the other node", lambda c=case: nodes[1].sql(
            "show databases like '%s'" % c.schema))
        runners = [case.runner_at(node, "runner%d" % i, "--idle", 30000, "--refresh", 500)
                   for i, node in enumerate(nodes[:2])]
        outs = [None, None]

        def finish(i, case=case, outs=outs, runners=runners):
            outs[i] = case.finish(runners[i], "race")
        threads = [threading.Thread(target=finish, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ran = [name for out in outs for name in
               (line.split()[1] for line in out.splitlines() if line.startswith("executed "))]
        late = sum("UPD-0003" in out for out in outs)
        refused += late
        ended = sum(r.returncode == 0 for r in runners)
        check(sorted(ran) == sorted(killing.NAMES) and ended + late == 2 and ended,
              "race %d: each task by one runner, the other has UPD-0003 or nothing to do" % number)
        if ended + late != 2 or sorted(ran) != sorted(killing.NAMES):
            print(outs)
        case.judge("race %d" % number, str(outs))
        case.drop()
    print("%d of %d races were refused with UPD-0003" % (refused, rounds))


def thaw(sleeper, case, what, *words):
    sleeper.send_signal(signal.SIGCONT)
    out = case.finish(sleeper, what)
    check(any(word in out for word in words), "%s: it noticed: %s" % (what, case.last(out)))
    return out


def heir(case, node, what):
    shown = case.finish(case.runner_at(node, "heir", "--until-free"), what)
    check("\nend" in "\n" + shown, what + ": a runner at another node went on" +
          ("" if "end" in shown else ": " + shown))


def frozen(nodes, directory, point, count):
    """Overtaken between two steps; when it thaws, its own node would still take its statements."""
    what = "frozen at %s #%d" % (point, count)
    case = Case(nodes[0], directory, "frozen_%s_%d" % (point.replace("-", "_"), count))
    sleeper = case.runner_at(nodes[0], "sleeper", "--freeze", point, "--count", count)
    try:
        wait("the freeze", lambda: os.waitid(os.P_PID, sleeper.pid,
                                             os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
        heir(case, nodes[1], what)
    finally:
        out = thaw(sleeper, case, what, "UPD-0028", "error UPD")
    case.judge(what, out)
    case.drop()


def under_way(nodes, directory):
    """Its INSERT runs at its node while it is overtaken from another one, which cannot see the
    connection; it ends after the heir has done the task."""
    what = "a statement under way at another node"
    case = Case(nodes[0], directory, "under_way")
    case.rows("create trigger slow before insert on effects for each row do sleep(if("
              "new.name = 'insert' and @@port = %d, %d, 0))" % (nodes[0].port, SLOW))
    sleeper = case.runner_at(nodes[0], "sleeper")
    running = ("select id from information_schema.processlist where db = '%s' and info like "
               "'%%insert%%' and state = 'User sleep'" % case.schema)
    try:
        wait("the INSERT", lambda: nodes[0].sql(running))
        sleeper.send_signal(signal.SIGSTOP)
        heir(case, nodes[1], what)
        check(case.rows("select count(*) from effects where name = 'insert'") == [["1"]],
              what + ": the heir did the task")
        wait("the end of the old statement", lambda: not nodes[0].sql(running))
    finally:
        out = thaw(sleeper, case, what, "UPD-0028")
    case.judge(what, out)
    case.drop()


def outside(node, case, heal):
    """`node` is outside of the primary component: a vanished master; `heal` brings it back."""
    what = "outside of the primary component"
    out = case.finish(case.runner_at(node, "lost", "--master-retry", 1000), what)
    check("UPD-0008" in out and "primary component" in out, "%s: %s" % (what, case.last(out)))
    check(case.rows("show tables like 'updateTaskLease'") == [], what + ": nothing was begun")
    patient = case.runner_at(node, "patient")
    try:
        heal()
    finally:
        out = case.finish(patient, what)
    check("\nend" in "\n" + out, what + ": a patient runner goes on when it is back" +
          ("" if "end" in out else ": " + out))
    case.judge(what, out)
    case.drop()


def orphan(nodes, directory):
    """For the death of the writer: a runner frozen in its work there. Returns what judges it."""
    what = "its writer died with it"
    case = Case(nodes[0], directory, "orphan")
    sleeper = case.runner_at(nodes[0], "sleeper", "--freeze", "statement", "--count", 4,
                             "--master-retry", 500)
    wait("the freeze", lambda: os.waitid(os.P_PID, sleeper.pid,
                                         os.WSTOPPED | os.WNOHANG | os.WNOWAIT))

    def afterwards():
        case.server = nodes[1]
        try:
            heir(case, nodes[1], what)
        finally:
            out = thaw(sleeper, case, what, "UPD-0028", "UPD-0008")
        case.judge(what, out)
        case.drop()
    return sleeper, afterwards


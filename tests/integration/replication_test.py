"""A GTID primary and its replica under two nodes: where reads go, what a node sees that another node has written,
replica stopped, delayed, primary killed, fail-over, updates that wait for a lagging replica.
"""
import json
import os
import signal
import sys
import time

import tally
from tally import check
from replicated_nodes import ReplicatedNodes
from cluster import Browser, edit_properties, wait_for
from update_test import write_task

LOGINS = 12
CHANGES = 3
HANG = 30  # seconds that nothing may need; the documented bound is below, machines are slow


def settle(cluster):
    cluster.caught_up()
    cluster.trusted()


def reads_go_to_the_replica(cluster):
    one, two = cluster.nodes
    settle(cluster)
    before = {n: cluster.figures(n) for n in cluster.nodes}
    wrong = [cluster.enter(n, user) for n in cluster.nodes for user in ("anna", "bert")
             for _ in range(LOGINS // 4)]
    check(not any(wrong), "logins at both nodes: %s" % wrong)
    for node in cluster.nodes:
        key = 'ox_db_connections_total{server="%s"}'
        now, was = cluster.figures(node), before[node]
        read = now[key % "replica"] - was[key % "replica"]
        instead = now[key % "master-instead-of-replica"] - was[key % "master-instead-of-replica"]
        check(read >= LOGINS // 2 and instead == 0,
              "%s: %d connections to the replica, %d to the master instead" % (node.name, read, instead))
    known = sum(cluster.event(n, "known") for n in cluster.nodes)
    check(known > 0, "the grid told %d times how far the replica must be" % known)


def update_waits_for_the_replica(cluster):
    """A real lag: the replica holds events back; the job waits, and goes on when it has caught up."""
    one, two = cluster.nodes
    cluster.delay(600)
    cluster.primary.sql("create table lagging (a int); insert into lagging values (1)", "configdb")
    wait_for("a lag", lambda: int(cluster.slave_status(32) or 0) >= 3, 30, 0.2)
    for node in cluster.nodes:
        write_task(node, "lag.sql", "-- name: test.Lag\nCREATE TABLE lag_done (a INT);\n")
    text = cluster.administer("runallupdate", "-p", one.rmi, "--max-lag", 1, "--parallel", 2)
    job = text.split("id: ")[1].split()[0]

    def status():
        done = two.admin("getUpdateTaskStatus", "-A", "oxadminmaster", "-P", cluster.master, "-p",
                         two.rmi, "-j", job, "--json", check=False)
        return json.loads(done.stdout)
    wait_for("the throttle", lambda: "s behind, allowed are 1" in status()["note"], 30, 0.2)
    seen = status()
    check(seen["running"] == 0 and seen["done"] == 0, "the job waits: %s" % seen["note"])
    made = ("select count(*) from information_schema.tables where table_name = 'lag_done' and "
            "table_schema = '%s'")
    first, second = cluster.schemas
    check(cluster.primary.sql(made % first) == [["0"]], "no schema was begun")
    cluster.administer("runupdate", "-p", one.rmi, "-n", first)
    check(cluster.primary.sql(made % first) == [["1"]] and cluster.replica.sql(made % first) == [["0"]],
          "runupdate of one schema works on the master while the replica is behind")
    check(cluster.enter(two, "anna", 1) is None, "its users log in meanwhile")
    cluster.delay(0)
    wait_for("the end of the job", lambda: status()["state"] == "done", 60, 0.3)
    seen = status()
    check(seen["failed"] == 0 and cluster.primary.sql(made % second) == [["1"]],
          "the job went on when the replica had caught up: %s done" % seen["done"])
    cluster.caught_up()
    check(all(cluster.replica.sql(made % s) == [["1"]] for s in cluster.schemas),
          "the replica has both by replication")
    writers = {g.split("-")[1] for g in cluster.replica.sql("select @@gtid_binlog_state")[0][0].split(",")}
    check(writers == {"1"}, "nobody ever wrote on the replica: servers %s" % sorted(writers))


def replica_stopped(cluster):
    one, two = cluster.nodes
    settle(cluster)
    before = cluster.fetched(two, "master-instead-of-replica")
    cluster.replica.stop_process()
    wrong = [cluster.enter(two) for _ in range(LOGINS // 2)]
    check(not any(wrong), "logins without the replica: %s" % wrong)
    instead = cluster.fetched(two, "master-instead-of-replica") - before
    check(instead >= LOGINS // 2, "%d reads went to the master instead" % instead)
    told = cluster.log(two).count("a replica (database %d) does not answer" % cluster.replica_pool)
    check(told == 1, "one WARN at %s, seen %d" % (two.name, told))
    cluster.replica.start()
    settle(cluster)

    def back():
        was = cluster.fetched(two, "replica")
        return cluster.enter(two) is None and cluster.fetched(two, "replica") > was
    wait_for("reads to come back to the replica", back, 20, 0.3)
    log = cluster.log(two)
    check("a replica (database %d) answers again" % cluster.replica_pool in log and log.count(
        "a replica (database %d) does not answer" % cluster.replica_pool) == 1, "and it is told once")


def new_password(cluster, number, node=None):
    password = "changed-Secret%d" % number
    done = cluster.tenant("changeuser", 1, "-u", "anna", "-p", password, node=node)
    check(done.returncode == 0, "changeuser %d%s" % (number, "" if done.returncode == 0 else
                                                    ": " + done.stdout))
    return password


def replica_delayed(cluster):
    one, two = cluster.nodes
    settle(cluster)
    cluster.replica.sql("stop slave sql_thread")
    before = cluster.figures(two)
    for i in range(CHANGES):
        password = new_password(cluster, i)
        seen = cluster.enter(two, "anna", 1, password)
        check(seen is None, "node 2 sees what node 1 has just written: %s" % seen)
        check(cluster.enter(two, "anna", 1, "changed-Secret%d" % (i - 1)) == "LGI-0006",
              "and not what was before")
    done = cluster.tenant("createuser", 1, "-u", "carl", "-d", "Carl", "-g", "Carl", "-s", "C", "-e",
                          "carl@company1.example", "-p", cluster.user_password)
    check(done.returncode == 0 and cluster.enter(two, "carl") is None,
          "a user created at node 1 logs in at node 2")
    cluster.administer("changecontext", "-c", 2, "-L", "elsewhere.example,company2.example")
    browser = Browser()
    _, text = browser.request(two, "/ajax/login?action=login", {
        "name": "anna@elsewhere.example", "password": cluster.user_password, "client": "test"})
    check("session" in json.loads(text), "a new name of context 2 is known at node 2")
    cluster.administer("disablecontext", "-c", 2)
    check(cluster.enter(two, "anna", 2) == "LGI-0015", "a context disabled at node 1 is closed at node 2")
    cluster.administer("enablecontext", "-c", 2)
    wait_for("it to be open again at node 2", lambda: cluster.enter(two, "anna", 2) is None, 20, 0.2)
    now = cluster.figures(two)
    key = 'ox_db_connections_total{server="%s"}'
    check(now[key % "master-instead-of-replica"] > before[key % "master-instead-of-replica"] and
          now[key % "replica"] > before[key % "replica"],
          "changed contexts were read from the master, others from the replica")
    # The same without the monitor: what this test would see if it did not work.
    file = os.path.join(two.etc, "configdb.properties")
    edit_properties(file, {"com.openexchange.database.replicationMonitor": "false"})
    cluster.administer("reloadconfiguration", node=two)
    check(cluster.enter(two, "anna", 1, password) == "LGI-0006",
          "with replicationMonitor=false node 2 reads the replica as it is")
    edit_properties(file, {"com.openexchange.database.replicationMonitor": "true"})
    cluster.administer("reloadconfiguration", node=two)
    check(cluster.enter(two, "anna", 1, password) is None, "switched on again it does not")
    cluster.replica.sql("start slave sql_thread")
    cluster.delay(2)
    for i in range(CHANGES, 2 * CHANGES):
        password = new_password(cluster, i)
        check(cluster.enter(two, "anna", 1, password) is None, "seen with a replica 2 s late")
    cluster.delay(0)
    settle(cluster)
    was = cluster.fetched(two, "replica")
    check(cluster.enter(two, "anna", 1, password) is None and cluster.fetched(two, "replica") > was,
          "a replica that has caught up is read again")
    return password


def bounded(text, action):
    started = time.monotonic()
    answer = action()
    took = time.monotonic() - started
    check(took < HANG, "%s: %.1f s" % (text, took))
    return answer


def primary_frozen(cluster, password):
    """A server that is silent, not dead: every attempt costs its time-out, and nothing more."""
    one, two = cluster.nodes
    settle(cluster)
    process = cluster.primary.process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            seen = bounded("a login", lambda: cluster.enter(two, "bert", 2))
            check(seen is None, "users log in while the primary is silent: %s" % seen)
        done = bounded("a change", lambda: cluster.tenant("changeuser", 1, "-u", "anna", "-p", "never"))
        check(done.returncode == 106, "a change fails: exit %d" % done.returncode)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    password = new_password(cluster, 40)
    seen = cluster.enter(two, "anna", 1, password)
    check(seen is None, "changes go on when it answers again: %s" % seen)
    return password


def primary_down(cluster, password):
    """The replica has received the last change, and not applied it, when the primary is killed."""
    one, two = cluster.nodes
    settle(cluster)
    cluster.replica.sql("stop slave sql_thread")
    latest = new_password(cluster, 50)
    wait_for("the replica to receive it", lambda: cluster.slave_status(43) == cluster.primary.sql(
        "select @@gtid_binlog_pos")[0][0], 20)
    browser = Browser()
    cluster.login(browser, two, "bert", 1)
    told = "a master (database %d) does not answer" % cluster.pool
    before = [cluster.log(n).count(told) for n in cluster.nodes]
    cluster.primary.stop_process(kill=True)
    for node, user, cid in ((two, "bert", 1), (one, "bert", 2), (one, "bert", 1)):
        seen = bounded("a login at %s" % node.name, lambda n=node, u=user, c=cid: cluster.enter(n, u, c))
        check(seen is None, "%s@%d logs in while the primary is down: %s" % (user, cid, seen))
    _, who = bounded("a request", lambda: cluster.whoami(browser, two))
    check((who.get("data") or {}).get("session") == browser.session, "sessions go on: %s" % who)
    for _ in range(2):  # over a connection that was open, and over none
        done = bounded("a change", lambda: cluster.tenant("changeuser", 1, "-u", "anna", "-p", "never"))
        check(done.returncode == 106 and ("DB-0001" in done.stdout or "ADM-0106" in done.stdout),
              "a change fails: exit %d, %s" % (
            done.returncode, done.stdout.strip()[-200:]))
    check(two.ready(), "the node stays ready")
    seen = cluster.enter(two, "anna", 1, password)
    check(seen is None, "the replica is read as it is, nobody knows better: %s" % seen)
    check(cluster.event(two, "stale") > 0, "which is counted")
    for node, was in zip(cluster.nodes, before):
        # A node that has not asked the master since the case before has said so already.
        seen = cluster.log(node).count(told)
        check(seen >= 1 and seen - was <= 1, "at most one WARN at %s, seen %d after %d" % (
            node.name, seen, was))
    return latest


def fail_over(cluster, password):
    one, two = cluster.nodes
    received = cluster.slave_status(43)
    cluster.replica.sql("start slave sql_thread")
    wait_for("the replica to apply what it has received", lambda: cluster.replica.sql(
        "select @@gtid_slave_pos")[0][0] == received, 20)
    cluster.page_sql(cluster.replica, "on the replica: it becomes the primary")
    former, cluster.primary = cluster.primary, cluster.replica
    cluster.replica = former
    for node in cluster.nodes:
        edit_properties(os.path.join(node.etc, "configdb.properties"), {
            "writeUrl": "jdbc:mysql://127.0.0.1:%d/configdb" % cluster.primary.port})
        cluster.administer("reloadconfiguration", node=node)
    for pool, server in ((cluster.pool, cluster.primary), (cluster.replica_pool, former)):
        cluster.administer("changedatabase", "-i", pool, "-H", "127.0.0.1:%d" % server.port)
    seen = cluster.enter(two, "anna", 1, password)
    check(seen is None, "the last change before the fail-over is there: %s" % seen)
    password = new_password(cluster, 100)
    seen = cluster.enter(two, "anna", 1, password)
    check(seen is None, "node 2 reads at the new primary what node 1 wrote there: %s" % seen)
    former.options = former.options + ["--read-only=1"]
    former.start()
    cluster.page_sql(former, "on the former primary: it comes back")
    settle(cluster)

    def read_there():
        was = [cluster.fetched(n, "replica") for n in cluster.nodes]
        seen = [cluster.enter(n, "anna", 1, password) for n in cluster.nodes]
        return seen == [None, None] and all(
            cluster.fetched(n, "replica") > w for n, w in zip(cluster.nodes, was))
    wait_for("both nodes to read from the former primary", read_there, 30, 0.3)
    check(True, "the former primary is read as the replica")
    password = new_password(cluster, 101, node=two)
    check(cluster.enter(one, "anna", 1, password) is None, "and changes at node 2 are seen at node 1")


def main():
    cluster = ReplicatedNodes(25000)
    started = time.monotonic()

    def case(action, *arguments):
        at = time.monotonic()
        answer = action(cluster, *arguments)
        print("        %s: %.1f s" % (action.__name__, time.monotonic() - at), flush=True)
        return answer
    try:
        cluster.begin()
        print("        set up in %.1f s" % (time.monotonic() - started), flush=True)
        case(reads_go_to_the_replica)
        case(update_waits_for_the_replica)
        case(replica_stopped)
        password = case(replica_delayed)
        password = case(primary_frozen, password)
        password = case(primary_down, password)
        case(fail_over, password)
        for node in cluster.nodes:
            errors = [line for line in cluster.log(node).splitlines() if " ERROR " in line]
            check(not errors, "no ERROR in the log of %s: %s" % (node.name, errors[:2]))
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
        for node in cluster.nodes:
            print(node.tail(30))
    finally:
        cluster.failed = tally.failed
        cluster.cleanup()
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

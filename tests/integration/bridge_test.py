"""The upgrade bridges: a real node runs update tasks while members of each older line (made of
recordings, legacy_member.cpp) are told of it; and what happens when they are not there.

Loopback only: the node has a private directory of bundles, which is what installing a package is.
"""
import os
import shutil
import subprocess
import sys
import threading
import time

import tally
from tally import check
from two_nodes import BUILD, TwoNodes
from cluster import edit_properties

# package, a version of its line, by topic or by a task on every member
LINES = [("76x", "3.2.4", "topic"), ("780-782", "3.5.5", "topic"), ("783", "3.7.1", "topic"),
         ("784", "3.8.1", "topic"), ("7100-7101", "3.10", "task"), ("7102", "3.11", "task"),
         ("7103-7104", "3.12.11", "task"), ("7105", "4.1.1", "task")]


class Member:
    """A member of an older line; `said` grows with what it was told."""

    def __init__(self, version, told, *options):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests", "integration", "legacy_member"), version] +
            list(options) + [str(t) for t in told], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.said = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said.append(line.strip())

    def heard(self, wanted, seconds=10):
        """What it was told; waits until that is at least what is wanted, or no longer."""
        deadline = time.monotonic() + seconds
        while True:
            told = set(s for s in self.said if s.startswith("told"))
            if wanted <= told or time.monotonic() > deadline:
                return told
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.reader.join(10)


class Cluster(TwoNodes):
    """One node only, whose bundles can be changed between two starts."""

    def begin(self):
        self.prepare()
        self.nodes = self.nodes[:1]
        self.node = self.nodes[0]
        self.start_database()
        self.write_configuration()
        self.bundles = os.path.join(self.work, "bundles")
        os.makedirs(self.bundles)
        for name in os.listdir(os.path.join(BUILD, "bundles")):
            if name.endswith(".so"):
                os.symlink(os.path.join(BUILD, "bundles", name), os.path.join(self.bundles, name))
        self.state = os.path.join(self.work, "state")
        os.makedirs(self.state)
        self.node.options = ["--bundles", self.bundles]
        edit_properties(os.path.join(self.node.etc, "hazelcast.properties"), {
            "com.openexchange.hazelcast.upgrade.stateDirectory": self.state})
        self.init_configdb()
        self.start_first_node()
        self.register()
        self.create_contexts()
        self.node.stop()
        self.schema = self.schemas[0]
        self.pool = int(self.database.sql(
            "select write_db_pool_id from context_server2db_pool where cid = 1", "configdb")[0][0])

    def client(self, nodes, group="dev", **more):
        """As configured for an upgrade: where the older cluster is and what it is called."""
        changes = {"com.openexchange.hazelcast.group.name": group,
                   "com.openexchange.hazelcast.group.password": "dev-pass",
                   "com.openexchange.hazelcast.network.client.nodes": nodes}
        changes.update(more)
        edit_properties(os.path.join(self.node.etc, "hazelcast.properties"), changes)

    def install(self, release):
        name = "cluster-upgrade-from-%s.so" % release
        shutil.copy(os.path.join(BUILD, "bundles", "cluster-upgrade", name),
                    os.path.join(self.bundles, name))

    def uninstall(self, release):
        os.unlink(os.path.join(self.bundles, "cluster-upgrade-from-%s.so" % release))

    def task(self, number):
        """A pending update task, read at the next run."""
        folder = os.path.join(self.node.etc, "updatetasks")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "t%d.sql" % number), "w", encoding="utf-8") as out:
            out.write("-- name: test.Bridge%d\nCREATE TABLE bridge_%d (a INT PRIMARY KEY);\n"
                      % (number, number))

    def update(self):
        return self.node.admin("runupdate", "-p", self.node.rmi, "-A", "oxadminmaster", "-n",
                               self.schema, env=self.auth(), check=False)

    def log(self):
        with open(os.path.join(self.node.logs, "console.log"), errors="replace") as text:
            return text.read()


def each_line(cluster):
    told = (cluster.pool, cluster.schema, 1)
    for number, (release, version, mechanism) in enumerate(LINES):
        member = Member(version, told)
        try:
            cluster.client("127.0.0.1:%d" % member.port)
            cluster.install(release)
            cluster.node.start()
            seen = cluster.node.admin("checkupgradebridge", "-A", "oxadminmaster",
                                      env=cluster.auth(), check=False)
            check(seen.returncode == 0 and "logged in at 127.0.0.1:%d as group dev" % member.port
                  in seen.stdout and "  member " in seen.stdout,
                  "%s: checkupgradebridge names the member: %s" % (release, seen.stdout.split("\n")[0]))
            before = [s for s in member.said if s.startswith("told")]
            check(not before, "%s: a check tells nothing" % release)
            cluster.task(number)
            done = cluster.update()
            check(done.returncode == 0 and "not told" not in done.stdout,
                  "%s: runupdate succeeds, nothing undelivered: %s" % (release, done.stdout.strip()))
            wanted = {"told schema", "told context"} if mechanism == "topic" else {"told schema"}
            heard = member.heard(wanted)
            check(heard == wanted, "%s (%s): the bytes of its own nodes, for this schema: %s"
                  % (release, version, sorted(heard)))
            cluster.node.stop()
            cluster.uninstall(release)
        finally:
            member.stop()
    text = cluster.log()
    for line in ("Processing cache event: schemas %s (pool %d)" % (cluster.schema, cluster.pool),
                 "Successfully got reference to cache event topic: cacheEvents-3",
                 "Successfully executed invalidation task on member",
                 "Remember to uninstall the package open-xchange-cluster-upgrade-from-7105"):
        check(line in text, "the log says: " + line)


def absent_slow_refused(cluster):
    told = (cluster.pool, cluster.schema, 1)
    cluster.install("7103-7104")
    # One of two members dies in the middle: the other is told.
    dying, other = Member("3.12.11", told, "--dies"), Member("3.12.11", told)
    cluster.client("127.0.0.1:%d,127.0.0.1:%d" % (dying.port, other.port))
    cluster.node.start()
    cluster.task(20)
    done = cluster.update()
    check(done.returncode == 0 and "not told" not in done.stdout and other.heard({"told schema"}) == {"told schema"},
          "one of two members dies in the middle: the other is told: %s" % done.stdout.strip())
    dying.stop()
    other.stop()
    cluster.node.stop()

    refusing = Member("3.12.11", told, "--refuse")
    cluster.client("127.0.0.1:%d" % refusing.port)
    cluster.node.start()
    cluster.task(21)
    done = cluster.update()
    check(done.returncode == 0 and "The older cluster was not told of:" in done.stdout
          and cluster.schema in done.stdout and "refused" in done.stdout,
          "a refusing cluster: the update succeeds and says what was not told: %s" % done.stdout.strip())
    check("trying alternative configuration" in cluster.log(), "both names of the group were tried")
    asked = cluster.node.admin("checkupgradebridge", "-A", "oxadminmaster", env=cluster.auth(),
                               check=False)
    check(asked.returncode != 0 and "refused" in asked.stdout,
          "checkupgradebridge exits with %d" % asked.returncode)
    refusing.stop()
    cluster.task(22)
    done = cluster.update()
    check(done.returncode == 0 and "The older cluster was not told of:" in done.stdout,
          "an absent cluster: the update succeeds and says so")
    cluster.task(24)
    done = cluster.node.admin("runallupdate", "-A", "oxadminmaster", "--wait", env=cluster.auth(),
                              check=False)
    check(done.returncode == 0 and "the older cluster was not told of:" in done.stdout,
          "a job over all schemas says so in its report: %s" % done.stdout[-300:])
    check("was NOT told of changed schemas %s (pool %d)" % (cluster.schema, cluster.pool)
          in cluster.log(), "an ERROR names the schema for the hand")
    cluster.node.stop()

    slow = Member("3.12.11", told, "--slow", "30000")
    cluster.client("127.0.0.1:%d" % slow.port,
                   **{"com.openexchange.hazelcast.upgrade.attempts": "1"})
    cluster.node.start()
    cluster.task(23)
    done = cluster.update()
    check(done.returncode == 0 and "The older cluster was not told of:" in done.stdout,
          "a cluster that needs 30 s to answer: the update succeeds and says so")
    slow.stop()
    cluster.node.stop()


def mistakes(cluster):
    def plan(**changes):
        cluster.client("127.0.0.1:5999", **changes)
        done = subprocess.run([os.path.join(BUILD, "open-xchange"), "--etc", cluster.node.etc,
                               "--bundles", cluster.bundles, "--check-config"],
                              capture_output=True, text=True, check=False)
        return done.stdout
    key = "com.openexchange.hazelcast.network."
    check("cluster-upgrade-from-7103-7104 is installed and contacts 127.0.0.1:5999, " in plan(),
          "--check-config says whom the bridge would contact")
    check("join=empty" in plan(**{key + "join": "empty"}), "--check-config: join is empty")
    out = plan(**{key + "join": "static", key + "client.nodes": "nowhere.invalid"})
    check("\"nowhere.invalid\" cannot be resolved" in out, "--check-config: a name that nobody knows")
    cluster.node.start()
    listed = cluster.node.admin("listbundles", check=False).stdout
    check("nowhere.invalid" in listed, "the bundle does not start then, and listbundles says why")
    cluster.node.stop()
    cluster.uninstall("7103-7104")
    cluster.client("127.0.0.1:5999")
    cluster.node.start()
    asked = cluster.node.admin("checkupgradebridge", "-A", "oxadminmaster", env=cluster.auth(),
                               check=False)
    check(asked.returncode == 1 and "has no upgrade bridge" in asked.stdout,
          "checkupgradebridge without a bridge")
    # A file of two days ago: nobody has answered since.
    cluster.node.stop()
    cluster.install("7102")
    with open(os.path.join(cluster.state, "cluster-upgrade-from-7102.seen"), "w",
              encoding="ascii") as out:
        out.write("1000000000000 1000000000000\n")
    cluster.node.start()
    check("uninstall the package open-xchange-cluster-upgrade-from-7102" in cluster.log()
          and "no node of the older cluster has answered for" in cluster.log(),
          "a bridge that nobody has answered for a day says that it should go")
    cluster.node.stop()


def main():
    cluster = Cluster(20000)
    try:
        cluster.begin()
        each_line(cluster)
        absent_slow_refused(cluster)
        mistakes(cluster)
    except Exception as broken:  # noqa: BLE001 - the logs are shown
        check(False, "%s: %s" % (type(broken).__name__, broken))
        if getattr(cluster, "node", None):
            print(cluster.node.tail(60))
    finally:
        cluster.failed = tally.failed
        cluster.cleanup()
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

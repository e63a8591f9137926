"""Caches on three real nodes of which one is isolated while users change: nothing stale beyond the repair
interval, judged over all reads.

    cache_staleness_test.py [SECONDS] [lateral | discovery]

SECONDS: how long the node is isolated (default 10, for a short run; the promise is shown with 30); lateral: events go
over the lateral TCP connection instead of the grid; discovery: the same, and the nodes find each other by multicast.

The nodes live in network namespaces and share one MariaDB by its socket, which no cut can reach. Changes go
through the provisioning of all nodes, the isolated one included; reads are autologins, whose answer shows the
language of the user as the node has it cached. Needs root, as namespaces.py says.
"""
import base64
import ctypes
import http.client
import json
import os
import random
import re
import sys
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import namespaces
import tally
from tally import check
from two_nodes import TwoNodes
from cluster import Browser, Node, edit_properties, wait_for
from processes import interrupts

REPAIR = 4.0      # seconds
HEALTHY = 4.0
AFTER = 7.0
CLONE_NEWNET = 0x40000000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class HostNode(Node):
    """A node whose process runs in its own network; `agent` is a thread in there."""

    network = None

    def enter(self, i):
        self.place = i
        self.agent = ThreadPoolExecutor(1, initializer=self._move)

    def _move(self):
        descriptor = os.open("/var/run/netns/" + self.network.name(self.place), os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(descriptor)

    def inside(self, work, *arguments):
        return self.agent.submit(work, *arguments).result(60)

    def start(self, ready=True):
        command = self.network.command(self.place, os.path.join(self.build, "open-xchange"), "--etc",
                                       self.etc)
        with open(os.path.join(self.logs, "console.log"), "ab") as out, interrupts:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)
        if ready:
            wait_for(self.name + " to be ready", self.ready, 40)

    def probe(self, path):
        return self.inside(Node.probe, self, path)

    def tool(self, name, *arguments, env=None, check=True, timeout=60):
        """Tools run on the node's host as well."""
        real = os.path.join(self.build, "sbin", name)
        done = subprocess.run(self.network.command(self.place, real, *[str(a) for a in arguments]),
                              env={**os.environ, **(env or {})}, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and done.returncode != 0:
            raise RuntimeError("%s: exit %d: %s" % (name, done.returncode, done.stderr))
        return done

    def figures(self):
        """The lines of showruntimestats -j as a dictionary."""
        text = self.tool("showruntimestats", "-H", "127.0.0.1", "-p", self.jmx, "-j").stdout
        return dict(re.findall(r"^(\S+) = (\S+)$", text, re.M))


class Cluster(TwoNodes):
    """First one node without walls, for the database; then three of them in networks of their own."""

    def begin(self):
        self.prepare()
        self.start_database()
        self.write_configuration()
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "sessiond.properties"),
                            {"com.openexchange.sessiond.autologin": "true"})
            edit_properties(os.path.join(node.etc, "cache.properties"), {
                "com.openexchange.caching.events.ms.repairInterval": "%dms" % (REPAIR * 1000),
                "com.openexchange.caching.events.ms.announceInterval": "500ms"})
            edit_properties(os.path.join(node.etc, "hazelcast.properties"), {
                "hazelcast.max.no.heartbeat.seconds": "3",
                "com.openexchange.hazelcast.merge.firstRunDelay": "1s",
                "com.openexchange.hazelcast.merge.runDelay": "1s"})
        self.init_configdb()
        self.start_first_node()
        self.register()
        self.create_contexts()
        self.nodes[0].stop()

    way = "grid"

    def move(self, network):
        url = "jdbc:mysql://localhost/configdb?localSocket=" + self.database.socket
        self.database.sql("update configdb.db_pool set url = "
                          "'jdbc:mysql://localhost/?localSocket=%s'" % self.database.socket)
        HostNode.network = network
        for i, node in enumerate(self.nodes, 1):
            node.__class__ = HostNode
            node.enter(i)
            edit_properties(os.path.join(node.etc, "configdb.properties"),
                            {"readUrl": url, "writeUrl": url})
            edit_properties(os.path.join(node.etc, "hazelcast.properties"), {
                "com.openexchange.hazelcast.network.join.static.nodes": ",".join(
                    "%s:%d" % (network.address(k), n.grid) for k, n in enumerate(self.nodes, 1)),
                "com.openexchange.hazelcast.network.interfaces": namespaces.NETWORK + "*"})
            if self.way != "grid":
                edit_properties(os.path.join(node.etc, "cache.properties"),
                                {"com.openexchange.caching.jcs.eventInvalidation": "false"})
                edit_properties(os.path.join(node.etc, "cache.ccf"), {
                    "jcs.auxiliary.LTCP.attributes.TcpServers": ",".join(
                        "%s:57462" % network.address(k) for k in network.hosts())
                } if self.way == "lateral" else {
                    "jcs.auxiliary.LTCP.attributes.UdpDiscoveryEnabled": "true"})
        for node in self.nodes:
            node.start()
        self.settle()


class History:
    """What was changed and read of each user; times by one clock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.changes = {}  # user -> [(begun, ended, value)]
        self.reads = []    # (user, node, begun, ended, value)

    def judge(self, most):
        """(violations, the oldest age that was read). A read may give the value of a change that had
        begun when the read ended; all later changes must have ended at most `most` before the read began."""
        wrong, oldest = [], 0.0
        for user, node, begun, ended, value in self.reads:
            made = self.changes[user]
            at = [i for i, c in enumerate(made) if c[2] == value and c[0] <= ended]
            if not at:
                wrong.append("%s at node %d: %s was never written" % (user, node, value))
                continue
            newer = made[at[-1] + 1:at[-1] + 2]
            age = begun - newer[0][1] if newer else 0.0
            oldest = max(oldest, age)
            if age > most:
                wrong.append("%s at node %d: %s was read %.2f s after it had been changed"
                             % (user, node, value, age))
        return wrong, oldest


def judge_is_awake():
    h = History()
    h.changes = {"u": [(0, 1, "a"), (10, 11, "b"), (30, 31, "c")]}
    for read, fine in ((("u", 1, 12, 13, "b"), True), (("u", 1, 12, 13, "a"), True),
                       (("u", 1, 20, 21, "a"), False), (("u", 1, 12, 13, "c"), False),
                       (("u", 1, 34, 35, "b"), True), (("u", 1, 36, 37, "b"), False)):
        h.reads = [read]
        check(bool(h.judge(4.0)[0]) != fine, "the judge %s %s" % ("accepts" if fine else "refuses", read))


def rmi(node, operation, arguments, user, password):
    connection = http.client.HTTPConnection("127.0.0.1", node.rmi, timeout=20)
    token = base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
    connection.request("POST", "/rmi/" + operation, json.dumps({"arguments": arguments}),
                       {"Content-Type": "application/json", "Authorization": "Basic " + token})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if "result" not in answer:
        raise RuntimeError("%s: %s" % (operation, answer))


class Load:
    USERS = [(cid, name) for cid in (1, 2) for name in ("anna", "bert")]

    def __init__(self, cluster):
        self.cluster = cluster
        self.history = History()
        self.stop = threading.Event()
        self.errors = []
        self.numbers = 0
        self.threads = []
        for user in self.USERS:
            self.history.changes[user] = []
            self.change(user, cluster.nodes[0])

    def next_value(self):
        self.numbers += 1
        n, out = self.numbers, ""
        for _ in range(4):
            out += LETTERS[n % 26]
            n //= 26
        return out[:2] + "_" + out[2:]

    def change_all_the_time(self):
        choose = random.Random(1)
        while not self.stop.wait(0.1):
            user, node = choose.choice(self.USERS), choose.choice(self.cluster.nodes)
            try:
                self.change(user, node)
            except Exception as e:  # noqa: BLE001 - shown as a failed check
                self.errors.append("change at %s: %r" % (node.name, e))
                return

    def change(self, user, node):
        """What is being written may be seen already: it has no end yet."""
        value, begun = self.next_value(), time.monotonic()
        with self.history.lock:
            self.history.changes[user].append((begun, float("inf"), value))
        node.inside(rmi, node, "OXUserService/change",
                    {"contextId": user[0], "userName": user[1], "user": {"language": value}},
                    "oxadmin", self.cluster.user_password)
        with self.history.lock:
            self.history.changes[user][-1] = (begun, time.monotonic(), value)

    def read_all_the_time(self, node):
        node._move()
        browsers = {}
        for user in self.USERS:
            browsers[user] = Browser()
            self.cluster.login(browsers[user], node, user[1], user[0])
            if not browsers[user].session:
                self.errors.append("no login of %s at %s" % (user, node.name))
        while not self.stop.wait(0.005):
            for user, browser in browsers.items():
                begun = time.monotonic()
                _, text = browser.request(node, "/ajax/login?action=autologin&client=open-xchange-appsuite")
                answer = json.loads(text)
                if "locale" not in answer:
                    self.errors.append("autologin at %s: %s" % (node.name, text[:300]))
                    return
                with self.history.lock:
                    self.history.reads.append((user, node.number, begun, time.monotonic(),
                                               answer["locale"]))

    def start(self):
        for node in self.cluster.nodes:
            self.threads.append(threading.Thread(target=self.read_all_the_time, args=(node,)))
        self.threads.append(threading.Thread(target=self.change_all_the_time))
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


FLUSHES = "com.openexchange.caching:name=CacheEventInformation,Flushes"
HITS = "com.openexchange.caching:type=Region,name=User,Hits"


def phases(cluster, network, load, seconds):
    before = [n.figures() for n in cluster.nodes]
    load.start()
    time.sleep(HEALTHY)
    healthy = [n.figures() for n in cluster.nodes]
    check(all(int(f[HITS]) > 20 for f in healthy),
          "reads come from the caches: %s hits" % [f[HITS] for f in healthy])
    # One is allowed: a machine that stands still for two seconds is silence, too.
    check(all(int(h[FLUSHES]) - int(b[FLUSHES]) <= 1 for b, h in zip(before, healthy)),
          "no flush while all is well: %s, %s" % ([f[FLUSHES] for f in before],
                                                  [f[FLUSHES] for f in healthy]))
    network.cut([3], [1, 2])
    time.sleep(seconds)
    cut = [n.figures() for n in cluster.nodes]
    network.heal()
    check(all(int(c[FLUSHES]) > int(h[FLUSHES]) for c, h in zip(cut, healthy)),
          "all nodes flush while one is isolated for %g s: %s" % (seconds, [f[FLUSHES] for f in cut]))
    cluster.settle()
    time.sleep(AFTER)
    late = [n.figures()[FLUSHES] for n in cluster.nodes]
    time.sleep(REPAIR)  # with a node missing there were two flushes in this time
    check(all(int(n.figures()[FLUSHES]) - int(f) <= 1 for n, f in zip(cluster.nodes, late)),
          "no flush any more when all are together again: %s" % late)
    load.end()


def main():
    words = sys.argv[1:]
    Cluster.way = next((w for w in words if w in ("lateral", "discovery")), "grid")
    seconds = float(next((w for w in words if w != Cluster.way), 10))
    judge_is_awake()
    why = namespaces.missing()
    if why:
        print("skipped: three nodes, one isolated: " + why)
        return tally.result(1)
    namespaces.remove_left_over()
    cluster = Cluster(21000)
    network = None
    try:
        cluster.begin()
        network = namespaces.Network(3)
        cluster.move(network)
        load = Load(cluster)
        try:
            phases(cluster, network, load, seconds)
        finally:
            load.end()
        check(not load.errors, "every change and every read was answered: %s" % load.errors[:3])
        wrong, oldest = load.history.judge(REPAIR)
        changes = sum(len(c) for c in load.history.changes.values())
        check(len(load.history.reads) > 1000 and changes > 30,
              "%d reads, %d changes" % (len(load.history.reads), changes))
        check(not wrong, "no value older than %g s was read; oldest %.2f s: %s"
              % (REPAIR, oldest, wrong[:3]))
        cleared = cluster.nodes[0].admin(
            "clearcache", "-A", "oxadminmaster", "-r", "User", env=cluster.auth()).stdout
        check("values removed on this node from 1 regions; the other nodes are told" in cleared,
              "clearcache: " + cleared.strip())
        wait_for("the region to be empty at node 3", lambda: cluster.nodes[2].figures()[
            "com.openexchange.caching:type=Region,name=User,Count"] == "0")
        check(True, "and the region is empty at node 3")
        for node in cluster.nodes:
            node.stop()
        for node in cluster.nodes:
            with open(os.path.join(node.logs, "console.log"), errors="replace") as f:
                bad = [line for line in f if re.match(r"\S+ ERROR", line)]
            check(not bad, "no ERROR in the log of %s: %s" % (node.name, bad[:2]))
    finally:
        for node in cluster.nodes:
            if node.alive():
                node.kill()
        cluster.cleanup()
        if network:
            network.remove()
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

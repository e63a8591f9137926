"""Users clicking through Apache (packaging/apache) while nodes restart, are killed, are cut off.

Two members: each is restarted gracefully twice, the second time drained before; then one is killed with
SIGKILL twice, the second time after the safe state. Three members: one is cut off from the others, and
comes back. 0 forced logins and 0 wrong answers; 502 and 503 only within 2 s after a SIGKILL; in the
end every user's last written attribute is read back. OX_USERS sets how many users; from FULL_SIZE on
the split lasts 60 s.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import tally
from tally import check
from placed_cluster import PlacedCluster, place
from two_nodes import ROOT
from cluster import edit_properties
from front_servers import APACHE, HOST, MODULES, ask, balancer, replaced
from mariadb import free_port
from rolling_users import AFTER_KILL, RATE, Users

HOSTS = 4               # three nodes; the last one has front, users and database
FULL_SIZE = 1000
SPLIT_SECONDS = {False: 10, True: 60}
SILENCE_SECONDS = {False: 3, True: 10}  # after which a member counts as gone; 10 is the default
MERGE_SECONDS = 5
CREATORS = 4            # createuser side by side
MEMBER = re.compile(r"^  BalancerMember .* route=OX2$", re.M)


class Cluster(PlacedCluster):
    silence = SILENCE_SECONDS[True]

    def configure(self):
        for node in self.nodes + self.spare:
            edit_properties(os.path.join(node.etc, "hazelcast.properties"), {
                "com.openexchange.hazelcast.merge.firstRunDelay": "%ds" % MERGE_SECONDS,
                "com.openexchange.hazelcast.merge.runDelay": "%ds" % MERGE_SECONDS,
                "hazelcast.max.no.heartbeat.seconds": self.silence})

    def create_users(self, count):
        """u1..uN in the two contexts by turns; their login names."""
        logins = ["u%d@company%d.example" % (i, 1 + i % 2) for i in range(1, count + 1)]
        left = list(logins)
        broken = []

        def create():
            while left and not broken:
                try:
                    login = left.pop()
                    name, _, domain = login.partition("@")
                    self.nodes[0].admin(
                        "createuser", "-c", domain[7], "-A", "oxadmin", "-P", self.user_password,
                        "-u", name, "-d", name, "-g", name, "-s", "User", "-e", login,
                        env={"NEW_USER_PASSWORD": self.user_password})
                except Exception as e:  # noqa: BLE001 - handed to the caller
                    broken.append(e)
        threads = [threading.Thread(target=create) for _ in range(CREATORS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if broken:
            raise broken[0]
        return logins


class Apache:
    """The delivered configuration with the addresses of these nodes."""

    def __init__(self, directory, nodes):
        self.port = free_port()
        html = os.path.join(directory, "html")
        os.makedirs(os.path.join(html, "appsuite"))
        with open(os.path.join(html, "appsuite", "index.html"), "w", encoding="ascii") as file:
            file.write("static part")
        with open(os.path.join(ROOT, "packaging", "apache", "open-xchange.conf"),
                  encoding="utf-8") as file:
            text = file.read()
        last = MEMBER.search(text).group(0)
        changes = [("http://192.0.2.%d:8009" % n.number, "http://%s:%d" % (n.host, n.http))
                   for n in nodes]
        if len(nodes) == 3:
            third = last.replace("192.0.2.2", "192.0.2.3").replace("OX2", "OX3")
            changes.insert(0, (last, last + "\n" + third))
        text = replaced(text, changes + [("retry=60", "retry=1"), ("/var/www/html", html)])
        names = ("mpm_event", "authz_core", "authz_host", "alias", "dir", "mime", "rewrite", "headers",
                 "expires", "proxy", "proxy_http", "proxy_balancer", "lbmethod_byrequests",
                 "slotmem_shm")
        config = APACHE.format(root=directory, modules="\n".join(
            "LoadModule %s_module %s/mod_%s.so" % (n, MODULES, n) for n in names))
        config += "TypesConfig /dev/null\nKeepAliveTimeout 30\n"
        files = {"site.conf": text, "httpd.conf": config + HOST.format(
            port=self.port, file=os.path.join(directory, "site.conf"))}
        for name, content in files.items():
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(content)
        for path, _, _ in os.walk(directory):
            os.chmod(path, 0o755)
        with open(os.path.join(directory, "console.log"), "ab") as out:
            self.process = subprocess.Popen(
                ["/usr/sbin/apache2", "-d", directory, "-f", os.path.join(directory, "httpd.conf"),
                 "-D", "FOREGROUND"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)
        self.directory = directory
        deadline = time.monotonic() + 20
        while True:
            try:
                if ask(self.port, "/appsuite/index.html")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                with open(os.path.join(directory, "console.log"), errors="replace") as file:
                    raise AssertionError("Apache does not answer: " + file.read()[-2000:])
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Rehearsal:
    def __init__(self, cluster, directory):
        self.cluster, self.directory = cluster, directory
        self.logins = []
        self.former = None

    def users(self, apache):
        users = Users(apache.port, self.logins, self.cluster.user_password)
        started = time.monotonic()
        users.begin(self.former)
        if not self.former:
            print("%d users have logged in after %.1f s, each clicks every %.1f s" % (
                len(self.logins), time.monotonic() - started, users.pause), flush=True)
        self.former = users
        users.await_everybody()
        return users

    def routes(self, but=None):
        return {n.route for n in self.cluster.nodes if n is not but}

    def judge(self, users, what, kills=0):
        users.end()
        back = users.read_back()
        check(not users.forced, "%s: 0 forced logins in %d clicks of %d users: %s" % (
            what, users.clicks, len(users.users), users.forced[:2] or users.latency()))
        check(not users.wrong, "%s: 0 wrong answers: %s" % (what, users.wrong[:3]))
        check(back == len(users.users), "%s: the last written attribute of %d of %d users is read back"
              % (what, back, len(users.users)))
        if kills:
            print("%s: %d x SIGKILL: %d answers 502, %d answers 503 to requests within %g s, the last "
                  "one %.1f s after" % (what, kills, users.allowed.get(502, 0), users.allowed.get(
                      503, 0), AFTER_KILL, users.latest_allowed), flush=True)
        else:
            check(not users.allowed, "%s: no 502 or 503: %s" % (what, users.allowed))

    def step(self, users, started, text):
        print("  %.1f s: %s; %d clicks so far" % (time.monotonic() - started, text, users.clicks),
              flush=True)

    def two_members(self):
        cluster = self.cluster
        apache = Apache(os.path.join(self.directory, "two"), cluster.nodes)
        users = None
        try:
            users = self.users(apache)
            for turn in ("first", "second"):
                for node in cluster.nodes:
                    users.spread(self.routes())
                    begun = time.monotonic()
                    drained = turn == "second"
                    if drained:
                        balancer(apache.port, node.route, w_status_N=1)
                    node.stop()
                    users.await_everybody(self.routes(node))
                    node.start()
                    cluster.settle()
                    if drained:
                        balancer(apache.port, node.route, w_status_N=0)
                    self.step(users, begun, "%s graceful restart of %s%s" % (
                        turn, node.name, ", drained by the balancer-manager" if drained else ""))
            victim = cluster.nodes[0]
            for turn in ("first", "second"):
                users.spread(self.routes())
                cluster.settle()
                begun = users.killed_at = time.monotonic()
                victim.kill()
                users.await_everybody(self.routes(victim))
                victim.start()
                cluster.settle()
                self.step(users, begun, "%s SIGKILL of %s, back and safe" % (turn, victim.name))
            self.judge(users, "two members, 4 restarts", 2)
        finally:
            if users:
                users.close()
            apache.stop()

    def split(self, seconds):
        cluster, network = self.cluster, self.cluster.network
        cluster.grow()
        apache = Apache(os.path.join(self.directory, "three"), cluster.nodes)
        users = None
        try:
            users = self.users(apache)
            users.spread(self.routes())
            alone, rest = cluster.nodes[0], cluster.nodes[1:]
            begun = time.monotonic()
            users.split = True
            network.cut([alone.place], [n.place for n in rest])
            cluster.await_members({alone: 1, rest[0]: 2, rest[1]: 2})
            self.step(users, begun, "two halves, %s is alone" % alone.name)
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
            users.await_everybody()
            network.heal()
            self.step(users, begun, "healed")
            healed = time.monotonic()
            cluster.settle()
            users.await_everybody()
            users.split = False
            self.step(users, healed, "one cluster again")
            users.await_everybody()
            self.judge(users, "three members, a split of %d s, merge keys %d s" % (
                seconds, MERGE_SECONDS))
        finally:
            if users:
                users.close()
            apache.stop()


def no_errors(cluster):
    for node in cluster.nodes:
        with open(os.path.join(node.logs, "console.log"), errors="replace") as log:
            errors = [line.strip() for line in log if " ERROR " in line]
        check(not errors, "no ERROR in the log of %s: %s" % (node.name, errors[:2]))


def main():
    os.umask(0o022)
    count = int(os.environ.get("OX_USERS", "20"))
    full = count >= FULL_SIZE
    started = time.monotonic()
    directory = tempfile.mkdtemp(prefix="ox-rolling-")
    os.chmod(directory, 0o755)
    network, why = place(HOSTS)
    cluster, skipped = None, 0
    try:
        cluster = Cluster(22000, network)
        cluster.silence = SILENCE_SECONDS[full]
        cluster.begin(2)
        rehearsal = Rehearsal(cluster, directory)
        rehearsal.logins = cluster.create_users(count)
        print("cluster and %d users are there after %.0f s; at most %d clicks a second; the split lasts "
              "%d s (60 s from %d users on), merge keys %d s, heartbeats may be missing for %d s" % (
                  count, time.monotonic() - started, RATE, SPLIT_SECONDS[full], FULL_SIZE,
                  MERGE_SECONDS, cluster.silence), flush=True)
        rehearsal.two_members()
        if network:
            rehearsal.split(SPLIT_SECONDS[full])
        else:
            skipped = 1
            print("skipped the split: " + why)
        no_errors(cluster)
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
    finally:
        if cluster:
            cluster.failed = tally.failed
            cluster.cleanup()
        if network:
            network.remove()
    if tally.failed == 0:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print("the logs of Apache are kept in " + directory)
    print("rolling restart: %.0f s" % (time.monotonic() - started))
    return tally.result(skipped)


if __name__ == "__main__":
    sys.exit(main())

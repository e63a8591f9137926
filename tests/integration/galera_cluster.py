"""A Galera cluster of three MariaDB servers on loopback, started and ended by the test.

Each node has a data directory, three neighbouring ports for the group (traffic, incremental and full
state transfer) and times that let a dead node be noticed after some seconds. The servers of root run
as the user mysql, because rsync's daemon gives up root's rights. Only processes that were started here
are ended: a server by its id, what it started for a state transfer by its group.
"""
import os
import shutil
import signal
import tempfile
import time

from mariadb import MariaDb
from processes import Failure

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
# A lost node is noticed after some 3 s; a keepalive must be shorter than a third of that.
TIMES = ("evs.keepalive_period=PT0.3S;evs.inactive_check_period=PT0.2S;evs.suspect_timeout=PT2S;"
         "evs.inactive_timeout=PT4S")
LIMIT = 60  # seconds for anything that is waited for


def wait(what, condition, seconds=LIMIT, pause=0.05):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure("waited %g s in vain for: %s" % (seconds, what))
        time.sleep(pause)


class GaleraNode(MariaDb):
    """One server; `group` is the first of its three ports for the group."""
    START_SECONDS = LIMIT

    def __init__(self, directory, port, group):
        account = "mysql" if os.getuid() == 0 else None
        super().__init__(directory, port, buffer_mb=32, user=account, options=[
            "--wsrep-on=ON", "--wsrep-provider=" + PROVIDER, "--wsrep-cluster-name=ox-test",
            "--wsrep-node-address=127.0.0.1:%d" % group, "--wsrep-sst-method=rsync",
            "--wsrep-sst-receive-address=127.0.0.1:%d" % (group + 2),
            "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d;"
            "ist.recv_addr=127.0.0.1:%d;gcache.size=16M;pc.recovery=false;%s" % (group, group + 1,
                                                                                TIMES),
            "--binlog-format=ROW", "--default-storage-engine=InnoDB",
            "--innodb-autoinc-lock-mode=2", "--innodb-log-file-size=16M",
            "--innodb-flush-log-at-trx-commit=0"])
        self.group = group
        self.address = None  # of the cluster to join
        self._own_directory(directory)

    def _own_directory(self, path):
        os.makedirs(path, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(path, self.user, self.user)

    def _spawn(self, port):
        self.options = [o for o in self.options if not o.startswith(("--wsrep-cluster-address",
                                                                     "--wsrep-new-cluster"))]
        self.options.append("--wsrep-cluster-address=" + self.address)
        if self.address == "gcomm://":
            self.options.append("--wsrep-new-cluster")
        return super()._spawn(port)

    def bootstrap(self):
        self.address = "gcomm://"
        self.start()

    def join(self, others):
        """Data come from one of the others."""
        for path in (self.data, os.path.join(self.data, "mysql")):
            self._own_directory(path)
        self.address = "gcomm://" + ",".join("127.0.0.1:%d" % o.group for o in others)
        self.start()

    def status(self, name):
        rows = self.sql("show status like 'wsrep_%s'" % name)
        return rows[0][1] if rows else None

    def option(self, text):
        self.sql("set global wsrep_provider_options = '%s'" % text)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.stop_process(kill=True)

    def stop_process(self, kill=False):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            end = time.monotonic() + self.STOP_SECONDS
            # Not collected yet: as long as it is a zombie nobody else can get its group's number.
            while not os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if time.monotonic() > end:
                    self.process.kill()
                    end += self.STOP_SECONDS
                time.sleep(0.02)
            os.killpg(self.process.pid, signal.SIGKILL)  # scripts and rsync of a transfer
            self.process.wait()
        self.process = None


class Galera:
    """Three nodes; `ports`: of SQL, `groups`: the first ones of the groups."""

    def __init__(self, ports, groups):
        self.directory = tempfile.mkdtemp(prefix="ox-galera-data-")
        os.chmod(self.directory, 0o755)  # the servers' user passes through
        self.nodes = [GaleraNode(os.path.join(self.directory, "node%d" % (n + 1)), port, group)
                      for n, (port, group) in enumerate(zip(ports, groups))]

    def start(self):
        if not os.path.exists(PROVIDER):
            raise Failure(PROVIDER + " is missing; packaging/install-packages --tests installs it")
        first, *others = self.nodes
        first.bootstrap()
        for node in others:  # one after the other: each gets all data from a node that is there
            node.join(self.nodes)
        self.settle(3)
        return self

    def settle(self, size):
        """All living nodes see `size` members and take statements."""
        for node in self.nodes:
            if node.alive():
                wait("a cluster of %d at port %d" % (size, node.port), lambda n=node: (
                    n.status("cluster_size"), n.status("ready"), n.status("local_state_comment")) ==
                    (str(size), "ON", "Synced"))

    def stop(self):
        for node in reversed(self.nodes):
            if node.alive():
                node.process.send_signal(signal.SIGTERM)
        for node in reversed(self.nodes):
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

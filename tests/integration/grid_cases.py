"""More cases of grid_test.py: ways to find each other, encryption, the daemon itself."""
import os
import shutil
import signal
import subprocess
import time

from grid_member import HZ, Daemon, spawn, wait_for
from tally import check

NET = HZ + "network."


def multicast(case):
    """Three members started at once find each other by multicast only."""
    case.start([1, 2, 3], {NET + "join": "multicast"})
    took = case.whole([1, 2, 3])
    check(True, "multicast: one cluster of three after %.1f s" % took)
    load = case.load([1, 2, 3])
    time.sleep(1)
    load.stop()
    case.judge(load, [1, 2, 3], "multicast")


class NameServer:
    """dnsmasq on a host; the addresses of grid.test can be changed while it runs."""

    def __init__(self, network, host, directory, addresses):
        os.makedirs(directory, exist_ok=True)
        self.file = os.path.join(directory, "hosts")
        self.write(addresses)
        with open(os.path.join(directory, "log"), "ab") as log:
            self.process = spawn(network.command(
                host, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root",
                "--pid-file", "--log-facility=-", "--port=53", "--listen-address=" + network.address(host),
                "--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/test/", "--local-ttl=0",
                "--addn-hosts=" + self.file), log, stdin=subprocess.DEVNULL)
        self.log = os.path.join(directory, "log")
        wait_for("the name server", lambda: self.process.poll() is None and os.path.getsize(self.log))

    def write(self, addresses):
        with open(self.file, "w", encoding="ascii") as f:
            f.write("".join("%s grid.test\n" % a for a in addresses))

    def change(self, addresses):
        self.write(addresses)
        os.kill(self.process.pid, signal.SIGHUP)


def dns(case):
    """Records that change: one cluster by name, then a member that was alone is found through the name."""
    if not shutil.which("dnsmasq"):
        print("skipped dns: dnsmasq is not installed")
        return
    server = NameServer(case.network, 5, os.path.join(case.work, "dns"), [case.network.address(1)])
    by_name = {NET + "join": "dns", NET + "join.dns.domainNames": "grid.test",
               NET + "join.dns.resolverHost": case.network.address(5),
               NET + "join.dns.resolverPort": 53, NET + "join.dns.refreshMillis": 1000}
    case.start([1, 2], by_name)
    took = case.whole([1, 2])
    check(True, "dns: two members by one record after %.1f s" % took)
    server.change(["10.99.0.77"])  # where nobody is
    case.start([3], by_name)
    wait_for("the third to be alone", lambda: case.members[3].whole(1))
    server.change([case.network.address(h) for h in (1, 2, 3)])
    took = case.whole([1, 2, 3], 40)
    check(True, "dns: one cluster of three %.1f s after the records changed" % took)


def made_certificates(directory):
    """An authority, and a key with certificate for each name; the commands of docs/operating/encryption.md."""
    os.makedirs(directory, exist_ok=True)
    script = """set -e; cd %s
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -days 30 -subj "/CN=grid of the tests" -keyout ca.key -out trust.pem
for n in node1 node2 node3 renewed; do
  openssl req $key -subj "/CN=$n" -keyout $n.key -out $n.csr
  openssl x509 -req -in $n.csr -CA trust.pem -CAkey ca.key -CAcreateserial -days 20 -out $n.crt
  cat $n.key $n.crt > $n.pem
done
""" % directory
    subprocess.run(["sh", "-c", script], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def tls(case):
    """Certificates; a daemon among the members renews its own by SIGHUP; a plain member stays outside."""
    keys = os.path.join(case.work, "keys")
    made_certificates(keys)

    def with_keys(host):
        return {NET + "ssl": "true", NET + "ssl.keyStore": "%s/node%d.pem" % (keys, host),
                NET + "ssl.trustStore": keys + "/trust.pem"}
    hosts = [1, 2, 3]
    for host in (1, 2):
        case.start([host], with_keys(host), hosts)
    daemon = Daemon(case.network, case.settings(3, hosts, with_keys(3), "-daemon"), case.build)
    for host in (1, 2):
        wait_for("three members with certificates", lambda h=host: case.members[h].whole(3), 30)
    check(True, "tls: two members and a daemon are one cluster")
    load = case.load([1, 2])
    case.start([4], None, [1, 4])
    # Each side writes when it has noticed; either may be the first.
    wait_for("the reason in the log of the plain member",
             lambda: case.members[4].records(r"\(encryption\): .* encrypts its links"))
    wait_for("the reason in the log of the encrypted member",
             lambda: case.members[1].records(r"\(encryption\): the other side does not encrypt its links"))
    check(case.members[4].refused("encryption"),
            "tls: encrypted and plain member name the reason in both logs")
    shutil.copy(keys + "/renewed.pem", keys + "/node3.pem")
    daemon.signal(signal.SIGHUP)
    wait_for("the daemon to read its new certificate",
             lambda: daemon.records(r"new links to other members use .*CN=renewed"))
    load.members = [case.members[1]]
    case.members[2].kill()
    case.start([2], with_keys(2), hosts)
    for host in (1, 2):
        wait_for("three members again", lambda h=host: case.members[h].whole(3), 30)
    load.stop()
    case.judge(load, [1, 2], "tls")
    check(not daemon.records(r"password of the tests|BEGIN .*PRIVATE"), "tls: no secret in the log")
    daemon.signal(signal.SIGTERM)
    wait_for("the daemon to leave", lambda: case.members[1].whole(2), 20)
    case.judge(load, [1, 2], "tls, after the daemon left")


def symmetric(case):
    """A shared key; a member with another password stays outside, and both logs say why."""
    def with_password(password):
        return {NET + "symmetricEncryption": "true", NET + "symmetricEncryption.password": password,
                NET + "symmetricEncryption.salt": "salt of the tests"}
    case.start([1, 2], with_password("right-one"))
    case.whole([1, 2])
    load = case.load([1, 2])
    case.start([3], with_password("wrong-one"), [1, 3])
    wait_for("the wrong password to be refused", lambda: case.members[3].refused("tls"))
    for host in (1, 3):
        wait_for("the reason in the log of host %d" % host,
                 lambda h=host: case.members[h].records(r"\(tls\): password, salt or iteration count"))
    check(not any(m.records("right-one|wrong-one") for m in case.members.values()),
            "symmetric: both logs name the reason, none the password")
    case.members[2].kill()
    load.members = [case.members[1]]
    case.start([2], with_password("right-one"), [1, 2])
    took = case.whole([1, 2])
    check(True, "symmetric: a killed member is back after %.1f s" % took)
    load.stop()
    case.judge(load, [1, 2], "symmetric")


def wait_safe(case):
    """SIGUSR1 (stop --wait-safe): a daemon serves on until the others can hold every copy, then stops."""
    hosts = [1, 2, 3]
    maps = {"one": 1}  # two copies: one member that stays is too few, two are enough
    case.start([1], None, hosts, maps)
    daemon = Daemon(case.network, case.settings(3, hosts, None, "-daemon", maps), case.build)
    wait_for("member and daemon to be one cluster", lambda: case.members[1].whole(2), 30)
    load = case.load([1])
    time.sleep(0.5)
    daemon.signal(signal.SIGUSR1)
    time.sleep(2)
    check(daemon.alive() and case.members[1].whole(2),
            "wait-safe: without another full member the daemon serves on")
    check(daemon.records("waiting to stop until it is safe: the other nodes cannot hold every copy"),
            "wait-safe: its log says what it waits for")
    case.start([2], None, hosts, maps)
    wait_for("the daemon to stop by itself", lambda: not daemon.alive(), 30)
    check(daemon.process.returncode == 0, "wait-safe: it stops when the others hold every copy, exit %d" %
            daemon.process.returncode)
    case.whole([1, 2])
    load.stop()
    case.judge(load, [1, 2], "wait-safe")


MORE = [multicast, dns, tls, symmetric, wait_safe]

"""A network for tests: namespaces with one cable each to a switch of their own, and trouble on demand.

Nothing of it touches the machine's own network: also the switch is a namespace. Names carry the process
id; what a killed run left behind is removed by the next one. Needs root, iproute2 and iptables;
missing() says what is not there.
"""
import os
import re
import shutil
import subprocess

PREFIX = "oxgrid"
NETWORK = "10.99.0."


def quiet(*command, check=True):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=20)
    if check and done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stdout.strip()))
    return done


def missing():
    """Why there can be no such network here; None = there can."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "iptables"):
        if not shutil.which(program):
            return program + " is not installed"
    name = "%s%d-probe" % (PREFIX, os.getpid())
    made = quiet("ip", "netns", "add", name, check=False)
    if made.returncode != 0:
        return "namespaces are not permitted: " + made.stdout.strip()
    try:
        for command in (["ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
                        ["iptables", "-A", "INPUT", "-m", "statistic", "--mode", "random",
                         "--probability", "0.5", "-j", "DROP"]):
            done = quiet("ip", "netns", "exec", name, *command, check=False)
            if done.returncode != 0:
                return "%s: %s" % (" ".join(command[:3]), done.stdout.strip())
    finally:
        quiet("ip", "netns", "del", name, check=False)
    return None


def remove_left_over():
    """Namespaces of runs whose process is gone."""
    listed = quiet("ip", "netns", "list", check=False).stdout
    for name, pid in re.findall(r"^(%s(\d+)-\S+)" % PREFIX, listed, re.M):
        if not os.path.exists("/proc/" + pid):
            quiet("ip", "netns", "del", name, check=False)


class Network:
    """Hosts 1..count, each reachable at address(i) from all others."""

    def __init__(self, count):
        self.count = count
        self.switch = "%s%d-switch" % (PREFIX, os.getpid())
        self.made = []
        try:
            self._add(self.switch)
            self._in(self.switch, "ip", "link", "add", "br0", "type", "bridge")
            self._in(self.switch, "ip", "link", "set", "br0", "up")
            for i in self.hosts():
                self._cable(i)
        except BaseException:
            self.remove()
            raise

    def hosts(self):
        return range(1, self.count + 1)

    def name(self, i):
        return "%s%d-%d" % (PREFIX, os.getpid(), i)

    @staticmethod
    def address(i):
        return NETWORK + str(i)

    def _add(self, name):
        quiet("ip", "netns", "add", name)
        self.made.append(name)
        self._in(name, "ip", "link", "set", "lo", "up")

    @staticmethod
    def _in(name, *command):
        return quiet("ip", "netns", "exec", name, *command)

    def _cable(self, i):
        name = self.name(i)
        self._add(name)
        self._in(self.switch, "ip", "link", "add", "p%d" % i, "type", "veth", "peer", "name", "eth0",
                 "netns", name)
        self._in(self.switch, "ip", "link", "set", "p%d" % i, "master", "br0", "up")
        self._in(name, "ip", "address", "add", self.address(i) + "/24", "dev", "eth0")
        self._in(name, "ip", "link", "set", "eth0", "up")
        self._in(name, "ip", "route", "add", "224.0.0.0/4", "dev", "eth0")

    def command(self, i, *arguments):
        """A command line that runs the program on host i, as the process that is started."""
        return ["ip", "netns", "exec", self.name(i), *arguments]

    def run(self, i, *arguments):
        return self._in(self.name(i), *arguments)

    def drop(self, source, target):
        """Nothing from source arrives at target any more."""
        self.run(target, "iptables", "-I", "INPUT", "-s", self.address(source), "-j", "DROP")

    def cut(self, one, other):
        """Nothing passes between the hosts of one group and those of the other."""
        for a in one:
            for b in other:
                self.drop(a, b)
                self.drop(b, a)

    def lose(self, i, share):
        """Of the packets that arrive at host i this share is lost."""
        self.run(i, "iptables", "-I", "INPUT", "-m", "statistic", "--mode", "random",
                 "--probability", str(share), "-j", "DROP")

    def heal(self):
        for i in self.hosts():
            self.run(i, "iptables", "-F", "INPUT")

    def remove(self):
        for name in reversed(self.made):
            quiet("ip", "netns", "del", name, check=False)
        self.made = []

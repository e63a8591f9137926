"""The nodes that a tour or a test starts from the build tree, their tools, and a user's browser.

Everything lives below one work directory; only processes started here are stopped, by their id.
"""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

from processes import Failure, interrupts, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def port_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(what, condition, seconds=20.0, pause=0.05):
    """Polls until the condition holds; its last value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("waited %g s in vain for: %s" % (seconds, what))
        time.sleep(pause)


def edit_properties(path, changes):
    """Sets keys in a .properties file, in place where the key stands (commented or not)."""
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
    left = dict(changes)
    for i, line in enumerate(lines):
        key = re.split(r"[=:\s]", line.lstrip("# "), maxsplit=1)[0]
        if key in left and not line.startswith("# "):
            lines[i] = "%s=%s" % (key, left.pop(key))
    lines += ["%s=%s" % item for item in left.items()]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines).rstrip("\n") + "\n")


class Node:
    """One daemon from the build tree with its own configuration directory."""
    host = "127.0.0.1"  # where all its ports are

    def __init__(self, number, work, build, ports):
        self.number = number
        self.name = "node %d" % number
        self.route = "OX%d" % number
        self.etc = os.path.join(work, "node%d" % number, "etc")
        self.logs = os.path.join(work, "node%d" % number, "log")
        self.build = build
        self.http, self.jmx, self.rmi, self.grid = ports
        self.process = None
        self.options = []  # further ones of the daemon

    def write_etc(self, stock=os.path.join(ROOT, "etc")):
        if not os.path.isdir(self.etc):
            shutil.copytree(stock, self.etc)
        os.makedirs(self.logs, exist_ok=True)
        edit_properties(os.path.join(self.etc, "server.properties"), {
            "com.openexchange.server.backendRoute": self.route,
            "com.openexchange.connector.networkListenerHost": self.host,
            "com.openexchange.connector.networkListenerPort": self.http,
            "com.openexchange.connector.livenessPort": 0})
        edit_properties(os.path.join(self.etc, "management.properties"), {"JMXPort": self.jmx})
        edit_properties(os.path.join(self.etc, "AdminDaemon.properties"),
                        {"com.openexchange.rmi.port": self.rmi})

    def join(self, group, nodes):
        edit_properties(os.path.join(self.etc, "hazelcast.properties"), {
            "com.openexchange.hazelcast.group.name": group,
            "com.openexchange.hazelcast.network.join": "static",
            "com.openexchange.hazelcast.network.join.static.nodes":
                ",".join("%s:%d" % (n.host, n.grid) for n in nodes),
            "com.openexchange.hazelcast.network.interfaces":
                self.host.rpartition(".")[0] + ".*",
            "com.openexchange.hazelcast.network.port": self.grid,
            "com.openexchange.hazelcast.network.portOffset": 0,
            "com.openexchange.hazelcast.network.portAutoIncrement": "false"})

    def command(self):
        return [os.path.join(self.build, "open-xchange"), "--etc", self.etc] + self.options

    def start(self, ready=True):
        with open(os.path.join(self.logs, "console.log"), "ab") as out, interrupts:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, start_new_session=True)
        if ready:
            wait_for(self.name + " to be ready", self.ready, 30)

    def check_config(self):
        return run([os.path.join(self.build, "open-xchange"), "--etc", self.etc, "--check-config"],
                   check=False)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ready(self):
        if not self.alive():
            raise Failure("%s ended with %s; last lines of its log:\n%s" % (
                self.name, self.process.returncode if self.process else None, self.tail()))
        return self.probe("/ready")

    def safe(self):
        return self.probe("/safe")

    def probe(self, path):
        try:
            c = http.client.HTTPConnection(self.host, self.jmx, timeout=3)
            c.request("GET", path)
            return c.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def tail(self, lines=15):
        try:
            with open(os.path.join(self.logs, "console.log"), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return "(no log)"

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=40):
        if not self.alive():
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("%s did not stop within %d s after SIGTERM" % (self.name, seconds))

    def tool(self, name, *arguments, env=None, check=True, timeout=300):
        environment = dict(os.environ)
        environment.update(env or {})
        return run([os.path.join(self.build, "sbin", name)] + [str(a) for a in arguments],
                   env=environment, check=check, timeout=timeout)

    def admin(self, name, *arguments, env=None, check=True, timeout=300):
        """A tool that talks to this node's RMI port."""
        environment = {"RMI_HOSTNAME": "rmi://%s:%d/" % (self.host, self.rmi)}
        environment.update(env or {})
        return self.tool(name, *arguments, env=environment, check=check, timeout=timeout)


class Browser:
    """What a user's browser keeps: cookies and the session id."""

    def __init__(self):
        self.cookies = {}
        self.session = None

    def request(self, node, path, form=None, timeout=20):
        """Answer as (status, text). OSError when the node cannot be reached."""
        connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=timeout)
        headers = {"User-Agent": "open-xchange-tour/1.0"}
        if self.cookies:
            headers["Cookie"] = "; ".join("%s=%s" % c for c in self.cookies.items())
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("POST" if form is not None else "GET", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            for value in answer.headers.get_all("Set-Cookie") or []:
                name, _, rest = value.partition("=")
                self.cookies[name.strip()] = rest.partition(";")[0].strip()
            return answer.status, text
        except http.client.HTTPException as broken:
            raise OSError("connection broke: %r" % broken) from broken
        finally:
            connection.close()

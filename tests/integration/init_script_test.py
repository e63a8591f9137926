#!/usr/bin/env python3
"""The init script with a real daemon of the build tree: LSB exit codes, waiting, reload.

Everything lives below a temporary directory; the daemon runs as the current user.
"""
import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
SCRIPT = os.path.join(ROOT, "packaging", "init.d", "open-xchange")
passed = failed = 0


def check(condition, what):
    global passed, failed
    passed, failed = (passed + 1, failed) if condition else (passed, failed + 1)
    print("%s %s" % ("ok    " if condition else "FAILED", what), flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def set_properties(path, values):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for key, value in values.items():
        text, found = re.subn(r"(?m)^#?\s*%s\s*=.*$" % re.escape(key),
                              lambda _: "%s=%s" % (key, value), text)
        if not found:
            text += "\n%s=%s\n" % (key, value)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Service:
    def __init__(self, work, build):
        self.etc = os.path.join(work, "etc")
        self.pid_file = os.path.join(work, "run", "open-xchange.pid")
        self.console = os.path.join(work, "log", "console.log")
        shutil.copytree(os.path.join(ROOT, "etc"), self.etc)
        self.rmi = free_port()
        set_properties(os.path.join(self.etc, "management.properties"), {"JMXPort": free_port()})
        set_properties(os.path.join(self.etc, "AdminDaemon.properties"),
                       {"com.openexchange.rmi.port": self.rmi,
                        "MASTER_AUTHENTICATION_DISABLED": "true"})
        set_properties(os.path.join(self.etc, "server.properties"),
                       {"com.openexchange.connector.networkListenerPort": free_port()})
        set_properties(os.path.join(self.etc, "hazelcast.properties"),
                       {"com.openexchange.hazelcast.network.port": free_port(),
                        "com.openexchange.hazelcast.network.portOffset": 0})
        self.environment = dict(os.environ, OX_DEFAULTS="/nonexistent", OX_ETC=self.etc,
                                OX_DAEMON=os.path.join(build, "open-xchange"),
                                OX_PIDFILE=self.pid_file, OX_USER=getpass.getuser(),
                                OX_CONSOLE=self.console, OX_START_SECONDS="30",
                                OX_STOP_SECONDS="60")
        self.build = build

    def run(self, *action, **changes):
        done = subprocess.run([SCRIPT, *action], env=dict(self.environment, **changes), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout

    def pid(self):
        with open(self.pid_file, encoding="ascii") as file:
            return int(file.read())

    def tool(self, name, *arguments):
        done = subprocess.run([os.path.join(self.build, "sbin", name), "--etc", self.etc, *arguments],
                              text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def scenario(service):
    check(service.run("status")[0] == 3, "status of a node that never ran is 3")
    check(service.run("reload")[0] == 7, "reload of a node that does not run is 7")
    check(service.run("stop")[0] == 0, "stop of a node that does not run is 0")
    check(service.run("nonsense")[0] == 2, "an unknown action is 2")
    check(service.run("start", OX_DAEMON="/nonexistent/open-xchange")[0] == 5,
          "start of what is not installed is 5")
    code, out = service.run("start")
    check(code == 0 and "started" in out, "start is 0: " + out.strip())
    if code != 0:
        with open(service.console, encoding="utf-8", errors="replace") as file:
            print(file.read())
        return
    pid = service.pid()
    check(service.run("status")[0] == 0, "status of a running node is 0")
    check(service.run("start")[0] == 0 and service.pid() == pid, "a second start changes nothing")
    code, out = service.tool("listbundles")
    check(code == 0 and out.split()[:5] == ["name", "version", "state", "needs", "offers"],
          "listbundles --etc finds the node")
    check(service.tool("reloadconfiguration")[0] == 0, "reloadconfiguration is 0")
    check(service.run("reload")[0] == 0 and alive(pid), "reload is 0 and the node lives on")
    with open(os.path.join(service.etc, "management.properties"), "a", encoding="utf-8") as file:
        file.write("\nJMXPort=nonsense\n")
    code, out = service.tool("reloadconfiguration")
    check(code == 1 and "management.properties" in out and "JMXPort" in out,
          "a mistake is named by reloadconfiguration, exit 1")
    check(alive(pid), "and the node goes on with what it had")
    with open(os.path.join(service.etc, "management.properties"), encoding="utf-8") as file:
        text = file.read().replace("\nJMXPort=nonsense\n", "")
    with open(os.path.join(service.etc, "management.properties"), "w", encoding="utf-8") as file:
        file.write(text)
    check(service.run("restart")[0] == 0 and not alive(pid) and service.pid() != pid,
          "restart is 0, with another process")
    pid = service.pid()
    not_permitted(service, pid)
    check(service.run("force-reload")[0] == 0 and service.pid() != pid, "force-reload restarts")
    pid = service.pid()
    check(service.run("stop")[0] == 0 and not alive(pid), "stop is 0 and waits until the process is gone")
    check(service.run("status")[0] == 3, "status after stop is 3")
    waits_until_safe(service)
    with open(service.pid_file, "w", encoding="ascii") as file:
        file.write("%d\n" % os.getpid())
    check(service.run("status")[0] == 1, "a pid file of another program's process is 1: dead")
    check(service.run("stop")[0] == 0, "and stop leaves that process alone")
    code, _ = service.run("start")
    pid = service.pid()
    check(code == 0 and service.tool("shutdown", "-w")[0] == 0 and not alive(pid),
          "shutdown -w waits until the process has ended")
    with open(os.path.join(service.etc, "management.properties"), "a", encoding="utf-8") as file:
        file.write("\nJMXPort=nonsense\n")
    check(service.run("start")[0] == 1, "start with a mistake in the configuration is 1")


def waits_until_safe(service):
    """A node alone: nobody can hold its copies, so it serves on until a stop without waiting."""
    check(service.run("stop", "--nonsense")[0] == 2, "an unknown option of stop is 2")
    check(service.run("stop", "--wait-safe")[0] == 0, "stop --wait-safe of what does not run is 0")
    if service.run("start")[0] != 0:
        check(False, "start for stop --wait-safe")
        return
    pid = service.pid()
    waiting = subprocess.Popen([SCRIPT, "stop", "--wait-safe"], env=service.environment, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    told = waiting.stdout.readline()
    check("ends when the cluster is safe without it" in told, "stop --wait-safe says that it waits")
    code, _ = service.tool("listbundles")
    check(code == 0 and alive(pid) and waiting.poll() is None,
          "meanwhile the node serves on")
    check(service.run("stop")[0] == 0 and not alive(pid), "stop without waiting stops it")
    check(waiting.wait(timeout=30) == 0, "and then stop --wait-safe is 0")


def not_permitted(service, pid):
    """Root's node and another user (only root can play both)."""
    if os.getuid() != 0:
        return
    readable = os.path.join(os.path.dirname(service.etc), "open-xchange")  # the source tree may not be
    shutil.copy(SCRIPT, readable)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", readable]
    for action, code in (("status", 0), ("stop", 4), ("reload", 4), ("restart", 4)):
        done = subprocess.run([*nobody, action], env=service.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check(done.returncode == code and alive(pid), "%s by another user is %d" % (action, code))


def main():
    with tempfile.TemporaryDirectory(prefix="ox-init.") as work:
        os.chmod(work, 0o755)
        service = Service(work, BUILD)
        try:
            scenario(service)
        finally:
            service.run("stop")
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Members as processes (tests/integration/grid_client.cpp) and whole daemons, on hosts of a Network."""
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging",
                                "tour"))
from cluster import wait_for  # noqa: E402

HZ = "com.openexchange.hazelcast."
PORT = 5701
STARTED = []  # every process of this run, to be ended whatever happens


def spawn(command, log, **options):
    process = subprocess.Popen(command, start_new_session=True, stderr=log, **options)
    STARTED.append(process)
    return process


def end_all():
    for process in STARTED:
        if process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    STARTED.clear()


BACKUPS = {"one": 1, "two": 2}


class Settings:
    """The configuration directory of one member; maps: name and synchronous backups."""

    def __init__(self, directory, group, host, nodes, extra=None, maps=None):
        self.directory = directory
        self.maps = maps or BACKUPS
        self.values = {
            HZ + "group.name": group,
            HZ + "group.password": "password of the tests",
            HZ + "network.join": "static",
            HZ + "network.join.static.nodes": ",".join("10.99.0.%d:%d" % (n, PORT) for n in nodes),
            HZ + "network.interfaces": "10.99.0.*",
            HZ + "network.port": PORT,
            HZ + "network.portOffset": 0,
            HZ + "network.portAutoIncrement": "false",
            HZ + "merge.firstRunDelay": "1s",
            HZ + "merge.runDelay": "1s",
            HZ + "maxOperationTimeout": 8000,
            "hazelcast.heartbeat.interval.seconds": 1,
            "hazelcast.max.no.heartbeat.seconds": 3,
        }
        self.values.update(extra or {})
        self.host = host
        os.makedirs(os.path.join(directory, "hazelcast"), exist_ok=True)
        self.write()

    def write(self):
        with open(os.path.join(self.directory, "hazelcast.properties"), "w", encoding="ascii") as f:
            f.write("".join("%s=%s\n" % pair for pair in self.values.items()))
        with open(os.path.join(self.directory, "server.properties"), "w", encoding="ascii") as f:
            f.write("com.openexchange.security.allowStockSecrets=true\n"
                    "com.openexchange.server.backendRoute=OX%d\n" % self.host)
        for name, backups in self.maps.items():
            with open(os.path.join(self.directory, "hazelcast", name + ".properties"), "w",
                      encoding="ascii") as f:
                f.write(HZ + "configuration.map.name=%s\n" % name +
                        HZ + "configuration.map.backupCount=%d\n" % backups)


class Process:
    """What a member and a daemon have in common."""

    def __init__(self, network, settings):
        self.network, self.settings = network, settings
        self.host = settings.host
        self.log = os.path.join(settings.directory, "log")
        self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def records(self, pattern):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return re.findall(pattern, f.read(), re.M)


class Member(Process):
    def __init__(self, network, settings, build):
        super().__init__(network, settings)
        self.lock = threading.Lock()
        self.waiting = {}
        self.last = 0
        program = os.path.join(build, "tests", "integration", "grid_client")
        with open(self.log, "ab") as log:
            self.process = spawn(network.command(self.host, program, "--etc", settings.directory), log,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            now = time.monotonic()
            number, _, text = line.rstrip("\n").partition(" ")
            with self.lock:
                answer = self.waiting.pop(int(number), None)
            if answer:
                answer.end, answer.text = now, text
                answer.done.set()
        with self.lock:
            left, self.waiting = list(self.waiting.values()), None
        for answer in left:
            answer.done.set()

    def ask(self, request):
        """Begins a request; an answer without text never came."""
        answer = Answer()
        with self.lock:
            if self.waiting is None:
                answer.done.set()
                return answer
            self.last += 1
            number = self.last
            self.waiting[number] = answer
            try:
                self.process.stdin.write("%d %s\n" % (number, request))
            except OSError:
                self.waiting.pop(number)
                answer.done.set()
        return answer

    def tell(self, request, seconds=15.0):
        return self.ask(request).wait(seconds)

    def state(self):
        """(joined, safe, members, migrations, unowned, addresses), or None without an answer."""
        text = self.tell("state", 3.0)
        if not text or not text.startswith("ok "):
            return None
        parts = text.split(" ")
        return (parts[1] == "1", parts[2] == "1", int(parts[3]), int(parts[4]), int(parts[5]),
                parts[6] if len(parts) > 6 else "")

    def whole(self, count):
        s = self.state()
        return bool(s and s[0] and s[1] and s[2] == count and s[3] == 0)

    def refused(self, reason):
        text = self.tell("refused", 3.0) or ""
        found = re.search(r"[ ,]%s=(\d+)" % reason, text)
        return int(found.group(1)) if found else 0


class Answer:
    def __init__(self):
        self.done = threading.Event()
        self.begin = time.monotonic()
        self.end = None
        self.text = None

    def wait(self, seconds):
        self.done.wait(seconds)
        return self.text


class Daemon(Process):
    """open-xchange itself; without a database most bundles do not run, but the grid does."""

    def __init__(self, network, settings, build):
        super().__init__(network, settings)
        self.build = build
        stock = os.path.join(os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(
            os.path.dirname(os.path.abspath(__file__)))), "etc")
        for name in os.listdir(stock):
            if os.path.isfile(os.path.join(stock, name)) and not os.path.exists(
                    os.path.join(settings.directory, name)):
                shutil.copy(os.path.join(stock, name), settings.directory)
        with open(self.log, "ab") as log:
            self.process = spawn(
                network.command(self.host, os.path.join(build, "open-xchange"), "--etc",
                                settings.directory), log, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL)

"""packaging/quickstart as a test: each step of its tour is one check, on real parts.

Installing and building are replaced by programs of this test (what is tested is built already); the
tour is the real one. Further checks: no ERROR record and no secret in any node's log, refusals that
come before any work, and interrupts at many moments: the closing line, exit code, no process left.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tally import check, result  # noqa: E402

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
LINE = re.compile(r"^tour: (\d\d) (ok|failed) (\d+\.\d) (.*)$")
LAST = re.compile(r"^tour: (\d+) steps, (\d+) failed$")
TOUR_STEPS = 19
# Moments of the interrupt: after that many lines of the tour, so many seconds later.
MOMENTS = ((2, 0.0), (2, 0.05), (2, 0.2), (3, 0.3), (4, 0.0), (9, 0.4), (16, 1.0), (19, 0.5))


def free_base():
    """Of 30 ports all are free at the moment."""
    for base in range(21000 + os.getpid() % 200 * 40, 60000, 40):
        try:
            for port in range(base, base + 30):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise SystemExit("no free ports")


class Tree:
    """A source tree whose installation and build are ours; its temporary files go below it."""

    def __init__(self, directory):
        self.directory = directory
        self.tmp = os.path.join(directory, "tmp")
        self.marks = os.path.join(directory, "marks")
        os.makedirs(os.path.join(directory, "packaging"))
        os.makedirs(os.path.join(directory, "build"))
        os.mkdir(self.tmp)
        os.symlink(os.path.join(ROOT, "etc"), os.path.join(directory, "etc"))
        os.symlink(os.path.join(ROOT, "packaging", "tour"), os.path.join(directory, "packaging", "tour"))
        os.symlink(BUILD, os.path.join(directory, "build", "release"))
        shutil.copy(os.path.join(ROOT, "packaging", "quickstart"),
                    os.path.join(directory, "packaging", "quickstart"))
        self.program("install-packages", "exit 0")
        self.program("build", "exit 0")

    def program(self, name, text):
        path = os.path.join(self.directory, "packaging", name)
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho %s >>%s\n%s\n" % (name, self.marks, text))
        os.chmod(path, 0o755)

    def start(self, *options):
        if os.path.exists(self.marks):
            os.unlink(self.marks)
        # Standard input is a pipe on which nothing comes: whoever reads it never ends.
        return subprocess.Popen(["./packaging/quickstart", *options], cwd=self.directory, text=True,
                                env=dict(os.environ, TMPDIR=self.tmp), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)

    def run(self, *options):
        process = self.start(*options)
        out, err = end(process)
        return process.returncode, out.strip().split("\n"), err

    def left(self):
        """Processes that mention this tree, and files below its temporary directory."""
        found = subprocess.run(["pgrep", "-af", self.directory], stdout=subprocess.PIPE, text=True)
        return found.stdout.strip().split("\n") * bool(found.stdout.strip()) + os.listdir(self.tmp)


def end(process, seconds=240):
    """Output so far unread; standard input stays open until the program has ended."""
    held, process.stdin = process.stdin, None
    try:
        return process.communicate(timeout=seconds)
    finally:
        held.close()


def closing(lines, steps=None, failures=None):
    last = LAST.match(lines[-1])
    return bool(last) and (steps is None or int(last.group(1)) == steps) and (
        failures is None or int(last.group(2)) == failures)


def whole_tour(tree):
    work = os.path.join(tree.directory, "kept")
    process = tree.start("--keep", "kept", "--port-base", str(free_base()))
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if LAST.match(lines[-1]) or "Ctrl-C stops it" in line:
            break
    tour = [line for line in lines if line.startswith("tour: ") and not LAST.match(line)]
    for line in tour:
        match = LINE.match(line)
        check(match and match.group(2) == "ok", line)
    check(len(tour) == TOUR_STEPS + 2 and "anna@company1.example" in "".join(lines),
          "the tour leaves the cluster running and names a user")
    for _ in range(3):  # impatience must not hurt
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = end(process)
    check(closing(out.strip().split("\n"), TOUR_STEPS + 2, 0) and process.returncode == 0,
          "Ctrl-C after the tour: %r, exit %d %s" % (out[-60:], process.returncode, err))
    check(not tree.left(), "nothing is left but the kept directory: %s" % tree.left())
    mode = os.stat(work).st_mode & 0o777
    check(mode == 0o700, "the kept directory is the user's alone: %o" % mode)
    for node in (1, 2, 3):
        path = os.path.join(work, "node%d" % node, "log", "console.log")
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        errors = re.findall(r"^\d{4}-\S+ ERROR .*\n.*", text, re.M)
        check(text and not errors, "no ERROR in the log of node %d %s" % (node, errors[:3]))
        secrets = secrets_of(work, node, "\n".join(lines))
        check(len(secrets) >= 5 and not [s for s in secrets if s in text],
              "none of %d secrets in the log of node %d" % (len(secrets), node))
    code, again, _ = tree.run("--tour", "--keep", "kept")
    check(code == 1 and "is not empty" in again[0] and closing(again, 1, 1) and
          not os.path.exists(tree.marks), "a directory with data is refused at once: " + again[0])


def secrets_of(work, node, shown):
    found = re.findall(r", password (\S+)$", shown, re.M)
    for name, key in (("configdb.properties", "readProperty.2"),
                      ("sessiond.properties", "com.openexchange.sessiond.encryptionKey"),
                      ("server.properties", "com.openexchange.cookie.hash.salt"),
                      ("hazelcast.properties", "com.openexchange.hazelcast.group.password")):
        path = os.path.join(work, "node%d" % node, "etc", name)
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(key + "="):
                    found.append(line.split("=", 1)[1].strip().replace("password=", "", 1))
    return [f for f in found if len(f) > 5]


def refusals(tree):
    for options, code in ((("--nonsense",), 2), (("--port-base", "70000"), 2), (("--keep",), 2),
                          (("--keep", "/etc"), 1)):
        got, lines, _ = tree.run(*options)
        check(got == code and closing(lines, 1, 1) and not os.path.exists(tree.marks),
              "%s is refused before anything begins: %s" % (" ".join(options), lines[0]))
    base = free_base()
    with socket.socket() as s:
        s.bind(("127.0.0.1", base + 12))
        s.listen()
        code, lines, _ = tree.run("--tour", "--port-base", str(base))
        check(code == 1 and closing(lines, 1, 1) and "port %d is taken" % (base + 12) in lines[0] and
              not os.path.exists(tree.marks), "a taken port fails early: " + lines[0])
    tree.program("install-packages", "echo 'these Debian packages are missing: x' >&2; exit 1")
    code, lines, _ = tree.run("--tour", "--port-base", str(base))
    check(code == 1 and closing(lines, 1, 1) and lines[0].endswith("are missing: x"),
          "a missing package is one sentence: " + lines[0])
    tree.program("install-packages", "exit 0")


def interrupt_of_the_build(tree):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        pid_file = os.path.join(tree.directory, "sleeper")
        tree.program("build", "sleep 1000 & echo $! >%s.new; mv %s.new %s; wait" % (
            pid_file, pid_file, pid_file))
        process = tree.start("--tour", "--port-base", str(free_base()))
        while not os.path.exists(pid_file):
            time.sleep(0.02)
        with open(pid_file, encoding="ascii") as file:
            sleeper = int(file.read())
        process.send_signal(number)
        process.send_signal(number)
        out, _ = end(process, 30)
        lines = out.strip().split("\n")
        alive = subprocess.run(["ps", "-o", "stat=", "-p", str(sleeper)], stdout=subprocess.PIPE,
                               text=True).stdout.strip()
        check(process.returncode == 1 and closing(lines, 2, 1) and "interrupted" in lines[-2],
              "%s during the build: %r" % (signal.Signals(number).name, lines[-2:]))
        check(alive[:1] in ("", "Z") and not tree.left(), "and what the build started has ended")
        os.unlink(pid_file)
    tree.program("build", "exit 0")


def interrupts_of_the_tour(tree):
    for after, delay in MOMENTS:
        process = tree.start("--tour", "--port-base", str(free_base()))
        lines = [process.stdout.readline().rstrip("\n") for _ in range(after)]
        time.sleep(delay)  # somewhere inside; where exactly must not matter
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = end(process, 90)
        lines += out.strip().split("\n")
        steps = [line for line in lines if LINE.match(line)]
        check(process.returncode == 1 and closing(lines, len(steps), 1),
              "an interrupt %g s after line %d: %r %s" % (delay, after, lines[-2:], err[-300:]))
        check(not tree.left(), "leaves nothing behind: %s" % tree.left())


def main():
    with tempfile.TemporaryDirectory(prefix="ox-tour.") as directory:
        tree = Tree(directory)
        refusals(tree)
        interrupt_of_the_build(tree)
        interrupts_of_the_tour(tree)
        whole_tour(tree)
    return result()


if __name__ == "__main__":
    sys.exit(main())

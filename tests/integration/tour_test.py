"""The tour of packaging/quickstart as a test: each step is one check, on real parts.

Further checks: no ERROR record in any node's log, a taken port fails early with one sentence, an
interrupt still ends with the closing line and leaves no process behind.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
TOUR = os.path.join(ROOT, "packaging", "tour", "tour.py")
LINE = re.compile(r"^tour: (\d\d) (ok|failed) (\d+\.\d) (.*)$")
LAST = re.compile(r"^tour: (\d+) steps, (\d+) failed$")

passed = failed = 0


def check(ok, text):
    global passed, failed
    passed += ok
    failed += not ok
    print(("ok      " if ok else "FAILED  ") + text, flush=True)


def free_base():
    """A run of 40 ports of which the first is free; the tour itself checks the others."""
    for base in range(21000 + os.getpid() % 400 * 20, 60000, 40):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", base))
                return base
            except OSError:
                continue
    raise SystemExit("no free ports")


def command(*more):
    return [sys.executable, TOUR, "--tour", "--build", BUILD, *more]


def whole_tour(work):
    done = subprocess.run(command("--keep", work, "--port-base", str(free_base())), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = done.stdout.strip().split("\n")
    for line in lines[:-1]:
        match = LINE.match(line)
        check(bool(match) and match.group(2) == "ok", line)
    last = LAST.match(lines[-1])
    check(bool(last) and int(last.group(1)) == len(lines) - 1 and last.group(2) == "0" and
          done.returncode == 0, "last line %r, exit %d" % (lines[-1], done.returncode))
    if done.stderr.strip():
        print(done.stderr)
    for node in (1, 2, 3):
        path = os.path.join(work, "node%d" % node, "log", "console.log")
        text = open(path, errors="replace").read() if os.path.exists(path) else ""
        errors = re.findall(r"^\d{4}-\S+ ERROR .*\n.*", text, re.M)
        check(bool(text) and not errors, "no ERROR in the log of node %d %s" % (node, errors[:3]))
        for secret in secrets_of(work, node):
            check(secret not in text, "no secret in the log of node %d" % node)
        if failed:
            print(text[-3000:])


def secrets_of(work, node):
    found = []
    for name, key in (("configdb.properties", "readProperty.2"),
                      ("sessiond.properties", "com.openexchange.sessiond.encryptionKey"),
                      ("hazelcast.properties", "com.openexchange.hazelcast.group.password")):
        path = os.path.join(work, "node%d" % node, "etc", name)
        for line in open(path, encoding="utf-8"):
            if line.startswith(key + "="):
                value = line.split("=", 1)[1].strip()
                found.append(value.replace("password=", "", 1))
    return [f for f in found if len(f) > 5]


def taken_port():
    base = free_base()
    with socket.socket() as s:
        s.bind(("127.0.0.1", base))
        s.listen()
        done = subprocess.run(command("--port-base", str(base)), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    lines = done.stdout.strip().split("\n")
    check(done.returncode == 1 and lines[-1] == "tour: 1 steps, 1 failed" and
          "port %d is taken" % base in lines[0], "a taken port fails early: " + lines[0])


def interrupted():
    process = subprocess.Popen(command("--port-base", str(free_base())), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    first = [process.stdout.readline() for _ in range(2)]  # ports, database
    time.sleep(0.2)  # somewhere inside the next step; where exactly must not matter
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    lines = ("".join(first) + out).strip().split("\n")
    last = LAST.match(lines[-1])
    check(bool(last) and int(last.group(2)) >= 1 and process.returncode == 1,
          "an interrupt ends with the closing line: %r" % lines[-1])
    kept = re.search(r"kept in (\S+)", err)
    left = subprocess.run(["pgrep", "-f", kept.group(1)], stdout=subprocess.PIPE, text=True).stdout \
        if kept else ""
    check(kept is not None and not left.strip(), "an interrupt leaves no process behind")
    if kept:
        subprocess.run(["rm", "-rf", kept.group(1)], check=True)


def main():
    with tempfile.TemporaryDirectory(prefix="ox-tour.") as work:
        os.chmod(work, 0o755)
        whole_tour(os.path.join(work, "data"))
    taken_port()
    interrupted()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

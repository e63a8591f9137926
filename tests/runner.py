"""Builds a flavour and runs the test suites; see ./tests/run for the grammar.

One line per program while it runs, the time of each suite, and at the very end exactly
"N passed, N failed". What counts as one test: a doctest case, a scenario with one seed, a fuzz
target, a check of an integration script.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FLAVOURS = ["release", "debug", "asan", "tsan"]
DOCTEST = re.compile(r"test cases:\s+(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$", re.M)
UNIT_TIMEOUT = 600
INTEGRATION_TIMEOUT = 900
SIM_TIMEOUT = 3600
BENCH_TIMEOUT = 900
FUZZ_SECONDS = 5
FUZZ_RUNS = 20_000


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.bad = []

    def add(self, name, passed, failed):
        self.passed += passed
        self.failed += failed
        if failed:
            self.bad.append(name)


def sanitizer_env():
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99:" + env.get("ASAN_OPTIONS", "")
    env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
    supp = os.path.join(ROOT, "tests", "tsan.supp")
    env["TSAN_OPTIONS"] = "halt_on_error=0:exitcode=99:suppressions=" + supp
    env["LSAN_OPTIONS"] = "suppressions=" + os.path.join(ROOT, "tests", "lsan.supp")
    return env


def execute(command, timeout, env):
    """Runs to the end; output and exit code (124 = over time)."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, timeout=timeout, text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        out = late.stdout or b""
        return 124, out.decode(errors="replace") if isinstance(out, bytes) else out


def report(tally, name, code, out, pattern, started):
    """Books one program: its own count when it ended as it counted, else one failure more."""
    found = pattern.findall(out)
    numbers = [int(n) for n in found[-1][-2:]] if found else [0, 0]
    passed, failed = numbers
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and not found:
        failed = 1
    tally.add(name, passed, failed)
    word = "ok" if failed == 0 else "FAILED"
    print(f"  {name}: {word}, {passed} passed, {failed} failed, {time.time() - started:.1f} s",
          flush=True)
    if failed:
        print(out[-8000:], flush=True)


def unit(args, tally, build):
    listed = subprocess.run(["meson", "introspect", build, "--tests"], cwd=ROOT,
                            stdout=subprocess.PIPE, check=True, text=True)
    tests = [t for t in json.loads(listed.stdout) if "unit" in " ".join(t["suite"])]
    choose(args.name, [t["name"] for t in tests])
    for test in tests:
        if args.name and test["name"] != args.name:
            continue
        started = time.time()
        env = sanitizer_env()
        env.update(test.get("env") or {})
        env["OX_BUILD"] = os.path.join(ROOT, build)
        env["OX_SOURCE"] = ROOT
        code, out = execute(test["cmd"], UNIT_TIMEOUT, env)
        report(tally, "unit " + test["name"], code, out, DOCTEST, started)


def sim(args, tally, build):
    program = os.path.join(build, "tests", "sim", "sim")
    listed = subprocess.run([program, "--list"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    choose(args.name, [line.split()[0] for line in listed.stdout.splitlines()])
    command = [program, "--jobs", str(os.cpu_count() or 2)]
    if args.name:
        command += ["--scenario", args.name]
    replay = args.seed is not None and args.seeds is None
    if args.seed is not None:
        command += ["--seed", str(args.seed)]
    if replay:
        command.append("--verbose")  # what the members logged is what a replay is for
    else:
        slow = args.flavour in ("asan", "tsan", "debug")
        command += ["--seeds", str(args.seeds or (20 if slow else 100))]
    started = time.time()
    code, out = execute(command, SIM_TIMEOUT, sanitizer_env())
    lines = out.splitlines()[:-1]
    print("\n".join("  " + line for line in (lines if replay else lines[-40:])))
    report(tally, "sim", code, out, PLAIN, started)


def fuzz(args, tally, _build):
    started = time.time()
    code, out = execute(["./packaging/build", "fuzz", "fuzzers"], 1800, dict(os.environ))
    if code != 0:
        tally.add("fuzz build", 0, 1)
        print(out[-4000:])
        return
    print(f"  built the fuzz targets in {time.time() - started:.0f} s", flush=True)
    folder = os.path.join(ROOT, "build", "fuzz", "tests", "fuzz")
    targets = sorted(f for f in os.listdir(folder) if f.endswith("_fuzz"))
    choose(args.name, targets)
    for target in targets:
        if args.name and target != args.name:
            continue
        started = time.time()
        work = os.path.join(folder, target + ".corpus")
        seconds = args.seconds or FUZZ_SECONDS
        command = [os.path.join(folder, target), "-max_total_time=%d" % seconds, "-timeout=10",
                   "-rss_limit_mb=2048", "-print_final_stats=1", "-artifact_prefix=" + work + "-"]
        if not args.seconds:
            # The same inputs each time: two runs of one tree give one answer. Searching is for
            # --seconds, which draws its own seed and goes on from what it found before.
            shutil.rmtree(work, ignore_errors=True)
            command += ["-seed=1", "-runs=%d" % FUZZ_RUNS]
        os.makedirs(work, exist_ok=True)
        command.append(work)
        kept = os.path.join(ROOT, "tests", "fuzz", "corpus", target)
        if os.path.isdir(kept):
            command.append(kept)
        code, out = execute(command, seconds + 120, sanitizer_env())
        out += "\n%d passed, %d failed\n" % (code == 0, code != 0)
        report(tally, "fuzz " + target, code, out, PLAIN, started)


def integration(args, tally, build):
    folder = os.path.join(ROOT, "tests", "integration")
    scripts = sorted(f for f in os.listdir(folder) if re.search(r"_test\.(py|sh)$", f))
    names = [re.sub(r"_test\.(py|sh)$", "", s).replace("_", "-") for s in scripts]
    choose(args.name, names)
    env = sanitizer_env()
    env["OX_BUILD"] = os.path.join(ROOT, build)
    env["OX_SOURCE"] = ROOT
    env["OX_USERS"] = str(args.users)
    for script, name in zip(scripts, names):
        if args.name and name != args.name:
            continue
        started = time.time()
        command = ["python3" if script.endswith(".py") else "sh", os.path.join(folder, script)]
        code, out = execute(command, INTEGRATION_TIMEOUT + args.users, env)
        if args.name and code == 0:
            print(out, end="")  # figures are what one script is asked for
        report(tally, "integration " + name, code, out, PLAIN, started)


# Each with what it runs beside itself: the build makes no more than that.
DAEMON = ["src/server/open-xchange", "sbin/oxtool"] + ["bundles/%s.so" % b for b in (
    "hazelcast", "caching", "database", "update", "provisioning", "sessiond",
    "sessionstorage-hazelcast", "login")]
BENCHES = {"caching": ["tests/bench/caching/caching_bench", "tests/integration/legacy_member"],
           "grid": ["tests/bench/grid/grid_bench"],
           "sessions": ["tests/bench/sessions/sessions_bench"] + DAEMON,
           "updates": ["tests/bench/updates/updates_bench"] + DAEMON}


def bench(args):
    """Builds and runs the benches (tests/bench/README.md). Each ends with its own last line,
    "bench: N rows, M not met"; 0 when all completed, whatever their figures."""
    build = os.path.join("build", args.flavour)
    wanted = {n: p for n, p in BENCHES.items() if args.name in (None, n)}
    print("building %s ..." % build, flush=True)
    targets = sorted({t for needed in wanted.values() for t in needed})
    code, out = execute(["./packaging/build", args.flavour] + targets, 3600, dict(os.environ))
    if code != 0:
        print(out[-6000:])
        return 1
    failed = 0
    for program, *_ in wanted.values():
        command = [os.path.join(build, program), os.path.join(build, "bench")]
        if args.quick:
            command.insert(1, "--quick")
        failed += subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                                 timeout=BENCH_TIMEOUT).returncode != 0
    return 1 if failed else 0


def mutation(args, tally, build):
    sys.path.insert(0, os.path.join(ROOT, "tests", "mutation"))
    from mutation import load, run_all
    choose(args.name, ["control"] + [m.name for m in load(ROOT)])

    def told(name, wrong, seconds):
        tally.add("mutation " + name, int(not wrong), int(bool(wrong)))
        print("  mutation %s: %s, %.1f s" % (name, "FAILED" if wrong else "ok", seconds), flush=True)
        if wrong:
            print("    " + wrong.replace("\n", "\n    "), flush=True)

    run_all(ROOT, build, args.name, told)


# The mutation check takes the release flavour's commands and library; fuzzing has a build of its own.
SUITES = {"unit": unit, "sim": sim, "mutation": mutation, "integration": integration, "fuzz": fuzz}
RELEASE_ONLY = {"mutation", "fuzz"}


def choose(name, known):
    if name and name not in known:
        print("unknown test '%s'; there are: %s" % (name, " ".join(sorted(known))),
              file=sys.stderr)
        sys.exit(2)


def main():
    parser = argparse.ArgumentParser(prog="./tests/run")
    parser.add_argument("suite", nargs="?")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--flavour", default="release")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="bench: smaller, to see that it runs")
    args = parser.parse_args()
    choose(args.suite, list(SUITES) + ["bench"])
    choose(args.flavour, FLAVOURS)
    os.chdir(ROOT)
    if args.suite == "bench":
        choose(args.name, list(BENCHES))
        return bench(args)

    tally = Tally()
    build = os.path.join("build", args.flavour)
    started = time.time()
    print("building %s ..." % build, flush=True)
    code, out = execute(["./packaging/build", args.flavour], 3600, dict(os.environ))
    if code != 0:
        print(out[-6000:])
        print("0 passed, 1 failed")
        return 1
    print("built in %.0f s" % (time.time() - started), flush=True)

    # Fuzzing has a build of its own (clang, sanitizers); the other flavours' full runs leave it out.
    wanted = [args.suite] if args.suite else [
        s for s in SUITES if s not in RELEASE_ONLY or args.flavour == "release"]
    for suite in wanted:
        suite_started = time.time()
        print("suite " + suite, flush=True)
        SUITES[suite](args, tally, build)
        print("suite %s took %.0f s" % (suite, time.time() - suite_started), flush=True)
    for name in tally.bad:
        print("failed: " + name)
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The mutation suite: mistakes put into the core on purpose, each of which a scenario must notice.

A mutation is tests/mutation/NAME.patch: a unified diff of .cpp files after lines
  # WHAT the mistake is
  scenario: NAME
  seeds: N
The mutated files alone are compiled (a copy, with the release flavour's own command at -O1) and linked before
the library that holds the sound ones. "control" runs the same scenarios and seeds without any mutation.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 300


class Mutation:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".patch")]
        self.path = path
        text = open(path, encoding="utf-8").read()
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)
        found = re.search(r"^scenario: (\S+)$", text, re.M)
        self.scenario = found.group(1) if found else ""
        found = re.search(r"^seeds: (\d+)$", text, re.M)
        self.seeds = int(found.group(1)) if found else 0


def load(root):
    folder = os.path.join(root, "tests", "mutation")
    return [Mutation(os.path.join(folder, f)) for f in sorted(os.listdir(folder))
            if f.endswith(".patch")]


def run(command, cwd, timeout=TIMEOUT):
    try:
        done = subprocess.run(command, cwd=cwd, timeout=timeout, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 124, "over %d s" % timeout


def link_command(build):
    code, out = run(["ninja", "-t", "commands", "tests/sim/sim"], build)
    lines = out.strip().splitlines()
    if code != 0 or not lines:
        raise RuntimeError("ninja does not tell how tests/sim/sim is linked: " + out[-500:])
    return shlex.split(lines[-1])


def program(m, root, build, commands, link):
    """Builds the mutated simulator; answers (path, "") or ("", what is wrong)."""
    if not m.scenario or not m.seeds or not m.files:
        return "", "the patch must say 'scenario: NAME' and 'seeds: N' and change a file"
    work = os.path.join(build, "mutation", m.name)
    shutil.rmtree(work, ignore_errors=True)
    for name in m.files:
        if not name.endswith(".cpp"):
            return "", "only .cpp files can be mutated, not " + name
        target = os.path.join(work, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(root, name), target)
    code, out = run(["patch", "-p1", "--batch", "--fuzz=0", "-i", m.path], work)
    if code != 0:
        return "", "the patch no longer applies:\n" + out
    objects = []
    for name in m.files:
        known = [c for c in commands
                 if os.path.normpath(os.path.join(c["directory"], c["file"]))
                 == os.path.join(root, name)]
        if not known:
            return "", "nothing compiles " + name
        words = shlex.split(known[0]["command"])
        out_file = os.path.join(work, name.replace("/", "_") + ".o")
        words[words.index("-o") + 1] = out_file
        words[words.index("-c") + 1] = os.path.join(work, name)
        for option in ("-MQ", "-MF"):
            at = words.index(option)
            words[at + 1] = out_file + (".d" if option == "-MF" else "")
        code, out = run(words + ["-O1", "-Wno-error"], build)
        if code != 0:
            return "", "the mutated %s does not compile:\n%s" % (name, out[-3000:])
        objects.append(out_file)
    words = list(link)
    out_file = os.path.join(work, "sim")
    words[words.index("-o") + 1] = out_file
    first = next(i for i, w in enumerate(words) if w.endswith(".o"))
    # The first definition wins: something else of the file may still come from its library.
    words[first:first] = ["-Wl,--allow-multiple-definition"] + objects
    code, out = run(words, build)
    return (out_file, "") if code == 0 else ("", "does not link:\n" + out[-3000:])


def check(m, root, build, commands, link):
    """Answers "" when a scenario notices the mutation, else why not."""
    path, wrong = program(m, root, build, commands, link)
    if wrong:
        return wrong
    code, out = run([path, "--scenario", m.scenario, "--seeds", str(m.seeds), "--jobs", "1",
                     "--stop"], root)
    if code == 0:
        return "nobody notices: %s with %d seeds passes" % (m.scenario, m.seeds)
    if code in (2, 124):
        return out[-2000:]
    return ""


def control(mutations, root, build):
    """The same scenarios and seeds must pass without a mutation."""
    sim = os.path.join(build, "tests", "sim", "sim")
    seeds = {}
    for m in mutations:
        seeds[m.scenario] = max(m.seeds, seeds.get(m.scenario, 0))
    for scenario, count in sorted(seeds.items()):
        code, out = run([sim, "--scenario", scenario, "--seeds", str(count), "--jobs",
                         str(os.cpu_count() or 2)], root)
        if code != 0:
            return "%s fails without any mutation:\n%s" % (scenario, out[-3000:])
    return ""


def run_all(root, build, name, told):
    """told(name, wrong, seconds) for the control and for each mutation, in order."""
    import time
    mutations = load(root)
    chosen = [m for m in mutations if name in (None, m.name)]
    build = os.path.abspath(build)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    link = link_command(build)
    if name in (None, "control"):
        started = time.time()
        told("control", control(mutations, root, build), time.time() - started)
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        def timed(m):
            started = time.time()
            return check(m, root, build, commands, link), time.time() - started
        for m, (wrong, seconds) in zip(chosen, pool.map(timed, chosen)):
            told(m.name, wrong, seconds)

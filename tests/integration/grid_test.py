"""The grid with real processes in network namespaces: crashes, freezes, cuts, loss, discovery, TLS.

Every case starts members of its own on hosts of one network (namespaces.py), drives load through them
and judges the client's own history (grid_history.py). One case or several by name: grid_test.py NAME...
Where namespaces are not permitted every case is skipped, with the reason.
"""
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grid_history
import namespaces
from grid_history import Load
from grid_member import Member, Settings, end_all, wait_for
from tally import check, result

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
HOSTS = 5


class Case:
    """The members of one case: cluster name, directories, log files."""

    def __init__(self, name, network, work):
        self.name, self.network = name, network
        self.work = os.path.join(work, name)
        self.members = {}
        self.build = BUILD

    def settings(self, host, nodes, extra=None, sub="", maps=None):
        return Settings(os.path.join(self.work, "node%d%s" % (host, sub)), self.name, host, nodes, extra,
                        maps)

    def start(self, hosts, extra=None, nodes=None, maps=None):
        """Members on these hosts; they know each other by the static list."""
        for host in hosts:
            settings = self.settings(host, nodes or hosts, extra, maps=maps)
            self.members[host] = Member(self.network, settings, BUILD)
        return self.members

    def whole(self, hosts, seconds=25.0):
        started = time.monotonic()
        wait_for("one settled cluster of %s" % list(hosts),
                 lambda: all(self.members[h].whole(len(hosts)) for h in hosts), seconds)
        return time.monotonic() - started

    def load(self, hosts, **options):
        return Load(self.name, [self.members[h] for h in hosts], **options).start()

    def judge(self, load, hosts, what):
        """The history so far, and every key read once more through each of these members."""
        unanswered = {h: load.read_all(self.members[h]) for h in hosts}
        lost = sum(unanswered.values())
        if lost:
            print("        unanswered by host: %s, states %s" % (
                unanswered, [self.members[h].state() for h in hosts]))
        problems = load.problems()
        check(not problems and lost == 0 and load.done() > 50,
              "%s: %d acknowledged writes explained, %d requests failed meanwhile, %d last reads "
              "unanswered %s" % (what, load.done(), load.errors, lost, problems[:3]))


def kill(case):
    """SIGKILL of one of three under load, then it comes back."""
    case.start([1, 2, 3])
    case.whole([1, 2, 3])
    load = case.load([1, 2])
    time.sleep(1)
    case.members[3].kill()
    took = case.whole([1, 2], 10)
    check(took < 5, "kill: the two others are one settled cluster after %.1f s" % took)
    time.sleep(0.5)
    case.start([3], nodes=[1, 2, 3])
    case.whole([1, 2, 3])
    load.stop()
    case.judge(load, [1, 2, 3], "kill")


def kill_two(case):
    """Two of four at once, map with two backups."""
    case.start([1, 2, 3, 4])
    case.whole([1, 2, 3, 4])
    load = case.load([1, 2], mapping="two")
    time.sleep(1)
    for host in (3, 4):
        case.members[host].signal(signal.SIGKILL)
    case.whole([1, 2], 15)
    load.stop()
    case.judge(load, [1, 2], "two killed at once, two backups")


def stop_two(case):
    """Two of four stop in order at the same moment: nothing is lost, also without backups of both."""
    case.start([1, 2, 3, 4])
    case.whole([1, 2, 3, 4])
    load = case.load([1, 2])
    time.sleep(1)
    answers = [case.members[h].ask("stop") for h in (3, 4)]
    texts = [a.wait(20) for a in answers]
    check(texts == ["ok 1", "ok 1"], "stop-two: both handed over %s" % texts)
    case.whole([1, 2], 10)
    load.stop()
    case.judge(load, [1, 2], "two stopped at once")


def freeze(case):
    """SIGSTOP for twice the failure timeout; what waits for the thawed member gets no old answer."""
    case.start([1, 2, 3])
    case.whole([1, 2, 3])
    load = case.load([1, 3])
    time.sleep(1)
    frozen = case.members[2]
    frozen.signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_for("the others to go on without it",
             lambda: all(case.members[h].whole(2) for h in (1, 3)), 15)
    check(True, "freeze: two members go on after %.1f s" % (time.monotonic() - began))
    time.sleep(max(0.0, 6 - (time.monotonic() - began)))
    load.stop()
    # In the pipe already when it wakes up: the first thing that it does.
    waiting = [(key, frozen.ask("get %s %s" % (load.map, key.name))) for key in load.all()]
    frozen.signal(signal.SIGCONT)
    answered = 0
    for key, answer in waiting:
        answered += grid_history.note_read(key, answer, answer.wait(15))
    check(not load.problems(), "freeze: %d of %d requests answered by the thawed member, none from "
          "old truth %s" % (answered, len(waiting), load.problems()[:3]))
    check(answered > len(waiting) / 2 and frozen.records("this member stood still for [0-9]+ ms"),
          "freeze: it noticed its pause and answers again")
    case.whole([1, 2, 3])
    case.judge(load, [1, 2, 3], "freeze")


def halves(case, one, other, meanwhile, seconds=3):
    """Cuts, lets both sides write, heals; the loads of both sides."""
    case.whole(one + other)
    case.network.cut(one, other)
    for side in (one, other):
        wait_for("the side %s by itself" % side,
                 lambda side=side: all(case.members[h].whole(len(side)) for h in side), 20)
    loads = [Load("%s-%s" % (case.name, side[0]), [case.members[h] for h in side], seed=side[0]).start()
             for side in (one, other)]
    time.sleep(seconds)
    meanwhile()
    for load in loads:
        load.stop()
    case.network.heal()
    return loads


def disagree(case, one, other):
    """Both sides change the same keys, one side later: its word, a removal too, is the newest. Where a side
    has no copy of an entry (both were in the other half) its removal finds nothing and says so."""
    expected = {}
    for i in range(30):
        first = one if i % 2 else other
        case.members[first].tell("set one shared-%d early" % i)
    time.sleep(0.2)  # clearly later than what the first side wrote
    for i in range(30):
        second = other if i % 2 else one
        removed = i % 3 == 0
        verb = "remove one shared-%d" if removed else "set one shared-%d late"
        nothing = case.members[second].tell(verb % i) == "none"
        expected["shared-%d" % i] = "early" if nothing else None if removed else "late"
    return expected


def agree(case, hosts, expected):
    wrong = []
    for host in hosts:
        for key, value in expected.items():
            text = case.members[host].tell("get one " + key)
            if text != ("none" if value is None else "ok " + value):
                wrong.append("host %d: %s is %r, newest is %r" % (host, key, text, value))
    return wrong


def split(case):
    """Three and two: both halves serve, one cluster afterwards, and what either side wrote is there."""
    case.start([1, 2, 3, 4, 5])
    case.whole([1, 2, 3, 4, 5])
    for i in range(30):
        case.members[1].tell("set one shared-%d before" % i)
    expected = {}
    loads = halves(case, [1, 2, 3], [4, 5], lambda: expected.update(disagree(case, 1, 4)))
    check(all(load.done() > 50 for load in loads), "split: both halves wrote, %s acknowledged" %
          [load.done() for load in loads])
    took = case.whole([1, 2, 3, 4, 5], 40)
    check(True, "split: one cluster %.1f s after healing" % took)
    for load in loads:
        case.judge(load, [1, 5], "split")
    wrong = agree(case, [1, 5], expected)
    check(not wrong, "split: of 30 keys that both halves changed the newest word counts everywhere %s" %
          wrong[:3])


def one_way(case):
    """Host 3 hears nothing of host 1: resolved to a fully connected part, and one cluster after healing."""
    case.start([1, 2, 3])
    uneven(case, lambda: case.network.drop(1, 3), "one-way")


def partial(case):
    """Hosts 1 and 3 do not reach each other, both reach host 2."""
    case.start([1, 2, 3])
    uneven(case, lambda: case.network.cut([1], [3]), "partial")


def uneven(case, cut, name):
    case.whole([1, 2, 3])
    load = case.load([2])
    time.sleep(0.5)
    cut()

    def resolved():
        for pair in ([1, 2], [2, 3]):
            if all(case.members[h].whole(2) for h in pair):
                return pair
        return None
    pair = wait_for("two fully connected members to be one cluster", resolved, 30)
    check(True, name + ": hosts %s go on" % pair)
    time.sleep(1)
    load.stop()
    case.network.heal()
    case.whole([1, 2, 3], 40)
    case.judge(load, [1, 2, 3], name)


def loss(case):
    """Of the packets that arrive at one of three every tenth is lost."""
    case.start([1, 2, 3])
    case.whole([1, 2, 3])
    case.network.lose(3, 0.1)
    load = case.load([1, 2, 3])
    time.sleep(6)
    members = [m.state() for m in case.members.values()]
    check(all(m and m[2] == 3 for m in members), "loss: nobody was taken for dead")
    load.stop()
    case.network.heal()
    case.whole([1, 2, 3])
    case.judge(load, [1, 2, 3], "loss of 10%")


CASES = [kill, kill_two, stop_two, freeze, split, one_way, partial, loss]


def main(names):
    from grid_cases import MORE  # discovery, TLS, daemons
    cases = CASES + MORE
    unknown = set(names) - {c.__name__ for c in cases}
    if unknown:
        sys.exit("no such case: %s; there are: %s" % (", ".join(sorted(unknown)),
                                                     " ".join(c.__name__ for c in cases)))
    check(grid_history.self_check(), "the checker finds lost, old, invented and disordered values")
    reason = namespaces.missing()
    if reason:
        for case in cases:
            print("skipped %s: %s" % (case.__name__, reason))
        return result(len(cases))
    namespaces.remove_left_over()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = tempfile.mkdtemp(prefix="ox-grid-")
    network = None
    try:
        network = namespaces.Network(HOSTS)
        for function in cases:
            if names and function.__name__ not in names:
                continue
            case = Case(function.__name__.replace("_", "-"), network, work)
            began = time.monotonic()
            try:
                function(case)
            except Exception as broken:  # one case must not hide the others
                traceback.print_exc(file=sys.stdout)
                check(False, "%s: %s" % (case.name, broken))
                show_logs(case)
            finally:
                end_all()
                network.heal()
            print("        %s took %.1f s" % (case.name, time.monotonic() - began), flush=True)
    finally:
        end_all()
        if network:
            network.remove()
        if not os.environ.get("OX_KEEP"):
            shutil.rmtree(work)
    return result()


def show_logs(case):
    for host, member in sorted(case.members.items()):
        with open(member.log, encoding="utf-8", errors="replace") as f:
            print("--- log of host %d\n%s" % (host, "".join(f.readlines()[-40:])), flush=True)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)

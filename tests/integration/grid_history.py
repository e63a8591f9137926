"""What the clients of a test did and saw, and whether the promises explain it.

Each key has one writer, whose values are 1, 2, 3, ... (numbers of the writer's own). So a register is
linearizable when every read shows at least the last write that was acknowledged before the read began,
at most the last write that had begun before the read ended, and never less than an earlier read. A write without an answer may or may
not have happened.
"""
import bisect
import random
import threading
import time


class Key:
    def __init__(self, name):
        self.name = name
        self.writes = []  # (value, begin, end or None)
        self.reads = []   # (value or 0, begin, end)

    def problems(self):
        """One writer: begins, ends and values of the writes all rise, so that bisecting finds each bound."""
        acked = [(end, value) for value, _, end in self.writes if end is not None]
        ends = [end for end, _ in acked]
        begins = [begin for _, begin, _ in self.writes]
        shown = []  # (end of the read, greatest value read by then)
        for value, _, end in sorted(self.reads, key=lambda r: r[2]):
            shown.append((end, max(value, shown[-1][1] if shown else 0)))
        shown_ends = [end for end, _ in shown]
        out = []
        for value, begin, end in self.reads:
            i = bisect.bisect_right(ends, begin)
            least = acked[i - 1][1] if i else 0
            most = bisect.bisect_right(begins, end)
            i = bisect.bisect_right(shown_ends, begin)
            seen = shown[i - 1][1] if i else 0
            if value < least:
                out.append("%s: read %d although %d was acknowledged" % (self.name, value, least))
            elif value > most:
                out.append("%s: read %d that nobody had written, at most %d" % (self.name, value, most))
            elif value < seen:
                out.append("%s: read %d after %d had been read" % (self.name, value, seen))
        return out


class Load:
    """Writers and readers over live members; each thread has keys of its own."""

    def __init__(self, name, members, mapping="one", threads=2, keys=20, seed=1):
        self.members = members  # may be changed while it runs
        self.map = mapping
        self.keys = [[Key("%s-%d-%d" % (name, t, k)) for k in range(keys)] for t in range(threads)]
        self.stopping = False
        self.errors = 0
        self.threads = [threading.Thread(target=self._run, args=(t, random.Random(seed * 100 + t)))
                        for t in range(threads)]

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join()
        return self

    def all(self):
        return [key for part in self.keys for key in part]

    def _run(self, number, rng):
        while not self.stopping:
            members = list(self.members)
            if not members:
                time.sleep(0.01)
                continue
            key = rng.choice(self.keys[number])
            if rng.random() < 0.5:
                self.write(key, rng.choice(members), rng.choice(members + [None]))
            else:
                self.read(key, rng.choice(members))

    def write(self, key, member, also=None):
        """Sometimes another member reads while the write is under way."""
        value = len(key.writes) + 1
        answer = member.ask("set %s %s %d" % (self.map, key.name, value))
        if also:
            self.read(key, also)
        text = answer.wait(12.0)
        key.writes.append((value, answer.begin, answer.end if text == "ok" else None))
        self.errors += text != "ok"

    def read(self, key, member):
        answer = member.ask("get %s %s" % (self.map, key.name))
        note_read(key, answer, answer.wait(12.0))

    def done(self):
        return sum(1 for key in self.all() for w in key.writes if w[2] is not None)

    def problems(self):
        return [p for key in self.all() for p in key.problems()]

    def read_all(self, member):
        """Every key once, at the end."""
        answers = [(key, member.ask("get %s %s" % (self.map, key.name))) for key in self.all()]
        lost = 0
        deadline = time.monotonic() + 15
        for key, answer in answers:
            lost += not note_read(key, answer, answer.wait(max(0.0, deadline - time.monotonic())))
        return lost  # keys without an answer


def note_read(key, answer, text):
    if text == "none":
        key.reads.append((0, answer.begin, answer.end))
    elif text and text.startswith("ok "):
        key.reads.append((int(text[3:]), answer.begin, answer.end))
    else:
        return False
    return True


def self_check():
    """The checker finds what it is for; each of these histories is one that must not pass."""
    bad = []
    for writes, reads in (
            ([(1, 0, 1)], [(0, 2, 3)]),                            # lost
            ([(1, 0, 1), (2, 1, 2)], [(1, 3, 4)]),                 # old
            ([(1, 5, 6)], [(1, 1, 2)]),                            # from nowhere
            ([(1, 0, 1), (2, 1, None)], [(2, 2, 3), (1, 4, 5)])):  # back in time
        key = Key("bad")
        key.writes, key.reads = writes, reads
        bad.append(len(key.problems()) == 1)
    good = Key("good")
    good.writes = [(1, 0, 1), (2, 1, None), (3, 5, 6)]
    good.reads = [(1, 2, 3), (2, 3, 4), (3, 5, 6), (3, 7, 8)]
    return all(bad) and not good.problems()

"""Many users behind one front: an event loop in a thread of its own, one kept connection per user.

Each user looks who he is, writes and reads one attribute of his session, and judges every answer:
502 and 503 are allowed when the request was under way or sent within AFTER_KILL seconds after a SIGKILL,
everything else that is not the right answer is a forced login or a wrong one. A write that was
not answered may or may not have happened; any other one is what must be read next.
"""
import asyncio
import json
import random
import threading
import time
import urllib.parse

AFTER_KILL = 2.0
ANSWER_SECONDS = 60
RATE = 250           # clicks a second of all users together
SHORTEST_PAUSE = 0.2
LOGINS_AT_ONCE = 8
NAME = "last"


class Front:
    """Answers of one connection at a time; a connection that the front closed between two is opened anew."""

    def __init__(self, port):
        self.port = port
        self.streams = None

    async def ask(self, head, body):
        """OSError when the connection broke, ValueError when the answer is no HTTP."""
        while True:
            kept = self.streams is not None
            answered = False
            try:
                if not kept:
                    self.streams = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = self.streams
                writer.write(head + body)
                status = await reader.readline()
                answered = bool(status)
                if not answered:
                    raise ConnectionResetError("closed without an answer")
                return await self.rest(reader, status)
            except (OSError, asyncio.IncompleteReadError) as broken:
                self.close()
                if not kept or answered:
                    raise OSError("connection broke: %r" % broken) from broken
            except BaseException:
                self.close()
                raise

    async def rest(self, reader, status):
        cookies, length, close = {}, 0, False
        while True:
            line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                cookies[key.strip()] = rest.partition(";")[0]
            elif name == "content-length":
                length = int(value)
            elif name == "transfer-encoding":
                length = None
            elif name == "connection":
                close = value.lower() == "close"
        if length is None:
            text = b""
            while True:
                size = int((await reader.readline()).split(b";")[0], 16)
                text += (await reader.readexactly(size + 2))[:size]
                if size == 0:
                    break
        else:
            text = await reader.readexactly(length)
        if close:
            self.close()
        return int(status.split()[1]), text.decode("utf-8", "replace"), cookies

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None


class User:
    def __init__(self, everybody, number, login, password):
        self.all = everybody
        self.front = Front(everybody.port)
        self.number, self.login, self.password = number, login, password
        self.name = login.partition("@")[0]
        self.cookies = {}
        self.session = None
        self.node = None
        self.written = 0
        self.possible = {None}      # what the attribute may hold: the last answered write and later ones
        self.ever = {None}          # whatever it held at some time
        self.right = 0              # when the last good answer came
        self.ask = False            # the next click tells which node answers
        self.task = None

    async def request(self, path, form=None):
        body = urllib.parse.urlencode(form).encode() if form is not None else b""
        head = "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: rolling/1.0\r\n" % (
            "POST" if form is not None else "GET", path)
        if self.cookies:
            head += "Cookie: %s\r\n" % "; ".join("%s=%s" % c for c in self.cookies.items())
        if form is not None:
            head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body)
        status, text, cookies = await asyncio.wait_for(
            self.front.ask(head.encode() + b"\r\n", body), ANSWER_SECONDS)
        self.cookies.update(cookies)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"raw": text[:200]}
        return status, answer

    async def log_in(self):
        status, answer = await self.request("/ajax/login?action=login", {
            "name": self.login, "password": self.password, "client": "open-xchange-appsuite"})
        self.session = answer.get("session")
        if not self.session:
            raise AssertionError("login of %s answered %d %s" % (self.login, status, answer))

    async def judged(self, path, form, right):
        """One request of the session: what `right` makes of the data, or None."""
        asked = time.monotonic()
        try:
            status, answer = await self.request(
                path + ("" if form else "&session=" + self.session),
                dict(form, session=self.session) if form else None)
        except (OSError, ValueError, asyncio.TimeoutError) as broken:
            status, answer = 0, {"raw": "%s %s" % (type(broken).__name__, broken)}
        seen = right(answer["data"]) if status == 200 and answer.get("data") else None
        self.all.book(self, asked, status, answer, seen is not None)
        return seen

    async def who_am_i(self):
        def right(data):
            if data["session"] != self.session or data["user"] != self.name:
                return None
            self.node = data["node"]
            return data
        return await self.judged("/ajax/system?action=whoami", None, right)

    async def write(self):
        self.written += 1
        value = "%s-%d" % (self.name, self.written)
        self.possible.add(value)
        self.ever.add(value)
        if await self.judged("/ajax/session?action=set", {"name": NAME, "value": value},
                             lambda data: data.get("applied") or None):
            self.possible = {value}

    async def read(self):
        allowed = self.ever if self.all.split else self.possible

        def right(data):
            found = {a["name"]: a["value"] for a in data["attributes"]}
            return data if found.get(NAME) in allowed else None
        return await self.judged("/ajax/session?action=get&name=" + NAME, None, right)

    async def live(self):
        await asyncio.sleep(random.random() * self.all.pause)
        while not self.all.ended:
            what = 1.0 if self.ask else random.random()
            self.ask = False
            await (self.write() if what < 0.3 else self.read() if what < 0.4 else self.who_am_i())
            await asyncio.sleep((0.5 + random.random()) * self.all.pause)


class Users:
    """Called from the main thread; everything of the users happens on the loop's thread."""

    def __init__(self, port, logins, password):
        self.port = port
        self.users = [User(self, i, login, password) for i, login in enumerate(logins)]
        self.pause = max(SHORTEST_PAUSE, len(self.users) / RATE)
        self.ended = False
        self.split = False       # halves answer from what they have
        self.killed_at = None
        self.clicks = 0
        self.allowed = {}        # status -> how many after a SIGKILL
        self.latest_allowed = 0.0
        self.forced = []
        self.wrong = []
        self.took = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def book(self, user, asked, status, answer, right):
        now = time.monotonic()
        self.clicks += 1
        self.took.append(now - asked)
        if right:
            user.right = now
            return
        after_kill = self.killed_at is not None and asked <= self.killed_at + AFTER_KILL
        said = "%s: %d after %.1f s %s" % (user.login, status, now - asked, json.dumps(answer)[:300])
        if status in (502, 503) and after_kill:
            self.allowed[status] = self.allowed.get(status, 0) + 1
            self.latest_allowed = max(self.latest_allowed, now - self.killed_at)
        elif str(answer.get("code", "")).startswith("SES-"):
            self.forced.append(said)
        else:
            self.wrong.append(said)

    async def _log_in(self):
        gate = asyncio.Semaphore(LOGINS_AT_ONCE)

        async def one(user):
            async with gate:
                await user.log_in()
        await asyncio.gather(*(one(u) for u in self.users))

    def begin(self, former=None):
        """They log in, or go on as those who clicked before did."""
        if former is None:
            self.do(self._log_in())
        else:
            for user, old in zip(self.users, former.users):
                user.cookies, user.session = old.cookies, old.session
                user.written, user.possible, user.ever = old.written, old.possible, old.ever

        async def lives():
            for user in self.users:
                user.task = asyncio.ensure_future(user.live())
        self.do(lives())

    def await_everybody(self, nodes=None, seconds=90):
        """Every user has got a right answer from now on; with nodes: and is at one of these."""
        since = time.monotonic()
        while True:
            late = [u for u in self.users if u.right < since or (nodes and u.node not in nodes)]
            if not late:
                return
            for user in late:
                user.ask = True
            if time.monotonic() > since + seconds:
                raise AssertionError("%d users without a right answer since %d s, e.g. %s" % (
                    len(late), seconds, late[0].login))
            time.sleep(0.05)

    def spread(self, nodes):
        """Half of the users lose their JSESSIONID, as a browser that was closed: the front spreads them
        again. Ends when each node has some."""
        for _ in range(20):
            for user in random.sample(self.users, len(self.users) // 2):
                self.loop.call_soon_threadsafe(user.cookies.pop, "JSESSIONID", None)
            self.await_everybody()
            at = [u.node for u in self.users]
            if all(at.count(n) * 5 >= len(at) // len(nodes) for n in nodes):
                return
        raise AssertionError("the front does not use all of %s" % nodes)

    def end(self):
        """No more clicks; every request has been answered."""
        self.ended = True

        async def over():
            await asyncio.gather(*(u.task for u in self.users if u.task))
        self.do(over())

    def read_back(self):
        """What every user wrote last is there, also where another node has to answer."""
        async def all_of_them():
            for i, user in enumerate(self.users):
                if i % 2:
                    user.cookies.pop("JSESSIONID", None)
            gate = asyncio.Semaphore(LOGINS_AT_ONCE)

            async def one(user):
                async with gate:
                    return await user.read()
            return sum(r is not None for r in await asyncio.gather(*(one(u) for u in self.users)))
        return self.do(all_of_them())

    def close(self):
        async def over():
            for user in self.users:
                if user.task:
                    user.task.cancel()
                user.front.close()
        self.do(over())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def latency(self):
        took = sorted(self.took)
        return "p50 %.1f ms, p99 %.0f ms, longest %.1f s" % (
            1000 * took[len(took) // 2], 1000 * took[len(took) * 99 // 100], took[-1])

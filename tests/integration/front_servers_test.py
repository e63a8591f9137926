"""The delivered configurations of Apache (HTTP and AJP), HAProxy and nginx before a two-node cluster.

For each: the static part, sticky by cookie and by path, bodies, the client's address, draining (where
the front can), then users clicking through all of them while nodes are restarted and killed: no forced
login, no wrong answer; 502 and 503 only within two seconds after a SIGKILL.
"""
import http.client
import json
import os
import secrets
import shutil
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse

import tally
from tally import check
from two_nodes import ROOT, TwoNodes
from cluster import Browser, edit_properties, wait_for
from front_servers import Fronts, ask, balancer
from mariadb import free_port
from processes import run

USERS_PER_FRONT = 4
AFTER_KILL = 2.0  # seconds in which a front may answer 502 or 503
# mod_proxy_ajp says 500 when a node dies in the middle of a request with a query.
ALLOWED = {"apache by ajp": (500, 502, 503)}


class Cluster(TwoNodes):
    """With AJP, HTTPS and liveness ports."""

    def configure(self):
        secret = secrets.token_hex(12)
        self.certificate()
        for node in self.nodes:
            node.ajp, node.ajp_secret = free_port(), secret
            node.tls, node.live = free_port(), free_port()
            edit_properties(os.path.join(node.etc, "server.properties"), {
                "com.openexchange.connector.networkAjpListenerPort": node.ajp,
                "com.openexchange.connector.ajpSecret": secret,
                "com.openexchange.connector.networkSslListenerPort": node.tls,
                "com.openexchange.connector.livenessPort": node.live})
            edit_properties(os.path.join(node.etc, "grizzly.properties"), {
                "com.openexchange.http.grizzly.hasSSLEnabled": "true",
                "com.openexchange.http.grizzly.keystorePath": self.pem})
            edit_properties(os.path.join(node.etc, "sessiond.properties"), {
                "com.openexchange.sessiond.useDistributedTokenSessions": "true"})

    def certificate(self):
        self.pem = os.path.join(self.work, "node.pem")
        key = os.path.join(self.work, "key.pem")
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
             "-out", self.pem])
        with open(key, encoding="ascii") as source, open(self.pem, "a", encoding="ascii") as target:
            target.write(source.read())


class Front:
    """What Browser and Tour expect of a node: an HTTP port and a name."""

    def __init__(self, name, port):
        self.name, self.http = name, port


def node_of(port, path="/ajax/system?action=ping", headers=None, body=None):
    status, text, _ = ask(port, path, headers, body)
    return json.loads(text)["data"]["node"] if status == 200 else "status %d" % status


def routing(cluster, name, port):
    static = ask(port, "/appsuite/index.html")
    check(static[0] == 200 and "static part" in static[1] and "JSESSIONID" not in static[2],
          name + ": the static part is served without a node")
    browser, front = Browser(), Front(name, port)
    _, answer = cluster.login(browser, front, "anna", 1)
    route = browser.cookies.get("JSESSIONID", "").partition(".")[2]
    seen = {(cluster.whoami(browser, front)[1].get("data") or {}).get("node") for _ in range(8)}
    check(answer.get("session") and seen == {route}, "%s: sticky by cookie: %s" % (name, seen))
    for node in ("OX1", "OX2"):
        seen = {node_of(port, "/ajax/system;jsessionid=77.%s?action=ping" % node) for _ in range(4)}
        check(seen == {node}, "%s: sticky by path to %s: %s" % (name, node, seen))
        seen = {node_of(port, "/appsuite/api/system?action=ping", {"Cookie": "JSESSIONID=77." + node})
                for _ in range(4)}
        check(seen == {node}, "%s: the second prefix, a cookie of %s: %s" % (name, node, seen))
    token_login(cluster, name, port)
    cookies = "; ".join("%s=%s" % c for c in browser.cookies.items())
    _, text, _ = ask(port, "/ajax/system?action=whoami&session=%s" % browser.session, {
        "Cookie": cookies, "User-Agent": "open-xchange-tour/1.0", "X-Forwarded-For": "6.6.6.6"})
    check('"data"' in text, "%s: a client cannot choose its address: %s" % (name, text[:80]))
    seen = {node_of(port) for _ in range(12)}
    check(seen == {"OX1", "OX2"}, "%s: without an id both nodes are used: %s" % (name, seen))
    seen = {node_of(port, headers={"Content-Type": "application/octet-stream"}, body=b"x" * size)
            for size in (1, 8186, 8187, 300_000)}
    check(seen <= {"OX1", "OX2"}, "%s: bodies of several sizes arrive: %s" % (name, seen))
    chunked = node_of(port, headers={"Transfer-Encoding": "chunked"},
                      body=iter([b"a" * 5000, b"b" * 9000]))
    check(chunked in ("OX1", "OX2"), "%s: a chunked body arrives: %s" % (name, chunked))


def token_login(cluster, name, port):
    """One machine logs in, the browser of another goes on: only the path can lead it to the node."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    right, nodes = 0, set()
    for i in range(4):
        machine = urllib.parse.urlencode({
            "login": "anna@company1.example", "password": cluster.user_password,
            "client": "portal", "clientToken": "token-%d" % i})
        status, _, head = ask(port, "/ajax/login?action=tokenLogin",
                              dict(form, **{"User-Agent": "portal"}), machine)
        target = urllib.parse.urlsplit(head.get("Location", ""))
        parts = dict(urllib.parse.parse_qsl(target.fragment))
        page = ask(port, target.path) if target.path else (0, "", {})
        browser, front = Browser(), Front(name, port)
        _, text = browser.request(
            front, "/ajax/login;jsessionid=%s?action=tokens" % parts.get("jsessionid"),
            {"clientToken": "token-%d" % i, "serverToken": parts.get("serverToken"),
             "client": "open-xchange-appsuite"})
        browser.session = json.loads(text).get("session")
        # The node that issued the id knows it; any other one would have set its own.
        there = "JSESSIONID" not in browser.cookies
        browser.cookies["JSESSIONID"] = parts.get("jsessionid", "")
        data = cluster.whoami(browser, front)[1].get("data") or {}
        nodes.add(data.get("node"))
        right += (status == 302 and there and "static part" in page[1] and data.get("user") is not None and
                  data.get("node") == parts.get("jsessionid", "").partition(".")[2])
    check(right == 4, "%s: token login across hosts, by the path to the node that began it: %d of 4, "
          "nodes %s" % (name, right, nodes))


def other_doors(cluster):
    """HTTPS of the node itself, the liveness port, tokens used at another node, guests."""
    first, second = cluster.nodes
    trusted = ssl.create_default_context(cafile=cluster.pem)
    connection = http.client.HTTPSConnection("127.0.0.1", first.tls, context=trusted, timeout=20)
    connection.request("GET", "/ajax/system?action=ping")
    answer = connection.getresponse()
    cookie = answer.getheader("Set-Cookie") or ""
    check(answer.status == 200 and b"OX1" in answer.read() and "; Secure" in cookie,
          "HTTPS of a node: secure cookies: %s" % cookie)
    connection.close()
    check(all(ask(n.live, "/live")[0] == 200 for n in cluster.nodes), "the liveness ports answer")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    _, text, _ = ask(first.http, "/ajax/login?action=tokenLogin", form, urllib.parse.urlencode({
        "login": "bert@company1.example", "password": cluster.user_password, "client": "portal",
        "clientToken": "c", "jsonResponse": "true"}))
    tokens = {"clientToken": "c", "serverToken": json.loads(text).get("serverToken")}
    _, text = Browser().request(second, "/ajax/login?action=tokens", tokens)
    check(json.loads(text).get("user") == "bert", "tokens of node 1 are good at node 2: " + text[:80])
    _, text = Browser().request(first, "/ajax/login?action=tokens", tokens)
    check(json.loads(text).get("code") == "SES-0210", "and used up then: " + text[-120:])

    def create(inviter):
        return first.admin("createuser", "-c", 1, "-A", "oxadmin", "-P", cluster.user_password,
                           "-u", "visitor", "-d", "Visitor", "-g", "Vi", "-s", "Sitor",
                           "-e", "visitor@company1.example", "--guestcreatedby", inviter,
                           env={"NEW_USER_PASSWORD": cluster.user_password}, check=False)
    refused = create(4711)
    check(refused.returncode == 108, "a guest whom nobody invites: %d" % refused.returncode)
    made = create(2)
    guest = Browser()
    _, answer = cluster.login(guest, second, "visitor", 1)
    data = cluster.whoami(guest, first)[1].get("data") or {}
    check(made.returncode == 0 and data.get("user") == "visitor",
          "a guest logs in at one node and clicks at the other: %s %s" % (made.stdout.strip(), answer))


def draining(fronts, name, port, drain, undo):
    drain()
    wait_for(name + " to drain OX1", lambda: {node_of(port) for _ in range(6)} == {"OX2"}, 10)
    old = {node_of(port, headers={"Cookie": "JSESSIONID=77.OX1"}) for _ in range(4)}
    new = {node_of(port) for _ in range(6)}
    check(old == {"OX1"} and new == {"OX2"},
          "%s: draining OX1: old users stay (%s), new ones go to OX2 (%s)" % (name, old, new))
    undo()
    wait_for(name + " to use OX1 again",
             lambda: {node_of(port) for _ in range(6)} == {"OX1", "OX2"}, 10)


class Clickers:
    """Users that click without a break; every answer is judged."""

    def __init__(self, cluster, fronts):
        self.cluster = cluster
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.killed_at = None
        self.clicks = 0
        self.after_kill = {}  # (front, status) -> how many
        self.bad = []
        self.routes = {}
        self.threads = []
        for name, port in fronts.names().items():
            for i in range(USERS_PER_FRONT):
                browser, front = Browser(), Front(name, port)
                _, answer = cluster.login(browser, front, ("anna", "bert")[i % 2], 1 + i % 2)
                if not browser.session:
                    raise AssertionError("%s: login answered %s" % (name, answer))
                self.threads.append(threading.Thread(target=self.click, args=(browser, front)))
        for thread in self.threads:
            thread.start()

    def click(self, browser, front):
        while not self.stop.is_set():
            asked = time.monotonic()
            try:
                status, answer = self.cluster.whoami(browser, front)
            except OSError as broken:
                status, answer = 0, {"raw": str(broken)}
            right = (answer.get("data") or {}).get("session") == browser.session
            with self.lock:
                self.clicks += 1
                recent = self.killed_at is not None and asked < self.killed_at + AFTER_KILL
                if status in ALLOWED.get(front.name, (502, 503)) and recent:
                    key = "%s %d" % (front.name, status)
                    self.after_kill[key] = self.after_kill.get(key, 0) + 1
                elif not right:
                    self.bad.append("%s: %d %s" % (front.name, status, json.dumps(answer)[:200]))
                else:
                    self.routes.setdefault(front.name, set()).add(answer["data"]["node"])
            self.stop.wait(0.02)

    def await_only(self, route):
        """Every front has answered, and only by that node."""
        def settled():
            with self.lock:
                self.routes = {}
            time.sleep(0.3)
            with self.lock:
                return len(self.routes) == 4 and all(r == {route} for r in self.routes.values())
        wait_for("all clicks to be answered by " + route, settled, 20)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def fail_over(cluster, fronts):
    first, second = cluster.nodes
    clickers = Clickers(cluster, fronts)
    try:
        for node, other in ((first, second), (second, first)):
            node.stop()
            clickers.await_only(other.route)
            node.start()
            cluster.settle()
        check(not clickers.bad, "both nodes restarted while %d users click: %d clicks, every one right %s"
              % (len(clickers.threads), clickers.clicks, clickers.bad[:3]))
        bad = len(clickers.bad)
        clickers.killed_at = time.monotonic()
        first.kill()
        clickers.await_only("OX2")
        check(len(clickers.bad) == bad, "kill -9 of OX1: every user goes on at OX2; failures within "
              "%g s: %s %s" % (AFTER_KILL, clickers.after_kill or "none", clickers.bad[bad:bad + 3]))
    finally:
        clickers.end()


def main():
    os.umask(0o022)
    started = time.monotonic()
    directory = tempfile.mkdtemp(prefix="ox-fronts-")
    os.chmod(directory, 0o755)
    cluster = Cluster(24000)
    fronts = None
    try:
        cluster.begin()
        fronts = Fronts(ROOT, os.path.join(directory, "fronts"), cluster.nodes, free_port)
        fronts.start()
        print("cluster and fronts are up after %.0f s" % (time.monotonic() - started), flush=True)
        wait_for("HAProxy to see both nodes",
                 lambda: {node_of(fronts.haproxy) for _ in range(6)} == {"OX1", "OX2"}, 15)
        other_doors(cluster)
        for name, port in fronts.names().items():
            routing(cluster, name, port)
        for name, port in (("apache by http", fronts.apache_http),
                           ("apache by ajp", fronts.apache_ajp)):
            draining(fronts, name, port,
                     lambda port=port: balancer(port, "OX1", w_status_N=1),
                     lambda port=port: balancer(port, "OX1", w_status_N=0))
        draining(fronts, "haproxy", fronts.haproxy,
                 lambda: fronts.haproxy_says("set server oxcluster/OX1 state drain"),
                 lambda: fronts.haproxy_says("set server oxcluster/OX1 state ready"))
        fail_over(cluster, fronts)
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
    finally:
        if fronts is not None:
            fronts.stop()
        cluster.failed = tally.failed
        cluster.cleanup()
    if tally.failed == 0:
        shutil.rmtree(directory, ignore_errors=True)
    print("front servers: %.0f s" % (time.monotonic() - started))
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

"""Sessions on a real cluster of two nodes: attributes written in parallel on both, take-over, logout heard
by the other node, closing by tool and by REST, the figures of showruntimestats -i; guests by share links,
random tokens at another node, HTTP Basic.
"""
import base64
import http.client
import json
import os
import sys
import threading

import tally
from tally import check
from two_nodes import TwoNodes
from cluster import Browser, edit_properties, wait_for

WRITERS = 100
THREADS = 10


class Cluster(TwoNodes):
    def configure(self):
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "server.properties"), {
                "com.openexchange.rest.services.basic-auth.login": "rest",
                "com.openexchange.rest.services.basic-auth.password": "restpassword"})
            edit_properties(os.path.join(node.etc, "login.properties"), {
                "com.openexchange.ajax.login.randomToken": "true"})
            edit_properties(os.path.join(node.etc, "sessiond.properties"), {
                "com.openexchange.sessiond.maxSessionPerLink": 3})

    def data(self, browser, node, query, form=None):
        path = "/ajax/%s&session=%s" % (query, browser.session)
        status, text = browser.request(node, path, form)
        return status, json.loads(text)

    def sessions(self, node):
        text = node.tool("showruntimestats", "-H", "127.0.0.1", "-p", node.jmx, "-i").stdout
        out = {}
        for line in text.splitlines():
            name, equals, value = line.partition(" = ")
            if equals and "SessionD Toolkit" in name:
                out[name.rsplit(",", 1)[-1]] = value
        return out


def rest(node, kind, body, user="rest:restpassword"):
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=20)
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    connection.request("POST", "/admin/v1/close-sessions/" + kind, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def new_session(cluster, node, user="anna"):
    browser = Browser()
    cluster.login(browser, node, user, 1)
    return browser


def expired(cluster, browser, node):
    return cluster.whoami(browser, node)[1].get("code") == "SES-0203"


def attributes(cluster):
    one, two = cluster.nodes
    browser = new_session(cluster, one)
    check(browser.session, "login at node 1")
    wrong = []
    numbers = iter(range(WRITERS))
    lock = threading.Lock()

    def writer(shift):
        mine = Browser()
        mine.cookies, mine.session = dict(browser.cookies), browser.session
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            status, answer = cluster.data(mine, cluster.nodes[(number + shift) % 2],
                                          "session?action=set",
                                          {"name": "n%d" % number, "value": "v%d" % number})
            if status != 200 or not (answer.get("data") or {}).get("applied"):
                wrong.append((number, status, answer))

    threads = [threading.Thread(target=writer, args=(i,)) for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not wrong, "%d writers on two nodes: %s" % (WRITERS, wrong[:2]))
    for node in cluster.nodes:
        _, answer = cluster.data(browser, node, "session?action=get")
        found = {a["name"]: a["value"] for a in answer["data"]["attributes"]}
        check(found == {"n%d" % i: "v%d" % i for i in range(WRITERS)},
              "all attributes are read at %s" % node.name)
    return browser


def followed(node, link, browser=None, headers=None):
    """A browser that went where a link or HTTP Basic leads; its session is that of its cookie."""
    browser = browser or Browser()
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=20)
    sent = {"User-Agent": "open-xchange-tour/1.0", **(headers or {})}
    if browser.cookies:
        sent["Cookie"] = "; ".join("%s=%s" % c for c in browser.cookies.items())
    connection.request("GET", link, headers=sent)
    answer = connection.getresponse()
    browser.text, browser.status = answer.read().decode(), answer.status
    browser.location = answer.getheader("Location") or ""
    for value in answer.headers.get_all("Set-Cookie") or []:
        name, _, rest = value.partition("=")
        browser.cookies[name] = rest.partition(";")[0]
        if name.startswith("open-xchange-session-"):
            browser.session = browser.cookies[name]
    connection.close()
    return browser


def guests(cluster):
    one, two = cluster.nodes

    def invited(name, *words):
        done = one.admin("createuser", "-c", 1, "-A", "oxadmin", "-P", cluster.user_password, "-u", name,
                         "-d", name, "-g", name, "-s", name, "--guestcreatedby", 2, *words, check=False)
        link = done.stdout.partition("share link: ")[2].strip()
        check(done.returncode == 0 and link.startswith("/ajax/share/"),
              "createuser of guest %s prints its link: %s" % (name, done.stdout + (done.stderr or "")))
        return link

    link = invited("link")
    guest = followed(one, link + "/151eab38")
    _, who = cluster.whoami(guest, two)
    check(guest.status == 302 and (who.get("data") or {}).get("user") == "link",
          "who follows a link at node 1 is in, at node 2 as well: %s %s" % (guest.status, who))
    again = followed(two, link, guest)
    check(again.status == 302 and "session=" + guest.session in again.location,
          "followed again, it is the same session")
    others = [followed(n, link) for n in (one, two, one)]
    check([o.status for o in others] == [302, 302, 200] and "SES-0007" in others[2].text,
          "maxSessionPerLink counts the cluster: %s" % [o.status for o in others])
    pin = invited("pin", "-p", cluster.user_password)
    asked = followed(two, pin)
    check(asked.status == 302 and "#login_type=anonymous&share=" in asked.location,
          "a link with a password asks for it: " + asked.location)
    entered = Browser()
    _, text = entered.request(two, "/ajax/login?action=anonymous", {
        "share": pin.rpartition("/")[2], "password": cluster.user_password})
    entered.session = json.loads(text).get("session")
    check((cluster.whoami(entered, one)[1].get("data") or {}).get("user") == "pin",
          "and takes it: " + text[:80])
    check(followed(one, link[:-1] + ("0" if link[-1] != "0" else "1")).status == 404, "a wrong link is 404")
    done = one.admin("changeuser", "-c", 1, "-A", "oxadmin", "-P", cluster.user_password, "-u", "link",
                     "-p", "Another-1", check=False)
    check(done.returncode == 0 and expired(cluster, guest, one) and
          "login_type" in followed(one, link).location,
          "a password for the link ends its sessions, and is asked for: " + done.stdout)


def tokens(cluster):
    one, two = cluster.nodes
    browser = Browser()
    answer = cluster.login(browser, one, "anna", 1)[1]
    same = Browser()
    same.cookies = {}
    status, text = same.request(two, "/ajax/login?action=redeem", {"random": answer.get("random")})
    check(status == 200 and json.loads(text).get("session") == browser.session,
          "a random token of node 1 is good at node 2: %s %s" % (status, text[:60]))
    status, _ = same.request(one, "/ajax/login?action=redeem", {"random": answer.get("random")})
    check(status == 403, "once: %d" % status)
    credentials = "Basic " + base64.b64encode(
        ("anna@company1.example:" + cluster.user_password).encode()).decode()
    basic = followed(two, "/ajax/login/httpAuth", headers={"Authorization": credentials})
    check(basic.status == 302 and not expired(cluster, basic, one), "login/httpAuth: %d" % basic.status)
    check(followed(two, "/ajax/login/httpAuth").status == 401, "and 401 without credentials")
    for b in (browser, basic):
        b.request(one, "/ajax/login?action=logout&session=" + b.session)


def main():
    cluster = Cluster(27000)
    try:
        cluster.begin()
        one, two = cluster.nodes
        browser = attributes(cluster)
        _, who = cluster.whoami(browser, one)
        check((who.get("data") or {}).get("node") == "OX1", "node 1 answers")
        _, who = cluster.whoami(browser, two)
        check((who.get("data") or {}).get("takenOver") is True, "node 2 takes the session over")
        check(cluster.sessions(one).get("ActiveSessions") == "0", "node 1 has dropped its copy")
        wait_for("the count of the cluster's sessions",
                 lambda: cluster.sessions(two).get("DistributedSessions") == "1", 30)
        figures = [cluster.sessions(n) for n in cluster.nodes]
        check(sorted((f["OwnedSessions"], f["BackupSessions"]) for f in figures) ==
              [("0", "1"), ("1", "0")], "one node owns the session, the other has its backup")
        status, _ = browser.request(one, "/ajax/login?action=logout&session=" + browser.session)
        check(status == 200, "logout at node 1")
        check(expired(cluster, browser, two), "the session has ended at node 2")

        master = ("-A", "oxadminmaster", "-P", cluster.master, "-p", str(one.rmi))
        first, second = new_session(cluster, one), new_session(cluster, two)
        user_id = cluster.whoami(first, one)[1]["data"]["user_id"]
        done = one.admin("closesessions", *master, "-c", "1", "-i", str(user_id))
        check(done.stdout.strip() == "2 sessions closed", "closesessions of a user: " + done.stdout)
        check(expired(cluster, first, two) and expired(cluster, second, two), "both have ended")
        third = new_session(cluster, two)
        done = one.admin("closesessions", *master, "--sessionid", third.session, "--local")
        check(done.stdout.strip() == "0 sessions closed", "--local leaves those of other nodes")
        done = one.admin("closesessions", *master, "-i", "3", check=False)
        check(done.returncode == 104, "-i without -c: exit %d" % done.returncode)
        check(rest(one, "by-context", '{"contextIds":[1]}', None)[0] == 401, "REST: 401")
        check(rest(one, "by-context", '{"contextIds":[]}')[0] == 400, "REST: 400")
        check(rest(one, "by-context", '{"contextIds":[1]}') == (200, '{"closed":1}'),
              "REST: by context")
        check(expired(cluster, third, two), "the session has ended at node 2")
        tokens(cluster)
        guests(cluster)
        for node in cluster.nodes:
            with open(os.path.join(node.logs, "console.log"), errors="replace") as log:
                errors = [line for line in log if " ERROR " in line]
            check(not errors, "no ERROR in the log of %s: %s" % (node.name, errors[:2]))
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
    finally:
        cluster.cleanup()
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

"""Sessions on a real cluster of two nodes: attributes written in parallel on both, take-over, logout heard
by the other node, closing by tool and by REST, the figures of showruntimestats -i.
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

"""The life of users and contexts on two nodes: what is changed at one node ends sessions and refuses logins
at the other at once; listings, counters and exit codes of the tools.
"""
import os
import re
import sys

import tally
from tally import check
from two_nodes import TwoNodes
from cluster import Browser, edit_properties, wait_for
from processes import Failure

CONFIG = "configdb"


class Cluster(TwoNodes):
    def configure(self):
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "configdb.properties"), {"cleanerInterval": 500})

    def administer(self, name, *words, code=0):
        """A tool of the master administrator at node 1; everything it printed."""
        done = self.nodes[0].admin(name, "-A", "oxadminmaster", "-P", self.master, *words,
                                   check=False)
        text = done.stdout + (done.stderr or "")
        check(done.returncode == code, "%s %s: exit %d" % (name, " ".join(str(w) for w in words[:6]),
                                                           done.returncode) +
              ("" if done.returncode == code else ": " + text))
        return text

    def tenant(self, name, cid, *words, code=0, password=None, user="oxadmin"):
        done = self.nodes[0].admin(name, "-c", cid, "-A", user, "-P", password or self.user_password,
                                   *words, check=False)
        text = done.stdout + (done.stderr or "")
        check(done.returncode == code, "%s %s: exit %d" % (name, " ".join(str(w) for w in words[:4]),
                                                           done.returncode) +
              ("" if done.returncode == code else ": " + text))
        return text

    def entered(self, node, user="anna", cid=1):
        browser = Browser()
        status, answer = self.login(browser, node, user, cid)
        check(browser.session, "login of %s@%d at %s %s" % (user, cid, node.name,
                                                            "" if browser.session else answer))
        return browser

    def code(self, browser, node):
        return self.whoami(browser, node)[1].get("code")

    def answers(self, user, cid, code, text, password=None):
        """Both nodes come to answer a login so; code None = it is admitted."""
        kept = self.user_password
        self.user_password = password or kept
        for node in self.nodes:
            try:
                wait_for(text, lambda n=node: self.login(Browser(), n, user, cid)[1].get("code") == code,
                         pause=0.3)
                check(True, text + ", " + node.name)
            except Failure as late:
                check(False, "%s, %s: %s" % (text, node.name, late))
        self.user_password = kept

    def sql(self, statement, schema=CONFIG):
        return self.database.sql(statement, schema)

    def counts(self):
        return [self.sql("select sum(count) from " + t)[0][0] for t in
                ("contexts_per_dbpool", "contexts_per_dbschema", "contexts_per_filestore")]


def users(cluster):
    one, two = cluster.nodes
    schema = cluster.schemas[0]
    here, there, bert = cluster.entered(one), cluster.entered(two), cluster.entered(two, "bert")
    text = cluster.tenant("changeuser", 1, "-u", "anna", "-p", "new-Secret1", "-d", "Anna Bell",
                          "-e", "anna.bell@company1.example")
    check(text == "user 3 in context 1 changed\n", "changeuser prints its line: " + text)
    check([cluster.code(there, two), cluster.code(here, one)] == ["SES-0203"] * 2,
          "a new password ends the sessions of the user on both nodes")
    check(cluster.code(bert, two) is None, "those of others stay")
    cluster.answers("anna", 1, "LGI-0006", "the old password is refused on both nodes")
    cluster.answers("anna", 1, None, "the new one is taken", "new-Secret1")
    listed = cluster.tenant("listuser", 1, "--csv", "-s", "ANN*", "-i").splitlines()
    check(listed[0].startswith("id,name,display_name,primary_email,") and len(listed) == 2 and
          listed[1].startswith('"3","anna","Anna Bell","anna.bell@company1.example",'),
          "listuser --csv: %s" % listed)
    check("anna.bell@company1.example,anna@company1.example" in listed[1],
          "the former address stays as alias")
    table = cluster.tenant("listuser", 1).splitlines()
    check(re.fullmatch(r" *Id Name +Displayname +Email *", table[0]) and len(table) == 4,
          "listuser: %s" % table)

    later = cluster.entered(two, "bert")
    cluster.tenant("changeuser", 1, "-i", "4", "--mailenabled", "false")
    check(cluster.code(later, two) == "SES-0203", "a disabled user has no session at the other node")
    cluster.answers("bert", 1, "LGI-0014", "and cannot log in")
    cluster.tenant("changeuser", 1, "-i", "4", "--mailenabled", "true")
    cluster.tenant("changeuser", 1, "-i", "4", "-u", "other", "-d", "x", code=103)
    cluster.tenant("changeuser", 1, "-i", "99", "-d", "x", code=108)
    cluster.tenant("changeuser", 1, "-d", "x", code=104)
    cluster.tenant("changeuser", 1, "-i", "4", "-e", "nowhere", code=103)
    cluster.tenant("changeuser", 1, "-i", "4", "-d", "x", code=101, password="wrong")
    cluster.tenant("changeuser", 1, "-i", "4", "-d", "x", code=101, user="bert")
    cluster.tenant("changeuser", 77, "-i", "4", "-d", "x", code=102)

    cluster.tenant("createuser", 1, "-u", "guest", "-d", "G", "-g", "G", "-s", "G", "-e",
                   "guest@x.example", "-p", cluster.user_password, "--guestcreatedby", "4")
    check("guest" not in cluster.tenant("listuser", 1), "guests are not listed")
    both = cluster.tenant("listuser", 1, "--includeguests", "--excludeusers").splitlines()
    check(len(both) == 2 and "guest" in both[1], "only guests: %s" % both)
    cluster.tenant("deleteuser", 1, "-u", "oxadmin", code=103)
    cluster.tenant("deleteuser", 1, "-u", "bert", "-r", "4", code=103)
    gone, guest = cluster.entered(two, "bert"), cluster.entered(two, "guest")
    text = cluster.tenant("deleteuser", 1, "-u", "bert")
    check(text == "user 4 in context 1 deleted\n", text.strip())
    check([cluster.code(gone, two), cluster.code(guest, two)] == ["SES-0203"] * 2,
          "sessions of a deleted user and of its guests end at the other node")
    cluster.answers("bert", 1, "LGI-0006", "a deleted user is unknown")
    left = [cluster.sql("select count(*) from %s where cid = 1 and %s in (4, 5)" % t, schema)[0][0]
            for t in (("user", "id"), ("login2user", "id"), ("user_alias", "user"),
                      ("user_attribute", "id"), ("groups_member", "member"))]
    check(left == ["0"] * 5, "no row of them stays: %s" % left)
    check(cluster.sql("select id from del_user where cid = 1 order by id", schema) == [["4"], ["5"]],
          "their tombstones are there")


def contexts(cluster):
    one, two = cluster.nodes
    there, other = cluster.entered(two, "anna", 2), cluster.entered(one, "bert", 2)
    text = cluster.administer("disablecontext", "-c", 2, "-r", 17)
    check(text == "context 2 disabled\n", text.strip())
    check([cluster.code(there, two), cluster.code(other, one)] == ["SES-0203"] * 2,
          "a disabled context has no sessions on either node")
    cluster.answers("anna", 2, "LGI-0015", "nobody can log in on either node")
    check(cluster.sql("select enabled, reason_id from context where cid = 2") == [["0", "17"]], "reason")
    text = cluster.administer("enablecontext", "-N", "company2")
    check(text == "context 2 enabled\n", text.strip())
    cluster.answers("anna", 2, None, "enabled on both nodes")
    cluster.administer("disablecontext", "-c", 99, code=102)
    cluster.administer("disablecontext", code=104)

    cluster.administer("changecontext", "-c", 2, "-N", "renamed", "-q", 5, "-L", "new.example", "-R",
                   "company2.example")
    row = cluster.sql("select name, quota_max from context where cid = 2")
    check(row == [["renamed", str(5 << 20)]], "changecontext: %s" % row)
    infos = cluster.sql("select login_info from login2context where cid = 2 order by 1")
    check(infos == [["2"], ["new.example"], ["renamed"]], "login mappings: %s" % infos)
    cluster.answers("anna", 2, "LGI-0006", "the removed mapping is forgotten on both nodes")
    cluster.administer("changecontext", "-c", 2, "-R", "2", code=103)
    cluster.administer("changecontext", "-c", 2, "-L", "company1.example", code=110)
    cluster.administer("changecontext", "-c", 2, code=103)
    cluster.administer("changecontext", "-c", 2, "-N", "company1", code=110)
    cluster.administer("changecontext", "-c", 2, "-L", "company2.example")

    schema = cluster.schemas[1]
    there = cluster.entered(two, "anna", 2)
    before = cluster.counts()
    text = cluster.administer("deletecontext", "-c", 2)
    check(text == "context 2 deleted\n", text.strip())
    check(cluster.code(there, two) == "SES-0203", "sessions of a deleted context end at the other node")
    cluster.answers("anna", 2, "LGI-0006", "nobody of it can log in")
    check([int(b) - int(a) for a, b in zip(cluster.counts(), before)] == [1, 1, 1], "counters")
    check("renamed" not in cluster.administer("listcontext"), "it is not listed")
    tables = cluster.sql("select table_name from information_schema.columns where table_schema = '%s' "
                         "and column_name = 'cid'" % schema)
    left = [t for [t] in tables
            if cluster.sql("select count(*) from `%s` where cid = 2" % t, schema) != [["0"]]]
    check(len(tables) > 25 and not left, "no row of it is left in %d tables: %s" % (len(tables), left))
    cluster.administer("deletecontext", "-c", 2, code=102)
    cluster.administer("createcontext", "-c", 2, "-N", "again", "-q", 1, "-L", "company2.example", "-u",
                   "oxadmin", "-p", cluster.user_password, "-d", "A", "-g", "A", "-s", "A", "-e",
                   "a@b.example")
    cluster.answers("oxadmin", 2, None, "its id can be used again")


def installation(cluster):
    one, two = cluster.nodes
    port = cluster.database.port
    register = ("-H", "127.0.0.1:%d" % port, "-u", "openexchange", "-p", cluster.configdb_password)
    text = cluster.administer("registerdatabase", "-n", "other", *register, "-m", "true")
    other = int(re.search(r"\d+", text).group())
    text = cluster.administer("createschemas", "-i", other, "-q", 3)
    check(len(re.findall(r"schema other_\d+ in database %d created\n" % other, text)) == 3 and
          text.endswith("3 schemas created\n"), "createschemas: " + text.strip().replace("\n", ", "))
    listed = cluster.administer("listdatabaseschema", "-n", "other").splitlines()
    check(listed[0].split() == ["id", "name", "schema", "contexts"] and len(listed) == 4, "listdatabaseschema")
    text = cluster.administer("countdatabaseschema", "--csv")
    check('"%d","other","3"' % other in text and '"oxdatabase","2"' in text, "countdatabaseschema: " + text.strip().replace("\n", " "))
    text = cluster.administer("deleteemptyschemas", "-n", "other", "--schemas-to-keep", 1)
    check(text.endswith("2 schemas deleted\n"), "deleteemptyschemas keeps one")
    [[target]] = cluster.sql("show databases like 'other\\_%'")
    cluster.administer("deleteemptyschemas", "--schema", cluster.schemas[0], code=103)
    cluster.administer("deleteemptyschemas", "-n", "nowhere", code=103)

    source = cluster.schemas[0]
    tables = [t for [t] in cluster.sql(
        "select table_name from information_schema.columns where table_schema = '%s' and "
        "column_name = 'cid'" % source)]
    rows = {t: sorted(cluster.sql("select * from `%s` where cid = 1" % t, source)) for t in tables}
    there = cluster.entered(two, "oxadmin")
    before = cluster.counts()
    text = cluster.administer("movecontextdatabase", "-c", 1, "-n", "other")
    check(text == "context 1 moved to database %d, schema %s\n" % (other, target), text.strip())
    check(cluster.code(there, two) == "SES-0203", "sessions of a moving context end")
    check({t: sorted(cluster.sql("select * from `%s` where cid = 1" % t, target)) for t in tables} == rows
          and len(rows["user"]) == 2, "every row has arrived in %d tables" % len(tables))
    check(not any(cluster.sql("select 1 from `%s` where cid = 1 limit 1" % t, source) for t in tables),
          "none is left behind")
    check(cluster.counts() == before and cluster.sql(
        "select count from contexts_per_dbpool where db_pool_id = %d" % other) == [["1"]], "counters")
    cluster.answers("oxadmin", 1, None, "the context works at its new place")
    cluster.administer("movecontextdatabase", "-c", 1, "-d", other, code=103)
    cluster.administer("movecontextdatabase", "-c", 1, "-n", "nowhere", code=103)

    cluster.database.create_account("ox2", "second-Secret")
    text = cluster.administer("changedatabase", "-n", "other", "-u", "ox2", "-p", "second-Secret", "-a", 7,
                              "-x", 5)
    check(text == "database %d changed\n" % other, text.strip())
    connected = ("select count(*) from information_schema.processlist where user = 'ox2' and db = '%s'"
                 % target)
    for node in cluster.nodes:
        cluster.login(Browser(), node, "oxadmin", 1)
    try:
        wait_for("both nodes to use the new account", lambda: [
            cluster.login(Browser(), n, "oxadmin", 1) for n in cluster.nodes] and
            int(cluster.sql(connected)[0][0]) >= 2, pause=0.3)
        check(True, "a changed account is taken over by both nodes")
    except Failure as late:
        check(False, str(late))
    cluster.sql("update db_pool set login = 'openexchange', password = '%s' where db_pool_id = %d" % (
        cluster.configdb_password, other))
    try:
        wait_for("both nodes to leave the former account",
                 lambda: cluster.sql(connected) == [["0"]], pause=0.3)
        check(True, "a row that was changed by hand is taken over by both nodes")
    except Failure as late:
        check(False, str(late))
    cluster.administer("changedatabase", "-i", other, "-H", "jdbc:mysql://127.0.0.1:%d/?socketTimeout=9000" % port)
    cluster.administer("changedatabase", "-i", other, "-H", "127.0.0.1:%d" % port, "-n", "another")
    [[url, name]] = cluster.sql("select url, name from db_pool where db_pool_id = %d" % other)
    check(url.endswith("/?socketTimeout=9000") and name == "another", "URL parameters stay: " + url)
    cluster.administer("changedatabase", "-i", other, "-m", "false", code=104)
    for words in (("-M", 3), ("-n", "oxdatabase/"), ("-H", "bad host"),
                  ("-H", "jdbc:mysql://h/?useSSL=perhaps")):
        cluster.administer("changedatabase", "-i", other, *words, code=103)
    cluster.administer("changedatabase", "-i", other, "-n", "oxdatabase", code=110)
    cluster.administer("unregisterdatabase", "-i", other, code=103)
    text = cluster.administer("registerdatabase", "-n", "copy", *register, "-m", "false", "-M", other)
    copy = int(re.search(r"\d+", text).group())
    cluster.administer("unregisterdatabase", "-n", "copy")
    check(cluster.sql("select read_db_pool_id from db_cluster where write_db_pool_id = %d" % other) ==
          [["0"]] and cluster.sql("select 1 from db_pool where db_pool_id = %d" % copy) == [], "slave gone")

    there = cluster.entered(two, "oxadmin")
    text = cluster.administer("disableschema", "-m", target)
    check(text == "schema %s disabled, contexts: 1\n" % target, text.strip())
    check(cluster.code(there, two) == "SES-0203", "sessions of a disabled schema end at the other node")
    check(cluster.sql("select reason_id from context where cid = 1") == [["1431655765"]], "reason")
    text = cluster.administer("enableschema", "-m", target)
    check(text == "schema %s enabled, contexts: 1\n" % target, text.strip())
    cluster.administer("enableschema", "-m", "nowhere_1", code=103)
    cluster.administer("disableschema", code=104)

    text = cluster.administer("registerserver", "-n", "elsewhere")
    server = int(re.search(r"\d+", text).group())
    [[mine]] = cluster.sql("select server_id from server where name = 'oxserver'")
    cluster.administer("changeserver", "-s", server, "-m", target)
    cluster.answers("oxadmin", 1, "CTX-0012", "a context of another server is refused")
    cluster.administer("unregisterserver", "-n", "elsewhere", code=103)
    cluster.administer("changeserver", "-s", mine, "-m", target)
    cluster.answers("oxadmin", 1, None, "it is back")
    cluster.administer("changeserver", "-s", 9999, "-m", target, code=103)
    text = cluster.administer("unregisterserver", "-n", "elsewhere")
    check(text == "server %d unregistered\n" % server, text.strip())

    text = cluster.administer("registerfilestore", "-t", "file:/nowhere/at/all", "-s", 10)
    store = int(re.search(r"filestore (\d+)", text).group(1))
    cluster.administer("changefilestore", "-i", store, "-s", 20, "-x", 3)
    check(cluster.sql("select size, max_context from filestore where id = %d" % store) ==
          [[str(20 << 20), "3"]], "changefilestore")
    [[used]] = cluster.sql("select filestore_id from context where cid = 1")
    cluster.administer("unregisterfilestore", "-i", used, code=103)
    cluster.administer("unregisterfilestore", "-i", store)
    cluster.administer("unregisterfilestore", "-i", store, code=103)
    cluster.administer("deletecontext", "-c", 1)
    cluster.administer("deleteemptyschemas", "-i", other)
    text = cluster.administer("unregisterdatabase", "-i", other)
    check(text == "database %d unregistered\n" % other, text.strip())
    text = cluster.administer("checkcountsconsistency")
    check(text == "all counters are right\n", "after all that: " + text.strip())


def main():
    cluster = Cluster(31000)
    try:
        cluster.begin()
        users(cluster)
        contexts(cluster)
        installation(cluster)
        for node in cluster.nodes:
            with open(os.path.join(node.logs, "console.log"), errors="replace") as log:
                text = log.read()
            check(" ERROR " not in text, "no ERROR in the log of " + node.name)
            check("new-Secret1" not in text and "second-Secret" not in text, "no password in the log of " + node.name)
    except Exception as broken:  # noqa: BLE001 - must become a failed check
        check(False, "%s: %s" % (type(broken).__name__, broken))
    finally:
        cluster.cleanup()
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

"""Two nodes on a GTID primary and its replica, set up by the commands of docs/operating/database.md as they
stand there; only addresses and passwords are replaced.
"""
import http.client
import os
import re
import secrets
import subprocess

from tally import check
from two_nodes import ROOT, TwoNodes
from cluster import Browser, edit_properties, wait_for
from mariadb import MariaDb
from processes import Failure

PAGE = os.path.join(ROOT, "docs", "operating", "database.md")
REPLICA_PORT = 8  # above the base: the nodes leave it free


def block(beginning):
    """The one block of the page whose first line begins so."""
    with open(PAGE, encoding="utf-8") as page:
        found = [b for b in re.findall(r"^```(?:sql|sh)\n(.*?)^```$", page.read(), re.M | re.S)
                 if re.match(r"(--|#) " + re.escape(beginning), b)]
    if len(found) != 1:
        raise Failure("%d blocks of %s begin with '%s'" % (len(found), PAGE, beginning))
    return found[0]


class PatientBrowser(Browser):
    def request(self, node, path, form=None, timeout=60):
        return super().request(node, path, form, timeout)


class ReplicatedNodes(TwoNodes):
    """primary, replica: the servers by their role now; `hosts`: by their name on the page."""

    def prepare(self):
        super().prepare()
        gtid = ["--log-bin=binlog", "--log-slave-updates", "--gtid-domain-id=1",
                "--gtid-strict-mode=1", "--binlog-format=ROW"]
        self.database.options = ["--server-id=1"] + gtid
        replica = MariaDb(os.path.join(self.work, "replica"), self.base + REPLICA_PORT,
                          options=["--server-id=2", "--read-only=1"] + gtid)
        self.primary, self.replica = self.database, replica
        self.hosts = {"db1.example.com": self.primary, "db2.example.com": self.replica}
        self.replication_password = secrets.token_urlsafe(12)

    def start_database(self):
        super().start_database()
        self.replica.start()
        self.page_sql(self.primary, "on the primary: the account that replicates")
        self.page_shell(self.primary, "on the primary: a consistent copy")
        self.page_shell(self.replica, "on the replica: its own entries")
        self.page_sql(self.replica, "on the replica: it begins where")
        self.caught_up()

    def page_sql(self, server, beginning):
        text = block(beginning).replace("choose-your-own", self.replication_password)
        text = re.sub(r"MASTER_HOST='(\S+)', MASTER_PORT=3306",
                      lambda m: "MASTER_HOST='127.0.0.1', MASTER_PORT=%d" %
                      self.hosts[m.group(1)].port, text)
        for name in self.hosts:
            text = text.replace(name, "127.0.0.1")
        server.sql(text)

    def page_shell(self, server, beginning):
        """The programs get this server's socket by an options file; nothing else is changed."""
        options = os.path.join(self.work, "client.cnf")
        with open(options, "w", encoding="utf-8") as out:
            out.write("[client]\nuser=root\nsocket=%s\n" % server.socket)
        text = re.sub(r"^(mariadb(-dump)?) ", r"\1 --defaults-file=%s " % options,
                      block(beginning), flags=re.M)
        done = subprocess.run(["sh", "-e", "-c", text], cwd=self.work, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode != 0:
            raise Failure("'%s' ended with %d: %s" % (beginning, done.returncode, done.stdout))

    def configure(self):
        for node in self.nodes:
            edit_properties(os.path.join(node.etc, "configdb.properties"), {
                "readUrl": "jdbc:mysql://127.0.0.1:%d/configdb" % self.replica.port,
                "cleanerInterval": 1000,
                "com.openexchange.database.replicationMonitor.settleTime": 3000})
            with open(os.path.join(node.etc, "dbconnector.yaml"), "w", encoding="utf-8") as out:
                out.write("com.mysql.jdbc:\n  connectTimeout: 1500\n  socketTimeout: 3000\n")

    def register(self):
        super().register()
        self.pool = self.pool_id("oxdatabase")
        self.administer("registerdatabase", "-n", "oxreplica", "-H", "127.0.0.1:%d" % self.replica.port,
                        "-u", "openexchange", "-p", self.configdb_password, "-m", "false", "-M", self.pool)
        self.replica_pool = self.pool_id("oxreplica")

    def pool_id(self, name):
        return int(self.primary.sql("select db_pool_id from db_pool where name = '%s'" % name,
                                    "configdb")[0][0])

    # -- tools, users, figures

    def administer(self, name, *words, code=0, node=None, timeout=300):
        done = (node or self.nodes[0]).admin(name, "-A", "oxadminmaster", "-P", self.master, *words,
                                             check=False, timeout=timeout)
        check(done.returncode == code, "%s %s: exit %d%s" % (
            name, " ".join(str(w) for w in words[:4]), done.returncode,
            "" if done.returncode == code else ": " + done.stdout))
        return done.stdout

    def tenant(self, name, cid, *words, node=None):
        return (node or self.nodes[0]).admin(name, "-c", cid, "-A", "oxadmin", "-P", self.user_password,
                                             *words, check=False)

    def enter(self, node, user="anna", cid=1, password=None):
        """None when admitted, else the code or the answer."""
        kept = self.user_password
        self.user_password = password or kept
        try:
            browser = PatientBrowser()
            _, answer = self.login(browser, node, user, cid)
            return None if browser.session else answer.get("code") or str(answer)
        except OSError as broken:
            return str(broken)
        finally:
            self.user_password = kept

    def figures(self, node):
        """Metrics of databases as numbers, e.g. figures["ox_db_connections_total{server=\"replica\"}"]."""
        connection = http.client.HTTPConnection(node.host, node.jmx, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return {name: float(value) for name, value in
                re.findall(r"^(ox_db_[^ ]+) ([0-9.e+]+)$", text, re.M)}

    def fetched(self, node, server):
        return self.figures(node)['ox_db_connections_total{server="%s"}' % server]

    def event(self, node, name):
        return self.figures(node)['ox_db_replication_total{event="%s"}' % name]

    def trusted(self):
        wait_for("the nodes to trust the grid", lambda: all(
            self.figures(n)["ox_db_replication_grid_trusted"] == 1 for n in self.nodes), 30)

    def log(self, node):
        with open(os.path.join(node.logs, "console.log"), errors="replace") as text:
            return text.read()

    # -- the two servers

    def caught_up(self):
        gtid = self.primary.sql("select @@gtid_binlog_pos")[0][0]
        waited = self.replica.sql("select master_gtid_wait('%s', 20)" % gtid)[0][0]
        if waited != "0":
            raise Failure("the replica does not reach %s: %s" % (
                gtid, self.replica.sql("show slave status")))

    def slave_status(self, column):
        """Column of SHOW SLAVE STATUS; None while NULL. 32 = Seconds_Behind_Master."""
        rows = self.replica.sql("show slave status")
        value = rows[0][column] if rows else "NULL"
        return None if value == "NULL" else value

    def delay(self, seconds):
        self.replica.sql("stop slave; change master to master_delay=%d; start slave" % seconds)

    def cleanup(self):
        if getattr(self, "replica", None) is not None:
            for server in (self.primary, self.replica):
                if server is not self.database:
                    server.stop()
        super().cleanup()



"""Makes docs/operating/updates.svg of a real run: runallupdate over schemas on two MariaDB servers, on a terminal.

    OX_BUILD=build/release python3 tests/integration/record_updates.py [FILE]

Nothing is drawn by hand: a node, two servers, SCHEMAS schemas each with a table of some MiB, two SQL files as tasks, one
schema in which the second task has to fail. No test: it is run when the output of the tool has changed.
"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
import terminal_picture  # noqa: E402
from database_test import MariaDb  # noqa: E402
from update_test import write_task  # noqa: E402

SCHEMAS = 20
ROWS = 30000
SHOWN = "runallupdate -A oxadminmaster --parallel 2 --wait"
TASKS = {"phone.sql": "-- name: com.example.WidenPhone\nALTER TABLE phone MODIFY number VARCHAR(120) NOT NULL, "
                      "ADD COLUMN country CHAR(2) NULL, ALGORITHM=COPY;\n",
         "index.sql": "-- name: com.example.AddPhoneIndex\n-- concurrency: background\n"
                      "ALTER TABLE phone ADD INDEX numberIndex (cid, number(20));\n"}


def must(done):
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return done


def fill(server, config, pool, prefix, pattern, first_cid):
    """Schemas as the one that a context was created in, with a table of their own."""
    server_id = config.sql("select server_id from server", "configdb")[0][0]
    for n in range(1, SCHEMAS + 1):
        schema = "%s_%d" % (prefix, n)
        server.sql("create database %(s)s character set utf8mb4; use %(s)s; create table %(s)s.updateTask like %(p)s.updateTask; "
                   "insert into %(s)s.updateTask select * from %(p)s.updateTask; create table %(s)s.phone (cid int "
                   "not null, id int not null, number varchar(60) not null, note varchar(200), primary key (cid, id)); "
                   "insert into %(s)s.phone select 1, seq, concat('+49 170 ', seq), repeat('x', 100) from seq_1_to_%(r)d; "
                   "analyze table %(s)s.phone" % {"s": schema, "p": pattern, "r": ROWS})
        config.sql("set foreign_key_checks = 0; insert into context_server2db_pool (server_id, cid, read_db_pool_id, "
                   "write_db_pool_id, db_schema) values (%s, %d, %s, %s, '%s')" % (
                       server_id, first_cid + n, pool, pool, schema), "configdb")


def run(directory, servers):
    node = installed.Node(directory, servers[0].port)
    quiet = installed.Checks()
    try:
        installed.install(quiet, node, servers[0])
        node.ports()
        installed.create_configdb(quiet, node, servers[0])
        servers[1].create_account("openexchange", installed.DB_PASSWORD)
        node.start()
        must(node.admin("registerserver", "-n", "oxserver"))
        must(node.admin("registerfilestore", "-t", "file:" + directory, "-s", "100000"))
        for number, (server, name) in enumerate(zip(servers, ("east", "west"))):
            must(node.admin("registerdatabase", "-n", name, "-H", "127.0.0.1:%d" % server.port, "-p",
                            installed.DB_PASSWORD, "-m", "true"))
            pool = servers[0].sql("select max(db_pool_id) from db_pool", "configdb")[0][0]
            must(node.admin("createschema", "-i", pool))
            pattern = server.sql("show databases like '%s\\_%%'" % name)[0][0]
            fill(server, servers[0], pool, "ox" + name, pattern, 1000 * (number + 1))
        servers[1].sql("alter table oxwest_7.phone drop column number")
        for file, text in TASKS.items():
            write_task(node, file, text)
        tool = os.path.join(installed.BUILD, "sbin", "runallupdate")
        env = dict(os.environ, RMI_HOSTNAME="rmi://localhost:%d/" % node.rmi, TERM="xterm", TZ="UTC",
                   ADMIN_PASSWORD=installed.MASTER_PASSWORD)
        return terminal_picture.record([tool] + SHOWN.split()[1:], SHOWN, env)
    finally:
        node.stop()


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(installed.ROOT, "docs", "operating", "updates.svg")
    directory = tempfile.mkdtemp(prefix="ox-record-")
    try:
        with MariaDb() as east, MariaDb() as west:
            frames, code = run(directory, [east, west])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    text = terminal_picture.svg(frames, "runallupdate over %d schemas on two database hosts" % (2 * SCHEMAS))
    for private in (directory, installed.ROOT, installed.BUILD, os.path.expanduser("~"), os.uname().nodename):
        if private in text:
            raise SystemExit("the recording contains " + private)
    with open(target, "w", encoding="utf-8") as out:
        out.write(text)
    print("\n".join(frames[-1][1]))
    print("exit %d, %d screens, %.1f s, %d bytes" % (code, len(frames), frames[-1][0], len(text)))
    return 0 if code == 1 else 1  # one schema fails


if __name__ == "__main__":
    sys.exit(main())

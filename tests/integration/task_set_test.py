"""The update tasks that come with the program, on schemas of earlier releases with data
(tests/fixtures/userdb): migrated by a real node, by runners that are killed after every step, and with the
namespace groupware.utf8mb4 excluded. What comes out is compared with a schema that a node has just created,
and with the rows that went in.
    task_set_test.py [PART]     node, killed, excluded
"""
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import database_test as installed  # noqa: E402
import schema_compare as compare  # noqa: E402
import tally  # noqa: E402
from database_test import BUILD, ROOT, MariaDb  # noqa: E402
from schema_compare import text  # noqa: E402

RUNNER = os.path.join(BUILD, "tests", "integration", "update_runner")
FIXTURES = os.path.join(ROOT, "tests", "fixtures", "userdb")
CONTEXTS = (11, 12, 13)
TASKS = "com.openexchange.groupware.update.tasks."
LIMIT = 120      # seconds for one runner
MOST_DEATHS = 150
# The only difference that may remain while the namespace is excluded: prefixes of indexes are as long as
# three-byte characters allow, and belong to the conversion.
PREFIXES = {"user": ("mailIndex", "mail"), "updateTask": ("full", "taskName")}


def check(what, ok, shown=""):
    tally.check(ok, what + ("" if ok else ": " + str(shown)[:3000]))


def difference(old, new):
    return "\n".join(["- " + x for x in sorted(old - new)] + ["+ " + x for x in sorted(new - old)])


def name_problems(owner, before, now):
    """Each value is still there under its name or its name with a number, with its uuid; nothing was
    added. What is wrong, and the new names."""
    def base(name):
        head, mark, number = name.rpartition("~")
        return head if mark and number.isdigit() else name

    names = collections.defaultdict(set)  # of the values before
    uuids = {}
    for row in before:
        names[tuple(row[o] for o in owner) + (row["value"],)].add(text(row["name"]))
        if row.get("uuid", "NULL") != "NULL":
            uuids[row["uuid"]] = row["value"]
    problems, renamed, there = [], [], set()
    for row in now:
        key, name = tuple(row[o] for o in owner) + (row["value"],), text(row["name"])
        if key in there:
            problems.append("twice: %s" % (row,))
        there.add(key)
        if key not in names:
            problems.append("added: %s" % (row,))
        elif name not in names[key]:
            renamed.append(name)
            if not any(n.startswith(base(name)) for n in names[key]):
                problems.append("name: %s" % (row,))
        if uuids.get(row.get("uuid"), row["value"]) != row["value"] or row.get("uuid") == "NULL":
            problems.append("uuid: %s" % (row,))
    problems += ["lost: %s" % (key,) for key in set(names) - there]
    if now and "uuid" in now[0] and len({row["uuid"] for row in now}) != len(now):
        problems.append("a uuid twice")
    return problems, renamed


class Fixture:
    """A schema of an earlier release, and what was in it."""

    def __init__(self, server, schema, before_7_8=False):
        self.server, self.schema = server, schema
        server.sql("create database %s default character set utf8 collate utf8_unicode_ci" % schema)
        for file in ["schema_7_8", "data"] + (["before_7_8"] if before_7_8 else []):
            with open(os.path.join(FIXTURES, file + ".sql"), encoding="utf-8") as sql:
                server.sql(sql.read(), schema)
        self.columns = compare.columns(server, schema)
        self.rows = compare.rows(server, schema)
        self.charsets = compare.charsets(server, schema)

    def sql(self, statement):
        return self.server.sql(statement, self.schema)

    def executed(self):
        return dict(self.sql("select taskName, successful from updateTask"))

    # -- what must have become of the rows ------------------------------------------------------

    def judge_rows(self):
        """No row lost, no value changed, but for what a task says that it changes."""
        now = compare.rows(self.server, self.schema, self.columns)
        gone = set(self.rows) - set(now)
        check("no table lost but version", gone <= {"version"}, gone)
        special = {"user_attribute", "user_alias", "contextAttribute", "updateTask"}
        for table, before in self.rows.items():
            if table in gone or table in special:
                continue
            for row in before:
                if row.get("quota_max") == "NULL":
                    row["quota_max"] = "-1"  # MakeQuotaMaxConsistentInUserTable
            old, new = compare.as_lines(before), compare.as_lines(now[table])
            check("rows of " + table, old == new, difference(set(old), set(new)))
        self.judge_aliases(now)
        self.judge_names("contextAttribute", ("cid",), self.rows["contextAttribute"],
                         now["contextAttribute"])
        self.judge_tasks(now["updateTask"])

    def judge_aliases(self, now):
        """An alias is a row of user_alias, or still an attribute where user_alias cannot hold it."""
        left = [r for r in self.rows["user_attribute"] if text(r["name"]) != "alias"]
        aliases = [r for r in self.rows["user_attribute"] if text(r["name"]) == "alias"]
        table = compare.rows(self.server, self.schema)["user_alias"]
        stored = {(r["cid"], r["user"], r["alias"]): r["uuid"] for r in table}
        for row in self.rows.get("user_alias", []):
            kept = stored.get((row["cid"], row["user"], row["alias"]))
            check("alias %s" % text(row["alias"])[:20], kept is not None and
                  row.get("uuid", kept) == kept, kept)
        moved = 0
        for row in aliases:
            key = (row["cid"], row["id"], row["value"])
            if key not in stored:
                left.append(row)
                continue
            moved += 1
            check("the alias %s has a uuid" % text(row["value"])[:20], stored[key] != "NULL")
        check("aliases moved, one too long and one equal by letters are still attributes",
              moved >= 3 and len(aliases) - moved == 2, (moved, len(aliases)))
        self.judge_names("user_attribute", ("cid", "id"), left, now["user_attribute"])

    @staticmethod
    def judge_names(table, owner, before, now):
        problems, renamed = name_problems(owner, before, now)
        check("values, names and uuids of " + table, not problems and renamed, problems or "no new name")

    def judge_tasks(self, now):
        """Each task that was recorded has its latest row and a uuid of its own."""
        latest = {}
        for row in sorted(self.rows["updateTask"],
                          key=lambda r: (int(r["lastModified"]), r["successful"])):
            latest[row["taskName"]] = row
        there = {row["taskName"]: row for row in now}
        wrong = [text(name)[:80] for name, row in latest.items() if text(name) != "LOCKED" and (
            name not in there or any(there[name][k] != row[k] for k in
                                     ("cid", "successful", "lastModified")))]
        check("rows of updateTask", not wrong, wrong)
        check("one row per task, each with its uuid", len(there) == len(now) ==
              len({r["uuid"] for r in now}) and "NULL" not in {r["uuid"] for r in now})


class Runner:
    """update_runner with the bundle's tasks and the files of etc/."""

    def __init__(self, server):
        self.server = server

    def command(self, schema, *words):
        return [RUNNER, "--port", str(self.server.port), "--schema", schema, "--node", "test", "--etc",
                os.path.join(ROOT, "etc"), "--builtin", "--idle", "250", "--refresh", "40",
                "--until-free", *words]

    def run(self, schema, *words):
        done = subprocess.run(self.command(schema, *words), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=LIMIT)
        return done.returncode, done.stdout


def task_names():
    listed = subprocess.run([RUNNER, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line.split("\t")[0] for line in listed.splitlines()]


def changes(server):
    """How often the server has changed tables; a runner's own tables are created, never changed."""
    return {name: int(n) for name, n in server.sql(
        "show global status where Variable_name in ('Com_alter_table', 'Com_drop_table', "
        "'Com_alter_db', 'Com_create_index', 'Com_drop_index', 'Com_rename_table', 'Com_truncate')")}


def nothing_twice(server, runner, schema, what):
    """All tasks once more, as after a crash that lost their results: every one finds its work done."""
    rows, form = compare.rows(server, schema), compare.form(server, schema)
    rows.pop("updateTask")
    server.sql("delete from updateTask where taskName like 'com.openexchange.%'", schema)
    before = changes(server)
    code, out = runner.run(schema)
    check("all tasks on " + what + ": no table is touched", code == 0 and changes(server) == before,
          (out, before, changes(server)))
    said = [line for line in out.splitlines() if line.startswith("com.openexchange.") and
            ": " in line and "precondition" not in line]
    check("and none says that it changed something", not said, said)
    again = compare.rows(server, schema)
    again.pop("updateTask")
    check("same rows and form", again == rows and compare.form(server, schema) == form)


def judges_are_judged(fixture):
    """What the comparisons must see."""
    def row(name, value, uuid):
        return {"cid": "1", "name": name.encode().hex(), "value": value, "uuid": uuid}
    before = [row("a", "01", "u1"), row("A", "02", "u2"), row("b", "03", "NULL")]
    for what, now, good in (
            ("nothing wrong", [row("A", "02", "u2"), row("a~2", "01", "u1"), row("b", "03", "u3")], True),
            ("a lost value", [row("A", "02", "u2"), row("b", "03", "u3")], False),
            ("a changed value", [row("A", "04", "u2"), row("a~2", "01", "u1"), row("b", "03", "u3")], False),
            ("another name", [row("x", "02", "u2"), row("a~2", "01", "u1"), row("b", "03", "u3")], False),
            ("swapped uuids", [row("A", "02", "u1"), row("a~2", "01", "u2"), row("b", "03", "u3")], False),
            ("a row twice", [row("A", "02", "u2"), row("a~2", "01", "u1"), row("a~3", "01", "u4"),
                             row("b", "03", "u3")], False)):
        check("the judge sees " + what, (not name_problems(("cid",), before, now)[0]) == good)
    form = compare.form(fixture.server, fixture.schema)
    for change in ("alter table sequence_id convert to character set utf8mb4 collate utf8mb4_bin",
                   "alter table filestore_usage modify used bigint not null default 0",
                   "alter table replicationMonitor modify transaction bigint null",
                   "alter table user drop index mailIndex, add index mailIndex (cid, mail(190))",
                   "alter table user_setting_admin drop foreign key user_setting_admin_ibfk_1",
                   "alter table del_groups modify gidNumber int unsigned not null first",
                   "alter table sequence_forum row_format=compact", "drop table sequence_pinboard"):
        fixture.sql(change)
        now = compare.form(fixture.server, fixture.schema)
        check("the comparison of forms sees: " + change, now != form)
        form = now
    rows = compare.rows(fixture.server, fixture.schema)
    for change in ("update `groups` set identifier = 'Users' where cid = 12",
                   "update resource set mail = null where cid = 12", "delete from login2user limit 1",
                   "update user_attribute set uuid = unhex(md5(1)) limit 1",
                   "update resource set description = concat(description, ' ') where id = 20"):
        fixture.sql(change)
        now = compare.rows(fixture.server, fixture.schema)
        check("the comparison of rows sees: " + change, now != rows)
        rows = now


def four_bytes(fixture):
    """Characters that the old form could not hold."""
    for table, column, where in (("user", "mail", "cid = 11 and id = 5"),
                                 ("`groups`", "displayName", "cid = 11 and id = 12"),
                                 ("user_attribute", "value", "cid = 11 and name = 'three'"),
                                 ("login2user", "uid", "cid = 12 and id = 3"),
                                 ("contextAttribute", "value", "cid = 11 and name = 'config/x'")):
        fixture.sql("set names utf8mb4; update %s set %s = concat(%s, '😀𠮷') where %s"
                    % (table, column, column, where))
        check("four bytes in %s.%s" % (table, column), fixture.sql(
            "select right(hex(%s), 16) from %s where %s" % (column, table, where)) ==
            [["F09F9880F0A0AEB7"]])


# -- a node -------------------------------------------------------------------------------------

def adopt(server, schema):
    """The contexts of the schema become contexts of the installation."""
    for cid in CONTEXTS:
        server.sql("insert into context (cid, name, enabled, filestore_id, filestore_name, quota_max) "
                   "select %(c)d, 'c%(c)d', enabled, filestore_id, '%(c)d_ctx_store', quota_max from "
                   "context where cid = 1; insert into context_server2db_pool (server_id, cid, "
                   "read_db_pool_id, write_db_pool_id, db_schema) select server_id, %(c)d, "
                   "read_db_pool_id, write_db_pool_id, '%(s)s' from context_server2db_pool where cid "
                   "= 1; insert into login2context (cid, login_info) values (%(c)d, 'c%(c)d')"
                   % {"c": cid, "s": schema}, "configdb")
    server.sql("insert into contexts_per_dbschema (db_pool_id, schemaname, count, creating_date) select "
               "write_db_pool_id, '%(s)s', 3, 0 from context_server2db_pool where cid = 1; insert into "
               "dbschema_lock (db_pool_id, schemaname) select write_db_pool_id, '%(s)s' from "
               "context_server2db_pool where cid = 1; update contexts_per_dbpool set count = count + 3; "
               "update contexts_per_filestore set count = count + 3" % {"s": schema}, "configdb")


def login(node, name, password):
    browser = installed.cluster.Browser()
    status, answer = browser.request(node, "/ajax/login?action=login", {
        "name": name, "password": password, "client": "open-xchange-appsuite"})
    try:
        return status, json.loads(answer)
    except ValueError:
        return status, {"raw": answer}


def installation(server, directory):
    node = installed.Node(directory, server.port)
    quiet = installed.Checks()  # the installation is the business of database_test.py
    installed.install(quiet, node, server)
    node.ports()
    installed.cluster.edit_properties(os.path.join(node.etc, "updatetasks.properties"), {
        "com.openexchange.groupware.update.denyImplicitUpdateOnContextLoad": "true"})
    installed.create_configdb(quiet, node, server)
    node.start()
    for words in (["registerserver", "-n", "oxserver"],
                  ["registerfilestore", "-t", "file:" + directory, "-s", "100000"],
                  ["registerdatabase", "-n", "oxdb", "-H", "127.0.0.1:%d" % server.port, "-p",
                   installed.DB_PASSWORD, "-m", "true"],
                  ["createcontext", "-c", "1", "-N", "one", "-q", "1000", "-u", "oxadmin", "-p",
                   "admin-1"] + installed.USER):
        done = node.admin(*words)
        check(words[0], done.returncode == 0, done.stdout + done.stderr)
    return node


def by_node(server, node, fresh, runner):
    """A schema of 7.8, its update by the tools, and its users afterwards."""
    run = lambda *words: node.admin("runupdate", "-p", str(node.rmi), *words)  # noqa: E731
    fixture = Fixture(server, "oxdb_78")
    adopt(server, fixture.schema)
    status, answer = login(node, "anna@c11", "anna-1")
    check("before: an update is needed", answer.get("code") == "CTX-0013", (status, answer))
    done = run("-n", fixture.schema, "--dry-run")
    check("--dry-run names what is to come", done.returncode == 0 and
          "ADD COLUMN `salt` varbinary(128)" in done.stdout and
          "ADD PRIMARY KEY (`cid`, `id`, `name`)" in done.stdout, done.stdout + done.stderr)
    done = run("-c", "12")
    check("runupdate", done.returncode == 0 and done.stdout == "", done.stdout + done.stderr)
    expected = compare.form(server, fresh)
    check("a schema of 7.8 has the form of a fresh one", compare.form(server, fixture.schema) ==
          expected, difference(expected, compare.form(server, fixture.schema)))
    fixture.judge_rows()
    executed, all_tasks = fixture.executed(), server.sql("select taskName from updateTask", fresh)
    check("the fresh one has every task", set(task_names()) <= {row[0] for row in all_tasks})
    check("and so has the other", all(executed.get(row[0]) == "1" for row in all_tasks), executed)
    log = node.log()
    check("names are logged, values are not", "had 'color' more than once" in log and "grün" not in log)
    done = node.admin("createschema")
    other = done.stdout.split()[1] if done.returncode == 0 else "none"
    check("createschema makes the same form and nothing is to do there",
          compare.form(server, other) == expected and
          node.admin("listUpdateTasks", "-p", str(node.rmi), "-n", other, "-g").stdout ==
          "No entries found.\n", done.stdout + done.stderr)
    before = compare.rows(server, fixture.schema)
    done = run("-n", fixture.schema)
    check("a second run does nothing", done.returncode == 0 and
          compare.rows(server, fixture.schema) == before, done.stdout + done.stderr)
    for name, password in (("anna@c11", "anna-1"), ("Anna@c11", "anna-2"), ("jürgen@c11", "jürgen-1"),
                           ("anna@c12", "anna-12"), ("oxadmin@c13", "admin-1")):
        status, answer = login(node, name, password)
        check("log-in of " + name, answer.get("session"), (status, answer))
    status, answer = login(node, "anna@c11", "anna-2")
    check("a wrong password is still wrong", not answer.get("session"), (status, answer))
    done = node.tool("createuser", "-c", "12", "-A", "oxadmin", "-P", "admin-1", "-u", "new", "-p",
                     "new-1", *installed.USER)
    check("createuser in the migrated schema", done.returncode == 0, done.stdout + done.stderr)
    check("and its log-in", login(node, "new@c12", "new-1")[1].get("session"))
    fixture.sql("delete from user_alias where cid = 12 and user > 3")
    four_bytes(fixture)
    nothing_twice(server, runner, fixture.schema, "the migrated schema")
    nothing_twice(server, runner, fresh, "a fresh schema")


# -- runners ------------------------------------------------------------------------------------

def killed(server, runner, fresh):
    """A schema from before 7.8: each runner dies after the first statement that has changed something,
    another one goes on; so each task is cut after each of its statements and begun again."""
    fixture = Fixture(server, "old_76", before_7_8=True)
    deaths, out, code = [], "", 1
    while code != 0 and len(deaths) < MOST_DEATHS:
        # the tables of the sequences are all alike, a few deaths among them are enough
        code, out = runner.run(fixture.schema, "--die", "changed",
                               "--count", "6" if "sequence_" in out else "1")
        deaths.append(out)
        # UPD-0028: on a busy machine the short lease may run out in a living runner
        if code not in (0, -signal.SIGKILL) and "UPD-0028" not in out:
            break
    failures = [line for death in deaths for line in death.splitlines() if " failed (" in line]
    check("after %d deaths everything is done" % (len(deaths) - 1), code == 0 and not failures and
          out.endswith("end\n"), out + "\n".join(failures))
    check("tasks were cut at many places", len(deaths) > 40, len(deaths))
    expected = compare.form(server, fresh)
    check("a schema from before 7.8 has the form of a fresh one",
          compare.form(server, fixture.schema) == expected,
          difference(expected, compare.form(server, fixture.schema)))
    fixture.judge_rows()
    executed = fixture.executed()
    check("every task is recorded", all(executed.get(name) == "1" for name in task_names()), executed)
    four_bytes(fixture)


def excluded(server, runner, fresh):
    """groupware.utf8mb4 excluded: character sets stay, everything else is as in a fresh schema."""
    fixture = Fixture(server, "kept_78")
    code, out = runner.run(fixture.schema, "--exclude", "groupware.utf8mb4")
    check("run without the namespace", code == 0 and "\nfailed" not in out, out)
    fresh_form = compare.form(server, fresh, charsets=False)
    form = compare.form(server, fixture.schema, charsets=False)
    rest = {tuple(line.split(": ", 1)[1].split(" | ")[:4]) for line in form ^ fresh_form}
    check("the form is that of a fresh schema", {(t, i, "2", c) for t, (i, c) in PREFIXES.items()} ==
          rest, difference(fresh_form, form))
    charsets = compare.charsets(server, fixture.schema)
    check("character sets stay", all(charsets[c] == old for c, old in fixture.charsets.items()
                                     if not c.startswith("version.")) and
          not [c for c in charsets.values() if c.startswith("utf8mb4")])
    fixture.judge_rows()
    check("the conversions are not recorded", TASKS + "LdapConvertUtf8ToUtf8mb4Task" not in
          fixture.executed())
    code, out = runner.run(fixture.schema)
    expected = compare.form(server, fresh)
    check("no longer excluded: the form of a fresh one", code == 0 and
          compare.form(server, fixture.schema) == expected,
          out + difference(expected, compare.form(server, fixture.schema)))
    fixture.judge_rows()
    judges_are_judged(fixture)


def main():
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    # What a power failure would do to the database is no question here.
    with MariaDb(options=["--innodb-flush-method=nosync", "--skip-innodb-doublewrite"]) as server:
        server.create_account("ox", "ox")
        directory = tempfile.mkdtemp(prefix="ox-task-set-")
        node = None
        try:
            runner = Runner(server)
            node = installation(server, directory)
            fresh = server.sql("select db_schema from context_server2db_pool", "configdb")[0][0]
            if part in ("", "node"):
                by_node(server, node, fresh, runner)
            if part in ("", "killed"):
                killed(server, runner, fresh)
            if part in ("", "excluded"):
                excluded(server, runner, fresh)
        except Exception as problem:  # the last line must come
            tally.check(False, "no exception: %r" % problem)
            if node:
                print(node.tail(60))
        finally:
            if node:
                node.stop()
            shutil.rmtree(directory, ignore_errors=True)
    return tally.result()


if __name__ == "__main__":
    sys.exit(main())

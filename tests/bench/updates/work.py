"""The schemas of the updates bench, and the work that is done on them, as SQL.

A turn of WORK leaves a schema as it found it: each turn costs the same, whoever does it. The client is
fed exactly the statements of the tasks.
"""
TABLES = ["t%02d" % n for n in range(1, 21)]
ROWS = 500
INSTANT, CHANGED, INDEXED, REBUILT = TABLES[:6], TABLES[6:12], TABLES[12:16], TABLES[16:]

CREATE = ["CREATE TABLE t01 (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL, "
          "note TEXT, changed BIGINT NOT NULL, PRIMARY KEY (cid, id), INDEX nameIndex (cid, name)) "
          "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
          "INSERT INTO t01 SELECT 1, seq, CONCAT('name ', seq), REPEAT('text ', 20), 0 FROM seq_1_to_%d" % ROWS]
for _table in TABLES[1:]:
    CREATE += ["CREATE TABLE %s LIKE t01" % _table, "INSERT INTO %s SELECT * FROM t01" % _table]

# (last part of the name, blocking or background, statements)
WORK = [
    ("Columns", "blocking",
     ["ALTER TABLE %s ADD COLUMN IF NOT EXISTS extra VARCHAR(32) NULL" % t for t in INSTANT]),
    ("Rows", "blocking",
     ["UPDATE %s SET changed = changed + 1 WHERE cid = 1" % t for t in CHANGED]),
    ("Indexes", "background",
     ["ALTER TABLE %s ADD INDEX IF NOT EXISTS changedIndex (cid, changed)" % t for t in INDEXED] +
     ["ALTER TABLE %s FORCE" % t for t in REBUILT]),
    ("Back", "background",
     ["ALTER TABLE %s DROP COLUMN IF EXISTS extra" % t for t in INSTANT] +
     ["ALTER TABLE %s DROP INDEX IF EXISTS changedIndex" % t for t in INDEXED]),
]

SMALL = "UPDATE t01 SET changed = changed + 1 WHERE cid = 1 AND id = 1"


def work():
    return [statement for _, _, statements in WORK for statement in statements]


def small(count):
    """`count` tasks of one cheap statement each."""
    return [("Small%03d" % n, "blocking", [SMALL]) for n in range(count)]


def task_file(name, concurrency, depends, statements):
    header = ["-- name: " + name, "-- concurrency: " + concurrency, "-- rerunnable: yes"]
    if depends:
        header.append("-- depends: " + depends)
    return "\n".join(header) + "\n\n" + "".join(s + ";\n" for s in statements)


def script(schemas, statements):
    """What the client is fed: all statements for one schema after the other."""
    body = "".join(s + ";\n" for s in statements)
    return "".join("USE %s;\n%s" % (schema, body) for schema in schemas)

"""The form of a schema from information_schema, and its rows as text that does not depend on character
sets, to compare two schemas or one before and after a migration."""

# Written by every run of tasks, not part of a schema's form: a schema where no task ever ran lacks them.
RUNNERS_OWN = {"updateTaskLease", "updateTaskRun"}

FORM = {
    "schema": "select default_character_set_name, default_collation_name from "
              "information_schema.schemata where schema_name = '%s'",
    "table": "select table_name, engine, row_format, table_collation, table_comment from "
             "information_schema.tables where table_schema = '%s'",
    "column": "select table_name, column_name, ordinal_position, column_type, is_nullable, "
              "ifnull(column_default, '-'), extra, column_comment, ifnull(character_set_name, '-'), "
              "ifnull(collation_name, '-') from information_schema.columns where table_schema = '%s'",
    "index": "select table_name, index_name, seq_in_index, column_name, non_unique, "
             "ifnull(collation, '-'), ifnull(sub_part, '-'), nullable, index_type from "
             "information_schema.statistics where table_schema = '%s'",
    "key": "select table_name, constraint_name, ordinal_position, column_name, "
           "ifnull(position_in_unique_constraint, '-'), ifnull(referenced_table_name, '-'), "
           "ifnull(referenced_column_name, '-') from information_schema.key_column_usage where "
           "table_schema = '%s'",
    "reference": "select table_name, constraint_name, referenced_table_name, unique_constraint_name, "
                 "match_option, update_rule, delete_rule from "
                 "information_schema.referential_constraints where constraint_schema = '%s'",
}
# Where the name of a character set, a collation or what follows from them stands in a line.
CHARSET_PARTS = {"schema": (0, 1), "table": (2, 3), "column": (8, 9)}


def form(server, schema, charsets=True):
    """Set of lines; without what belongs to character sets when charsets is false."""
    lines = set()
    for kind, query in FORM.items():
        for row in server.sql(query % schema):
            if kind != "schema" and row[0] in RUNNERS_OWN:
                continue
            if not charsets:
                row = [cell for i, cell in enumerate(row) if i not in CHARSET_PARTS.get(kind, ())]
            lines.add(kind + ": " + " | ".join(row))
    return lines


def charsets(server, schema):
    """{table.column: collation} of the texts."""
    return {"%s.%s" % (table, column): collation for table, column, collation in server.sql(
        "select table_name, column_name, collation_name from information_schema.columns where "
        "table_schema = '%s' and collation_name is not null" % schema) if table not in RUNNERS_OWN}


def columns(server, schema):
    """{table: {column: SQL that gives it as plain text}}"""
    out = {}
    for table, column, kind, collation in server.sql(
            "select table_name, column_name, data_type, ifnull(collation_name, '-') from "
            "information_schema.columns where table_schema = '%s' order by 1, ordinal_position"
            % schema):
        if table in RUNNERS_OWN:
            continue
        name = "`%s`" % column
        if collation != "-":
            name = "hex(convert(%s using utf8mb4))" % name
        elif kind in ("binary", "varbinary", "blob"):
            name = "hex(%s)" % name
        out.setdefault(table, {})[column] = "ifnull(%s, 'NULL')" % name
    return out


def rows(server, schema, wanted=None):
    """{table: [row, ...]}, a row is {column: text}; `wanted`: the columns to read, as columns() names
    them, of the tables that are still there."""
    there = columns(server, schema)
    out = {}
    for table, texts in there.items():
        names = [n for n in (wanted[table] if wanted and table in wanted else texts) if n in texts]
        if wanted is not None and table not in wanted:
            continue
        out[table] = [dict(zip(names, row)) for row in server.sql(
            "select %s from `%s`" % (", ".join(texts[n] for n in names), table), schema)]
    return out


def text(cell):
    """What a hex cell says."""
    return cell if cell == "NULL" else bytes.fromhex(cell).decode()


def as_lines(table_rows):
    """Sorted, so that the order of the rows does not count."""
    return sorted("|".join("%s=%s" % item for item in sorted(row.items())) for row in table_rows)

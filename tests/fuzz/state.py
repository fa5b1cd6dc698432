"""What there is after a step, or in a file at the end: rows, texts of schemas, facts of headers."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.fuzz import own
from tests.fuzz.model import quote_name
from tests.fuzz.replies import ask
from tests.fuzz.statements import Statement
from tests.oracle.engines import Engine

OWN_TABLES = ("sqlite_schema", "sqlite_temp_schema", "sqlite_stat1", "sqlite_stat4")


def schemas(database: apsw.Connection, engine: Engine) -> list[str]:
    """The texts of an engine's schemas. database: SQLite's connection, which knows what there is."""
    lines = []
    for (schema,) in database.execute("SELECT name FROM pragma_database_list ORDER BY 1").fetchall():
        columns = "name, tbl_name, sql"
        text = f"SELECT {columns} FROM {quote_name(schema)}.sqlite_schema WHERE sql NOT NULL"
        text += " AND name NOT GLOB 'sqlite_stat*' ORDER BY type, name"
        lines += [f"{schema}: {line}" for line in ask(engine, Statement(text)).lines()]
    return lines


def contents(database: apsw.Connection, engine: Engine) -> list[str]:
    """All rows of all tables, with their rowids."""
    lines = []
    for schema, name, without_rowid, n_columns in database.execute(
        "SELECT schema, name, wr, ncol FROM pragma_table_list WHERE type IN ('table', 'virtual') ORDER BY 1, 2"
    ).fetchall():
        if name in OWN_TABLES or not n_columns:
            continue
        what = "*" if without_rowid else "rowid, *"
        reply = ask(engine, Statement(f"SELECT {what} FROM {quote_name(schema)}.{quote_name(name)}"))
        lines += sorted(f"{schema}.{name}: {line}" for line in reply.lines())
    return lines


def differences(expected: list[str], ours: list[str]) -> tuple[list[str], list[str]]:
    """The lines that only one of two has."""
    return [line for line in expected if line not in ours], [line for line in ours if line not in expected]


def verdict(path: Path) -> list[str]:
    """What SQLite's integrity_check says about a file."""
    file = apsw.Connection(str(path))
    own.register(file)
    try:
        return [str(row[0]) for row in file.execute("PRAGMA integrity_check")]
    except apsw.Error as error:
        return [str(error)]
    finally:
        file.close()


def facts(path: Path) -> list[str]:
    """What SQLite finds in a file besides rows: the texts of its schema, what violates foreign keys, numbers of its
    header.
    """
    file = apsw.Connection(str(path))
    own.register(file)
    lines = []
    for sql in (
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*' ORDER BY 1, 2",
        "PRAGMA foreign_key_check",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA encoding",
        "PRAGMA auto_vacuum",
    ):
        try:
            lines += sorted(f"{sql}: {row}" for row in file.execute(sql))
        except apsw.Error as error:
            lines.append(f"{sql}: {error}")
    file.close()
    return lines

"""A database as the SQL statements that make it again (`Connection.iterdump`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from turso_wasm.dbapi.errors import OperationalError

if TYPE_CHECKING:
    from turso_wasm.dbapi.connection import Connection
    from turso_wasm.dbapi.cursor import Cursor

_OBJECTS = """
SELECT type, name, sql FROM sqlite_master
WHERE sql IS NOT NULL AND type = ? AND (? IS NULL OR name LIKE ?) ORDER BY name
"""


def dump_statements(connection: Connection, pattern: str | None) -> Iterator[str]:
    """Statements in the order: tables with their rows, then indexes, triggers and views."""
    cursor = connection.cursor()
    cursor.row_factory = None
    if _has_violations(cursor):
        yield "PRAGMA foreign_keys=OFF;"
    yield "BEGIN TRANSACTION;"
    writes_schema = False
    sequence: list[str] = []
    for _, name, sql in cursor.execute(_OBJECTS, ("table", pattern, pattern)).fetchall():
        if name == "sqlite_sequence":
            sequence = ['DELETE FROM "sqlite_sequence";', *_rows(connection, name)]
            continue
        if name == "sqlite_stat1":
            yield 'ANALYZE "sqlite_master";'
        elif name.startswith("sqlite_"):
            continue
        elif sql.startswith("CREATE VIRTUAL TABLE"):  # its tables are there already when it is made again
            if not writes_schema:
                yield "PRAGMA writable_schema=ON;"
            writes_schema = True
            known, text = name.replace("'", "''"), sql.replace("'", "''")
            entry = f"VALUES('table','{known}','{known}',0,'{text}')"
            yield f"INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql){entry};"
            continue
        else:
            yield f"{sql};"
        yield from _rows(connection, name)
    yield from sequence
    for kind in ("index", "trigger", "view"):
        for _, _, sql in cursor.execute(_OBJECTS, (kind, pattern, pattern)).fetchall():
            yield f"{sql};"
    if writes_schema:
        yield "PRAGMA writable_schema=OFF;"
    yield "COMMIT;"


def _has_violations(cursor: Cursor) -> bool:
    """Whether a row violates a foreign key; one that cannot be checked has none."""
    try:
        return cursor.execute("PRAGMA foreign_key_check").fetchone() is not None
    except OperationalError:  # foreign key mismatch
        return False


def _rows(connection: Connection, table: str) -> Iterator[str]:
    """An INSERT statement for each row."""
    cursor = connection.cursor()
    cursor.row_factory = None
    quoted = table.replace('"', '""')
    columns = [row[1] for row in cursor.execute(f'PRAGMA table_info("{quoted}")').fetchall()]
    values = ",".join('quote("{}")'.format(column.replace('"', '""')) for column in columns)
    for row in connection.cursor().execute(f'SELECT {values} FROM "{quoted}"'):
        yield f'INSERT INTO "{quoted}" VALUES({",".join(tuple(row))});'

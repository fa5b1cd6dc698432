"""A database as the SQL that makes it again, in the words of SQLite's shell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from turso_wasm.shell.formats.values import Value, name, quoted_name, stored_literal

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_STRING_NAME: Final = re.compile(r"^CREATE TABLE (['\"])")
_SHADOWS: Final = "SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = 'main'"


def dump(
    shell: Shell, patterns: Sequence[str], *, data_only: bool = False, keeps_rowids: bool = False, nosys: bool = False
) -> Iterator[str]:
    """The lines of a dump: of all, or of what matches one of the LIKE patterns."""
    if not data_only:
        yield "PRAGMA foreign_keys=OFF;"
        yield "BEGIN TRANSACTION;"
    where = " OR ".join(["name LIKE ? ESCAPE '\\'"] * len(patterns)) or "1"
    tables = f"SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND ({where}) ORDER BY rowid"
    writes_schema = False
    sequence: list[str] = []
    for table, sql in shell.query(tables, patterns):
        if table == "sqlite_sequence":
            sequence = [] if data_only else ["DELETE FROM sqlite_sequence;"]
            sequence += _inserts(shell, table)
            continue
        if table.startswith("sqlite_"):
            if nosys or not table.startswith("sqlite_stat"):
                continue
            if not data_only:
                yield "ANALYZE sqlite_schema;"
        elif re.match(r"(?i)create virtual table", sql):
            if not data_only:
                if not writes_schema:
                    yield "PRAGMA writable_schema=ON;"
                    writes_schema = True
                text, known = sql.replace("'", "''"), table.replace("'", "''")
                entry = f"VALUES('table','{known}','{known}',0,'{text}')"
                yield f"INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql){entry};"
            continue
        elif not data_only:
            yield _STRING_NAME.sub(r"CREATE TABLE IF NOT EXISTS \1", sql) + ";"
        yield from _inserts(shell, table, keeps_rowids=keeps_rowids)
    yield from sequence
    if not data_only:
        where = " OR ".join(["tbl_name LIKE ? ESCAPE '\\'"] * len(patterns)) or "1"
        others = f"SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND type <> 'table' AND ({where})"
        for (sql,) in shell.query(f"{others} ORDER BY type COLLATE NOCASE, rowid", patterns):
            yield f"{sql};"
        if writes_schema:
            yield "PRAGMA writable_schema=OFF;"
        yield "COMMIT;"


def _inserts(shell: Shell, table: str, *, keeps_rowids: bool = False) -> Iterator[str]:
    """An INSERT for each row; generated columns are left out."""
    info = shell.query(f"PRAGMA table_xinfo({quoted_name(table)})")
    columns = [row[1] for row in info if row[6] not in (2, 3)]
    listed = ""
    rowid = _rowid_name(shell, table, info) if keeps_rowids else None
    if rowid is not None or len(columns) < len(info):
        listed = f"({','.join(map(name, [rowid, *columns] if rowid else columns))})"
    chosen = ",".join(map(quoted_name, columns))
    if rowid is not None:
        chosen = f"{rowid},{chosen}"
    begin = f"INSERT INTO {name(table)}{listed} VALUES("
    for row in shell.connection.execute(f"SELECT {chosen} FROM {quoted_name(table)}"):
        yield f"{begin}{','.join(map(stored_literal, row))});"


def _rowid_name(shell: Shell, table: str, info: Sequence[Sequence[Value]]) -> str | None:
    """What the rowid can be called; None where there is none, or it is a column already."""
    keys = [row for row in info if row[5]]
    if len(keys) == 1 and str(keys[0][2]).upper() == "INTEGER":
        return None
    (kind,) = shell.query("SELECT wr FROM pragma_table_list WHERE name = ? AND schema = 'main'", (table,))
    if kind[0]:
        return None
    taken = {str(row[1]).lower() for row in info}
    return next((each for each in ("rowid", "_rowid_", "oid") if each not in taken), None)


def copy_statements(shell: Shell) -> Iterator[tuple[str | None, str]]:
    """Statements that copy the main database into an empty one that has a writable schema, and what each finished."""
    shadows = {row[0] for row in shell.query(_SHADOWS)}
    last = None
    for table, sql in shell.query("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"):
        if table.startswith("sqlite_"):
            continue
        is_virtual = re.match(r"(?i)create virtual table", sql)
        if table in shadows:  # made by its virtual table
            yield None, f"DELETE FROM {quoted_name(table)}"
        else:
            yield None, sql
        if not is_virtual:
            for statement in _inserts(shell, table):
                yield None, statement
        last = table
        yield last, "SELECT 1"
    others = "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL AND type <> 'table' ORDER BY type, rowid"
    for object_, sql in shell.query(others):
        yield object_, sql

"""Where errors point: a token of a sound statement is replaced, dropped or doubled, and SQLite asked for its place.

Where both report the same error it is at the same place, and we give a place wherever SQLite does. So it is with the
statements of the .test files that fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

import turso_wasm
from tests.golden.blocks import parse
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import lexer

SCHEMA = ("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL)", "CREATE TABLE u(x, y, z)")
STATEMENTS = (
    "SELECT t.a, u.x FROM t JOIN u ON t.a = u.y WHERE b LIKE 'é%' GROUP BY t.a HAVING count(*) > 1 ORDER BY 1 LIMIT 3",
    "INSERT INTO t(a, b, c) VALUES (1, 'x', 2.5), (2, upper('ü'), 3)",
    "UPDATE t SET b = lower(b), c = c + 1 WHERE a IN (SELECT x FROM u) AND b IS NOT NULL",
    "WITH w(p, q) AS (SELECT x, y FROM u) SELECT p, max(q), CASE p WHEN 1 THEN 'a' END FROM w GROUP BY p",
    "CREATE TABLE n(a INT PRIMARY KEY, b TEXT DEFAULT 'x' CHECK (length(b) > 0), UNIQUE (a, b))",
    "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t WHERE c BETWEEN 1 AND 5",
)
REPLACEMENTS = ("nosuch", "(", ",", "SELECT", "1", "'é'", "t.nosuch", "nosuch(1)", "(1, 2)", "1a", "'open")


def variants(sql: str) -> Iterator[str]:
    tokens = lexer.tokenize(sql)
    for start, end in list(zip(tokens.starts, tokens.ends, strict=True))[:-1]:
        yield sql[:start] + sql[end:]
        yield f"{sql[:end]} {sql[start:]}"
        for word in REPLACEMENTS:
            yield sql[:start] + word + sql[end:]


class _Prepared(Exception):
    """Raised instead of running a statement."""


def error_of_sqlite(connection: apsw.Connection, sql: str) -> tuple[str, int] | None:
    def stop(*_: object) -> bool:
        raise _Prepared

    cursor = connection.cursor()
    cursor.exec_trace = stop
    try:
        cursor.execute(sql, can_cache=False)
    except (_Prepared, apsw.BindingsError):
        return None
    except apsw.Error as error:
        return str(error), error.error_offset
    return None


def error_of_ours(connection: turso_wasm.Connection, sql: str) -> tuple[str, int] | None:
    """The message, and the place in bytes, -1 without one."""
    try:
        connection._runtime.prepare(sql)
    except SqlError as error:
        return error.message, -1 if error.span is None else len(sql[: error.span[0]].encode())
    return None


@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: sql[:30])
def test_errors_are_where_sqlite_finds_them(sql: str) -> None:
    sqlite, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:", isolation_level=None)
    for definition in SCHEMA:
        sqlite.execute(definition).fetchall()
        ours.execute(definition)
    same = 0
    for text in set(variants(sql)):
        expected, found = error_of_sqlite(sqlite, text), error_of_ours(ours, text)
        if expected is None or found is None or expected[0] != found[0] or expected[1] < 0:
            continue  # another of several errors, or SQLite knows no place
        assert found[1] == expected[1], text
        same += 1
    assert same > 100


FILES = sorted((Path(__file__).parents[1] / "sql").rglob("*.test"))
# Of an aggregate that another place of the text names we tell that place, SQLite the aggregate's; a column that USING
# made of two has none of its own in SQLite.
ELSEWHERE = ("misuse of aggregate: ", "misuse of window function ", "ambiguous column name: ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_errors_of_the_test_files_are_where_sqlite_finds_them(path: Path) -> None:
    sqlite, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:", isolation_level=None)
    for block in parse(path):
        if block.fresh:
            ours.close()
            sqlite, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:", isolation_level=None)
        for command in block.commands:
            if command.connection is not None:
                continue
            if command.fails:
                expected, found = error_of_sqlite(sqlite, command.sql), error_of_ours(ours, command.sql)
                same = expected is not None and found is not None and expected[0] == found[0]
                if same and expected[1] >= 0 and not expected[0].startswith(ELSEWHERE):
                    assert found == expected, f"{path.name}:{block.line} {command.sql}"
            if command.fails or command.sql.upper().startswith(("SELECT", "VALUES", "EXPLAIN")):
                continue
            with suppress(apsw.Error):
                sqlite.execute(command.sql).fetchall()
            with suppress(turso_wasm.Error):
                ours.execute(command.sql).fetchall()
    ours.close()

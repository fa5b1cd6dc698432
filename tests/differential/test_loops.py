"""A loop over a SELECT that changes the table it reads sees of the changes what SQLite's loop sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import apsw
import pytest

import turso_wasm

KEYED = "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)"
WITHOUT_ROWID = "CREATE TABLE t(a PRIMARY KEY, b, c) WITHOUT ROWID"
TABLES = (KEYED, "CREATE TABLE t(a, b, c)", WITHOUT_ROWID)
QUERIES = (
    "SELECT a, b, c FROM t", "SELECT a, b FROM t WHERE a > 2", "SELECT a, c FROM t ORDER BY c, a",
    "SELECT a, x FROM t JOIN u ON x = b", "SELECT a FROM t LIMIT 6", "SELECT a FROM t UNION ALL SELECT a + 100 FROM t",
    "SELECT a, (SELECT sum(b) FROM t) FROM t", "SELECT x FROM u", "SELECT max(a) FROM t",
)  # fmt: skip
CHANGES = (
    "DELETE FROM t WHERE a = {} + 1", "UPDATE t SET b = b + 10", "INSERT INTO t VALUES ({} + 50, 1, 1)",
    "DELETE FROM t WHERE a = {}", "INSERT OR REPLACE INTO t VALUES ({} + 2, 'new', 'new')",
    "UPDATE u SET x = x + 20 WHERE x > 2", "DELETE FROM t",
)  # fmt: skip
NEVER_TWICE = (CHANGES[1], CHANGES[4])
"""Of a table WITHOUT ROWID SQLite shows a row again that an UPDATE has put back under the loop; we do not."""
MOST = 40


def rows_of(connection: Any, query: str, change: str, at: int) -> list[Any]:
    """The rows of a loop that makes the change at its row number `at` and two rows later, and then the tables'."""
    rows = []
    for number, row in enumerate(islice(connection.cursor().execute(query), MOST)):
        rows.append(tuple(row))
        if number in (at, at + 2):
            connection.cursor().execute(change.format(row[0]))
    return [*rows, *map(tuple, connection.cursor().execute("SELECT * FROM t, u ORDER BY 1, 4"))]


def both(*statements: str) -> Iterator[Any]:
    """The same database in both engines."""
    for connect in (apsw.Connection, lambda name: turso_wasm.connect(name, isolation_level=None)):
        connection = connect(":memory:")
        for sql in statements:
            connection.cursor().execute(sql)
        yield connection
        connection.close()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("table", TABLES)
def test_changes_amid_a_loop(table: str, query: str) -> None:
    number = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)"
    fill = f"INSERT INTO t {number} SELECT i, i, i % 3 FROM n"
    begin = (table, "CREATE TABLE u(x INTEGER PRIMARY KEY)", fill, f"INSERT INTO u {number} SELECT i FROM n")
    for change in [each for each in CHANGES if table != WITHOUT_ROWID or each not in NEVER_TWICE]:
        for at in (0, 3):
            expected, found = (rows_of(each, query, change, at) for each in both(*begin))
            assert found == expected, (change, at)


def test_rows_beyond_the_first_batch() -> None:
    fill = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) INSERT INTO t SELECT i, i, i FROM n"
    for row in (0, 63, 64, 5000, 8999):
        seen = []
        for connection in both(KEYED, fill):
            cursor = connection.cursor().execute("SELECT a FROM t")
            before = [next(cursor) for _ in range(row + 1)][-1]
            connection.cursor().execute("DELETE FROM t WHERE a BETWEEN ? AND ?", (row + 2, row + 5))
            seen.append((before, [a for (a,) in cursor]))
        assert seen[0] == seen[1], row


def test_a_change_by_each_way_of_executing() -> None:
    with turso_wasm.connect(":memory:", isolation_level=None) as us:
        us.executescript("CREATE TABLE t(a); CREATE TABLE other(a); INSERT INTO t VALUES (1), (2), (3), (4), (5)")
        cursor = us.execute("SELECT a FROM t")
        assert cursor.fetchone() == (1,)
        us.executemany("UPDATE t SET a = a * ?", [(2,), (5,)])
        assert cursor.fetchone() == (20,)
        us.executescript("DELETE FROM t WHERE a = 30; INSERT INTO t VALUES (0)")
        assert cursor.fetchall() == [(40,), (50,), (0,)]


def test_rows_stay_where_a_second_run_would_give_others() -> None:
    with turso_wasm.connect(":memory:", isolation_level=None) as us:
        us.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3)")
        cursor = us.execute("SELECT random(), a FROM t")
        assert cursor.fetchone()[1] == 1
        us.execute("DELETE FROM t")
        assert [a for _, a in cursor] == [2, 3]


def test_a_table_that_nobody_changes_is_not_read_again() -> None:
    with turso_wasm.connect(":memory:", isolation_level=None) as us:
        us.executescript("CREATE TABLE t(a); CREATE TABLE seen(a); INSERT INTO t VALUES (1), (2), (3)")
        calls = []
        us.create_function("noted", 1, lambda a: calls.append(a) or a)
        for (a,) in us.execute("SELECT noted(a) FROM t"):
            us.execute("INSERT INTO seen VALUES (?)", (a,))
        assert calls == [1, 2, 3]

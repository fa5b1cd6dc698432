"""EXPLAIN CODE shows the plan and the compiled statement as text, EXPLAIN its operations as rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.golden.blocks import parse


def test_the_plan_and_the_code_are_shown() -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    cursor = db.execute("EXPLAIN CODE SELECT a FROM t WHERE id = ?")
    assert [column[0] for column in cursor.description or ()] == ["code"]
    text = "\n".join(row[0] for row in cursor)
    plan, _, code = text.partition("\n\n")
    assert "RowidSeek" in plan
    assert "table=t" in plan
    assert "def step(stmt: i32) -> i32:" in code
    assert "cursor_seek_rowid" in code
    db.close()


@pytest.mark.parametrize("change", ["INSERT INTO t VALUES (1)", "UPDATE t SET a = 2", "DELETE FROM t RETURNING a"])
@pytest.mark.parametrize("explain", ["EXPLAIN", "EXPLAIN QUERY PLAN"])
def test_explaining_a_change_changes_nothing(explain: str, change: str) -> None:
    theirs, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:", isolation_level=None)
    for execute in (theirs.execute, ours.execute):
        execute("CREATE TABLE t(a)")
        execute("INSERT INTO t VALUES (1), (2)")
        list(execute(f"{explain} SELECT * FROM t"))
        assert list(execute("SELECT changes(), total_changes()")) == [(2, 2)]
        list(execute(f"{explain} {change}"))
        assert list(execute("SELECT changes(), total_changes(), count(*) FROM t")) == [(0, 2, 2)]
        list(execute("UPDATE t SET a = a"))
        list(execute(f"{explain} CREATE TABLE u(a)"))
        assert list(execute("SELECT changes(), total_changes()")) == [(2, 4)]
    theirs.close()
    ours.close()


def test_explaining_does_not_execute() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    assert db.execute("EXPLAIN CODE INSERT INTO t VALUES (1)").fetchall()
    assert db.execute("EXPLAIN QUERY PLAN DELETE FROM t").fetchall() is not None
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with pytest.raises(turso_wasm.OperationalError, match="no such table: nope"):
        db.execute("EXPLAIN CODE SELECT * FROM nope")
    db.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM f WHERE f MATCH 'x'",
        "SELECT * FROM pragma_integrity_check('t')",
        "SELECT rtreecheck('r')",
        "SELECT sum(a) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t UNION SELECT 1 ORDER BY 1 LIMIT 2",
        "UPDATE t SET a = 1 WHERE EXISTS (SELECT 1 FROM t x WHERE x.a = t.a) RETURNING a",
    ],
)
def test_code_of_every_operator_is_shown(sql: str) -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    db.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
    db.execute("CREATE VIRTUAL TABLE r USING rtree(id, a, b)")
    assert "def step(" in "\n".join(row[0] for row in db.execute(f"EXPLAIN CODE {sql}"))
    db.close()


def test_every_statement_has_a_plan_even_an_empty_one() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    for sql in ("BEGIN", "PRAGMA table_info(t)", "CREATE INDEX i ON t(a)", "DROP TABLE t", "VACUUM", "ANALYZE"):
        assert db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() == []
    assert db.execute("EXPLAIN QUERY PLAN CREATE TABLE n AS SELECT * FROM t").fetchall() == [(1, 0, 0, "SCAN t")]
    assert db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (1,)
    db.close()


# --- EXPLAIN ----------------------------------------------------------------------------------------------------

OPERATIONS = ("addr", "opcode", "p1", "p2", "p3", "p4", "p5", "comment")


def listing(db: turso_wasm.Connection, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows of EXPLAIN, which are numbered and jump to one another."""
    cursor = db.execute(f"EXPLAIN {sql}", parameters)
    assert tuple(column[0] for column in cursor.description or ()) == OPERATIONS
    rows = cursor.fetchall()
    for number, (address, opcode, routine, target, depth, operands, point, comment) in enumerate(rows):
        assert address == number
        assert isinstance(opcode, str)
        assert min(routine, depth, point) >= 0
        assert 0 <= target < len(rows)
        assert all(text is None or isinstance(text, str) for text in (operands, comment))
    return rows


def test_operations_are_those_of_the_plan(db: turso_wasm.Connection) -> None:
    rows = listing(db, "SELECT b FROM t WHERE a > 3 ORDER BY c")
    assert rows[0][:4] == (0, "Routine", 0, 0)
    sorts = [row for row in rows if row[1] == "SorterNext"]
    assert {row[7] for row in sorts} == {"Sort: USE TEMP B-TREE FOR ORDER BY"}
    scan = "RowidRange: SEARCH t USING INTEGER PRIMARY KEY (rowid>?)"
    (following,) = [row for row in rows if row[1] == "CursorNextPage"]
    assert (following[4], following[7]) == (1, scan)  # in a loop
    assert any(row[1] == "If" and row[7] == scan and row[3] < row[0] for row in rows)  # back to its start
    assert {row[7] for row in rows if row[1] == "RowEnd"} == {"Output"}
    assert sorted({row[6] for row in rows if row[1] == "Point"}) == [1, 2, 3]


def test_routines_are_called(db: turso_wasm.Connection) -> None:
    rows = listing(db, "SELECT (SELECT max(y) FROM u WHERE x > t.b LIMIT 1) FROM t")
    starts = {row[2]: row[0] for row in rows if row[1] == "Routine"}
    assert len(starts) == 2
    (call,) = [row for row in rows if row[1] == "Call"]
    assert (call[2], call[3]) == (0, starts[1])


def test_a_listing_does_not_run_the_statement(db: turso_wasm.Connection) -> None:
    for sql in ("DELETE FROM t", "DROP TABLE u", "PRAGMA user_version = 7", "CREATE TABLE n(a)", "BEGIN", "VACUUM"):
        assert listing(db, sql)[-1][1] in ("Halt", "Trap")
    assert not db.in_transaction
    assert db.execute("SELECT count(*), (SELECT count(*) FROM u) FROM t").fetchall() == [(5000, 10)]
    assert db.execute("PRAGMA user_version").fetchall() == [(0,)]


def test_a_listing_takes_the_parameters_of_its_statement(db: turso_wasm.Connection) -> None:
    assert listing(db, "SELECT * FROM t WHERE a = ? AND b = :b", (1, 2))
    with pytest.raises(turso_wasm.OperationalError, match="no such column: nope"):
        listing(db, "SELECT nope FROM t")


@pytest.mark.parametrize("name", ["joins", "windows/values", "triggers", "recursive", "pragma", "upsert", "fts5"])
def test_every_statement_can_be_listed(name: str) -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    for block in parse(Path(__file__).parents[2] / "sql" / f"{name}.test"):
        if block.fresh:
            db.close()
            db = turso_wasm.connect(":memory:", isolation_level=None)
        for command in block.commands:
            explained = command.sql.lower().startswith("explain")
            try:
                if not explained:
                    listing(db, command.sql)
            except turso_wasm.Error:
                with pytest.raises(turso_wasm.Error):
                    db.execute(command.sql).fetchall()
                continue
            with contextlib.suppress(turso_wasm.Error):
                db.execute(command.sql).fetchall()
    db.close()


# --- EXPLAIN ANALYZE --------------------------------------------------------------------------------------------

MEASURED = ("id", "parent", "notused", "detail", "loops", "visited", "rows", "ms")
FILES = (
    "joins",
    "subqueries",
    "recursive",
    "grouping",
    "correlated",
    "windows/values",
    "outer_joins",
    "table_functions",
)


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)")
    db.execute("CREATE TABLE u(x, y)")
    db.execute("CREATE INDEX ux ON u(x)")
    db.execute(
        "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 5000) INSERT INTO t SELECT i, i % 10, i FROM n"
    )
    db.execute("INSERT INTO u SELECT b, count(*) FROM t GROUP BY b")
    yield db
    db.close()


def lines(db: turso_wasm.Connection, sql: str) -> list[tuple[object, ...]]:
    """(level, detail, loops, visited, rows) of each line."""
    cursor = db.execute(f"EXPLAIN ANALYZE {sql}")
    assert tuple(column[0] for column in cursor.description or ()) == MEASURED
    level, found = {0: -1}, []
    for number, parent, _, detail, loops, visited, rows, ms in cursor:
        level[number] = level[parent] + 1
        assert ms is None or 0 <= ms < 60_000
        found.append((level[number], detail, loops, visited, rows))
    return found


def test_rows_and_loops_are_counted(db: turso_wasm.Connection) -> None:
    assert lines(db, "SELECT c FROM t WHERE b = 3") == [
        (0, "SELECT", 1, 500, 500),
        (1, "SCAN t", 1, 5000, 500),
    ]
    assert lines(db, "SELECT b, count(*) FROM t WHERE a > 4000 GROUP BY b ORDER BY 2 LIMIT 3") == [
        (0, "SELECT", 1, 3, 3),
        (1, "SEARCH t USING INTEGER PRIMARY KEY (rowid>?)", 1, 1000, 1000),
        (1, "USE TEMP B-TREE FOR GROUP BY", 1, 10, 10),
        (1, "USE TEMP B-TREE FOR ORDER BY", 1, 3, 3),
    ]
    assert lines(db, "SELECT (SELECT sum(y) FROM u WHERE x > t.b) FROM t WHERE a <= 4") == [
        (0, "SELECT", 1, 4, 4),
        (1, "SEARCH t USING INTEGER PRIMARY KEY (rowid<?)", 1, 4, 4),
        (1, "CORRELATED SCALAR SUBQUERY 1", 4, 4, 4),
        (2, "SEARCH u USING INDEX ux (x>?)", 4, 26, 26),
    ]
    assert lines(db, "SELECT 1 FROM t LIMIT 7")[1] == (1, "SCAN t", 1, 7, 7)
    assert lines(db, "SELECT 1") == [(0, "SELECT", 1, 1, 1), (1, "SCAN CONSTANT ROW", 1, 1, 1)]


def test_changes_are_made(db: turso_wasm.Connection) -> None:
    assert lines(db, "INSERT INTO u SELECT a, b FROM t WHERE a > 4990")[0] == (0, "INSERT", 1, 10, 10)
    assert db.execute("SELECT count(*) FROM u").fetchone() == (20,)
    assert lines(db, "UPDATE u SET y = 0 WHERE x > 4990 RETURNING x")[0] == (0, "UPDATE", 1, 10, 10)
    assert lines(db, "WITH w AS (SELECT 1) DELETE FROM u WHERE y = 0")[:2] == [
        (0, "DELETE", 1, 10, 10),
        (1, "SCAN u", 1, 20, 10),
    ]
    assert lines(db, "REPLACE INTO t VALUES (1, 2, 3), (5001, 2, 3)")[0] == (0, "INSERT", 1, 2, 2)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (5001,)
    assert lines(db, "DELETE FROM t") == [(0, "DELETE", 1, 5001, 5001)]
    with pytest.raises(turso_wasm.IntegrityError):
        lines(db, "INSERT INTO t VALUES (1, 2, 3), (1, 2, 3)")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_transaction_begins_as_for_the_statement_itself() -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a)")
    db.execute("EXPLAIN ANALYZE INSERT INTO t VALUES (1)").fetchall()
    assert db.in_transaction
    db.rollback()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.close()


def test_time_is_that_of_the_lines(db: turso_wasm.Connection) -> None:
    cross = "SELECT count(*) FROM t, (SELECT * FROM u LIMIT 10) v WHERE t.c * v.y > 5"
    rows = db.execute(f"EXPLAIN ANALYZE {cross}").fetchall()
    whole, parts = rows[0][7], [row[7] for row in rows[1:] if row[1] == 1]
    assert whole > 0
    assert sum(parts) <= whole * 1.001 + 0.01


def test_parameters_are_bound(db: turso_wasm.Connection) -> None:
    rows = db.execute("EXPLAIN ANALYZE SELECT * FROM t WHERE a < ?", (11,)).fetchall()
    assert rows[0][6] == 10
    assert db.execute("EXPLAIN ANALYZE SELECT * FROM t WHERE a < ?", (21,)).fetchall()[0][6] == 20


@pytest.mark.parametrize(
    "sql", ["EXPLAIN ANALYZE CREATE TABLE v(a)", "EXPLAIN ANALYZE t x", "EXPLAIN ANALYZE EXPLAIN SELECT 1"]
)
def test_what_is_not_analyzed_is_a_syntax_error(db: turso_wasm.Connection, sql: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match="syntax error"):
        db.execute(sql)


@pytest.mark.parametrize("name", FILES)
def test_as_many_rows_as_without(name: str) -> None:
    """Queries of the .test files: measured, they run to the same end."""
    db = turso_wasm.connect(":memory:", isolation_level=None)
    for block in parse(Path(__file__).parents[2] / "sql" / f"{name}.test"):
        if block.fresh:
            db.close()
            db = turso_wasm.connect(":memory:", isolation_level=None)
        for command in block.commands:
            try:
                rows = db.execute(command.sql).fetchall()
            except turso_wasm.Error:
                continue
            if command.sql.upper().startswith(("SELECT", "VALUES")) and "random" not in command.sql:
                assert lines(db, command.sql)[0] == (0, "SELECT", 1, len(rows), len(rows))
    db.close()

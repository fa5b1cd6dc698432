"""executemany with many sets of parameters does what the sqlite3 module does, set by set."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

import turso_wasm
from turso_wasm.kernel.abi import KernelConnection
from turso_wasm.runtime.bulk import BATCH, rows_text

TABLES = {
    "plain": "CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT, d REAL)",
    "unique": "CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER UNIQUE, c TEXT, d REAL)",
    "indexes": "CREATE TABLE t(a, b, c, d); CREATE INDEX i ON t(b, c); CREATE INDEX j ON t(c) WHERE a > 3",
    "checks": "CREATE TABLE t(a INT CHECK (a <> 700), b NOT NULL, c COLLATE NOCASE, d AS (a + 1) STORED, e DEFAULT 1)",
    "strict": "CREATE TABLE t(a INTEGER PRIMARY KEY, b INT, c TEXT, d REAL) STRICT",
    "without rowid": "CREATE TABLE t(a, b, c, d, PRIMARY KEY (b, a)) WITHOUT ROWID",
    "autoincrement": "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b, c, d)",
    "ignores": "CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT IGNORE, b, c, d)",
    "fails": "CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT FAIL, b, c, d)",
    "trigger": "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c, d); CREATE TABLE log(x);"
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
    "parent": "CREATE TABLE t(a INTEGER PRIMARY KEY, b REFERENCES t, c, d); PRAGMA foreign_keys = ON",
}
SQL = (
    "INSERT INTO t(a, b, c) VALUES (?, ?, ?)",
    "insert or abort into t(c, b, a) values(?,?, ?) ; ",
    "REPLACE INTO t(a, b, c) VALUES (?, ?, ?)",
)


class Odd(str):
    """A value that is not a plain one."""


def rows_of(random: Random, n: int) -> Iterator[Sequence[Any]]:
    """Mostly what fits the tables, now and then what breaks a constraint or cannot be bound."""
    texts = ["", "name", "ä€𝄞", "x" * 500]
    odd = random.choice((0, 0, 0, 0.001))
    kind = random.choice((tuple, list))
    for i in range(n):
        row: list[Any] = [i + 1, i * 7, random.choice(texts)]
        if random.random() < 0.05:
            row[1] = random.choice((None, "7", 2.5, b"\0\xff", float("nan"), -(2**63), True))
        if random.random() < odd:
            row[random.randrange(3)] = random.choice((7, None, 2**63, "\ud800", Odd("odd"), object(), 700))
        yield kind(row)


def outcome(module: Any, schema: str, sql: str, rows: Any, isolation: str | None, begins: bool) -> list[object]:
    """All that can be seen of it."""
    db = module.connect(":memory:", isolation_level=isolation)
    db.executescript(schema)
    if begins:
        db.execute("BEGIN")
    cursor = db.cursor()
    seen: list[object] = []
    try:
        cursor.executemany(sql, rows)
        seen += [cursor.rowcount, cursor.lastrowid]
    except Exception as error:
        seen += [type(error).__name__, str(error).replace("type 'object'", "probably unsupported type.")]
    seen += db.execute("SELECT changes(), last_insert_rowid()").fetchall()
    seen += [db.total_changes, db.in_transaction]
    seen += map(repr, db.execute("SELECT * FROM t ORDER BY 2, 1, 3"))
    seen += map(repr, db.execute("SELECT c FROM t WHERE b BETWEEN 70 AND 7000 ORDER BY b, c"))
    seen += map(repr, db.execute("PRAGMA integrity_check"))
    db.close()
    return seen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("table", TABLES)
def test_executemany(table: str, seed: int) -> None:
    """Whatever the table, the statement and the values are."""
    random = Random(f"{table} {seed}")
    rows = list(rows_of(random, random.choice((5, 40, BATCH, BATCH + 9, 3 * BATCH))))
    sql = random.choice(SQL)
    isolation, begins = random.choice((("", False), (None, True), (None, False)))
    expected = outcome(sqlite3, TABLES[table], sql, rows, isolation, begins)
    assert outcome(turso_wasm, TABLES[table], sql, rows, isolation, begins) == expected


def test_a_constraint_broken_late_leaves_the_rows_before_it() -> None:
    """The batch is undone and run set by set."""
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a UNIQUE)")
    with pytest.raises(turso_wasm.IntegrityError):
        db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(BATCH - 1)] + [(3,)] * 20)
    assert db.execute("SELECT count(*), max(a), changes() FROM t").fetchone() == (BATCH - 1, BATCH - 2, 0)


def test_rows_that_are_made_as_they_are_asked_for_see_those_before() -> None:
    """Only sets that are all there already can be taken together."""
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a)")
    counts = (db.execute("SELECT count(*) FROM t").fetchone() for _ in range(50))
    db.executemany("INSERT INTO t VALUES (?)", counts)
    assert db.execute("SELECT sum(a) FROM t").fetchone() == (sum(range(50)),)


@pytest.mark.parametrize(
    "schema",
    ["CREATE TABLE t(a, b DEFAULT (random()))", "CREATE TABLE t(a, b DEFAULT CURRENT_TIMESTAMP)"],
)
def test_what_differs_from_run_to_run_is_asked_for_each(schema: str) -> None:
    """Defaults that are not constant."""
    db = turso_wasm.connect(":memory:")
    db.execute(schema)
    runtime = db._runtime
    prepared = runtime.prepare("INSERT INTO t(a) VALUES (?)")
    assert prepared is not None
    assert not prepared.program.takes_rows


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_batch_is_one_statement(kind: type) -> None:
    """Counted in the entries of the kernel."""
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a, b)")
    db.executemany("INSERT INTO t VALUES (?, ?)", [kind((i, None)) for i in range(5 * BATCH)])
    texts = db._runtime._seen().schema.texts
    assert any("(0, 0), (0, 0)" in text for text in texts)
    assert db.execute("SELECT count(*), sum(a) FROM t").fetchone() == (5 * BATCH, sum(range(5 * BATCH)))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (0, 0), (0, 0)"),
        ("INSERT INTO t VALUES (?, ?) -- all\n;", "INSERT INTO t VALUES (0, 0), (0, 0)"),
        ("INSERT INTO t SELECT * FROM (VALUES (?, ?)) WHERE 1", None),
        ("INSERT INTO t VALUES (?, ?) ON CONFLICT DO NOTHING", None),
        ("INSERT INTO t VALUES (?2, ?1)", None),
        ("INSERT INTO t VALUES (?, 1 + ?)", None),
        ("INSERT INTO t VALUES (:a, :b)", None),
    ],
)
def test_texts(sql: str, expected: str | None) -> None:
    """Only rows of plain parameters, in order, become lists of rows."""
    assert rows_text(sql, 2) == expected


def test_changes_is_first_of_the_counters() -> None:
    """What a batch overwrites."""
    assert KernelConnection.offset("total_changes") == KernelConnection.offset("changes") + 8

"""GROUP BY, DISTINCT and the last terms of ORDER BY over rows in order: SQLite's rows, in its order, suspended at every
loop iteration.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

import turso_wasm as turso
from tests.harness.effort import HEAVY
from tests.harness.pieces import run_in_pieces

SCHEMA = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c REAL)",
    "CREATE INDEX t_ab ON t(a, b)",
    "CREATE INDEX t_ba ON t(b DESC, a)",
    "CREATE TABLE w(k TEXT, n INT, x, PRIMARY KEY (k, n)) WITHOUT ROWID",
)
VALUES = (None, 1, 1.0, 2, -3, 2.5, "a", "A", "b", "zz" * 40, b"a", b"")
AGGREGATES = (
    "count(*)",
    "count(DISTINCT b)",
    "count(DISTINCT c)",
    "sum(id)",
    "total(c)",
    "min(c)",
    "max(b)",
    "max(id) FILTER (WHERE c > 1)",
    "group_concat(b, '-' ORDER BY c DESC, id)",
    "avg(id)",
    "median(c)",
)


@pytest.fixture(params=["whole", "in pieces"])
def engines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Our connection and SQLite's, with the same rows."""
    if request.param == "in pieces":
        run_in_pieces(monkeypatch)
    ours, theirs = turso.connect(":memory:", isolation_level=None), apsw.Connection(":memory:")
    rng = random.Random(7)
    rows = [(rng.choice(VALUES), rng.choice(VALUES), rng.choice((None, 1.5, 2.0, 0.25))) for _ in range(60)]
    for connection in (ours, theirs):
        for sql in SCHEMA:
            connection.execute(sql)
        for row in rows:
            connection.execute("INSERT INTO t(a, b, c) VALUES (?, ?, ?)", row)
        for number in range(30):
            connection.execute("INSERT INTO w VALUES (?, ?, ?)", (f"k{number % 4}", number, number % 3))
    yield ours, theirs
    ours.close()


def alike(value: Any) -> Any:
    """Which of equal values a group shows depends on the plan."""
    if isinstance(value, int | float):
        return f"{float(value):.9g}"
    return value.lower() if isinstance(value, str) else repr(value)


def compare(engines: Any, sql: str, in_order: bool = False) -> None:
    ours, theirs = engines
    got, expected = ([tuple(map(alike, row)) for row in c.execute(sql).fetchall()] for c in (ours, theirs))
    if not in_order:
        got, expected = sorted(got), sorted(expected)
    assert got == expected, sql


def query(rng: random.Random) -> tuple[str, bool]:
    """A query that an index, or the rowid, gives rows for in the order of its groups; whether its rows are ordered."""
    keys = rng.choice((["a"], ["a", "b"], ["b", "a"], ["b"], ["id"], ["b", "a", "id"]))
    where = rng.choice(("", "", "WHERE a = 1", "WHERE a > 1", "WHERE b IN ('a', 'b', NULL)", "WHERE c > 1"))
    down = rng.choice(("", " DESC"))
    order = rng.choice(("", f"ORDER BY {', '.join(key + down for key in keys)}"))
    tail = f"{order} {rng.choice(('', 'LIMIT 3', 'LIMIT 2 OFFSET 1')) if order else ''}"
    if rng.random() < 0.3:
        rest = rng.choice(("c", "c DESC, a", "c NULLS LAST, b DESC")) + ", id"
        limit = rng.choice(("", "LIMIT 3", "LIMIT 20 OFFSET 1"))
        tail = f"ORDER BY {', '.join(key + down for key in keys)}, {rest} {limit}"
        return f"SELECT {rng.choice(('id', 'id, b, c'))} FROM t {where} {tail}", True
    if rng.random() < 0.25:
        return f"SELECT DISTINCT {', '.join(keys)} FROM t {where} {tail}", bool(order)
    shown = rng.sample(AGGREGATES, rng.randint(0, 3))
    having = rng.choice(("", "", "HAVING count(*) > 1"))
    core = f"SELECT {', '.join([*keys, *shown])} FROM t {where} GROUP BY {', '.join(keys)} {having} {tail}"
    if rng.random() < 0.3:
        return f"SELECT * FROM ({core}) g, (SELECT 1 UNION ALL SELECT 2)", False
    return core, bool(order)


@pytest.mark.parametrize("seed", range(40 if HEAVY else 3))
def test_rows_are_sqlites(engines: Any, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(40):
        compare(engines, *query(rng))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, (SELECT group_concat(n || ':' || m) FROM (SELECT n, count(*) m FROM w WHERE k < 'k' || (t.id % 5)"
        " GROUP BY k)) FROM t",
        "SELECT t.id, g.k, g.m FROM t, (SELECT k, max(n) m FROM w GROUP BY k) g WHERE g.m > t.id",
        "SELECT id, EXISTS (SELECT k FROM w WHERE n > t.id GROUP BY k HAVING count(*) > 6) FROM t",
        "SELECT k, n, count(*) FROM w GROUP BY k, n LIMIT 4",
        "SELECT k, sum(n), (SELECT max(id) FROM t WHERE id <= w.n) FROM w GROUP BY k",
        "SELECT DISTINCT k FROM w ORDER BY k DESC",
        "SELECT (SELECT DISTINCT k FROM w WHERE n > t.id LIMIT 1 OFFSET 1) FROM t",
        "SELECT a, count(*) FROM t, w WHERE w.n = t.id GROUP BY a",
        "SELECT a, b, count(*) FROM t LEFT JOIN w ON w.n = t.id AND w.x = 1 GROUP BY a, b ORDER BY a, b",
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 4)"
        " SELECT i, (SELECT group_concat(s, '|') FROM (SELECT sum(n) s FROM w WHERE n < r.i * 7 GROUP BY k)) FROM r",
        "SELECT a, count(*), row_number() OVER (ORDER BY a) FROM t GROUP BY a",
        "SELECT k, max(n), x FROM w GROUP BY k",
        "SELECT 1 FROM w WHERE 0 GROUP BY k",
        "SELECT id, (SELECT n FROM w WHERE k >= 'k' || (t.id % 5) ORDER BY k, x DESC, n LIMIT 1) FROM t",
        "SELECT t.id, g.n FROM t LEFT JOIN (SELECT * FROM w WHERE k > 'k' ORDER BY k, x, n LIMIT 7) g ON g.n > t.id",
    ],
)
def test_in_other_statements(engines: Any, sql: str) -> None:
    compare(engines, sql)


def test_the_first_groups_are_had_without_the_others() -> None:
    connection = turso.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute("CREATE INDEX ta ON t(a)")
    connection.execute(
        "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 20000) INSERT INTO t SELECT i / 10, i FROM n"
    )
    for sql in (
        "SELECT a, sum(b) FROM t GROUP BY a LIMIT 3",
        "SELECT DISTINCT a FROM t LIMIT 3",
        "SELECT * FROM t ORDER BY a, -b LIMIT 3",
    ):
        lines = connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall()
        assert lines[1][5] < 50, lines
    connection.close()

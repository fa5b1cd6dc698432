"""Ranges of indexes end where they should, however entries lie in pages, also while the table changes under a scan."""

from __future__ import annotations

import random

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

SCHEMA = """
CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT, c INT);
CREATE INDEX t_a ON t(a, c);
CREATE INDEX t_b ON t(b DESC, a);
CREATE TABLE w(a INT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
"""
RANGES = [
    "a = ?1",
    "a > ?1",
    "a >= ?1 AND a < ?2",
    "a BETWEEN ?1 AND ?2",
    "a < ?2",
    "a <= ?2 AND a > ?1",
    "a IS NULL",
    "a IS NOT NULL",
    "a = ?1 AND c > ?2",
]
TEXTS = ["b > ?1", "b <= ?1", "b BETWEEN ?1 AND ?2", "b = ?1", "b < ?2 AND b > ?1"]


def _fill(random_: random.Random, n: int) -> list[tuple[str, tuple[object, ...]]]:
    width = random_.choice([3, 40, 400, 3000])
    values = [None, 1.5, "x", b"y", *range(random_.choice([3, 50, 2000]))]
    rows = [(random_.choice(values), f"{random_.randrange(60):03}" * width, random_.randrange(9)) for _ in range(n)]
    found: list[tuple[str, tuple[object, ...]]] = [("INSERT INTO t(a, b, c) VALUES (?, ?, ?)", row) for row in rows]
    return found + [("INSERT OR IGNORE INTO w VALUES (?, ?)", (row[0] or 0, row[1])) for row in rows[: n // 2]]


@pytest.mark.parametrize("seed", range(20 if HEAVY else 3))
def test_every_range_has_its_rows(seed: int) -> None:
    random_ = random.Random(seed)
    theirs, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:", isolation_level=None)
    for connection in (theirs, ours):
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
    for sql, row in _fill(random_, random_.choice([10, 300, 2000])):
        theirs.execute(sql, row)
        ours.execute(sql, row)
    for _ in range(40):
        one, other = random_.randrange(60), random_.randrange(60)
        condition = random_.choice(RANGES + TEXTS)
        if condition in TEXTS:
            one, other = f"{one:03}", f"{other:03}9"  # type: ignore[assignment]
        bound = (one, other)[: 2 if "?2" in condition else condition.count("?1")]
        for query in (
            f"SELECT count(*) FROM t WHERE {condition}",
            f"SELECT count(*), sum(c), min(a) FROM t WHERE {condition}",
            f"SELECT a, c, id FROM t WHERE {condition} ORDER BY a DESC, c DESC, id",
            f"SELECT id FROM t WHERE {condition} ORDER BY id",
        ):
            assert ours.execute(query, bound).fetchall() == list(theirs.execute(query, bound)), (query, bound)
    pair = (random_.randrange(60), f"{random_.randrange(60):03}")
    for condition in ("a = ?1", "a = ?1 AND b > ?2", "a > ?1", "(a = ?1 OR a > ?1 + 5) AND b < ?2"):
        query = f"SELECT count(*) FROM w WHERE {condition}"
        bound = pair[: 2 if "?2" in condition else 1]
        assert ours.execute(query, bound).fetchall() == list(theirs.execute(query, bound)), (query, bound)


@pytest.mark.parametrize("seed", range(10 if HEAVY else 2))
def test_a_scan_ends_where_it_should_though_the_table_changes(seed: int) -> None:
    """Rows are taken one by one; what is added or deleted behind the end meanwhile must not come."""
    random_ = random.Random(seed)
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    connection.executemany("INSERT INTO t(a, b, c) VALUES (?, ?, ?)", [(n % 500, "b" * 30, n) for n in range(20_000)])
    rows = connection.execute("SELECT a, c FROM t WHERE a >= 100 AND a < 300")
    seen = []
    for row in rows:
        seen.append(row)
        if len(seen) % 50 == 0:
            low = random_.randrange(500)
            connection.execute("DELETE FROM t WHERE a BETWEEN ? AND ?", (low, low + random_.randrange(3)))
            connection.executemany("INSERT INTO t(a, b, c) VALUES (?, 'n', -1)", [(random_.randrange(600),)] * 30)
    assert all(100 <= a < 300 for a, _ in seen)
    assert seen == sorted(seen, key=lambda row: row[0])

"""Collations of the user's everywhere texts are compared, as SQLite does with the same function."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest

import turso_wasm

Run = Callable[[str], Any]


def from_behind(a: str, b: str) -> int:
    """The texts in lower case, from their ends."""
    x, y = a.lower()[::-1], b.lower()[::-1]
    return (x > y) - (x < y)


def rows() -> Iterator[tuple[Any, ...]]:
    rng = random.Random(5)
    for number in range(400):
        text = "".join(rng.choice("abAB é1") for _ in range(rng.randint(0, 5)))
        yield number, rng.choice([None, 1, 2.5, text, b"x"]), text, text


SCHEMA = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE behind, c TEXT)"


@pytest.fixture
def both() -> Iterator[Run]:
    """Runs a statement on both, and compares."""
    ours, theirs = turso_wasm.connect(":memory:", isolation_level=None), apsw.Connection(":memory:")
    for db in (ours, theirs):
        db.create_collation("Behind", from_behind)
        db.execute(SCHEMA)
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows())

    def run(sql: str) -> Any:
        found, expected = outcome(ours, sql), outcome(theirs, sql)
        assert found == expected, sql
        return found

    yield run
    assert ours.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ours.close()


def outcome(db: Any, sql: str) -> Any:
    try:
        return list(db.execute(sql))
    except (turso_wasm.Error, apsw.Error) as error:
        return str(error)


QUERIES = [
    "SELECT b, id FROM t ORDER BY b, id",
    "SELECT a, id FROM t ORDER BY a COLLATE BEHIND DESC, id",
    "SELECT a, id FROM t ORDER BY a COLLATE behind DESC NULLS LAST, id LIMIT 7",
    "SELECT max(id), count(*) FROM t GROUP BY b ORDER BY 1",
    "SELECT min(id), count(*) FROM t GROUP BY b ORDER BY b",
    "SELECT count(DISTINCT b), count(DISTINCT c COLLATE behind), count(DISTINCT c) FROM t",
    "SELECT DISTINCT b FROM t ORDER BY 1",
    "SELECT count(*) FROM t x JOIN t y ON x.b = y.b",
    "SELECT count(*) FROM t x JOIN t y ON x.c = y.c COLLATE behind",
    "SELECT count(*) FROM t x LEFT JOIN t y ON x.b = y.b AND x.id <> y.id",
    "SELECT count(*) FROM t x, t y WHERE x.b < y.b AND x.id < 40",
    "SELECT min(b), max(b), min(c COLLATE behind) FROM t",
    "SELECT id FROM t WHERE b = 'BA' ORDER BY id",
    "SELECT id FROM t WHERE c = 'BA' COLLATE behind ORDER BY id",
    "SELECT id FROM t WHERE b IN ('ab', 'BA', 'x', '1') ORDER BY id",
    "SELECT id FROM t WHERE b IN (SELECT c FROM t WHERE id < 9) ORDER BY id",
    "SELECT id FROM t WHERE b NOT IN (SELECT c FROM t WHERE id > 50) ORDER BY id",
    "SELECT id FROM t WHERE b BETWEEN 'a' AND 'B' ORDER BY id",
    "SELECT id FROM t WHERE b > 'ab' ORDER BY b, id",
    "SELECT id FROM t WHERE b LIKE 'ab%' ORDER BY id",
    "SELECT count(*) FROM (SELECT b FROM t UNION SELECT b FROM t)",
    "SELECT count(*) FROM (SELECT b FROM t INTERSECT SELECT upper(b) FROM t)",
    "SELECT count(*) FROM (SELECT b FROM t EXCEPT SELECT b FROM t WHERE id % 2)",
    "SELECT max('b', 'a1' COLLATE behind, 'ab'), min('x' COLLATE behind, 'Y')",
    "SELECT id, rank() OVER (ORDER BY b), count(*) OVER (PARTITION BY b) FROM t ORDER BY id",
    "SELECT id, max(b) OVER (ORDER BY id ROWS 2 PRECEDING) FROM t ORDER BY id",
    "SELECT group_concat(c ORDER BY c COLLATE behind, id) FROM (SELECT * FROM t LIMIT 20)",
    "WITH RECURSIVE r(x, n) AS (SELECT 'a', 0 UNION SELECT x || 'b', n + 1 FROM r WHERE n < 5 "
    "ORDER BY 1 COLLATE behind) SELECT * FROM r",
    "SELECT CASE b WHEN 'ab' THEN 1 ELSE 0 END, id FROM t ORDER BY id",
    "SELECT id FROM t WHERE (b, id) IN (SELECT b, id FROM t WHERE id < 5) ORDER BY id",
    "SELECT b IS 'BA', b <> 'BA', nullif(b, 'ba') FROM t ORDER BY id",
    "SELECT (SELECT count(*) FROM t u WHERE u.b = t.b) FROM t ORDER BY id",
    "SELECT 'a' = 'A' COLLATE behind, 1 = '1' COLLATE behind, 'a' < NULL COLLATE behind",
]


@pytest.mark.parametrize("index", ["", "t(b)", "t(b DESC)", "t(c COLLATE behind DESC, a)", "t(b, id)"])
def test_queries(both: Run, index: str) -> None:
    if index:
        both(f"CREATE INDEX i ON {index}")
    for sql in QUERIES:
        both(sql)


def test_unique_keys(both: Run) -> None:
    both("CREATE TABLE u(k TEXT PRIMARY KEY COLLATE behind, v UNIQUE) WITHOUT ROWID")
    both("INSERT OR IGNORE INTO u SELECT c, id FROM t ORDER BY id")
    both("CREATE UNIQUE INDEX i ON t(b)")
    for sql in (
        "SELECT k FROM u",
        "SELECT v FROM u WHERE k = 'BA'",
        "SELECT k FROM u WHERE k > 'b' AND k <= 'Ab'",
        "INSERT INTO u VALUES ('AB', -1)",
        "INSERT OR REPLACE INTO u VALUES ('aB', -2)",
        "INSERT INTO u VALUES ('AB', -3) ON CONFLICT (k) DO UPDATE SET v = -4",
        "UPDATE u SET k = k || 'z' WHERE v % 3 = 0",
        "DELETE FROM u WHERE k < 'b'",
        "SELECT k, v FROM u",
        "CREATE TABLE w(x TEXT COLLATE behind UNIQUE, CHECK (x <> 'no'))",
        "INSERT INTO w VALUES ('NO')",
        "INSERT INTO w VALUES ('yes')",
        "INSERT INTO w VALUES ('YES')",
        "SELECT * FROM w WHERE x = 'yEs'",
    ):
        both(sql)


@pytest.mark.parametrize("order", ["ascending", "descending", "random", "runs", "converging"])
def test_texts_may_come_in_any_order(order: str) -> None:
    n = 4000
    texts = [f"{i:06d}" for i in range(n)]
    coming = {
        "ascending": texts,
        "descending": texts[::-1],
        "random": random.Random(1).sample(texts, n),
        "runs": [texts[j] for k in range(7) for j in range(k, n, 7)],
        "converging": [texts[i // 2] if i % 2 else texts[n - 1 - i // 2] for i in range(n)],
    }[order]
    db = turso_wasm.connect(":memory:")
    db.create_collation("plain", lambda a, b: (a > b) - (a < b))
    db.execute("CREATE TABLE t(a)")
    db.executemany("INSERT INTO t VALUES (?)", ((text,) for text in coming))
    assert db.execute("SELECT a FROM t ORDER BY a COLLATE plain").fetchall() == [(text,) for text in texts]
    assert db.execute("SELECT a FROM t GROUP BY a COLLATE plain").fetchall() == [(text,) for text in texts]
    db.close()


def test_files_with_collations_that_are_not_there(tmp_path: Any) -> None:
    path = tmp_path / "a.db"
    db = turso_wasm.connect(path, isolation_level=None)
    db.create_collation("behind", from_behind)
    db.executescript("CREATE TABLE t(a TEXT COLLATE behind, b); CREATE INDEX i ON t(a); INSERT INTO t VALUES ('x', 1)")
    db.create_collation("behind", None)
    missing = "no such collation sequence: behind"
    assert outcome(db, "SELECT b FROM t") == [(1,)]
    assert outcome(db, "SELECT b FROM t WHERE a = 'x'") == missing
    assert outcome(db, "SELECT a FROM t ORDER BY a") == missing
    assert outcome(db, "INSERT INTO t VALUES ('y', 2)") == missing
    assert outcome(db, "SELECT a FROM t ORDER BY a COLLATE NOCASE") == [("x",)]
    assert outcome(db, "CREATE TABLE u(a COLLATE elsewhere)") == "no such collation sequence: elsewhere"
    db.create_collation("BEHIND", from_behind)
    assert outcome(db, "SELECT b FROM t WHERE a = 'X'") == [(1,)]
    db.close()


# --- what the comparison does ---------------------------------------------------------------------------------------


def test_what_a_comparison_raises_is_the_cause() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.executescript("CREATE TABLE t(a); INSERT INTO t VALUES ('a'), ('b')")
    for compare, kind in ((lambda a, b: 1 // 0, ZeroDivisionError), (lambda a, b: "x", TypeError)):
        db.create_collation("bad", compare)  # type: ignore[arg-type, return-value]
        for sql in (
            "SELECT a FROM t ORDER BY a COLLATE bad",
            "SELECT 'a' = 'b' COLLATE bad",
            "CREATE INDEX i ON t(a COLLATE bad)",
        ):
            with pytest.raises(turso_wasm.OperationalError, match="collation raised exception") as caught:
                db.execute(sql).fetchall()
            assert isinstance(caught.value.__cause__, kind)
    db.create_collation("big", lambda a, b: 1 << 70)
    assert db.execute("SELECT 'a' < 'b' COLLATE big").fetchone() == (0,)
    db.close()


def test_a_comparison_may_read_but_not_write() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    nested = "SELECT 1"

    def asks(a: str, b: str) -> int:
        db.execute(nested).fetchall()
        return (a > b) - (a < b)

    db.create_collation("asks", asks)
    db.executescript("CREATE TABLE log(x); CREATE TABLE big(x); CREATE TABLE t(a TEXT COLLATE asks UNIQUE)")
    db.executemany("INSERT INTO big VALUES (?)", (("x" * 3000,) for _ in range(500)))
    nested = "SELECT sum(length(x)) FROM big"
    db.executemany("INSERT INTO t VALUES (?)", ((f"{i * 7919 % 1000}",) for i in range(40)))
    assert db.execute("SELECT count(*) FROM t WHERE a = '0'").fetchone() == (1,)
    db.execute("BEGIN")
    for nested in (
        "INSERT INTO log VALUES (1)",
        "DELETE FROM t",
        "ROLLBACK",
        "COMMIT",
        "CREATE TABLE n(x)",
        "DROP TABLE log",
    ):
        with pytest.raises(turso_wasm.OperationalError) as caught:
            db.execute("INSERT INTO t VALUES ('zz')")
        assert str(caught.value.__cause__) == "database table is locked", nested
    nested = "SELECT 1"
    db.execute("INSERT INTO t VALUES ('zz')")
    db.execute("COMMIT")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (41,)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()

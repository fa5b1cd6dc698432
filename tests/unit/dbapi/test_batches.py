"""Code of the user's called for many rows at once (docs/decisions/0037): as sqlite3 calls it, with few crossings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import turso_wasm
from turso_wasm.runtime import engine

N = 1000
Log = list[tuple[Any, ...]]


class Recorder:
    """A connection whose functions note their calls."""

    def __init__(self, module: ModuleType, deterministic: bool = False) -> None:
        self.db = db = module.connect(":memory:")
        self.log: Log = []
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c, d)")
        rows = [(i, i * 7 % 13, f"k{i % 17}" if i % 5 else "é\0x", None if i % 3 else i / 2) for i in range(N)]
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        db.execute("CREATE TABLE u(x, y)")
        db.executemany("INSERT INTO u VALUES (?, ?)", [(i, i * i) for i in range(20)])
        for name in ("f", "g"):
            db.create_function(name, -1, self.noted(name, lambda *given: given[0]), deterministic=deterministic)
        db.create_function("bad", 1, self.noted("bad", lambda a: a // (a - 500)), deterministic=deterministic)
        db.create_function("odd", 1, self.noted("odd", lambda a: [] if a == 100 else a))
        log = self.log

        class Values:
            def __init__(self) -> None:
                self.values: Log = []

            def step(self, *given: Any) -> None:
                log.append(("step", *given))
                self.values.append(given)

            def inverse(self, *given: Any) -> None:
                log.append(("inverse", *given))
                self.values.pop(0)

            def value(self) -> int:
                log.append(("value",))
                return len(self.values)

            def finalize(self) -> int:
                return len(self.values)

        db.create_aggregate("ag", -1, Values)
        db.create_aggregate("other", 1, Values)
        db.create_window_function("wn", 1, Values)

    def noted(self, name: str, code: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.log.append((name, *given))
            return code(*given)

        return call

    def run(self, sql: str) -> tuple[list[Any], str | None]:
        try:
            return self.db.execute(sql).fetchall(), None
        except (sqlite3.Error, turso_wasm.Error) as error:
            return [], str(error)


@pytest.fixture
def crossings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Its length is the number of calls out of the kernel."""
    calls, seen = engine.host().user_calls, list[int]()
    told = calls._told
    monkeypatch.setattr(calls, "_told", lambda: seen.append(1) or told())
    return seen  # type: ignore[return-value]


ALIKE = """
SELECT g(b) FROM t
SELECT g(b), a FROM t
SELECT f(b), g(c) FROM t
SELECT g(d), g(c), g(b) FROM t
SELECT g(f(b)) FROM t
SELECT g() FROM t
SELECT CASE WHEN b > 5 THEN g(b) END FROM t
SELECT coalesce(g(d), f(b)) FROM t
SELECT g(a) FROM t LIMIT 7
SELECT g(a) FROM t LIMIT 7 OFFSET 3
SELECT g(b) FROM (SELECT b FROM t LIMIT 10)
SELECT a FROM t WHERE g(b) > 5
SELECT a FROM t WHERE b > 6 AND g(b) > 8
SELECT a FROM t WHERE b > 6 OR g(b) > 8
SELECT a FROM t WHERE g(b) > 5 LIMIT 3
SELECT a, bad(a) FROM t
SELECT bad(a), g(b) FROM t
SELECT odd(a) FROM t WHERE a > 99
SELECT json(c), g(a) FROM t
SELECT g(a), abs(a) FROM t WHERE a < 10
SELECT g(c) FROM t ORDER BY g(b)
SELECT DISTINCT g(c) FROM t
SELECT g(b), count(*) FROM t GROUP BY g(b)
SELECT sum(g(b)), max(f(c)) FROM t
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE g(x) = b)
SELECT g(x) FROM u JOIN t ON x = a
SELECT g(x) + x FROM u UNION ALL SELECT f(x) FROM u
SELECT g(a), changes() FROM t
SELECT ag(b) FROM t
SELECT ag() FROM t
SELECT ag(c, d) FROM t
SELECT ag(b), other(c) FROM t
SELECT ag(DISTINCT b) FROM t
SELECT ag(b) FILTER (WHERE b > 5) FROM t
SELECT ag(g(b)) FROM t
SELECT ag(bad(a)) FROM t
SELECT ag(b) FROM t WHERE bad(a) >= 0
SELECT ag(b), other(json(c)) FROM t
SELECT wn(b) OVER (ORDER BY a ROWS 3 PRECEDING) FROM t WHERE a < 50
INSERT INTO u SELECT g(a), f(b) FROM t
INSERT INTO u SELECT g(a), bad(a) FROM t
INSERT INTO u VALUES (g(1), f(2)), (g(3), f(4))
UPDATE t SET b = g(b)
DELETE FROM t WHERE g(a) % 2
""".strip().splitlines()


@pytest.mark.parametrize("sql", ALIKE)
def test_calls_are_those_of_sqlite(sql: str) -> None:
    theirs, ours = Recorder(sqlite3), Recorder(turso_wasm)
    assert ours.run(sql) == theirs.run(sql)
    known = len(ours.log) if "odd" in sql else None  # what cannot be converted is found out behind the batch
    assert ours.log[:known] == theirs.log if known is None else ours.log[: len(theirs.log)] == theirs.log


@pytest.mark.parametrize("sql", ALIKE)
def test_deterministic_functions_give_the_same(sql: str) -> None:
    assert Recorder(turso_wasm, True).run(sql) == Recorder(sqlite3, True).run(sql)


@pytest.mark.parametrize(
    ("sql", "most"),
    [
        ("SELECT g(b) FROM t", 12),
        ("SELECT f(b), g(c) FROM t", 12),
        ("SELECT a FROM t WHERE b >= 0 AND g(b) > 5", 12),
        ("SELECT sum(g(b)) FROM t", 12),
        ("SELECT count(*) FROM t GROUP BY g(b) ORDER BY 1", 12),
        ("SELECT ag(b) FROM t", 12),
        ("SELECT ag() FROM t", 12),
        ("SELECT b, ag(a), other(c) FROM t GROUP BY b", 13 * 3),
        ("SELECT wn(b) OVER (ORDER BY a ROWS 3 PRECEDING) FROM t", 12),
        ("SELECT g(b) FROM t LIMIT 1", 1),
    ],
)
def test_few_crossings(sql: str, most: int, crossings: list[int]) -> None:
    recorder = Recorder(turso_wasm)
    recorder.run(sql)
    assert 0 < len(crossings) <= most


def test_an_insert_gathers_deterministic_functions(crossings: list[int]) -> None:
    recorder = Recorder(turso_wasm, deterministic=True)
    assert recorder.run("INSERT INTO u SELECT f(a), g(b) FROM t WHERE b > 3") == ([], None)
    assert len(crossings) < 40, "of 1400 calls"
    expected = [(i, i * 7 % 13) for i in range(N) if i * 7 % 13 > 3]
    assert recorder.run("SELECT x, y FROM u WHERE rowid > 20")[0] == expected
    crossings.clear()
    assert recorder.run("INSERT INTO u SELECT bad(a), 1 FROM t")[1] is not None
    assert recorder.run("SELECT count(*) FROM u")[0] == [(20 + len(expected),)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET b = g(b), c = f(c, d)",
        "UPDATE t SET b = g(b) + 1 WHERE b > 3 RETURNING a, b",
        "UPDATE t SET b = 0 WHERE g(b) > 5",
        "UPDATE t SET a = -g(a)",
        "UPDATE k SET p = g(p) + 1, v = f(v) WHERE g(v) > 20",
        "UPDATE t SET b = bad(a)",
        "DELETE FROM t WHERE g(b) > 5",
        "DELETE FROM t WHERE b > 2 AND g(b) > 5 RETURNING a",
        "DELETE FROM k WHERE g(v) % 2",
        "DELETE FROM t WHERE bad(a) > 3",
        "SELECT (SELECT sum(g(b)) FROM t), a FROM u, t WHERE a = x",
        "SELECT a FROM t WHERE b IN (SELECT g(a) FROM t WHERE b > 5)",
        "SELECT EXISTS (SELECT 1 FROM t WHERE g(a) = 900)",
    ],
)
def test_deterministic_functions_are_gathered_in_changes_and_subqueries(sql: str, crossings: list[int]) -> None:
    answers = []
    for module in (turso_wasm, sqlite3):
        recorder = Recorder(module, deterministic=True)
        recorder.db.execute("CREATE TABLE k(p, v, PRIMARY KEY(p DESC)) WITHOUT ROWID")
        recorder.db.execute("INSERT INTO k SELECT a * 3, b FROM t WHERE a < 500")
        recorder.db.execute("CREATE INDEX t_b ON t(b)")
        given, failed = recorder.run(sql)
        tables = [recorder.run(f"SELECT * FROM {name} ORDER BY 1, 2")[0] for name in ("t", "k")]
        answers.append((sorted(given), failed, tables))
    assert answers[0] == answers[1]
    assert 0 < len(crossings) < 40


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET b = g(a) + (SELECT count(*) FROM t WHERE b = 3)",
        "UPDATE t SET b = g(b) + (SELECT t2.b FROM t AS t2 WHERE t2.a = t.a - 1)",
        "UPDATE OR IGNORE t SET a = g(a) + 1",
        "UPDATE OR REPLACE t SET a = g(a) + 3 WHERE a % 2",
        "UPDATE t SET b = (SELECT g(u.y) FROM u WHERE u.x = t.b)",
        "SELECT a, (SELECT sum(g(x) * t.a) FROM u WHERE f(x) < t.b) FROM t",
        "DELETE FROM t WHERE g(b) IN (SELECT g(x) FROM u WHERE u.y = t.b * t.b)",
        "UPDATE t SET b = g(b) WHERE a IN (SELECT g(x) FROM u)",
        "UPDATE t SET b = g(u.y) FROM u WHERE u.x = t.b",
    ],
)
def test_what_is_gathered_in_changes_sees_what_it_must(sql: str) -> None:
    answers = []
    for module in (turso_wasm, sqlite3):
        recorder = Recorder(module, deterministic=True)
        recorder.db.execute(
            "CREATE TRIGGER r AFTER UPDATE OF d ON t BEGIN UPDATE t SET b = b + 1 WHERE a = new.a + 1; END"
        )
        answers.append((recorder.run(sql), recorder.run("SELECT * FROM t")))
        answers[-1] += (recorder.run("UPDATE t SET d = g(b)"), recorder.run("SELECT * FROM t"))
    assert answers[0] == answers[1]


def test_deterministic_functions_are_gathered_under_a_limit(crossings: list[int]) -> None:
    recorder = Recorder(turso_wasm, deterministic=True)
    assert len(recorder.run("SELECT a FROM t WHERE g(b) > 5 LIMIT 100")[0]) == 100
    assert len(crossings) < 12
    assert len(recorder.log) < N


def test_what_is_raised_is_the_cause_and_comes_at_its_row() -> None:
    recorder = Recorder(turso_wasm)
    rows = recorder.db.execute("SELECT a, bad(a) FROM t")
    with pytest.raises(turso_wasm.OperationalError) as caught:
        for _ in rows:
            pass
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.traceback
    assert recorder.log[-1] == ("bad", 500)
    assert recorder.run("SELECT count(*) FROM t") == ([(N,)], None)


def test_a_failure_that_nobody_reaches_is_forgotten() -> None:
    recorder = Recorder(turso_wasm, deterministic=True)
    recorder.db.create_function("low", 1, lambda a: 1 // (10 - a), deterministic=True)
    assert recorder.run("SELECT a FROM t WHERE low(a) >= 0 LIMIT 9") == ([(i,) for i in range(9)], None)
    assert not recorder.db._runtime.user.kept


def test_an_interrupt_is_seen_between_two_calls() -> None:
    recorder = Recorder(turso_wasm)
    db = recorder.db
    db.create_function("stop", 1, recorder.noted("stop", lambda a: db.interrupt() if a == 700 else a))
    with pytest.raises(turso_wasm.OperationalError, match=r"^interrupted$"):
        db.execute("SELECT stop(a) FROM t").fetchall()
    assert recorder.log[-1] == ("stop", 700)

    class Stopping:
        def step(self, value: int) -> None:
            recorder.log.append(("step", value))
            if value == 300:
                db.interrupt()

        def finalize(self) -> int:
            return 1

    db.create_aggregate("stopping", 1, Stopping)
    with pytest.raises(turso_wasm.OperationalError, match=r"^interrupted$"):
        db.execute("SELECT stopping(a) FROM t").fetchall()
    assert recorder.log[-1] == ("step", 300)


def test_a_rollback_is_seen_between_two_calls() -> None:
    recorder = Recorder(turso_wasm)
    db = recorder.db
    db.commit()
    db.execute("BEGIN")
    db.execute("CREATE TABLE z(x)")
    db.create_function("back", 1, recorder.noted("back", lambda a: db.execute("ROLLBACK") and 1 if a == 700 else a))
    with pytest.raises(turso_wasm.OperationalError, match=r"^abort due to ROLLBACK$"):
        db.execute("SELECT back(a) FROM t").fetchall()
    assert recorder.log[-1] == ("back", 700)


def test_sql_in_a_batch_sees_and_writes() -> None:
    for module in (sqlite3, turso_wasm):
        recorder = Recorder(module)
        db = recorder.db

        def note(value: int, db: Any = db) -> int:
            db.execute("INSERT INTO u VALUES (?, ?)", (value, -1))
            return int(db.execute("SELECT count(*) FROM u WHERE y = -1").fetchone()[0])

        db.create_function("note", 1, note)
        assert db.execute("SELECT a, note(a) FROM t ORDER BY a").fetchall() == [(i, i + 1) for i in range(N)]


@pytest.mark.parametrize("value", ["", "é", "a\0b", "x" * 300_000, b"", b"\0\xff", None, -0.0, 1e300, 1 << 62, True])
def test_values_of_every_kind(value: Any) -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE v(a)")
    db.executemany("INSERT INTO v VALUES (?)", [("plain",), (value,), ("é",), (value,), (7,), (None,), (value,)])
    db.create_function("echo", 1, lambda given: given)
    db.create_function("pair", 2, lambda a, b: b)
    expected = db.execute("SELECT a, a, typeof(a) FROM v").fetchall()
    assert db.execute("SELECT a, echo(a), typeof(echo(a)) FROM v").fetchall() == expected
    assert db.execute("SELECT a, pair('x' || rowid, a), typeof(pair(1, a)) FROM v").fetchall() == expected
    db.execute("DELETE FROM v WHERE typeof(a) <> ?", (db.execute("SELECT typeof(?)", (value,)).fetchone()[0],))
    expected = db.execute("SELECT a, a FROM v").fetchall()
    assert db.execute("SELECT a, echo(a) FROM v").fetchall() == expected


def test_texts_of_many_rows_move_together() -> None:
    db = turso_wasm.connect(":memory:")
    texts = [("t" * (i * 37 % 900) + str(i),) for i in range(5000)]
    db.execute("CREATE TABLE v(a)")
    db.executemany("INSERT INTO v VALUES (?)", texts)
    db.create_function("both", 2, lambda a, b: a + b)
    assert db.execute("SELECT both(a, 'é') FROM v").fetchall() == [(text + "é",) for (text,) in texts]


def test_order_by_a_collation_asks_the_host_once_a_text(crossings: list[int]) -> None:
    for module in (sqlite3, turso_wasm):
        recorder = Recorder(module)
        recorder.db.create_collation("back", lambda a, b: (a < b) - (a > b))
        found = recorder.run("SELECT c, a FROM t ORDER BY c COLLATE back, a")[0]
        assert found == sorted(sorted(found, key=lambda row: row[1]), key=lambda row: row[0], reverse=True)
        assert recorder.run("SELECT count(*) FROM t GROUP BY c COLLATE back ORDER BY c COLLATE back LIMIT 2")[0]
    assert len(crossings) <= 18 * 2


def test_a_collation_of_many_texts() -> None:
    db = turso_wasm.connect(":memory:")
    texts = [str(i * 7919 % 20011) for i in range(20011)]
    db.execute("CREATE TABLE v(a)")
    db.executemany("INSERT INTO v VALUES (?)", [(text,) for text in [*texts, *texts[:500]]])
    db.create_collation("number", lambda a, b: int(a) - int(b))
    found = [int(text) for (text,) in db.execute("SELECT a FROM v ORDER BY a COLLATE number")]
    assert found == sorted(found)
    assert len(found) == 20511
    db.create_collation("even", lambda a, b: int(a) // 2 - int(b) // 2)
    assert db.execute("SELECT count(*) FROM (SELECT 1 FROM v GROUP BY a COLLATE even)").fetchone() == (10006,)


@pytest.mark.parametrize("wrong", [None, "x", 0.5])
def test_a_collation_must_give_integers(wrong: Any) -> None:
    db = turso_wasm.connect(":memory:")
    db.create_collation("wrong", lambda a, b: wrong)
    with pytest.raises(turso_wasm.OperationalError, match=r"^user-defined collation raised exception$") as caught:
        db.execute("SELECT column1 FROM (VALUES ('a'), ('b'), ('c')) ORDER BY column1 COLLATE wrong").fetchall()
    assert isinstance(caught.value.__cause__, TypeError)

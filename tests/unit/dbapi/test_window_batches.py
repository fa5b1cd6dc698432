"""Windows of the user's whose values are asked for ahead of their rows (docs/decisions/0037): as sqlite3 calls them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import turso_wasm
from turso_wasm.runtime import engine

N = 700


class Recorder:
    """A connection with window functions that note their calls. w shows what is in its frame; odd fails for some."""

    def __init__(self, module: ModuleType) -> None:
        self.db = db = module.connect(":memory:")
        self.log: list[tuple[Any, ...]] = []
        log = self.log
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c, d)")
        rows = [(i, i * 7 % 13, f"k{i % 17}" if i % 5 else "é\0x", None if i % 3 else i / 2) for i in range(N)]
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)

        class Frame:
            def __init__(self) -> None:
                self.rows: list[Any] = []

            def step(self, *given: Any) -> None:
                log.append(("step", *given))
                self.rows.append(given)

            def inverse(self, *given: Any) -> None:
                log.append(("inverse", *given))
                self.rows.pop(0)

            def value(self) -> Any:
                log.append(("value", len(self.rows)))
                return self.shown()

            def shown(self) -> Any:
                return f"{len(self.rows)} {self.rows[-1:]}"

            def finalize(self) -> Any:
                return self.shown()

        class Last(Frame):
            def shown(self) -> Any:
                return self.rows[-1][0] if self.rows else None

        class Odd(Last):
            def step(self, *given: Any) -> None:
                super().step(*given)
                if given[0] == 300:
                    raise KeyError("at 300")

            def inverse(self, *given: Any) -> None:
                super().inverse(*given)
                if given[0] == 200:
                    raise KeyError("at 200")

            def shown(self) -> Any:
                return [] if self.rows[-1][0] == 100 else 1 // (self.rows[-1][0] - 150)

        for name, made in (("w", Frame), ("last", Last), ("odd", Odd)):
            db.create_window_function(name, -1, made)

    def run(self, sql: str) -> tuple[list[Any], str | None]:
        rows = []
        try:
            for row in self.db.execute(sql):
                rows.append(row)
        except (sqlite3.Error, turso_wasm.Error) as error:
            return rows, str(error)
        return rows, None


@pytest.fixture
def crossings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Its length is the number of calls out of the kernel."""
    calls, seen = engine.host().user_calls, list[int]()
    told = calls._told
    monkeypatch.setattr(calls, "_told", lambda: seen.append(1) or told())
    return seen  # type: ignore[return-value]


WINDOWS = """
ORDER BY a
ORDER BY b
ORDER BY b, a DESC
PARTITION BY b
PARTITION BY b ORDER BY a
ORDER BY a ROWS 3 PRECEDING
ORDER BY a ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING
ORDER BY b ROWS UNBOUNDED PRECEDING
ORDER BY b GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW
ORDER BY b RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING
PARTITION BY a % 3 ORDER BY b RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
""".strip().splitlines()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("call", ["w(c, d)", "last(d)"])
def test_calls_are_those_of_sqlite(call: str, window: str) -> None:
    sql = f"SELECT a, {call} OVER ({window}) FROM t"
    theirs, ours = Recorder(sqlite3), Recorder(turso_wasm)
    assert ours.run(sql) == theirs.run(sql)
    counted = [[kind for kind, *_ in recorder.log].count("value") for recorder in (ours, theirs)]
    assert 0 <= counted[0] - counted[1] < 14, "a crossing begins by asking for the value"
    own, other = ([entry for entry in recorder.log if entry[0] != "value"] for recorder in (ours, theirs))
    assert own == other[: len(own)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, last(a) OVER w, w(b) OVER w FROM t WINDOW w AS (ORDER BY a ROWS 2 PRECEDING)",
        "SELECT a, last(a) OVER (ORDER BY a), last(b) OVER (ORDER BY a ROWS 2 PRECEDING) FROM t",
        "SELECT sum(x), max(y) FROM (SELECT last(a) OVER (ORDER BY a) AS x, b AS y FROM t)",
        "SELECT a, last(a) OVER (ORDER BY a) FROM t ORDER BY b, a LIMIT 5",
        "SELECT a, last(a) OVER (ORDER BY a) FROM t LIMIT 5",
        "SELECT a, last(a) OVER (ORDER BY a ROWS 3 PRECEDING), row_number() OVER (ORDER BY a ROWS 3 PRECEDING) FROM t",
        "SELECT a, last(a) OVER (ORDER BY a GROUPS 1 PRECEDING EXCLUDE TIES) FROM t WHERE a < 30",
        "SELECT x, (SELECT max(v) FROM (SELECT last(b) OVER (ORDER BY a) AS v FROM t WHERE a < x))"
        " FROM (SELECT a AS x FROM t LIMIT 9)",
        "WITH q AS (SELECT a, last(b) OVER (PARTITION BY b) AS v FROM t) SELECT x.a, y.v FROM q AS x, q AS y USING (a)",
        "SELECT last(a) OVER (ORDER BY b DESC) FROM t WHERE a < 0",
    ],
)
def test_answers_are_those_of_sqlite(sql: str) -> None:
    assert Recorder(turso_wasm).run(sql) == Recorder(sqlite3).run(sql)


@pytest.mark.parametrize(
    "call",
    [
        "last(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING)",
        "last(a) OVER (ORDER BY a ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING)",
        "w(c) FILTER (WHERE b < 4) OVER (ORDER BY a ROWS 1 PRECEDING)",
        "w(c) FILTER (WHERE b < 0) OVER (PARTITION BY b)",
    ],
)
def test_empty_frames(call: str) -> None:
    """In which sqlite3 fails; so the answer is that of one call after the other, under a LIMIT."""
    recorder = Recorder(turso_wasm)
    sql = f"SELECT a, {call} FROM t"
    assert recorder.run(sql) == recorder.run(f"{sql} LIMIT {N}")


@pytest.mark.parametrize("where", ["a > 250", "a > 180", "a > 98", "a BETWEEN 140 AND 170"])
@pytest.mark.parametrize("window", ["ORDER BY a", "ORDER BY a ROWS 3 PRECEDING"])
def test_a_failure_comes_behind_the_rows_before_it(where: str, window: str) -> None:
    sql = f"SELECT a, odd(a) OVER ({window}) FROM t WHERE {where}"
    ours, theirs = Recorder(turso_wasm), Recorder(sqlite3)
    (rows, message), (their_rows, _) = ours.run(sql), theirs.run(sql)
    assert rows[: len(their_rows)] == their_rows
    assert len(rows) - len(their_rows) <= 1, "sqlite3 looks for the next row before it gives one"
    assert message is not None and "raised error" in message
    assert ours.run("SELECT last(a) OVER () FROM t LIMIT 1") == ([(N - 1,)], None)
    assert not ours.db._runtime.user.kept, "nothing is left of it"


def test_what_is_raised_is_the_cause() -> None:
    with pytest.raises(turso_wasm.OperationalError, match="'step' method raised error") as caught:
        Recorder(turso_wasm).db.execute("SELECT odd(a) OVER (ORDER BY a) FROM t WHERE a > 250").fetchall()
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("window", WINDOWS)
def test_few_crossings(window: str, crossings: list[int]) -> None:
    Recorder(turso_wasm).run(f"SELECT last(a) OVER ({window}) FROM t")
    assert 0 < len(crossings) < 14 * 3, "three for each of 13 partitions"


def test_few_calls_under_a_limit() -> None:
    recorder = Recorder(turso_wasm)
    recorder.run("SELECT last(a) OVER (ORDER BY a) FROM t LIMIT 2")
    assert len(recorder.log) < 10


def test_an_interrupt_is_seen_between_two_calls() -> None:
    recorder = Recorder(turso_wasm)
    db = recorder.db

    class Stopping:
        def step(self, value: int) -> None:
            recorder.log.append(("step", value))
            if value == 300:
                db.interrupt()

        def value(self) -> int:
            return 1

        inverse, finalize = step, value

    db.create_window_function("stopping", 1, Stopping)
    with pytest.raises(turso_wasm.OperationalError, match=r"^interrupted$"):
        db.execute("SELECT stopping(a) OVER (ORDER BY a) FROM t").fetchall()
    assert recorder.log[-1] == ("step", 300)


def test_code_that_writes_sees_what_it_has_written() -> None:
    for module in (sqlite3, turso_wasm):
        db: Any = module.connect(":memory:")
        db.execute("CREATE TABLE noted(x)")

        class Noting:
            def __init__(self, db: Any = db) -> None:
                self.db = db

            def step(self, value: int) -> None:
                self.db.execute("INSERT INTO noted VALUES (?)", (value,))

            def value(self) -> int:
                return int(self.db.execute("SELECT count(*) FROM noted").fetchone()[0])

            inverse, finalize = step, value

        db.create_window_function("noting", 1, Noting)
        db.execute("CREATE TABLE t(a)")
        db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(50)])
        rows = db.execute("SELECT a, noting(a) OVER (ORDER BY a) FROM t").fetchall()
        assert rows == [(i, i + 1) for i in range(50)]

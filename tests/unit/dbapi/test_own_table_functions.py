"""Table functions of the user's: generators of rows in FROM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import turso_wasm


@pytest.fixture
def db() -> Iterator[Any]:
    connection = turso_wasm.connect(":memory:")
    yield connection
    connection.close()


def series(start: int, stop: int = 5, step: int = 1) -> Iterator[tuple[int]]:
    for i in range(start, stop, step):
        yield (i,)


def test_arguments_are_hidden_columns(db: Any) -> None:
    db.create_table_function("series", ["value"], series)
    assert db.execute("SELECT * FROM series(2)").fetchall() == [(2,), (3,), (4,)]
    assert db.execute("SELECT value, start, stop, step FROM series(0, 9, 4)").fetchall() == [
        (0, 0, 9, 4),
        (4, 0, 9, 4),
        (8, 0, 9, 4),
    ]
    assert db.execute("SELECT value FROM series WHERE start = 3 AND value <> 3").fetchall() == [(4,)]
    assert db.execute("SELECT a.value, b.value FROM series(3) a, series(a.value) b").fetchall() == [
        (3, 3),
        (3, 4),
        (4, 4),
    ]
    assert db.execute("SELECT count(*) FROM series(0, 100000)").fetchone() == (100_000,)
    assert db.execute("SELECT (SELECT sum(value) FROM series(s.value)) FROM series(3) s").fetchall() == [(7,), (4,)]
    with pytest.raises(turso_wasm.OperationalError, match=r"^too many arguments on series\(\) - max 3$"):
        db.execute("SELECT * FROM series(1, 2, 3, 4)")
    with pytest.raises(turso_wasm.OperationalError, match=r"^table series may not be modified$"):
        db.execute("DELETE FROM series")


VALUES: list[Any] = [None, 0, -1, 1 << 62, 0.5, -0.0, "", "é\0x", "t" * 5000, b"", b"\0\xff", True]


def test_values_of_every_kind(db: Any) -> None:
    db.create_table_function("kinds", ["a", "b"], lambda: [(value, i) for i, value in enumerate(VALUES * 50)])
    found = db.execute("SELECT a, b FROM kinds ORDER BY b").fetchall()
    assert found == [(value, i) for i, value in enumerate(VALUES * 50)]
    db.create_table_function("named", ["a", "b"], lambda: iter([{"b": 1, "a": "x"}]))
    assert db.execute("SELECT * FROM named").fetchall() == [("x", 1)]


def test_no_more_rows_are_made_than_are_wanted(db: Any) -> None:
    made: list[int] = []

    def endless() -> Iterator[tuple[int]]:
        try:
            while True:
                made.append(len(made))
                yield (len(made),)
        finally:
            made.append(-1)

    db.create_table_function("endless", ["n"], endless)
    assert db.execute("SELECT n FROM endless LIMIT 3").fetchall() == [(1,), (2,), (3,)]
    assert len(made) <= 6
    assert made[-1] == -1
    assert not db._runtime.user.kept


def test_what_is_raised_is_the_cause(db: Any) -> None:
    def bad(at: int) -> Iterator[tuple[float]]:
        for i in range(10):
            yield (1 / (at - i),)

    db.create_table_function("bad", ["x"], bad)
    for at in (0, 1, 7):
        with pytest.raises(
            turso_wasm.OperationalError, match=r"^user-defined table function raised exception$"
        ) as caught:
            db.execute("SELECT * FROM bad(?)", (at,)).fetchall()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert db.execute("SELECT count(*) FROM (SELECT 1 FROM bad(?) LIMIT ?)", (at, at)).fetchone() == (at,)


@pytest.mark.parametrize("rows", [[(1, 2)], [()], [5], [([],)], [{"y": 1}], 5, [(1 << 64,)]])
def test_rows_that_are_none(db: Any, rows: Any) -> None:
    db.create_table_function("wrong", ["x"], lambda: rows)
    with pytest.raises((turso_wasm.OperationalError, turso_wasm.DataError)):
        db.execute("SELECT * FROM wrong").fetchall()


def test_sql_inside(db: Any) -> None:
    db.execute("CREATE TABLE t(a)")
    db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(300)])

    def through(limit: int) -> Iterator[tuple[int]]:
        for (a,) in db.execute("SELECT a FROM t LIMIT ?", (limit,)):
            db.execute("INSERT INTO t VALUES (-1)")
            yield (a,)

    db.create_table_function("through", ["a"], through)
    assert db.execute("SELECT sum(a) FROM through(100)").fetchone() == (4950,)
    assert db.execute("SELECT count(*) FROM t WHERE a = -1").fetchone() == (100,)


def test_registering(db: Any) -> None:
    db.create_table_function("f", ["a"], lambda: [(1,)])
    db.create_table_function("F", ["b"], lambda x: [(x,)])
    assert db.execute("SELECT b FROM f(7)").fetchall() == [(7,)]
    db.create_table_function("many", ["n"], lambda *given: [(len(given),)], parameters=["p", "q"])
    assert db.execute("SELECT n FROM many(1, 2)").fetchall() == [(2,)]
    assert db.execute("SELECT n FROM many").fetchall() == [(0,)]
    db.create_table_function("f", [], None)
    with pytest.raises(turso_wasm.OperationalError, match=r"^no such table: f$"):
        db.execute("SELECT * FROM f")
    with pytest.raises(ValueError, match="different names"):
        db.create_table_function("f", [], list)
    with pytest.raises(ValueError, match="different names"):
        db.create_table_function("f", ["a"], lambda A: [A])
    with pytest.raises(TypeError, match=r"parameters="):
        db.create_table_function("f", ["a"], lambda *given: [given])
    for wrong in (5, [5], "name", [None], b"x"):
        with pytest.raises(TypeError):
            db.create_table_function("f", wrong, list)
        with pytest.raises(TypeError):
            db.create_table_function("f", ["a"], list, parameters=wrong)
    with pytest.raises(TypeError, match=r"^parameter must be callable$"):
        db.create_table_function("f", ["a"], 5)
    db.execute("CREATE TABLE many(x)")
    assert db.execute("SELECT * FROM many").fetchall() == []

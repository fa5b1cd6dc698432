"""Wide statements: what grows with the number of columns grows no faster."""

from __future__ import annotations

import pytest

import turso_wasm
from turso_wasm.bind import calls

N = 400


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each comparison of two aggregates."""
    seen: list[int] = []
    same = calls._same_aggregate

    def count(*args: object) -> bool:
        seen.append(1)
        return same(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "_same_aggregate", count)
    return seen


def wide() -> turso_wasm.Connection:
    connection = turso_wasm.connect(":memory:")
    connection.execute(f"CREATE TABLE t({', '.join(f'c{n}' for n in range(N))})")
    connection.execute(f"INSERT INTO t VALUES ({', '.join(map(str, range(N)))})")
    return connection


def test_different_aggregates_are_told_apart_without_comparing_each_with_each(compared: list[int]) -> None:
    found = wide().execute(f"SELECT {', '.join(f'sum(c{n} + {n})' for n in range(N))} FROM t").fetchone()
    assert found == tuple(2 * n for n in range(N))
    assert len(compared) <= N


def test_equal_aggregates_are_one(compared: list[int]) -> None:
    connection = wide()
    twice = ", ".join(f"max(c{n}), count(DISTINCT c{n}) FILTER (WHERE c{n} > 5)" for n in (*range(9), *range(9)))
    found = connection.execute(f"SELECT {twice} FROM t").fetchone()
    assert found == 2 * tuple(value for n in range(9) for value in (n, int(n > 5)))
    assert len(compared) == 18


def test_literals_that_make_aggregates_one_are_part_of_the_program() -> None:
    connection = wide()
    for a, c in ((1, 1), (1, 2), (2, 2), (1, 1.0)):
        found = connection.execute(f"SELECT sum(c3 + {a}), sum(c3 + {c}) FROM t").fetchone()
        assert found == (3 + a, 3 + c)
        assert [type(value) for value in found] == [type(a), type(c)]

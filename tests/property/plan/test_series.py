"""generate_series beside a model of it, in every direction and with bounds; SQLite's library has no such function."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import turso_wasm.dbapi as turso

MOST = 40
LOW, HIGH = -(2**63), 2**63 - 1
small = st.integers(-12, 12)
large = st.one_of(small, st.integers(LOW, LOW + 20), st.integers(HIGH - 20, HIGH), st.integers(LOW, HIGH))
limits = st.one_of(small, large, st.floats(-13, 13), st.just(1e300), st.just(-1e300), st.none(), st.just("x"))
OPERATORS = {
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    "=": lambda x, y: x == y,
    "<>": lambda x, y: x != y,
}


@pytest.fixture(scope="module")
def db() -> Iterator[turso.Connection]:
    connection = turso.connect(":memory:")
    yield connection
    connection.close()


def series(start: int, stop: int, step: int) -> Iterator[int]:
    step = step or 1
    value = start
    while (value <= stop if step > 0 else value >= stop) and LOW <= value <= HIGH:
        yield value
        value += step


def holds(value: int, op: str, limit: Any) -> bool:
    if limit is None:
        return False
    if isinstance(limit, str):  # texts are greater than numbers
        return op in ("<", "<=", "<>")
    return OPERATORS[op](value, limit)


@given(start=large, stop=large, step=large)
def test_it_starts_where_it_is_told_and_goes_on_by_steps(
    db: turso.Connection, start: int, stop: int, step: int
) -> None:
    wanted = list(islice(((value, n) for n, value in enumerate(series(start, stop, step), 1)), MOST))
    sql = f"SELECT value, rowid FROM generate_series(?, ?, ?) LIMIT {MOST}"
    found = db.execute(sql, (start, stop, step)).fetchall()
    assert [value for value, _ in found] == [value for value, _ in wanted]
    if abs(start) < 2**40 and abs(stop) < 2**40:
        assert found == wanted


@given(
    start=small,
    stop=small,
    step=small,
    bounds=st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), limits), max_size=3),
    order=st.sampled_from(["", " ORDER BY value", " ORDER BY value DESC"]),
)
def test_bounds_and_order(
    db: turso.Connection, start: int, stop: int, step: int, bounds: list[tuple[str, Any]], order: str
) -> None:
    wanted = [value for value in series(start, stop, step) if all(holds(value, op, limit) for op, limit in bounds)]
    if order:
        wanted.sort(reverse=order.endswith("DESC"))
    where = " AND ".join(f"value {op} ?" for op, _ in bounds) or "1"
    parameters = (start, stop, step, *(limit for _, limit in bounds))
    found = db.execute(f"SELECT value FROM generate_series(?, ?, ?) WHERE {where}{order}", parameters).fetchall()
    assert [value for (value,) in found] == wanted


@given(start=large, stop=large, step=large, low=large, high=large)
def test_bounds_at_the_ends_of_the_integers(
    db: turso.Connection, start: int, stop: int, step: int, low: int, high: int
) -> None:
    step = step or 1
    step = step if abs(step) > 2**50 else step * 2**50 + 1  # so there are not too many to count
    wanted = [value for value in islice(series(start, min(max(stop, LOW), HIGH), step), 40_000) if low <= value <= high]
    sql = "SELECT value FROM generate_series(?, ?, ?) WHERE value >= ? AND value <= ?"
    if LOW <= step <= HIGH:
        assert [value for (value,) in db.execute(sql, (start, stop, step, low, high)).fetchall()] == wanted

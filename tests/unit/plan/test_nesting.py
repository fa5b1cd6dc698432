"""What is nested is planned and compiled once a level: work grows with the statement, not with a power of its depth."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

import turso_wasm as turso

SCHEMA = "CREATE TABLE p(x, y); CREATE INDEX py ON p(y); CREATE TABLE q(x, y)"


def exists(n: int, negated: str = "") -> str:
    inner = "".join(f"{negated} EXISTS (SELECT 1 FROM p p{i} WHERE p{i}.x = p{i - 1}.x AND " for i in range(1, n + 1))
    return f"SELECT x FROM p p0 WHERE {inner} 1" + ")" * n


def scalar(n: int, outermost: str = "p0") -> str:
    """Subqueries whose output is a key of their order, too."""
    outer = "".join(f"(SELECT p{i}.x + " for i in range(1, n + 1))
    names = [outermost, *(f"p{i}" for i in range(1, n + 1))]
    inner = "".join(f" FROM p p{i} WHERE p{i}.x >= {names[i - 1]}.x ORDER BY 1 LIMIT 1)" for i in range(n, 0, -1))
    return f"{outer} 0 {inner}"


def member(n: int) -> str:
    return "SELECT x FROM p WHERE " + "x NOT IN (SELECT y FROM p WHERE x > 1 AND " * n + "x = 2" + ")" * n


def joins(n: int) -> str:
    joined = f"p p{n - 1} LEFT JOIN p p{n} ON p{n - 1}.x = p{n}.x"
    for i in range(n - 2, -1, -1):
        joined = f"p p{i} LEFT JOIN ({joined}) ON p{i}.x = p{i + 1}.x"
    return f"SELECT p0.x FROM {joined}"


SHAPES = {
    "EXISTS": exists,
    "NOT EXISTS": lambda n: exists(n, "NOT"),
    "NOT IN": member,
    "outer joins": joins,
    "scalar": lambda n: f"SELECT {scalar(n)} FROM p p0 ORDER BY 1",
    "HAVING": lambda n: f"SELECT max(x) FROM p p0 GROUP BY y HAVING {scalar(n)} > 0",
    "RETURNING": lambda n: f"UPDATE q SET y = 1 RETURNING {scalar(n, 'q')}",
    "DELETE": lambda n: f"DELETE FROM q WHERE x > {scalar(n, 'q')}",
    "a window": lambda n: f"SELECT sum({scalar(n)}) OVER (ORDER BY y) FROM p p0",
}


def calls_to_compile(sql: str) -> int:
    """Calls of Python functions until the statement has run over empty tables."""
    n_calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal n_calls
        n_calls += event == "call"

    with turso.connect(":memory:") as connection:
        connection.executescript(SCHEMA)
        sys.setprofile(count)
        try:
            connection.execute(sql).fetchall()
        finally:
            sys.setprofile(None)
    return n_calls


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_depth_is_not_much_more_than_twice_the_work(shape: str) -> None:
    calls_to_compile(SHAPES[shape](2))  # what is computed once a process
    assert calls_to_compile(SHAPES[shape](14)) < 4.5 * calls_to_compile(SHAPES[shape](7))

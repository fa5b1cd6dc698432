"""Random queries give the rows that SQLite gives, whatever plan was chosen.

Two schemas by default, sixty with TURSO_HEAVY=1; PLAN_SEEDS=first:last runs those seeds.
"""

from __future__ import annotations

import os
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY
from tests.property.plan.queries import Generator

N_QUERIES = 15


def seeds() -> range:
    usual = "1:60" if HEAVY else "1:2"
    first, _, last = os.environ.get("PLAN_SEEDS", usual).partition(":")
    return range(int(first), int(last) + 1)


def answer(run: Any, sql: str) -> list[tuple[Any, ...]] | str:
    try:
        return [tuple(row) for row in run(sql).fetchall()]
    except (apsw.Error, turso_wasm.Error) as error:
        return str(error)


def shown(value: Any) -> tuple[str, Any]:
    """A value that compares equal when SQL and its printed form are: sums may differ in the last bit."""
    if isinstance(value, float):
        return "float", float(f"{value:.12g}")
    return type(value).__name__, value


def as_set(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([shown(value) for value in row]) for row in rows)


def sort_keys(rows: list[tuple[Any, ...]], order: list[int]) -> list[list[Any]]:
    """The values sorted by; equal ones (1 and 1.0, 'a' and 'A') alike."""

    def plain(value: Any) -> Any:
        return value.lower().rstrip() if isinstance(value, str) else value

    return [[plain(row[at - 1]) for at in order] for row in rows]


@pytest.mark.parametrize("seed", seeds())
def test_random_queries_are_answered_as_sqlite_does(seed: int) -> None:
    generator = Generator(seed)
    theirs = apsw.Connection(":memory:")
    ours = turso_wasm.connect(":memory:", isolation_level=None)
    for sql in generator.schema():
        assert answer(ours.execute, sql) == answer(theirs.execute, sql), sql
    for _ in range(N_QUERIES):
        sql, order = generator.query()
        got, expected = answer(ours.execute, sql), answer(theirs.execute, sql)
        if isinstance(got, str) or isinstance(expected, str):
            assert got == expected, sql
            continue
        assert as_set(got) == as_set(expected), sql
        if order:
            assert sort_keys(got, order) == sort_keys(expected, order), sql
    ours.close()

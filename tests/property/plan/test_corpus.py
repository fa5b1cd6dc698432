"""The statements of the .test files give the same rows with each optimization off.

`make soak` (TURSO_HEAVY=1) runs every file with each of them off, a normal run some files with all of them off.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import turso_wasm
from tests.golden.blocks import parse
from tests.harness.effort import HEAVY
from tests.harness.planning import without
from turso_wasm.plan.build import OPTIMIZATIONS

SQL = Path(__file__).parents[2] / "sql"
OTHER = ("attach", "dbstat", "encoding", "errors", "fts", "locks", "transactions", "vacuum")  # not about plans
ORDERED = ("row_order", "row_ranges", "update", "where", "windows/aggregates", "windows/functions")
"""Files with rows that depend on the order in which a table is read, where SQL fixes none."""

FILES = [
    name
    for path in sorted(SQL.rglob("*.test"))
    if not (name := path.relative_to(SQL).with_suffix("").as_posix()).startswith(OTHER)
]
SOME = ("correlated", "in_lists", "joins", "or", "semi_joins", "skip_scans")
CASES = (
    [(name, (off,)) for name in FILES for off in OPTIMIZATIONS] if HEAVY else [(name, OPTIMIZATIONS) for name in SOME]
)


def answers(name: str) -> list[tuple[str, object]]:
    """Each statement, and its rows in some order or its error."""
    found: list[tuple[str, object]] = []
    db = turso_wasm.connect(":memory:", isolation_level=None)
    for block in parse(SQL / f"{name}.test"):
        if block.fresh:
            db.close()
            db = turso_wasm.connect(":memory:", isolation_level=None)
        for command in block.commands:
            if command.connection is not None or "random" in command.sql or command.sql.lower().startswith("explain"):
                continue
            try:
                found.append((command.sql, sorted(map(repr, db.execute(command.sql).fetchall()))))
            except turso_wasm.Error as error:
                found.append((command.sql, str(error)))
    db.close()
    return found


@pytest.mark.parametrize(("name", "off"), CASES, ids=lambda value: value if isinstance(value, str) else "+".join(value))
def test_rows_are_the_same(name: str, off: tuple[str, ...]) -> None:
    if "indexes" in off and name in ORDERED:
        pytest.skip("order matters there")
    usual = answers(name)
    with without(off):
        assert answers(name) == usual

"""What sorts, keeps and looks up rows gives the recorded answers when it may keep next to nothing in memory: its rows
come back from files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.golden.script import Script
from tests.harness.steps import before_each_step
from turso_wasm.kernel.abi import YIELD, Run
from turso_wasm.kernel.base.limits import WORK_MAX
from turso_wasm.runtime import engine

FILES = (
    *("aggregates", "collation", "common_tables", "correlated", "distinct_limit", "grouping", "in_lists", "joins"),
    *("json_build", "left_joins", "nulls", "once", "ordering", "outer_joins", "recursive", "row_order", "select"),
    *("semi_joins", "sieves", "subqueries", "table_functions", "trigger_bodies", "update_from", "using"),
    *("windows/aggregates", "windows/frames", "windows/functions", "windows/order", "windows/range"),
)
HERE = Path(__file__).parents[1] / "sql"
LITTLE = 256
ONE = struct.Struct("<I")


@pytest.mark.parametrize("name", FILES)
def test_without_memory(name: str) -> None:
    with little_memory():
        check(name)


@pytest.mark.parametrize("name", ["grouping", "joins", "recursive", "common_tables", "outer_joins"])
def test_without_memory_in_slices(name: str) -> None:
    """What is left at every tick goes on where it was, rows in files too."""
    host = engine.host()
    with little_memory(), before_each_step(lambda at: host.pack(ONE, at + Run.offset("budget"), 0)) as results:
        check(name)
    assert results.count(YIELD) > 10


@contextmanager
def little_memory() -> Iterator[None]:
    """An operator holds a few rows."""
    engine.host().function("work_memory_set")(LITTLE)
    try:
        yield
    finally:
        engine.host().function("work_memory_set")(WORK_MAX)  # maybe of another store


def check(name: str) -> None:
    script = Script(HERE / f"{name}.test")
    try:
        for index, block in enumerate(script.blocks):
            if not block.not_yet:
                assert script.answer("ours", index) == block.answer, f"line {block.line}"
    finally:
        script.close()

"""What sorts, keeps and looks up rows gives the recorded answers when it may keep next to nothing in memory: its rows
come back from files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.script import Script
from turso_wasm.runtime import engine

FILES = (
    *("aggregates", "collation", "common_tables", "correlated", "distinct_limit", "grouping", "in_lists", "joins"),
    *("json_build", "left_joins", "nulls", "once", "ordering", "outer_joins", "recursive", "row_order", "select"),
    *("semi_joins", "sieves", "subqueries", "table_functions", "trigger_bodies", "update_from", "using"),
    *("windows/aggregates", "windows/frames", "windows/functions", "windows/order", "windows/range"),
)
HERE = Path(__file__).parents[1] / "sql"
USUAL, LITTLE = 64 << 20, 256


@pytest.mark.parametrize("name", FILES)
def test_without_memory(name: str) -> None:
    script = Script(HERE / f"{name}.test")
    set_limit = engine.host().function("work_memory_set")
    set_limit(LITTLE)
    try:
        for index, block in enumerate(script.blocks):
            if not block.not_yet:
                assert script.answer("ours", index) == block.answer, f"line {block.line}"
    finally:
        set_limit(USUAL)
        script.close()

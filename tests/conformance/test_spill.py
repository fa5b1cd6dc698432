"""Sorters and windows that may keep nothing in memory give the recorded answers: their rows come back from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.script import Script
from turso_wasm.runtime import engine

FILES = ("ordering", "windows/aggregates", "windows/frames", "windows/functions", "windows/order", "windows/range")
HERE = Path(__file__).parents[1] / "sql"
USUAL = 64 << 20


@pytest.mark.parametrize("name", FILES)
def test_without_memory(name: str) -> None:
    script = Script(HERE / f"{name}.test")
    set_limit = engine.host().function("sorter_set_memory_limit")
    set_limit(0)
    try:
        for index, block in enumerate(script.blocks):
            if not block.not_yet:
                assert script.answer("ours", index) == block.answer, f"line {block.line}"
    finally:
        set_limit(USUAL)
        script.close()

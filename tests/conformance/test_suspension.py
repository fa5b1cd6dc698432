"""A Program can be left at any row and at any poll, and goes on as if nothing had happened.

Recorded .test files are run with a row buffer of one row, and with a time slice of no tick: every answer stays the
recorded one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden.script import Script
from tests.harness.steps import before_each_step
from turso_wasm.kernel.abi import YIELD, Run
from turso_wasm.runtime import engine
from turso_wasm.runtime import statement as statement_module
from turso_wasm.runtime.hosts.base import Taken
from turso_wasm.runtime.hosts.wasmtime import WasmtimeHost

FILES = (
    *("lookup_tables", "sieves", "weighing", "like"),
    *("joins", "grouping", "ordering", "distinct_limit", "select", "where", "collation"),
    *("windows/aggregates", "windows/frames", "windows/functions", "windows/order"),
    *("insert", "update", "delete", "update_from", "upsert", "conflict", "ddl", "transactions"),
    *("triggers", "trigger_bodies", "trigger_recursion", "foreign_keys", "generated"),
)
HERE = Path(__file__).parents[1] / "sql"
ONE = struct.Struct("<I")


@pytest.fixture(params=FILES)
def script(request: pytest.FixtureRequest) -> Iterator[Script]:
    found = Script(HERE / f"{request.param}.test")
    yield found
    found.close()


def check(script: Script) -> None:
    for index, block in enumerate(script.blocks):
        if not block.not_yet:
            assert script.answer("ours", index) == block.answer, f"line {block.line}"


def test_one_row_at_a_time(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    host = engine.host()
    monkeypatch.setattr(statement_module, "FIRST_ROWS", 1)
    with before_each_step(lambda at: host.pack(ONE, at + Run.offset("row_limit"), 1)) as results:
        check(script)
    assert results


def test_one_tick_at_a_time(script: Script) -> None:
    host = engine.host()
    with before_each_step(lambda at: host.pack(ONE, at + Run.offset("budget"), 0)) as results:
        check(script)
    assert results.count(YIELD) > 10


@pytest.mark.parametrize("script", ["update", "upsert", "ddl"], indirect=True)
def test_moves_between_slices(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel moves to a fresh store, with all that is suspended in it (hosts/wasmtime.py W3)."""
    host = engine.host()
    assert isinstance(host, WasmtimeHost)
    made = statement_module.HostStatement._slice
    moves = 0

    def moved_slice(statement: statement_module.HostStatement, block: bytes) -> Taken:
        nonlocal moves
        moves += 1
        if moves % 5 == 0:
            host.move()
        return made(statement, block)

    monkeypatch.setattr(statement_module.HostStatement, "_slice", moved_slice)
    with before_each_step(lambda at: host.pack(ONE, at + Run.offset("budget"), 0)) as results:
        check(script)
    assert moves > 20
    assert results

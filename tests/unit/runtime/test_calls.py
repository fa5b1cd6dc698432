"""The cost of a statement from Python, in functions called: docs/decisions/0046."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import turso_wasm

QUERY = "SELECT b FROM t WHERE a = ?"


def functions_called(work: Callable[[], object]) -> Counter[str]:
    """The Python functions that `work` calls, by name."""
    called: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called[frame.f_code.co_name] += 1

    work()
    gc.disable()  # what collections call is nobody's
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    del called[work.__code__.co_name]
    return called


@pytest.mark.parametrize(("where", "most"), [(":memory:", 27), ("a.db", 48)])
def test_a_point_query_is_one_entry_and_few_functions(where: str, most: int, tmp_path: Path) -> None:
    with turso_wasm.connect(where if where == ":memory:" else tmp_path / where, isolation_level=None) as db:
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
        db.execute("INSERT INTO t VALUES (1, 'x')")

        def query() -> None:
            assert db.execute(QUERY, (1,)).fetchone() == ("x",)

        for _ in range(20):
            query()
        called = functions_called(query)
        assert called["run"] == called["call_one"] == 1, "parameters, step and rows are one entry of the host"
        assert called.total() <= most, called
    db.close()


def test_attributes_of_cursors_and_connections_are_found_at_once() -> None:
    """A `__getattr__`, or a default in the class, makes every access to an attribute several times as slow."""
    for kind in (turso_wasm.Connection, turso_wasm.Cursor):
        assert not hasattr(kind, "__getattr__")
    assert not hasattr(turso_wasm.connect(":memory:").cursor(), "__dict__")
    for name in ("_runtime", "_thread", "_limits", "_trace_callback", "_text", "row_factory", "detect_types"):
        assert not hasattr(turso_wasm.Connection, name), name


def test_values_of_other_types_between_runs() -> None:
    db = turso_wasm.connect(":memory:")
    values = [1, "a", 2.5, b"x", None, True, "ä" * 300, bytearray(b"y"), 1 << 62, float("nan"), "", memoryview(b"z")]
    for value in values * 2:
        for literal in ("1", "'text'"):
            assert db.execute(f"SELECT ?, {literal}", (value,)).fetchone()[0] == (
                None if value != value else bytes(value) if isinstance(value, bytearray | memoryview) else value
            )
    with pytest.raises(turso_wasm.ProgrammingError):
        db.execute("SELECT ?, 1", (object(),))
    with pytest.raises(OverflowError):
        db.execute("SELECT ?, 1", (1 << 64,))
    assert db.execute("SELECT ?, 1", (3,)).fetchone() == (3, 1)
    db.close()


def test_literals_are_written_again_after_an_interrupted_beginning() -> None:
    db = turso_wasm.connect(":memory:")
    assert db.execute("SELECT 'a'").fetchone() == ("a",)
    db.set_progress_handler(lambda: 1, 1)
    with pytest.raises(turso_wasm.OperationalError):
        db.execute("SELECT 'b'")
    db.set_progress_handler(None, 1)
    assert db.execute("SELECT 'b'").fetchone() == ("b",)
    assert db.execute("SELECT 'a'").fetchone() == ("a",)
    db.close()

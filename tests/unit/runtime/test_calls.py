"""The cost of a statement from Python, in functions called: docs/decisions/0046."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import turso_wasm

QUERY = "SELECT b FROM t WHERE a = ?"


def run_watched(work: Callable[[], object], profile: Callable[[FrameType, str, Any], None]) -> None:
    """Run it a second time with `profile` told of every call."""
    work()
    gc.disable()  # what collections call is nobody's
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()


def functions_called(work: Callable[[], object]) -> Counter[str]:
    """The Python functions that `work` calls, by name."""
    called: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called[frame.f_code.co_name] += 1

    run_watched(work, profile)
    del called[work.__code__.co_name]
    return called


@pytest.mark.parametrize(("where", "most"), [(":memory:", 27), ("a.db", 43)])
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


def system_calls(work: Callable[[], object]) -> list[str]:
    """The functions of the operating system that `work` calls."""
    called: list[str] = []

    def profile(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__module__ in ("posix", "fcntl") and function is not os.fspath:
            called.append(function.__name__)

    run_watched(work, profile)
    return called


@pytest.mark.skipif(sys.platform != "linux", reason="how files are locked elsewhere is another matter")
def test_a_statement_asks_the_system_for_no_more_than_sqlite_does(tmp_path: Path) -> None:
    """SQLite, by strace: 8 for the query (it looks for a log, too), 35 for the commit, 11 of one with a log."""
    with turso_wasm.connect(tmp_path / "a.db", isolation_level=None) as db:
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
        db.execute("INSERT INTO t SELECT value, 'some text' FROM generate_series(1, 1000)")

        def query() -> None:
            db.execute(QUERY, (1,)).fetchone()

        numbers = iter(range(10))

        def commit() -> None:
            db.execute("UPDATE t SET b = ? WHERE a = 1", (str(next(numbers)),))

        begin = ["fcntl", "fcntl", "fcntl", "access", "preadv"]
        assert system_calls(query) == [*begin, "fcntl"]
        journal = ["stat", "fcntl", "fcntl", "access", "open", "fstat", "fstat"]
        begun = ["pwrite", "fdatasync", "open", "fsync", "close"]  # the directory's entry of it
        pages = ["pwrite", "fdatasync", "pwrite", "pwrite", "fdatasync", "close", "unlink"]
        assert system_calls(commit) == [*begin, "fcntl", *journal, *begun, *pages, "fcntl"]
        db.execute("PRAGMA journal_mode = WAL")
        assert system_calls(query) == ["fcntl"] * 2
        assert system_calls(commit) == [*["fcntl"] * 5, "stat", "pwrite", "fdatasync", "fcntl", "fcntl"]
    db.close()


def test_executemany_is_one_entry_for_256_sets() -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    db.execute("INSERT INTO t VALUES (1, 'x')")
    sets = [("y", 1)] * 1000
    called = functions_called(lambda: db.executemany("UPDATE t SET b = ? WHERE a = ?", sets))
    assert called["_run_rest"] == 4
    assert called.total() < 250, called
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

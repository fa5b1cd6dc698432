"""The short form of tests/crash/soak.py: a few processes are killed in each journal mode."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

import apsw
import pytest

from tests.crash.soak import open_engine, soak
from tests.harness.effort import HEAVY


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_killed_processes_lose_nothing_that_was_committed(mode: str, tmp_path: Path) -> None:
    engines = ("ours", "sqlite", "ours", "sqlite") if mode == "wal" else ("ours", "sqlite")
    found = soak(tmp_path / "a.db", mode, engines, 100 if HEAVY else 8, seed=7)
    assert sum(found.transactions.values())


def insert_for(seconds: float, engine: str, path: str, told: Connection) -> None:
    """Insert rows, each in a transaction of its own; tell how many there were."""
    execute, count = open_engine(engine, path), 0
    told.send(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        execute("INSERT INTO t VALUES (?)", (count,))
        count += 1
    told.send(count)


def test_no_writer_of_a_shared_log_starves(tmp_path: Path) -> None:
    """None waits so long that it gives up. (With rollback journals the lock is free for moments only.)"""
    path = str(tmp_path / "a.db")
    setup = apsw.Connection(path)
    for sql in ("PRAGMA journal_mode = WAL", "CREATE TABLE t(a)"):
        setup.execute(sql).fetchall()
    setup.close()
    context, running = multiprocessing.get_context("fork"), []
    for engine in ("ours", "sqlite", "ours"):
        told, theirs = context.Pipe(duplex=False)
        process = context.Process(target=insert_for, args=(4.0, engine, path, theirs))
        process.start()
        running.append((told, process))
    for told, _ in running:
        told.recv()
    counts = [told.recv() for told, _ in running]
    for _, process in running:
        process.join()
    found = apsw.Connection(path)
    assert found.execute("SELECT count(*) FROM t").get == sum(counts)
    assert min(counts) > 0

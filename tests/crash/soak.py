"""Processes that are killed: several of them change one database at the same time, ours and SQLite's, and are ended by
SIGKILL at any moment, a thousand times. What was acknowledged must be there, and the file be sound.

    python -m tests.crash.soak --cycles 1000 --mode wal        (make soak; figures in docs/reliability.md)

Each worker numbers its transactions and writes the number to a pipe when COMMIT has returned. A transaction moves money
between accounts (their sum stays), writes and deletes rows that a trigger counts and others depend on by CASCADE, and
now and then a checkpoint or VACUUM runs. Workers read, too: a snapshot that changes in a transaction is an error.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import apsw

import turso_wasm

ACCOUNTS = 50
TOTAL = 1000 * ACCOUNTS
PAUSE = 0.01  # seconds between transactions, at most
TIMEOUT = 20.0  # seconds a statement may wait for locks before it is an error
SCHEMA = f"""
CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ACCOUNTS}) INSERT INTO account SELECT i, 1000 FROM n;
CREATE TABLE mark(worker INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE event(id INTEGER PRIMARY KEY, worker INTEGER, note BLOB);
CREATE INDEX event_note ON event(worker, note);
CREATE TABLE part(event INTEGER REFERENCES event(id) ON DELETE CASCADE, n INTEGER);
CREATE INDEX part_event ON part(event);
CREATE TABLE tally(n INTEGER);
INSERT INTO tally VALUES (0);
CREATE TRIGGER event_added AFTER INSERT ON event BEGIN UPDATE tally SET n = n + 1; END;
CREATE TRIGGER event_gone AFTER DELETE ON event BEGIN UPDATE tally SET n = n - 1; END;
"""
SOUND = {
    "PRAGMA integrity_check": "ok",
    "SELECT sum(balance) FROM account": TOTAL,
    "SELECT n - (SELECT count(*) FROM event) FROM tally": 0,
    "SELECT count(*) FROM part WHERE event NOT IN (SELECT id FROM event)": 0,
}

Execute = Callable[[str, tuple[Any, ...]], list[Any]]


def open_engine(engine: str, path: str) -> Execute:
    """A connection that executes one statement."""
    if engine == "sqlite":
        theirs = apsw.Connection(path)
        theirs.set_busy_timeout(int(TIMEOUT * 1000))
        return lambda sql, values: theirs.execute(sql, values).fetchall()
    ours = turso_wasm.connect(path, timeout=TIMEOUT, isolation_level=None)
    return lambda sql, values: ours.execute(sql, values).fetchall()


def work(engine: str, path: str, worker: int, seed: int, told: Connection) -> None:
    """Run transactions until somebody ends the process; tell each that is committed, and how long it took."""
    random = Random(seed)
    execute = open_engine(engine, path)
    for sql in ("PRAGMA foreign_keys = ON", f"PRAGMA synchronous = {random.choice(('NORMAL', 'FULL'))}",
                f"PRAGMA cache_size = {random.choice((10, 2000))}", "PRAGMA wal_autocheckpoint = 50"):  # fmt: skip
        execute(sql, ())
    seq = int(execute("SELECT coalesce(max(seq), 0) FROM mark WHERE worker = ?", (worker,))[0][0])
    told.send((seq, 0.0))
    while True:
        seq += 1
        begun = time.monotonic()
        begin(execute)
        change(execute, random, worker, seq)
        told.send((seq, time.monotonic() - begun))
        time.sleep(random.random() * PAUSE)  # or whoever waits for a lock may never find it free
        if random.random() < 0.3:
            look(execute)
        if random.random() < 0.1:
            tidy(execute, random)


def begin(execute: Execute) -> None:
    """Become the writer, however long that takes."""
    while True:
        try:
            execute("BEGIN IMMEDIATE", ())
            return
        except (apsw.BusyError, turso_wasm.OperationalError) as error:
            assert "locked" in str(error), str(error)


def change(execute: Execute, random: Random, worker: int, seq: int) -> None:
    """What a transaction does, and its commit."""
    for _ in range(random.randrange(1, 4)):
        moved, one, other = random.randrange(1, 50), random.randrange(ACCOUNTS) + 1, random.randrange(ACCOUNTS) + 1
        execute("UPDATE account SET balance = balance - ? WHERE id = ?", (moved, one))
        execute("UPDATE account SET balance = balance + ? WHERE id = ?", (moved, other))
    for _ in range(random.randrange(4)):
        note = bytes(random.randrange(6000))
        added = execute("INSERT INTO event(worker, note) VALUES (?, ?) RETURNING id", (worker, note))[0][0]
        execute("INSERT INTO part VALUES (?1, 1), (?1, 2)", (added,))
    if random.random() < 0.3:
        execute("DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT 3)", ())
    if random.random() < 0.1:
        execute("SAVEPOINT s", ())
        execute("DELETE FROM event", ())
        execute("ROLLBACK TO s", ())
    execute("REPLACE INTO mark VALUES (?, ?)", (worker, seq))
    execute("COMMIT", ())


def look(execute: Execute) -> None:
    """Read twice in a transaction: the same, and sound."""
    execute("BEGIN", ())
    seen = [execute("SELECT sum(balance), (SELECT sum(seq) FROM mark) FROM account", ()) for _ in range(2)]
    execute("COMMIT", ())
    assert tuple(seen[0][0]) == tuple(seen[1][0]) and seen[0][0][0] == TOTAL, f"a torn snapshot: {seen}"


def tidy(execute: Execute, random: Random) -> None:
    """Checkpoints and VACUUM; that others are in the way is no error."""
    try:
        execute(random.choice(("PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint(FULL)", "PRAGMA wal_checkpoint(RESTART)",
                               "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM")), ())  # fmt: skip
    except (apsw.BusyError, turso_wasm.OperationalError) as error:
        assert "locked" in str(error) or "busy" in str(error), str(error)


@dataclass
class Worker:
    """A process, and what it has told."""

    engine: str
    number: int
    process: Any = None
    told: Any = None
    acknowledged: int = 0
    longest: float = 0.0

    def start(self, path: str, seed: int) -> None:
        """Begin, or begin again; returns when it is at work."""
        context = multiprocessing.get_context("fork")
        self.told, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(self.engine, path, self.number, seed, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.told.poll(TIMEOUT * 3), f"{self.engine} does not begin"
        found, _ = self.told.recv()
        assert found >= self.acknowledged, f"{self.engine}: {self.acknowledged} was acknowledged, {found} is there"
        self.acknowledged = found

    def read(self) -> None:
        """Take what it has told until now. Errors: AssertionError when it has failed."""
        try:
            while self.told.poll(0):
                self.acknowledged, took = self.told.recv()
                self.longest = max(self.longest, took)
        except (EOFError, OSError):
            return

    def kill(self) -> None:
        """End it, in the middle of whatever it does."""
        assert self.process.is_alive(), f"{self.engine} {self.number} has failed by itself: {self.process.exitcode}"
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.read()
        self.told.close()


@dataclass
class Report:
    """What a run has found."""

    cycles: int = 0
    transactions: dict[str, int] = field(default_factory=lambda: {"ours": 0, "sqlite": 0})
    longest: dict[str, float] = field(default_factory=lambda: {"ours": 0.0, "sqlite": 0.0})
    seconds: float = 0.0


def check(path: str, workers: list[Worker]) -> None:
    """The file is sound, and has what was acknowledged; at most one transaction more of each that was killed."""
    for engine in ("sqlite", "ours"):
        execute = open_engine(engine, path)
        for sql, right in SOUND.items():
            assert execute(sql, ())[0][0] == right, (engine, sql, execute(sql, ()))
        there = dict(execute("SELECT worker, seq FROM mark", ()))
        for worker in workers:
            found = there.get(worker.number, 0)
            assert worker.acknowledged <= found <= worker.acknowledged + 1, (engine, worker, found)
        del execute


def soak(path: Path, mode: str, engines: tuple[str, ...], cycles: int, seed: int) -> Report:
    """Kill workers `cycles` times, one or all at once. Errors: AssertionError."""
    random, report, begun = Random(seed), Report(), time.monotonic()
    setup = apsw.Connection(str(path))
    setup.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    setup.execute(SCHEMA).fetchall()
    setup.close()
    workers = [Worker(engine, number) for number, engine in enumerate(engines)]
    for worker in workers:
        worker.start(str(path), random.randrange(1 << 30))
    try:
        while report.cycles < cycles:
            time.sleep(random.random() * random.choice((0.01, 0.1, 0.3)))
            killed = workers if random.random() < 0.25 else [random.choice(workers)]
            for worker in killed:
                worker.kill()
            report.cycles += len(killed)
            if len(killed) == len(workers):
                check(str(path), workers)
            for worker in killed:
                worker.start(str(path), random.randrange(1 << 30))
    finally:
        for worker in workers:
            if worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGKILL)
                worker.process.join()
            worker.read()
    check(str(path), workers)
    for worker in workers:
        report.transactions[worker.engine] += worker.acknowledged
        report.longest[worker.engine] = max(report.longest[worker.engine], worker.longest)
    report.seconds = time.monotonic() - begun
    return report


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--mode", default="wal", help="a journal mode, or several: wal,delete")
    parser.add_argument("--engines", default="ours,sqlite,ours,sqlite")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for mode in given.mode.split(","):
        with tempfile.TemporaryDirectory(prefix="turso-wasm-soak-") as folder:
            found = soak(Path(folder) / "a.db", mode, tuple(given.engines.split(",")), given.cycles, given.seed)
        print(f"{mode}: {found}", flush=True)


if __name__ == "__main__":
    main()

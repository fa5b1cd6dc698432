"""Databases on a drive that gives and takes whole files (turso_wasm/vfs/whole.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm
from tests.conformance.whole_drive import ModelDrive
from turso_wasm.runtime.files import register_vfs, unregister_vfs
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.vfs.whole import WholeFileVfs

Open = Callable[..., turso_wasm.Connection]


@pytest.fixture
def use() -> Iterator[Callable[[ModelDrive], Open]]:
    """A function that mounts a drive, as a new process would; what it returns opens /work.db there."""
    opened = []

    def mount(drive: ModelDrive) -> Open:
        register_vfs("drive", WholeFileVfs(MemoryVfs(), lambda path: drive if path.startswith("/") else None))

        def connect(**options: Any) -> turso_wasm.Connection:
            opened.append(turso_wasm.connect("file:/work.db?vfs=drive", uri=True, **options))
            return opened[-1]

        return connect

    yield mount
    for connection in opened:
        connection.close()
    unregister_vfs("drive")


def rows(files: dict[str, bytes], folder: Path) -> list[int]:
    """What SQLite finds in a state of the drive."""
    for name, content in files.items():
        (folder / name.lstrip("/")).write_bytes(content)
    connection = sqlite3.connect(folder / "work.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = connection.execute("SELECT a FROM t ORDER BY a").fetchall()
    connection.close()
    for file in folder.iterdir():
        file.unlink()
    return [a for (a,) in found]


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "wal"])
def test_each_state_of_the_drive_is_one_between_transactions(use: Any, tmp_path: Path, mode: str) -> None:
    drive = ModelDrive()
    db = use(drive)()
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    db.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    db.execute("PRAGMA cache_size = 10")  # what has no room is written amid the transaction
    made = len(drive.history)
    for first in range(0, 900, 300):
        with db:
            db.executemany("INSERT INTO t VALUES (?, ?)", [(first + i, b"x" * 300) for i in range(300)])
    db.execute("UPDATE t SET b = zeroblob(400)")
    db.rollback()
    db.close()
    seen = [rows(state, tmp_path) for state in drive.history[made:]]
    assert all(found in [list(range(n)) for n in (0, 300, 600, 900)] for found in seen)
    assert seen[-1] == list(range(900))


def test_commits_of_a_cell_wait_for_its_end_but_not_long(use: Any, tmp_path: Path, monkeypatch: Any) -> None:
    drive, now = ModelDrive(ends=[]), [0.0]
    monkeypatch.setattr("turso_wasm.vfs.whole.time.monotonic", lambda: now.__setitem__(0, now[0] + 1) or now[0])
    db = use(drive)()
    db.execute("CREATE TABLE t(a)")
    made = len(drive.history)
    for i in range(100):
        with db:
            db.execute("INSERT INTO t VALUES (?)", (i,))
    assert 1 < len(drive.history) - made < 20
    drive.end_cell()
    assert rows(drive.files, tmp_path) == list(range(100))


def test_a_cell_that_ends_amid_a_transaction_saves_what_was_committed_or_waits(use: Any, tmp_path: Path) -> None:
    drive = ModelDrive(ends=[])
    db = use(drive)()
    db.execute("CREATE TABLE t(a, b)")
    db.execute("PRAGMA cache_size = 10")
    with db:
        db.execute("INSERT INTO t VALUES (1, NULL)")
    for state in ("begun", "spilled"):
        db.executemany("INSERT INTO t VALUES (2, ?)", [(b"x" * 3000,)] * (1 if state == "begun" else 300))
        drive.end_cell()
        assert rows(drive.files, tmp_path) in ([], [1])
    db.rollback()
    db.execute("INSERT INTO t VALUES (3, NULL)")
    db.commit()
    drive.end_cell()
    assert rows(drive.files, tmp_path) == [1, 3]


def test_a_full_drive_fails_the_commit_and_nothing_is_lost(use: Any, tmp_path: Path) -> None:
    drive = ModelDrive()
    db = use(drive)()
    db.execute("CREATE TABLE t(a)")
    drive.is_full = True
    with pytest.raises(turso_wasm.OperationalError, match="database or disk is full"), db:
        db.execute("INSERT INTO t VALUES (1)")
    drive.is_full = False
    with db:
        db.execute("INSERT INTO t VALUES (2)")
    assert rows(drive.files, tmp_path) == [2]


def test_what_another_notebook_saved_is_seen(use: Any) -> None:
    drive = ModelDrive()
    one = use(drive)()
    one.execute("CREATE TABLE t(a)")
    other = use(drive)()
    with other:
        other.execute("INSERT INTO t VALUES (1)")
    assert one.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_a_file_of_sqlites_that_was_left_amid_a_transaction(use: Any, tmp_path: Path) -> None:
    """Its journal was uploaded beside it, and is used once."""
    theirs = sqlite3.connect(tmp_path / "work.db")
    theirs.execute("PRAGMA cache_size = 5")
    theirs.execute("CREATE TABLE t(a, b)")
    theirs.execute("INSERT INTO t VALUES (1, NULL)")
    theirs.commit()
    theirs.executemany("INSERT INTO t VALUES (2, ?)", [(b"x" * 3000,)] * 300)
    theirs.execute("PRAGMA cache_spill")
    drive = ModelDrive()
    for name in ("work.db", "work.db-journal"):
        drive.put(f"/{name}", (tmp_path / name).read_bytes())
    theirs.close()
    for _ in range(2):
        db = use(drive)()
        assert db.execute("SELECT a FROM t").fetchall() == [(1,)]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
    assert list(drive.files) == ["/work.db"]


def test_a_file_in_wal_mode_with_its_log(use: Any, tmp_path: Path) -> None:
    theirs = sqlite3.connect(tmp_path / "work.db")
    theirs.execute("PRAGMA journal_mode = wal")
    theirs.execute("CREATE TABLE t(a)")
    theirs.execute("INSERT INTO t VALUES (1)")
    theirs.commit()
    drive = ModelDrive()
    for name in ("work.db", "work.db-wal"):
        drive.put(f"/{name}", (tmp_path / name).read_bytes())
    theirs.close()
    db = use(drive)()
    with db:
        db.execute("INSERT INTO t VALUES (2)")
    assert db.execute("SELECT a FROM t").fetchall() == [(1,), (2,)]
    db.close()
    assert list(drive.files) == ["/work.db"]


def test_reading_only(use: Any) -> None:
    drive = ModelDrive()
    with use(drive)() as db:
        db.execute("CREATE TABLE t(a)")
    n = len(drive.history)
    readers = turso_wasm.connect("file:/work.db?vfs=drive&mode=ro", uri=True)
    with pytest.raises(turso_wasm.OperationalError, match="attempt to write a readonly database"):
        readers.execute("INSERT INTO t VALUES (1)")
    readers.close()
    with pytest.raises(turso_wasm.OperationalError, match="unable to open database file"):
        turso_wasm.connect("file:/other.db?vfs=drive&mode=rw", uri=True).execute("SELECT * FROM t")
    assert len(drive.history) == n

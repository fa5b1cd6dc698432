"""A power cut at any storage call of a change of keys leaves the database as it was, under the old key, or as it is
then, under the new one.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import turso_wasm
from tests.crash.disk import Disk, Image, RecordingVfs
from tests.crash.test_power_cut import sample
from turso_wasm.runtime.files import register_vfs, unregister_vfs
from turso_wasm.vfs.base import CAP_OWNED, CAP_SHARED

RAW, OTHER = bytes(32), bytes(range(32))
CHANGES = {"another": (RAW, OTHER), "first": (None, RAW), "none": (RAW, None)}
ROWS = 2000
WANTED = 25


def connect(name: str, key: Any) -> turso_wasm.Connection:
    return turso_wasm.connect(f"file:db?vfs={name}", uri=True, isolation_level=None, timeout=0, key=key)


class Registered:
    """A file system under a name of its own."""

    def __init__(self, vfs: RecordingVfs, name: str) -> None:
        self.vfs, self.name = vfs, name

    def __enter__(self) -> str:
        register_vfs(self.name, self.vfs)
        return self.name

    def __exit__(self, *_: object) -> None:
        unregister_vfs(self.name)


def found(image: Image, capabilities: int, key: Any) -> list[tuple[Any, ...]] | None:
    """What a key opens; None: it does not."""
    with Registered(RecordingVfs(image, capabilities), "rekey_after") as name:
        db = connect(name, key)
        try:
            rows = db.execute("SELECT * FROM t").fetchall()
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            db.execute("INSERT INTO t VALUES (-1, 'afterwards')")
            assert db.execute("SELECT count(*) FROM t").fetchall() == [(len(rows) + 1,)]
            return rows
        except turso_wasm.DatabaseError as error:
            assert error.sqlite_errorcode == 26, error
            return None
        finally:
            db.close()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("mode", "capabilities"),
    [("delete", 0), ("persist", 0), ("wal", 0), ("wal", CAP_OWNED), ("wal", CAP_SHARED), ("truncate", CAP_OWNED)],
)
def test_power_cuts(mode: str, capabilities: int, change: str) -> None:
    old, new = CHANGES[change]
    vfs = RecordingVfs(capabilities=capabilities)
    with Registered(vfs, "rekey_before") as name:
        db = connect(name, old)
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("PRAGMA cache_size = 10")
        db.execute("PRAGMA synchronous = extra")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        rows = [(i, f"{i} " * 30) for i in range(ROWS)]
        db.execute("BEGIN")
        db.executemany("INSERT INTO t VALUES (?, ?)", rows)
        db.execute("COMMIT")
        before = len(vfs.events)
        db.rekey(new)
        after = len(vfs.events)
        db.execute("SELECT count(*) FROM t").fetchall()
        db.close()
    disk = Disk()
    for event in vfs.events[:before]:
        disk.repeat(event)
    outcomes = set()
    done = before
    for at in sample(after - before, WANTED):
        for event in vfs.events[done : before + at]:
            disk.repeat(event)
        done = before + at
        for survivors in ("none", "all", Random(at)):
            image = disk.after_power_cut(survivors)
            under = [key for key in {old, new} if found(dict(image), capabilities, key) == rows]
            assert len(under) == 1, (at, survivors)
            outcomes.add(under[0])
    assert outcomes >= {old}
    for event in vfs.events[done:]:
        disk.repeat(event)
    assert found(disk.after_power_cut("none"), capabilities, new) == rows

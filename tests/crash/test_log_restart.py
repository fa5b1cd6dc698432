"""A log that begins anew: frames of the old log are still in the file, and must not be taken for frames of the new
one.

A write can arrive in part, and not from its beginning. If the header of the new log were written together with its
first frames, the old header and the first frames of the old log could survive what destroys the others: a commit of
the past on top of a newer file.
"""

from __future__ import annotations

import pytest

from tests.crash.disk import Disk, Event, Image, RecordingVfs
from tests.crash.history import Ours
from turso_wasm.vfs.base import CAP_OWNED
from turso_wasm.vfs.faulty import SECTOR, Change, apply_change

CHECKPOINTS = ("PASSIVE", "RESTART", "TRUNCATE")


def restarted(capabilities: int, checkpoint: str, synchronous: str) -> tuple[RecordingVfs, int]:
    """Two commits into one page, a checkpoint, and a commit into a restarted log: (the record, its events before that
    commit).
    """
    vfs = RecordingVfs(capabilities=capabilities)
    ours = Ours(vfs)
    for sql in (
        "PRAGMA page_size=512",
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE t(a)",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 2",
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA wal_checkpoint({checkpoint})",
    ):
        ours.query(sql)
    before = len(vfs.events)
    ours.query("INSERT INTO t VALUES (3), (4), (zeroblob(3000))")
    return vfs, before


def sectors(change: Change) -> list[Change]:
    """The parts in which a write can arrive."""
    assert change.data is not None
    cuts = range(-(change.offset % SECTOR), len(change.data), SECTOR)
    return [Change(change.offset + max(0, at), change.data[max(0, at) : at + SECTOR]) for at in cuts]


def images(disk: Disk, event: Event) -> list[Image]:
    """What a power cut may leave of the last write: every one of its sectors but the first few; also if a truncation
    was lost.
    """
    left = []
    for base in ("none", "all"):
        files = disk.after_power_cut(base)
        parts = sectors(event.change) if event.change else []
        for first in range(1, len(parts) + 1):
            data = bytearray(files.get(event.name, b""))
            for part in parts[first:]:
                apply_change(data, part)
            left.append(files | {event.name: bytes(data)})
    return left


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
@pytest.mark.parametrize("capabilities", [0, CAP_OWNED])
def test_no_part_of_the_first_write_brings_the_old_log_back(
    checkpoint: str, synchronous: str, capabilities: int
) -> None:
    vfs, before = restarted(capabilities, checkpoint, synchronous)
    disk = Disk()
    for event in vfs.events[:before]:
        disk.repeat(event)
    n_tried = 0
    for event in vfs.events[before:]:
        if event.kind == "change" and event.name == "db-wal":
            for image in images(disk, event):
                ours = Ours(RecordingVfs(image, capabilities))
                assert ours.query("SELECT a FROM t WHERE a = 1 OR a = 2") == [(2,)]
                assert ours.query("PRAGMA integrity_check") == [("ok",)]
                ours.close()
                n_tried += 1
        disk.repeat(event)
    assert n_tried > 5


def test_only_a_log_that_begins_anew_costs_a_second_sync() -> None:
    vfs = RecordingVfs()
    ours = Ours(vfs)
    for sql in ("PRAGMA journal_mode=WAL", "CREATE TABLE t(a)"):
        ours.query(sql)
    n_syncs = []
    for sql in (
        "INSERT INTO t VALUES (1)",
        "PRAGMA wal_checkpoint",
        "INSERT INTO t VALUES (2)",
        "INSERT INTO t VALUES (3)",
    ):
        before = len(vfs.events)
        ours.query(sql)
        n_syncs.append(sum(event.kind == "sync" and event.name == "db-wal" for event in vfs.events[before:]))
    assert n_syncs == [1, 0, 2, 1]
    ours.close()

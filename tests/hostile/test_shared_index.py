"""An index of a log that other processes have damaged: whatever is in it, we answer, or say that the file is malformed.

A header has a checksum, and is made anew; page numbers, marks and hash tables have none, in SQLite neither.
"""

from __future__ import annotations

import time
from random import Random

import turso_wasm
from tests.crash.disk import RecordingVfs
from tests.crash.history import Ours
from tests.harness.effort import HEAVY
from tests.harness.sharing import _indexes
from turso_wasm.vfs.base import CAP_SHARED

N_DAMAGED = 20_000 if HEAVY else 300
STATEMENTS = (
    "SELECT count(*), sum(length(b)) FROM t",
    "INSERT INTO t VALUES (NULL, zeroblob(900))",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA integrity_check",
    "UPDATE t SET b = 'x'",
)
KNOWN = ("database disk image is malformed", "database is locked", "disk I/O error", "file is not a database")


def test_a_damaged_index_never_traps_or_hangs() -> None:
    random = Random(11)
    for _ in range(N_DAMAGED // 10):
        vfs = RecordingVfs(capabilities=CAP_SHARED)
        keeper = Ours(vfs)
        for sql in ("PRAGMA journal_mode = WAL", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "BEGIN"):
            keeper.query(sql)
        for size in range(60):
            keeper.query("INSERT INTO t VALUES (NULL, zeroblob(?))", (size * 50,))
        keeper.query("COMMIT")
        index = _indexes[vfs.files["db"]]
        whole = bytes(index.bytes)
        for _ in range(10):
            index.bytes[:] = whole
            for _ in range(random.choice((1, 3, 30))):
                region = random.choice(((0, 96), (96, 136), (136, 500), (16384, 32768)))
                index.bytes[random.randrange(*region)] = random.choice((0, 1, 255, random.randrange(256)))
            begun = time.monotonic()
            look(vfs, random)
            assert time.monotonic() - begun < 30
        index.bytes[:] = whole
        keeper.close()


def look(vfs: RecordingVfs, random: Random) -> None:
    """Use the database as another process does. Errors: anything but what a damaged file may be answered with."""
    files = {name: bytes(data.bytes) for name, data in vfs.files.items()}
    ours = Ours(vfs)
    for sql in random.sample(STATEMENTS, 3):
        try:
            ours.query(sql)
        except turso_wasm.DatabaseError as error:
            assert str(error) in KNOWN, (sql, error)
    ours.close()
    for name, data in files.items():
        vfs.files[name].bytes[:] = data

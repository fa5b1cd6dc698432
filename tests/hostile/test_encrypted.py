"""Damaged files of encrypted databases, their logs and journals: an error, or a state that was committed once; never a
page that nobody wrote.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import turso_wasm
from tests.crash.disk import Image, RecordingVfs
from tests.harness.effort import HEAVY
from turso_wasm.runtime.files import register_vfs, unregister_vfs

KEY = bytes(range(32))
N = 20_000 if HEAVY else 400
ERRORS = {10, 11, 14, 26}  # primary codes: IOERR (a log ends amid a page), CORRUPT, CANTOPEN (of a log), NOTADB
EMPTY = "no such table: t"  # the state before all others


def opened(name: str) -> turso_wasm.Connection:
    return turso_wasm.connect(f"file:db?vfs={name}", uri=True, isolation_level=None, timeout=0, key=KEY)


def read(db: turso_wasm.Connection) -> Any:
    last = db.execute("SELECT count(*), max(b) FROM t WHERE b > 'x'").fetchall()
    return db.execute("SELECT * FROM t").fetchall(), last


def images(mode: str) -> tuple[list[Image], list[Any]]:
    """What the files were after each commit, before the log or the journal went; and what the database had in it."""
    vfs = RecordingVfs()
    register_vfs("hostile_maker", vfs)
    stages: list[Image] = []
    states: list[Any] = []
    try:
        db = opened("hostile_maker")
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        db.execute("CREATE INDEX i ON t(b)")
        states.append(read(db))
        for turn in range(6):
            db.execute("BEGIN")
            db.executemany("INSERT INTO t(b) VALUES (?)", [(f"{'xyz'[turn % 3]} {turn} {n}" * 9,) for n in range(40)])
            db.execute("DELETE FROM t WHERE a % 5 = ?", (turn,))
            db.execute("COMMIT")
            states.append(read(db))
            stages.append({name: bytes(data.bytes) for name, data in vfs.files.items()})
        return stages, states
    finally:
        db.close()
        unregister_vfs("hostile_maker")


def damage(rng: Random, image: Image) -> Image:
    """Some bytes of some file changed, pages moved, ends cut."""
    changed = {name: bytearray(data) for name, data in image.items()}
    data = changed[rng.choice([name for name, data in changed.items() if data])]
    for _ in range(rng.choice((1, 1, 1, 2, 20))):
        at = rng.randrange(min(len(data), rng.choice((100, 4200, len(data)))))
        what = rng.randrange(8)
        if what < 5:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 5:
            del data[at:]
        elif what == 6:
            data[at : at + 16] = rng.randbytes(16)
        else:
            one, two = (rng.randrange(len(data) // 4096 + 1) * 4096 for _ in range(2))
            data[one : one + 4096], data[two : two + 4096] = data[two : two + 4096], data[one : one + 4096]
        if not data:
            break
    return {name: bytes(data) for name, data in changed.items()}


@pytest.mark.parametrize("mode", ["delete", "persist", "wal"])
def test_damage(mode: str) -> None:
    rng = Random(5)
    stages, states = images(mode)
    empty = 0
    for turn in range(N):
        image = damage(rng, rng.choice(stages))
        register_vfs("hostile_reader", RecordingVfs(image))
        try:
            db = opened("hostile_reader")
            try:
                found = read(db)
            except turso_wasm.Error as error:
                assert error.sqlite_errorcode & 0xFF in ERRORS or str(error) == EMPTY, (turn, error)
                empty += str(error) == EMPTY
            else:
                assert found in states, turn
            finally:
                db.close()
        finally:
            unregister_vfs("hostile_reader")
    assert empty < N // 2

"""What stays of a rollback journal between transactions and behind the last connection, in every mode, as in SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

STEPS = (
    "CREATE TABLE t(a)",
    "INSERT INTO t VALUES (1)",
    "BEGIN; INSERT INTO t VALUES (2); ROLLBACK",
    "INSERT INTO t VALUES (zeroblob(20000)); DELETE FROM t; INSERT INTO t VALUES (3)",
    "PRAGMA locking_mode = normal",
    "SELECT * FROM t",
    "INSERT INTO t VALUES (4)",
    "PRAGMA locking_mode = exclusive; INSERT INTO t VALUES (5)",
    "PRAGMA journal_mode = wal",
    "PRAGMA journal_mode = delete",
    "INSERT INTO t VALUES (6)",
)


def journal(path: Path) -> tuple[int, bytes] | None:
    """Size and beginning of the journal's file; None: there is none."""
    try:
        data = Path(f"{path}-journal").read_bytes()
    except FileNotFoundError:
        return None
    return len(data), data[:8]


def journals(connection: Any, path: Path, settings: str) -> list[tuple[int, bytes] | None]:
    """The journal after the steps and after close."""
    seen = []
    for step in (settings, *STEPS):
        for sql in step.split("; "):
            list(connection.execute(sql))
        seen.append(journal(path))
    connection.close()
    return [*seen, journal(path)]


@pytest.mark.parametrize("limit", [-1, 0, 2000])
@pytest.mark.parametrize("locking", ["normal", "exclusive"])
@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "off"])
def test_the_journal_is_kept_where_sqlite_keeps_it(mode: str, locking: str, limit: int, tmp_path: Path) -> None:
    settings = f"PRAGMA journal_size_limit = {limit}; PRAGMA locking_mode = {locking}; PRAGMA journal_mode = {mode}"
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    expected = journals(apsw.Connection(str(theirs)), theirs, settings)
    assert journals(turso_wasm.connect(str(ours), isolation_level=None), ours, settings) == expected

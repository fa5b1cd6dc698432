"""The short form of tests/crash/soak.py: a few processes are killed in each journal mode."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.soak import soak
from tests.harness.effort import HEAVY


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_killed_processes_lose_nothing_that_was_committed(mode: str, tmp_path: Path) -> None:
    engines = ("ours", "sqlite", "ours", "sqlite") if mode == "wal" else ("ours", "sqlite")
    found = soak(tmp_path / "a.db", mode, engines, 100 if HEAVY else 8, seed=7)
    assert sum(found.transactions.values())

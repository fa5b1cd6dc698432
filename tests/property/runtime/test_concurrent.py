"""Concurrent transactions are serializable: histories of several connections, judged by repeating them in SQLite.

`make soak` judges more than 10^5 of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.effort import HEAVY
from tests.property.runtime.histories import WORKLOADS, Histories

ROUNDS = 1_200 if HEAVY else 40
SEEDS = range(10) if HEAVY else range(1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pragmas", ["", "PRAGMA cache_size = 10", "PRAGMA wal_autocheckpoint = 3"])
def test_histories_are_serializable(tmp_path: Path, seed: int, pragmas: str) -> None:
    histories = Histories(tmp_path / "h.db", seed, connections=3 + seed % 3, pragmas=pragmas)
    for _ in range(ROUNDS):
        for workload in WORKLOADS:
            histories.run(workload)
    assert histories.count.committed > histories.count.conflicts > 0
    assert histories.connections[0].execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    histories.close()

"""Kill tests. A few cycles of each here; `make soak` runs more (SOAK_ROUNDS=1000 says how many)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.soak.harness import WAYS, Soak

HEAVY = bool(os.environ.get("TURSO_HEAVY"))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200" if HEAVY else "2"))
REPORT = os.environ.get("SOAK_REPORT")  # a file that gets lines of JSON


@pytest.mark.parametrize("n_tabs", [1, 5] if HEAVY else [1, 3])
@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_what_was_acknowledged_is_there(
    launch: Callable[[Path], Any], server: str, tmp_path: Path, storage: str, n_tabs: int
) -> None:
    soak = Soak(lambda: launch(tmp_path), tmp_path, server, storage, n_tabs, seed=ROUNDS)
    try:
        for _ in range(ROUNDS):
            for way in WAYS:
                soak.cycle(way)
    finally:
        soak.close()
        commits = sum(map(len, soak.ledger.added.values()))
        for way, seen in soak.figures.items():
            waits = sorted(seen.waits_ms) or [0.0]
            line = {"storage": storage, "tabs": n_tabs, "way": way, "cycles": seen.cycles, "commits of all": commits}
            line |= {"wait_median_ms": round(waits[len(waits) // 2]), "wait_max_ms": round(waits[-1])}
            line |= {"slowest_request_ms": round(seen.slowest_ms)}
            print(json.dumps(line))
            if REPORT:
                with Path(REPORT).open("a") as file:
                    file.write(json.dumps(line) + "\n")
    assert commits > 0

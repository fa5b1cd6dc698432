"""Kill tests. A few cycles of each here; `make soak` runs more (SOAK_CYCLES=1000 says how many)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import browser, chromium, launch, server
from tests.soak.harness import WAYS, Soak

__all__ = ["browser", "chromium", "launch", "server"]

HEAVY = bool(os.environ.get("TURSO_HEAVY"))
CYCLES = int(os.environ.get("SOAK_CYCLES", "100" if HEAVY else "2"))
REPORT = os.environ.get("SOAK_REPORT")  # a file that gets a line of JSON for each test


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_tabs", [1, 5] if HEAVY else [1, 3])
@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_what_was_acknowledged_is_there(
    launch: Callable[[Path], Any], server: str, tmp_path: Path, storage: str, n_tabs: int, way: str
) -> None:
    soak = Soak(lambda: launch(tmp_path), tmp_path, server, storage, n_tabs, seed=CYCLES)
    try:
        for _ in range(CYCLES):
            soak.cycle(way)
    finally:
        soak.close()
        seen = soak.figures
        report = {"storage": storage, "tabs": n_tabs, "way": way, "cycles": seen.cycles, "commits": seen.commits}
        times = sorted(seen.recoveries_ms) or [0.0]
        report |= {"slowest_ms": round(seen.slowest_ms), "look_max_ms": round(times[-1])}
        report |= {"look_median_ms": round(times[len(times) // 2])}
        print(json.dumps(report))
        if REPORT:
            with Path(REPORT).open("a") as file:
                file.write(json.dumps(report) + "\n")
    assert seen.commits > 0

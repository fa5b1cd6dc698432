"""Kill tests. A few cycles of each here; `make soak` runs more (SOAK_ROUNDS=1000 says how many)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.soak.harness import WAYS, Soak
from tests.soak.report import lines

HEAVY = bool(os.environ.get("TURSO_HEAVY"))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200" if HEAVY else "2"))
FIRST = int(os.environ.get("SOAK_FIRST", "1"))  # the storage call where a worker stops first, for a run in parts
REPORT = os.environ.get("SOAK_REPORT")  # a file that gets lines of JSON (report.py)


@pytest.mark.parametrize("n_tabs", [1, 5] if HEAVY else [1, 3])
@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_what_was_acknowledged_is_there(
    launch: Callable[[Path], Any], server: str, tmp_path: Path, storage: str, n_tabs: int
) -> None:
    soak = Soak(lambda: launch(tmp_path), tmp_path, server, storage, n_tabs, FIRST)
    try:
        for _ in range(ROUNDS):
            for way in WAYS:
                soak.cycle(way)
    finally:
        soak.close()
        report = lines(soak, n_tabs)
        print(report)
        if REPORT:
            with Path(REPORT).open("a") as file:
                file.write(report)
    assert soak.ledger.commits > 0

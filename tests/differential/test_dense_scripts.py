"""Scripts about one thing beside SQLite (tests/fuzz/dense.py and its neighbours)."""

from __future__ import annotations

import pytest

from tests.fuzz.dense import Dense
from tests.fuzz.modes import MODES
from tests.fuzz.run import fuzz
from tests.fuzz.shrink import shrink
from tests.fuzz.statements import DENSE
from tests.harness.effort import HEAVY


@pytest.mark.parametrize("seed", range(3500 if HEAVY else 12))
@pytest.mark.parametrize("kind", DENSE)
def test_dense_scripts(kind: type[Dense], seed: int) -> None:
    """Statement by statement, and then both engines read both files."""
    fault = fuzz(seed, MODES[seed % len(MODES)], n_steps=45, dense=kind).fault
    assert fault is None, str(shrink(fault, 30))

"""Random programs of the subset mean what their reference in Python means; `make soak` tries thousands of new ones."""

from __future__ import annotations

import time

import pytest

from tests.harness.effort import HEAVY
from tests.property.wasm.compare import compare

BATCH = 25
FIRST, BATCHES = (int(time.time()), 200) if HEAVY else (1, 4)


@pytest.mark.parametrize("first", [FIRST + BATCH * n for n in range(BATCHES)])
def test_compiled_programs_agree_with_python(first: int) -> None:
    for seed in range(first, first + BATCH):
        wrong = compare(seed)
        assert wrong is None, f"python -m tests.property.wasm.compare {seed}\n{wrong}"

"""Random typed functions give what Python gives, errors included; `make soak` tries thousands of new ones."""

from __future__ import annotations

import time

import pytest

from tests.harness.effort import HEAVY
from tests.property.typed.compare import compare

BATCH = 25
FIRST, BATCHES = (int(time.time()), 200) if HEAVY else (1, 4)


@pytest.mark.parametrize("first", [FIRST + BATCH * n for n in range(BATCHES)])
def test_compiled_functions_agree_with_python(first: int) -> None:
    compiled = ran = fell_back = 0
    for seed in range(first, first + BATCH):
        outcome = compare(seed)
        assert outcome.wrong is None, f"python -m tests.property.typed.compare {seed}\n{outcome.wrong}"
        compiled, ran, fell_back = compiled + outcome.compiled, ran + outcome.ran, fell_back + outcome.fell_back
    assert compiled > BATCH * 0.8, "most of what is written can be compiled"
    assert fell_back < ran * 0.9, "and need not ask Python for everything"

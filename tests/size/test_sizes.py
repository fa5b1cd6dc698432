"""The size of Programs: a statement that grows must be seen to grow."""

from __future__ import annotations

from functools import cache

import pytest

from tests.size import weigh
from tests.size.statements import generated

TOLERANCE = 0.05  # of what is recorded, so that small steps add up to a failure
SMALL = 48  # bytes that never matter

_weigh = cache(weigh.weigh)


@pytest.mark.parametrize("name", weigh.recorded())
def test_a_program_weighs_what_is_recorded(name: str) -> None:
    before, now = weigh.recorded()[name], _weigh()[name]
    allowed = max(SMALL, before * TOLERANCE)
    assert abs(now - before) <= allowed, f"{before:,} → {now:,} bytes; if that is meant: make size ARGS=--record"


def test_all_that_is_generated_is_listed() -> None:
    assert generated().keys() <= weigh.recorded().keys()

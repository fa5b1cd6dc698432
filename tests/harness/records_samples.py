"""SQL values that break codecs and comparisons: for property tests of records, keys, sorters and hash tables."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.harness.effort import HEAVY

EXAMPLES = settings(max_examples=500 if HEAVY else 60, deadline=None)

_EDGES = [
    s * (1 << n) + d
    for n in (*range(0, 64, 7), 8, 15, 16, 47, 48, 53, 54, 55, 62, 63)
    for s in (1, -1)
    for d in (-1, 0, 1)
]
INTEGERS = (
    st.integers(-5, 5)
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([v for v in _EDGES if -(2**63) <= v < 2**63])
)
REALS = (
    st.floats(allow_nan=False)
    | INTEGERS.map(float)
    | st.integers(-40, 40).map(lambda v: v / 4)
    | st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**63, -(2.0**63), 2.0**53 + 2, float("inf"), float("-inf")])
)
# Few different characters, so that prefixes, cases and trailing spaces collide.
TEXTS = st.text(alphabet="aAzZ@[ _\0\x01\x02é𝄞", max_size=20) | st.text(max_size=9)
BLOBS = st.text(alphabet="\0\x01\x02a\xff", max_size=20).map(lambda t: t.encode("latin-1")) | st.binary(max_size=40)
NUMBERS = INTEGERS | REALS
VALUES: st.SearchStrategy[Any] = st.none() | INTEGERS | REALS | TEXTS | BLOBS

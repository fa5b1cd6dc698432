"""kernel/values/key.py: the memcmp order of normalized keys is the order of SQL, under any collation and direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, INTEGERS, NUMBERS, TEXTS, VALUES
from turso_wasm.kernel.abi import BINARY, KEY_DESC, KEY_NULLS_FIRST, KEY_NULLS_LAST, NOCASE, RTRIM
from turso_wasm.values.types import SqlValue

ORACLE = apsw.Connection(":memory:")
COLLATIONS = {BINARY: "BINARY", NOCASE: "NOCASE", RTRIM: "RTRIM"}
FLAGS = st.builds(
    lambda *parts: sum(parts),
    st.sampled_from([BINARY, NOCASE, RTRIM]),
    st.sampled_from([0, KEY_DESC]),
    st.sampled_from([0, 0, KEY_NULLS_FIRST, KEY_NULLS_LAST]),
)


@pytest.fixture(scope="module")
def kernel() -> RecordsKernel:
    return RecordsKernel(["turso_wasm.kernel.values.record"])


def order_by(column: str, flags: int) -> str:
    """The ORDER BY term that a field's flags stand for."""
    nulls = {KEY_NULLS_FIRST: " NULLS FIRST", KEY_NULLS_LAST: " NULLS LAST"}.get(flags & 24, "")
    return f"{column} COLLATE {COLLATIONS[flags & 3]}{' DESC' if flags & KEY_DESC else ''}{nulls}"


def ranks(rows: Sequence[Sequence[SqlValue]], flags: Sequence[int]) -> list[int]:
    """The rank SQLite gives each row; equal rows have equal ranks."""
    names = [f"c{i}" for i in range(len(flags))]
    ORACLE.execute(f"CREATE TEMP TABLE t(id, {', '.join(names)})")
    try:
        marks = ", ".join("?" * (len(flags) + 1))
        ORACLE.executemany(f"INSERT INTO t VALUES ({marks})", [(i, *row) for i, row in enumerate(rows)])
        terms = ", ".join(map(order_by, names, flags))
        return [rank for (rank,) in ORACLE.execute(f"SELECT DENSE_RANK() OVER (ORDER BY {terms}) FROM t ORDER BY id")]
    finally:
        ORACLE.execute("DROP TABLE t")


def assert_same_order(kernel: RecordsKernel, rows: Sequence[Sequence[SqlValue]], flags: Sequence[int]) -> None:
    """key K1, and K2 for whole keys."""
    keys = [kernel.key(row, flags) for row in rows]
    expected = ranks(rows, flags)
    for i, (key, rank) in enumerate(zip(keys, expected, strict=True)):
        for other, other_rank in zip(keys[:i], expected[:i], strict=True):
            assert (key > other) - (key < other) == (rank > other_rank) - (rank < other_rank)
            assert key == other or not (key.startswith(other) or other.startswith(key)), "key K2"


@EXAMPLES
@given(st.lists(VALUES, min_size=2, max_size=9), FLAGS)
def test_single_fields_sort_as_in_sqlite(kernel: RecordsKernel, values: list[SqlValue], flags: int) -> None:
    assert_same_order(kernel, [[value] for value in values], [flags])


@EXAMPLES
@given(st.lists(NUMBERS, min_size=2, max_size=9), st.sampled_from([0, KEY_DESC]))
@example([2**53, 2.0**53, 2**53 + 1, 2.0**53 + 2, -(2**53) - 1, -(2.0**53)], 0)
@example([2**63 - 1, 2.0**63, -(2**63), -(2.0**63), 9223372036854774784.0, 2**63 - 1024], 0)
@example([0, 0.0, -0.0, 5e-324, -5e-324, 0.5, -0.5, 1, -1, 1.5, -1.5], 0)
def test_integers_and_reals_compare_exactly(kernel: RecordsKernel, values: list[Any], flags: int) -> None:
    keys = [kernel.key([value], flags) for value in values]
    sign = -1 if flags else 1
    for key, value in zip(keys, values, strict=True):
        for other_key, other in zip(keys, values, strict=True):
            assert (key > other_key) - (key < other_key) == sign * ((value > other) - (value < other))


@EXAMPLES
@given(st.lists(TEXTS, min_size=2, max_size=9), FLAGS)
@example(["a\0b", "a\0c", "a\0cd", "a\0", "a", "A\0z", "a\0\0"], NOCASE)
@example(["a ", "a", "a  b", "a\0 ", "a\0", " ", ""], RTRIM)
def test_texts_sort_as_in_sqlite(kernel: RecordsKernel, values: list[str], flags: int) -> None:
    assert_same_order(kernel, [[value] for value in values], [flags])


@EXAMPLES
@given(st.data())
def test_fields_concatenate(kernel: RecordsKernel, data: st.DataObject) -> None:
    flags = data.draw(st.lists(FLAGS, min_size=2, max_size=3))
    small = st.sampled_from([None, 0, 1, -1, 1.0, 1.5, "", "a", "A", "a ", "a\0", "\0", b"", b"a", b"\0", b"\x01\0"])
    rows = data.draw(st.lists(st.tuples(*[small | VALUES] * len(flags)), min_size=2, max_size=7))
    assert_same_order(kernel, rows, flags)


@EXAMPLES
@given(INTEGERS, FLAGS)
def test_the_fast_path_for_integers_is_the_same_key(kernel: RecordsKernel, value: int, flags: int) -> None:
    expected = kernel.key([value], flags)
    kernel.call("key_reset", kernel.statement)
    kernel.call("key_add_int", kernel.statement, value, flags)
    assert kernel.read(kernel.field("key"), kernel.field("key_used")) == expected
    if abs(value) < 2**55:
        assert len(expected) <= 8, "key K4"


@pytest.mark.parametrize("byte", [b"\0", b"\x01", b"a"])
@pytest.mark.parametrize("size", [7, 8, 9, 250, 5000, 1 << 20])
def test_long_blobs_grow_the_buffer(kernel: RecordsKernel, byte: bytes, size: int) -> None:
    kernel.end_statement()
    escapes = {b"\0": b"\x01\x01", b"\x01": b"\x01\x02"}
    key = kernel.key([5, byte * size, 6])
    assert key == kernel.key([5]) + b"\x50" + escapes.get(byte, byte) * size + b"\0" + kernel.key([6])


def test_a_nan_is_null(kernel: RecordsKernel) -> None:
    kernel.call("key_reset", kernel.statement)
    kernel.call("key_add_real", kernel.statement, float("nan"), KEY_DESC)
    assert kernel.read(kernel.field("key"), 1) == kernel.key([None], KEY_DESC)

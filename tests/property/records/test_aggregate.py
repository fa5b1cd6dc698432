"""kernel/values/aggregate.py against SQLite's sum, total, avg, min, max and group_concat."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, INTEGERS, NUMBERS, VALUES
from tests.harness.values import STMT
from turso_wasm.base.errors import SqlError
from turso_wasm.kernel.values.aggregate import ConcatState, ExtremeState, SumState
from turso_wasm.values.types import SqlValue

DB = apsw.Connection(":memory:")
NUMERIC_TEXTS = st.sampled_from(
    ["12", " 7 ", "1.5", "1e3", "12abc", "abc", "", "9223372036854775807", "9223372036854775808"]
)
ADDENDS: st.SearchStrategy[Any] = st.none() | INTEGERS | NUMBERS | NUMERIC_TEXTS | st.sampled_from([b"12", b"x"])


@pytest.fixture(scope="module")
def kernel() -> RecordsKernel:
    return RecordsKernel(["turso_wasm.kernel.values.aggregate", "turso_wasm.kernel.base.resources"])


def oracle(expression: str, values: list[Any]) -> Any:
    """What SQLite's aggregate gives over the values in this order; SqlError for an error."""
    DB.execute("CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, x, y)")
    try:
        rows = [value if isinstance(value, tuple) else (value, None) for value in values]
        DB.executemany("INSERT INTO t(x, y) VALUES (?, ?)", rows)
        return DB.execute(f"SELECT {expression} FROM (SELECT * FROM t ORDER BY id)").fetchall()[0][0]
    except apsw.SQLError as error:
        return SqlError(error.result, str(error))
    finally:
        DB.execute("DROP TABLE t")


def add_up(kernel: RecordsKernel, values: list[SqlValue], final: str, fast: bool = False) -> Any:
    """The kernel's aggregate; SqlError for an error."""
    kernel.reset()
    state = kernel.bytes_in(bytes(SumState.size))
    for value in values:
        if fast and isinstance(value, int):
            kernel.call("sum_step_int", state, value)
        elif fast and isinstance(value, float):
            kernel.call("sum_step_real", state, value)
        else:
            kernel.raw("sum_step", [state], value)
    try:
        return kernel.decode(*kernel.checked(final, state))
    except SqlError as error:
        return error


def assert_same(ours: Any, theirs: Any) -> None:
    """The same value of the same type, or the same error."""
    if isinstance(theirs, SqlError):
        assert isinstance(ours, SqlError)
        assert (ours.code, ours.message) == (theirs.code, theirs.message)
    else:
        assert (type(ours), repr(ours)) == (type(theirs), repr(theirs))


BIG = 2**63 - 1


@EXAMPLES
@given(st.lists(ADDENDS, max_size=12))
@example([BIG, 1])
@example([BIG, 1, -1])
@example([BIG, 1, 1.0])
@example([1.0, BIG, 1])
@example([BIG, 1, "abc", BIG])
@example([-BIG, -BIG, None, 5])
@example([1e100, 1, -1e100])
@example([float("inf"), 1])
@example([float("inf"), float("-inf")])
@example([1e308, 1e308, -1e308])
@example([0.1] * 10)
@example([BIG, BIG, 0.5, -BIG])
@example([2**53 + 1, 0.0, 2**53 + 1, 2**53 + 1])
@example([-0.0])
@example([])
def test_sums_are_those_of_sqlite(kernel: RecordsKernel, values: list[SqlValue]) -> None:
    for name in ("sum", "total", "avg"):
        theirs = oracle(f"{name}(x)", values)
        assert_same(add_up(kernel, values, f"{name}_final"), theirs)
        assert_same(add_up(kernel, values, f"{name}_final", fast=True), theirs)


@EXAMPLES
@given(st.lists(st.floats(allow_nan=False, width=32) | INTEGERS, min_size=20, max_size=200))
def test_long_sums_have_the_same_last_bit(kernel: RecordsKernel, values: list[SqlValue]) -> None:
    values = [0.0, *values]
    assert_same(add_up(kernel, values, "sum_final"), oracle("sum(x)", values))


@EXAMPLES
@given(st.lists(VALUES, max_size=10), st.sampled_from([(0, "BINARY"), (1, "NOCASE"), (2, "RTRIM")]))
@example([1, 1.0, True], (0, "BINARY"))
@example([1.0, 1], (0, "BINARY"))
@example(["a", "A", "a "], (1, "NOCASE"))
@example(["a ", "a", "a  "], (2, "RTRIM"))
def test_extremes_are_those_of_sqlite(
    kernel: RecordsKernel, values: list[SqlValue], collation: tuple[int, str]
) -> None:
    for name in ("min", "max"):
        kernel.reset()
        state = kernel.call("keep_alloc", kernel.statement, ExtremeState.size)
        kernel.write(state, bytes(ExtremeState.size))
        best: SqlValue = None
        for value in values:
            kernel.reset()  # what the value pointed to is gone before the next step
            changed = kernel.raw(f"{name}_step", STMT, [state], value, [collation[0]])
            best = value if changed else best
        kernel.reset()
        got = kernel.decode(*kernel.call("extreme_final", state))
        assert_same(got, oracle(f"{name}(x COLLATE {collation[1]})", values))
        assert_same(best, got)
    kernel.end_statement()


@EXAMPLES
@given(st.lists(st.tuples(VALUES, st.sampled_from([",", "", None, "é", 5, b"--"])), max_size=10))
def test_concatenations_are_those_of_sqlite(kernel: RecordsKernel, rows: list[tuple[Any, Any]]) -> None:
    # Bytes that are no text cannot be fetched as text, and SQLite cuts no text at a NUL here.
    rows = [(x.decode("ascii", "ignore").encode() if isinstance(x, bytes) else x, y) for x, y in rows]
    kernel.reset()
    state = kernel.call("keep_alloc", kernel.statement, ConcatState.size)
    kernel.write(state, bytes(ConcatState.size))
    for x, y in rows:
        kernel.reset()
        kernel.raw("concat_step", STMT, [state], x, y)
    assert_same(kernel.decode(*kernel.call("concat_final", state)), oracle("group_concat(x, y)", rows))
    kernel.end_statement()


def test_many_long_concatenations_stay_apart_and_are_freed(kernel: RecordsKernel) -> None:
    kernel.end_statement()
    before = kernel.call("memory_used")
    states = [kernel.call("keep_alloc", kernel.statement, ConcatState.size) for _ in range(5)]
    for state in states:
        kernel.write(state, bytes(ConcatState.size))
    for i in range(300):
        for k, state in enumerate(states):
            kernel.reset()
            kernel.raw("concat_step", STMT, [state], f"{i}" * 10 * k, f"<{k}>")
    for k, state in enumerate(states):
        text = kernel.decode(*kernel.call("concat_final", state))
        assert text == f"<{k}>".join(f"{i}" * 10 * k for i in range(300))
    kernel.end_statement()
    assert kernel.call("memory_used") == before


def test_a_concatenation_beyond_a_billion_bytes_is_too_big(kernel: RecordsKernel) -> None:
    state = kernel.call("keep_alloc", kernel.statement, ConcatState.size)
    kernel.write(state, bytes(ConcatState.size))
    with pytest.raises(SqlError, match="string or blob too big") as error:
        kernel.checked("concat_step", kernel.statement, state, 3, 8 | 1_000_000_001 << 32, 0, 0)
    assert error.value.code == 18
    kernel.end_statement()


def test_growing_extremes_reuse_their_memory(kernel: RecordsKernel) -> None:
    kernel.end_statement()
    state = kernel.call("keep_alloc", kernel.statement, ExtremeState.size)
    kernel.write(state, bytes(ExtremeState.size))
    before = kernel.call("memory_used")
    for i in range(1000):
        kernel.reset()
        assert kernel.raw("max_step", STMT, [state], f"{i:0500d}", [0]) == 1
    assert kernel.call("memory_used") - before < 20_000
    kernel.end_statement()

"""kernel/values/rows.py: what the host reads is what was set; buffers grow, and hand over when they are full."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, VALUES
from tests.harness.values import STMT
from turso_wasm.base.errors import SqlError
from turso_wasm.values.types import SqlValue


@pytest.fixture(scope="module")
def shared() -> RecordsKernel:
    return RecordsKernel([])


@pytest.fixture
def kernel(shared: RecordsKernel) -> RecordsKernel:
    """A kernel whose statement has no rows yet."""
    shared.end_statement()
    shared.set_field("row_limit", 0)
    empty(shared)
    return shared


def write_row(kernel: RecordsKernel, values: list[SqlValue]) -> int:
    """row_begin, row_set for all but trailing NULLs, row_end."""
    kernel.reset()
    row = kernel.checked("row_begin", kernel.statement)
    for i, value in enumerate(values):
        if value is not None or i % 2:
            kernel.raw("row_set", STMT, [row, i], value)
    return int(kernel.call("row_end", kernel.statement))


def read_rows(kernel: RecordsKernel, n: int) -> list[list[SqlValue]]:
    """What a host sees."""
    pad = (n + 7) // 8 * 8
    rows = kernel.read(kernel.field("rows"), kernel.field("rows_used"))
    heap = kernel.field("heap")
    assert len(rows) == kernel.field("row_count") * (pad + 8 * n)
    out = []
    for start in range(0, len(rows), pad + 8 * n):
        tags = rows[start : start + n]
        assert rows[start + n : start + pad] == bytes(pad - n)
        payloads = struct.unpack_from(f"<{n}q", rows, start + pad)
        row: list[SqlValue] = []
        for tag, payload in zip(tags, payloads, strict=True):
            if tag >= 3:
                assert (payload & 0xFFFFFFFF) + (payload >> 32) <= kernel.field("heap_used")
                payload += heap
            row.append(kernel.decode(tag, payload if tag else 0))
        out.append(row)
    return out


def empty(kernel: RecordsKernel) -> None:
    """What a host does before it calls step again."""
    for name in ("rows_used", "row_count", "heap_used", "heap_not_ascii"):
        kernel.set_field(name, 0)


@EXAMPLES
@given(st.integers(1, 20), st.data())
def test_rows_arrive_as_they_were_set(shared: RecordsKernel, n: int, data: st.DataObject) -> None:
    kernel = shared
    empty(kernel)
    kernel.set_field("n_columns", n)
    rows = data.draw(st.lists(st.lists(VALUES, min_size=n, max_size=n), max_size=8))
    for row in rows:
        assert write_row(kernel, row) == 0
    assert [list(map(repr, row)) for row in read_rows(kernel, n)] == [list(map(repr, row)) for row in rows]
    texts = [value for row in rows for value in row if isinstance(value, str)]
    assert bool(kernel.field("heap_not_ascii")) == any(not text.isascii() for text in texts), "rows W2"
    raw = [value.encode() if isinstance(value, str) else value for row in rows for value in row]
    heap = kernel.read(kernel.field("heap"), kernel.field("heap_used"))
    assert heap == b"".join(value + b"\0" for value in raw if isinstance(value, bytes)), "rows W4"


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 250, 257, 5000])
@pytest.mark.parametrize("at", [0, -1])
def test_one_character_beyond_ascii_is_noticed_anywhere(kernel: RecordsKernel, size: int, at: int) -> None:
    kernel.set_field("n_columns", 1)
    # What lies behind the text in memory does not count, nor do blobs.
    kernel.reset()
    address = kernel.bytes_in(b"a" * size + b"\xff" * 16)
    for tag in (3, 4):
        row = kernel.checked("row_begin", kernel.statement)
        kernel.checked("row_set", kernel.statement, row, 0, tag, address | size << 32)
    write_row(kernel, [b"\xff" * size])
    assert kernel.field("heap_not_ascii") == 0
    text = "a" * size + "é" if at else "é" + "a" * size
    write_row(kernel, [text])
    assert kernel.field("heap_not_ascii") != 0


def test_step_hands_over_when_the_rows_are_many(kernel: RecordsKernel) -> None:
    kernel.set_field("n_columns", 3)
    n = 1
    while not write_row(kernel, [n, None, n * 1.5]):
        n += 1
    assert n == 128 * 1024 // 32
    assert read_rows(kernel, 3) == [[i, None, i * 1.5] for i in range(1, n + 1)]
    empty(kernel)
    assert write_row(kernel, [1, 2, 3]) == 0
    assert read_rows(kernel, 3) == [[1, 2, 3]]


def test_step_hands_over_when_the_texts_are_long(kernel: RecordsKernel) -> None:
    kernel.set_field("n_columns", 2)
    text = "x" * 100_000
    assert [write_row(kernel, [text, i]) for i in range(11)] == [0] * 10 + [1]
    assert read_rows(kernel, 2) == [[text, i] for i in range(11)]


def test_step_hands_over_at_the_row_limit(kernel: RecordsKernel) -> None:
    kernel.set_field("n_columns", 1)
    kernel.set_field("row_limit", 3)
    assert [write_row(kernel, [i]) for i in range(3)] == [0, 0, 1]


def test_one_giant_blob_is_one_row(kernel: RecordsKernel) -> None:
    kernel.set_field("n_columns", 1)
    blob = bytes(range(256)) * 200_000
    used = kernel.call("memory_used")
    assert write_row(kernel, [blob]) == 1
    assert read_rows(kernel, 1) == [[blob]]
    kernel.reset()
    kernel.call("buffers_trim", kernel.statement)
    assert kernel.field("heap") == 0 and kernel.field("rows_used") == 0
    kernel.end_statement()
    assert kernel.call("memory_used") == used


def test_a_text_beyond_a_billion_bytes_is_too_big(kernel: RecordsKernel) -> None:
    with pytest.raises(SqlError, match="string or blob too big") as error:
        kernel.checked("row_text", kernel.statement, 8 | 1_000_000_001 << 32, 1)
    assert error.value.code == 18


def test_texts_that_do_not_fit_in_memory_together_are_out_of_memory(kernel: RecordsKernel) -> None:
    kernel.set_field("heap_used", 0x7FFE0000 - 1000)  # nothing is read before the room is there
    with pytest.raises(SqlError, match="out of memory") as error:
        kernel.checked("row_text", kernel.statement, 8 | 2000 << 32, 1)
    assert error.value.code == 7


@pytest.mark.parametrize("n", [1, 8, 9, 2000])
def test_wide_rows(kernel: RecordsKernel, n: int) -> None:
    kernel.set_field("n_columns", n)
    rows: list[list[SqlValue]] = [[i * n + j for j in range(n)] for i in range(3)]
    for row in rows:
        write_row(kernel, row)
    assert read_rows(kernel, n) == rows

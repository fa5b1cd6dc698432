"""kernel/base/varint.py and kernel/values/record.py: SQLite's record format both ways, and hostile records."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.format import record as model
from tests.format.header import DatabaseHeader
from tests.format.pages import decode_page
from tests.format.varint import decode_varint, encode_varint, varint_size
from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, INTEGERS, VALUES
from turso_wasm.base.errors import Corrupt, SqlError
from turso_wasm.values.types import SqlValue

ROW = st.lists(VALUES, max_size=12)


@pytest.fixture(scope="module")
def kernel() -> RecordsKernel:
    return RecordsKernel(["turso_wasm.kernel.values.record", "turso_wasm.kernel.base.varint"])


def same(a: Sequence[SqlValue], b: Sequence[SqlValue]) -> bool:
    """Equal values of equal types; 0.0 and -0.0 differ."""
    return [(type(x), repr(x)) for x in a] == [(type(x), repr(x)) for x in b]


def columns(kernel: RecordsKernel, record: bytes, mask: int, at: int | None = None) -> dict[int, SqlValue]:
    """What record_columns writes: column -> value."""
    if at is None:
        kernel.reset()
    p = kernel.bytes_in(record) if at is None else at
    out = kernel.bytes_in(b"\xee" * 16 * 64)
    kernel.checked("record_columns", p, len(record), mask, out)
    block = kernel.read(out, 16 * 64)
    values: dict[int, SqlValue] = {}
    for column in range(64):
        tag, _, payload = struct.unpack_from("<iiq", block, 16 * column)
        if mask >> column & 1:
            values[column] = kernel.decode(tag, payload)
        else:
            assert block[16 * column : 16 * column + 16] == b"\xee" * 16, "only the columns asked for are written"
    return values


# --- varints ---------------------------------------------------------------------------------------------------


@EXAMPLES
@given(INTEGERS, st.integers(0, 9))
def test_varints_round_trip(kernel: RecordsKernel, value: int, padding: int) -> None:
    kernel.reset()
    p = kernel.bytes_in(b"\xaa" * 32)
    size = kernel.call("put_varint", p, value)
    assert kernel.read(p, 16) == encode_varint(value).ljust(16, b"\xaa"), "varint V2"
    assert kernel.call("get_varint", p) == [value, size]
    assert kernel.call("varint_size", value) == size == varint_size(value)


@EXAMPLES
@given(st.binary(min_size=9, max_size=9))
def test_any_nine_bytes_are_a_varint(kernel: RecordsKernel, data: bytes) -> None:
    kernel.reset()
    p = kernel.bytes_in(data)
    assert tuple(kernel.call("get_varint", p)) == decode_varint(data, 0)


# --- records ---------------------------------------------------------------------------------------------------


@EXAMPLES
@given(ROW, st.integers(0, 2**64 - 1))
def test_records_are_those_of_the_format_and_decode_column_by_column(
    kernel: RecordsKernel, values: list[SqlValue], mask: int
) -> None:
    record = kernel.record(values)
    assert record == model.encode_record(values)
    kernel.reset()
    p = kernel.bytes_in(record)
    assert kernel.checked("record_field_count", p, len(record)) == len(values)
    padded = [*values, None, None]
    got = [kernel.decode(*kernel.checked("record_column", p, len(record), i)) for i in range(len(padded))]
    assert same(got, padded)
    wanted = {column: value for column, value in enumerate([*values, *[None] * 64][:64]) if mask >> column & 1}
    found = columns(kernel, record, mask)
    assert list(found) == list(wanted) and same(list(found.values()), list(wanted.values()))


@pytest.mark.parametrize("n", [125, 126, 127, 128, 2000, 16380, 16381, 16382, 16383, 32766])
def test_wide_records_have_long_headers(kernel: RecordsKernel, n: int) -> None:
    values = [i % 3 or None for i in range(n)]
    record = kernel.record(values)
    assert record == model.encode_record(values)
    kernel.reset()
    p = kernel.bytes_in(record)
    assert kernel.decode(*kernel.checked("record_column", p, len(record), n - 1)) == values[-1]
    assert kernel.checked("record_field_count", p, len(record)) == n


@pytest.mark.parametrize("size", [57, 58, 59, 8185, 8186, 8187, 1 << 20, 30_000_000])
def test_long_texts_have_long_serial_types(kernel: RecordsKernel, size: int) -> None:
    values = [1, "é" + "x" * (size - 2), b"y" * size, 2.5]
    record = kernel.record(values)
    assert record == model.encode_record(values)
    assert columns(kernel, record, 0b1110) == {1: values[1], 2: values[2], 3: 2.5}
    kernel.end_statement()


def test_a_record_beyond_a_billion_bytes_is_too_big(kernel: RecordsKernel) -> None:
    kernel.reset()
    # Sizes only: nothing is read before the sum is known.
    half = 8 | 500_000_000 << 32
    array = kernel.bytes_in(struct.pack("<iiqiiq", 4, 0, half, 4, 0, half))
    with pytest.raises(SqlError, match="string or blob too big") as error:
        kernel.checked("record_encode", kernel.statement, array, 2)
    assert error.value.code == 18


def test_a_nan_in_a_record_reads_as_null(kernel: RecordsKernel) -> None:
    assert columns(kernel, b"\x02\x07" + struct.pack(">d", float("nan")), 1) == {0: None}


def test_records_of_sqlite_decode(kernel: RecordsKernel, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = apsw.Connection(str(path))
    db.execute("CREATE TABLE t(a, b, c, d)")
    rows = [(i, -(1 << i), f"{'é' * i}", [1.5 * i, b"\0" * i, None, i % 2][i % 4]) for i in range(60)]
    with db:
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    root = db.execute("SELECT rootpage FROM sqlite_schema").fetchall()[0][0]
    db.close()
    data = path.read_bytes()
    header = DatabaseHeader.decode(data)
    size = header.page_size
    pages = [decode_page(data[(root - 1) * size : root * size], header.usable_size, root)]
    while pages[-1].right_child or any(cell.left_child for cell in pages[-1].cells):
        children = [cell.left_child for cell in pages[-1].cells] + [pages[-1].right_child]
        pages = [decode_page(data[(n - 1) * size : n * size], header.usable_size, n) for n in children]
    records = [cell.local for page in pages for cell in page.cells]
    assert [tuple(columns(kernel, record, 15).values()) for record in records] == rows


# --- hostile records ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("serial", [10, 11])
def test_reserved_serial_types_are_null(kernel: RecordsKernel, serial: int) -> None:
    """As in SQLite."""
    kernel.reset()
    record = bytes([2, serial])
    found = kernel.checked("record_column", kernel.bytes_in(record), len(record), 0)
    assert kernel.decode(*found) is None


@pytest.mark.parametrize("record", [b"\x00", b"\x00\x01\x02", b"\x80\x00", b"\x00" * 20])
def test_a_header_of_size_0_has_no_columns(kernel: RecordsKernel, record: bytes) -> None:
    """As in SQLite, whatever follows."""
    kernel.reset()
    assert model.decode_record(record) == []
    p = kernel.bytes_in(record)
    assert kernel.checked("record_field_count", p, len(record)) == 0
    assert kernel.decode(*kernel.checked("record_column", p, len(record), 0)) is None
    assert columns(kernel, record, 0b11, p) == {0: None, 1: None}


@pytest.mark.parametrize(
    "record",
    [
        b"",  # nothing at all
        b"\x05\x01",  # a header larger than the record
        b"\x03\x01\x81",  # a serial type cut off by the header's end
        b"\x02\x06\x01",  # an integer beyond the end
        b"\x02\x13ab",  # a text beyond the end
        b"\x04\xff\xff\x7f",  # a huge text
        b"\x0a" + b"\xff" * 9,  # a negative serial type
        b"\x06\x88\xff\xff\xff\x7f",  # a serial type just beyond 2^31
        b"\x81\x00",  # a long form of a header size that does not fit
        b"\xff" * 9 + b"\x01" * 40,  # a negative header size
        b"\x02\x01ab",  # bytes behind the last column
    ],
)
def test_hostile_records_are_corrupt(kernel: RecordsKernel, record: bytes) -> None:
    with pytest.raises(Corrupt):
        model.decode_record(record)
    kernel.reset()
    # What lies behind a record in memory must not make it well-formed.
    p = kernel.bytes_in(record + b"\x01" * 16)
    for call in ([("record_column", column) for column in range(2)], [("record_columns", 3)]):
        with pytest.raises(SqlError) as error:
            for name, argument in call:
                if name == "record_column":
                    kernel.checked(name, p, len(record), argument)
                else:
                    columns(kernel, record, argument, p)
        assert (error.value.code, error.value.message) == (11, "database disk image is malformed")


@EXAMPLES
@given(st.binary(max_size=24) | st.lists(st.integers(0, 15), min_size=1, max_size=24).map(bytes), st.integers(0, 2**12))
def test_random_bytes_are_corrupt_or_decode_as_in_the_model(kernel: RecordsKernel, record: bytes, mask: int) -> None:
    assume(not {10, 11} & set(record))  # reserved serial types are NULL to SQLite and us, corrupt to the model
    try:
        expected: list[SqlValue] | None = model.decode_record(record)
    except Corrupt:
        expected = None
    kernel.reset()
    p = kernel.bytes_in(record + b"\x0f" * 16)
    try:
        n = kernel.checked("record_field_count", p, len(record))
        got = [kernel.decode(*kernel.checked("record_column", p, len(record), i)) for i in range(n + 1)]
        picked = columns(kernel, record, mask, p)
    except SqlError as error:
        assert error.code == 11 and expected is None
        return
    assert expected is not None and same(got, [*expected, None])
    assert same(list(picked.values()), [[*got, *[None] * 64][i] for i in picked])


@EXAMPLES
@given(ROW, st.data())
def test_columns_of_a_record_whose_rest_lies_elsewhere_are_located(
    kernel: RecordsKernel, values: list[SqlValue], data: st.DataObject
) -> None:
    record = kernel.record(values)
    local = data.draw(st.integers(0, len(record)))
    header_size = decode_varint(record, 0)[0]
    kernel.reset()
    p = kernel.bytes_in(record[:local] + b"\xff" * 16)
    offset = header_size
    for column in range(len(values) + 1):
        serial, at = kernel.checked("record_locate", p, local, len(record), column)
        if serial == -1:
            assert local < header_size or local < 9, "the header is not here"
        elif column < len(values):
            assert (serial, at) == (model.serial_type(values[column]), offset)
            offset += model.serial_size(serial)
        else:
            assert (serial, at) == (0, -1)

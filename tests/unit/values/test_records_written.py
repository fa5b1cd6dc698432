"""encode_record is the inverse of decode_record, and as SQLite writes it where it has a choice."""

from hypothesis import given
from hypothesis import strategies as st

from turso_wasm.values.records import decode_record, encode_record, put_varint, varint

VALUES = (
    st.none()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)


@given(st.lists(VALUES, max_size=200))
def test_what_is_written_is_read(values: list[object]) -> None:
    found = decode_record(encode_record(values))
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@given(st.integers(0, (1 << 63) - 1))
def test_varints(value: int) -> None:
    raw = put_varint(value)
    assert varint(raw, 0) == (value, len(raw))


def test_the_smallest_serial_types() -> None:
    assert encode_record([None, 0, 1, 2, -129, 1.5, "a", b"b"]).hex() == "090008090102070f0e02ff7f3ff80000000000006162"

"""Laws of parameter encoding: what is written for a statement reads back as what was bound."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.runtime.parameters import (
    VALUE_SIZE,
    UnsupportedType,
    encode_block,
    encode_parameters,
    packer_for,
)

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.one_of(st.none(), INTEGERS, st.floats(), TEXTS, st.binary(max_size=20))
AT = 0x1234560

few = settings(max_examples=60, deadline=None)


def decode(block: bytes, n: int, at: int = AT, start: int = AT) -> list[Any]:
    """What the kernel would read: n Values at address `start` of a block that lies at `at`."""
    found: list[Any] = []
    for i in range(n):
        offset = start - at + i * VALUE_SIZE
        tag, payload = struct.unpack_from("<qq", block, offset)
        raw = block[(payload & 0xFFFFFFFF) - at :][: payload >> 32]
        if tag == REAL:
            found.append(struct.unpack_from("<d", block, offset + 8)[0])
        else:
            found.append({NULL: None, INTEGER: payload, TEXT: None, BLOB: raw}[tag] if tag != TEXT else raw.decode())
    return found


def same(given_values: Sequence[Any], found: Sequence[Any]) -> bool:
    return len(given_values) == len(found) and all(
        (b is None if isinstance(a, float) and math.isnan(a) else (type(a), repr(a)) == (type(b), repr(b)))
        for a, b in zip(given_values, found, strict=True)
    )


@few
@given(st.lists(VALUES, max_size=8), st.integers(0, 3))
def test_decode_of_encode_is_what_was_bound(values: list[Any], missing: int) -> None:
    n = len(values) + missing
    assert same([*values, *[None] * missing], decode(encode_parameters(values, n, AT), n))


@few
@given(st.lists(VALUES, max_size=8))
def test_the_packer_of_a_combination_of_types_writes_the_same(values: list[Any]) -> None:
    packer = packer_for(tuple(map(type, values)))
    assert packer is not None
    assert packer(values, AT) == encode_parameters(values, len(values), AT)


@few
@given(st.lists(VALUES, max_size=4), st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=1, max_size=5), VALUES)
def test_lists_of_rows_lie_behind_the_values(values: list[Any], rows: list[list[Any]], literal: Any) -> None:
    block = encode_block(values, [literal, tuple(tuple(row) for row in rows)], len(values) + 1, AT)
    n = len(values) + 1
    assert same([*values, None, literal], decode(block, n + 1))
    tag, payload = struct.unpack_from("<qq", block, (n + 1) * VALUE_SIZE)
    assert (tag, payload >> 32) == (BLOB, len(rows))
    flat = [value for row in rows for value in row]
    assert same(flat, decode(block, len(flat), start=payload & 0xFFFFFFFF))


def test_subclasses_and_buffers_are_taken() -> None:
    class Text(str):
        pass

    assert decode(encode_parameters([True, Text("x"), bytearray(b"ab"), memoryview(b"cd")], 4, AT), 4) == [
        1,
        "x",
        b"ab",
        b"cd",
    ]


@pytest.mark.parametrize("values", [[1 << 63], [-(1 << 63) - 1], [0, 1 << 70]])
def test_an_integer_beyond_64_bits_is_refused(values: list[int]) -> None:
    for encode in (lambda: encode_parameters(values, 2, AT), lambda: packer_for((int,) * len(values))(values, AT)):  # type: ignore[misc]
        with pytest.raises(OverflowError, match="Python int too large to convert to SQLite INTEGER"):
            encode()


def test_what_has_no_sql_type_is_named() -> None:
    with pytest.raises(UnsupportedType) as caught:
        encode_parameters([1, object()], 2, AT)
    assert (caught.value.index, caught.value.type_name) == (1, "object")
    assert packer_for((object,)) is None


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_parameters(["\ud800"], 1, AT)

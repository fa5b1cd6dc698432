"""Vectors of sixteen bytes in the typed subset."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wasm.runner import compile_text, run
from turso_wasm.wasm.subset.errors import SubsetError

SOURCE = """
INDEX = bytes([15, 0, 16, 255] * 4)
class Pair(Struct):
    first: v128
    second: v128
@inline
def both(x: v128, y: v128) -> v128: return x & y
def work(how: i32, p: i32, q: i32, r: i32) -> None:
    a: v128 = ptr[v128](p)[0]
    b: v128 = Pair(q - 16).second
    out: ptr[v128] = ptr[v128](r)
    if how == 0:
        out[0] = a ^ b
    elif how == 1:
        out[0] = both(a, b) | vector(b"0123456789abcdef")
    elif how == 2:
        out[0] = swizzle(a, b)
    elif how == 3:
        out[0] = swizzle(a, vector(INDEX))
    elif how == 4:
        out[0] = add_bytes(a, b)
    elif how == 5:
        out[0] = less_bytes(a, b)
    else:
        out[0] = shr_bytes(a, how - 6)
def floats(how: i32, p: i32, q: i32, r: i32) -> None:
    a: v128 = ptr[v128](p)[0]
    b: v128 = ptr[v128](q)[0]
    out: ptr[v128] = ptr[v128](r)
    if how == 0:
        out[0] = add_floats(a, b)
    elif how == 1:
        out[0] = sub_floats(a, b)
    elif how == 2:
        out[0] = mul_floats(a, b)
    elif how == 3:
        out[0] = min_floats(a, b)
    else:
        out[0] = max_floats(a, b)
"""
VECTOR = st.binary(min_size=16, max_size=16)
A, B, OUT = 4096, 4128, 4160


@pytest.fixture(scope="module")
def program():
    return run(SOURCE)


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


MEANINGS = [
    lambda a, b: bytes(x ^ y for x, y in zip(a, b, strict=True)),
    lambda a, b: bytes(x & y | z for x, y, z in zip(a, b, b"0123456789abcdef", strict=True)),
    lambda a, b: bytes(a[y] if y < 16 else 0 for y in b),
    lambda a, b: bytes([a[15], a[0], 0, 0] * 4),
    lambda a, b: bytes((x + y) & 0xFF for x, y in zip(a, b, strict=True)),
    lambda a, b: bytes(255 if signed(x) < signed(y) else 0 for x, y in zip(a, b, strict=True)),
    lambda a, b: a,
    lambda a, b: bytes(x >> 1 for x in a),
    lambda a, b: bytes(x >> 2 for x in a),
]


@settings(max_examples=40, deadline=None)
@given(VECTOR, VECTOR | st.binary(min_size=16, max_size=16).map(lambda b: bytes(x & 31 for x in b)))
def test_what_is_done_to_vectors(program, a: bytes, b: bytes) -> None:
    program.write(A, a)
    program.write(B, b)
    for how, meaning in enumerate(MEANINGS):
        program.work(how, A, B, OUT)
        assert program.read(OUT, 16) == meaning(a, b), how


FLOATS = st.lists(st.integers(-4000, 4000).map(lambda n: n / 8), min_size=4, max_size=4)
OPERATIONS = [float.__add__, float.__sub__, float.__mul__, min, max]


@settings(max_examples=40, deadline=None)
@given(FLOATS, FLOATS)
def test_what_is_done_to_floats(program, a: list[float], b: list[float]) -> None:
    program.write(A, struct.pack("<4f", *a))
    program.write(B, struct.pack("<4f", *b))
    for how, operation in enumerate(OPERATIONS):
        program.floats(how, A, B, OUT)
        assert struct.unpack("<4f", program.read(OUT, 16)) == tuple(map(operation, a, b)), how


WRONG = [
    ("return i32(a + a)", "v128 has no +"),
    ("return i32(a == a)", "v128 has no =="),
    ("return i32(a < a)", "v128 has no <"),
    ("return 1 if a else 0", "v128 is not a condition"),
    ("b: v128 = vector(b'123')", "vector takes a constant of 16 bytes"),
    ("b: v128 = a & n", "v128 & i32"),
    ("b: v128 = swizzle(a, n)", "swizzle: expected v128, got i32"),
    ("return i32(a)", "v128 cannot be converted to i32"),
]


@pytest.mark.parametrize(("body", "message"), WRONG)
def test_errors(body: str, message: str) -> None:
    with pytest.raises(SubsetError, match=message.replace("+", r"\+").replace("?", r"\?")):
        compile_text(
            f"def f(p: ptr[v128], n: i32) -> i32:\n    a: v128 = p[0]\n    if n:\n        {body}\n    return 0\n"
        )

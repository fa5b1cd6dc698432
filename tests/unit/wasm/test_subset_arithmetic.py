"""Operators, casts and numeric intrinsics of the subset, run under wasmtime against Python's answers."""

import math
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.wasm.runner import run

RANGE = {"i32": (-(2**31), 2**31 - 1), "u32": (0, 2**32 - 1), "i64": (-(2**63), 2**63 - 1), "u64": (0, 2**64 - 1)}
OPERATIONS = {
    "add": "a + b",
    "sub": "a - b",
    "mul": "a * b",
    "div": "a // b",
    "mod": "a % b",
    "band": "a & b",
    "bor": "a | b",
    "xor": "a ^ b",
    "shl": "a << b",
    "shr": "a >> b",
    "neg": "-a",
    "inv": "~a",
    "lt": "a < b",
    "le": "a <= b",
    "gt": "a > b",
    "ge": "a >= b",
    "eq": "a == b",
    "ne": "a != b",
    "by_eight": "a * 8",
    "plus_seven": "7 + a - 3",
    "div_eight": "a // 8",
    "mod_eight": "a % 8",
}
COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}


def wrap(value, kind):
    bits = int(kind[1:])
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind[0] == "i" and value >> (bits - 1) else value


def truncated(a, b):
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def model(name, a, b, kind):
    """Python's answer; None where wasm traps."""
    bits = int(kind[1:])
    if name in ("div", "mod"):
        if b == 0 or (name == "div" and kind[0] == "i" and a == -(2 ** (bits - 1)) and b == -1):
            return None
        return truncated(a, b) if name == "div" else a - truncated(a, b) * b
    if name in ("div_eight", "mod_eight"):
        return truncated(a, 8) if name == "div_eight" else a - truncated(a, 8) * 8
    if name in ("shl", "shr"):
        b %= bits
    return wrap(eval(OPERATIONS[name], {"a": a, "b": b}), kind)


def source():
    out = []
    for kind in RANGE:
        for name, expression in OPERATIONS.items():
            result = "bool" if name in COMPARISONS else kind
            out.append(f"def {name}_{kind}(a: {kind}, b: {kind}) -> {result}:\n    return {expression}\n")
    return "\n".join(out)


@pytest.fixture(scope="module")
def arithmetic():
    return run(source())


numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, 1, -1, 2, 7, 8, 2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**63 - 1, 2**63, -(2**63)]),
    st.integers(-70, 70),
)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers)
@example(-(2**31), -1)
@example(-(2**63), -1)
def test_integer_operators(arithmetic, a, b):
    for kind in RANGE:
        x, y = wrap(a, kind), wrap(b, kind)
        signed = "i" + kind[1:]
        for name in OPERATIONS:
            expected = model(name, x, y, kind)
            if expected is None:
                continue
            got = getattr(arithmetic, f"{name}_{kind}")(wrap(x, signed), wrap(y, signed))
            assert wrap(got, kind) == expected, (name, kind, x, y)


CASTS = """
def i32_i64(x: i32) -> i64: return i64(x)
def u32_i64(x: u32) -> i64: return i64(x)
def u32_u64(x: u32) -> u64: return u64(x)
def i64_i32(x: i64) -> i32: return i32(x)
def i64_u32(x: i64) -> u32: return u32(x)
def i32_f64(x: i32) -> f64: return f64(x)
def u32_f64(x: u32) -> f64: return f64(x)
def i64_f64(x: i64) -> f64: return f64(x)
def u64_f64(x: u64) -> f64: return f64(x)
def f64_i64(x: f64) -> i64: return i64(x)
def f64_i32(x: f64) -> i32: return i32(x)
def f64_u32(x: f64) -> u32: return u32(x)
def f64_u64(x: f64) -> u64: return u64(x)
def to_u8(x: i32) -> i32: return u8(x)
def to_i8(x: i32) -> i32: return i8(x)
def to_u16(x: i64) -> i32: return u16(x)
def to_i16(x: i32) -> i32: return i16(x)
def to_bool(x: i64) -> bool: return bool(x)
def as_bits(x: f64) -> i64: return bits(x)
def from_bits(x: i64) -> f64: return float_from_bits(x)
def pointer(x: i32) -> i64: return i64(ptr[u8](x))
"""


@pytest.fixture(scope="module")
def casts():
    return run(CASTS)


@settings(max_examples=60, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
@example(-(2**63))
@example(2**31)
def test_integer_casts(casts, x):
    low = wrap(x, "i32")
    assert casts.i32_i64(low) == low
    assert casts.u32_i64(low) == low % 2**32
    assert casts.u32_u64(low) == low % 2**32
    assert casts.i64_i32(x) == low
    assert casts.i64_u32(x) == low
    assert casts.i32_f64(low) == float(low)
    assert casts.u32_f64(low) == float(low % 2**32)
    assert casts.i64_f64(x) == float(x)
    assert casts.u64_f64(x) == float(x % 2**64)
    assert casts.to_u8(low) == low & 255
    assert casts.to_i8(low) == struct.unpack("b", bytes([low & 255]))[0]
    assert casts.to_u16(x) == x & 65535
    assert casts.to_i16(low) == struct.unpack("<h", struct.pack("<H", low & 65535))[0]
    assert casts.to_bool(x) == int(x != 0)
    assert casts.pointer(low) == low % 2**32


@settings(max_examples=60, deadline=None)
@given(st.floats())
@example(2.0**63)
@example(-1e300)
def test_float_casts_saturate(casts, x):
    def saturate(low, high):
        return (
            0
            if math.isnan(x)
            else int(min(max(x, float(low)), float(high)))
            if abs(x) < 2**70
            else low
            if x < 0
            else high
        )

    for name, (low, high) in RANGE.items():
        got = wrap(getattr(casts, f"f64_{name}")(x), name)
        assert got == min(max(saturate(low, high), low), high), name
    (expected,) = struct.unpack("<q", struct.pack("<d", x))
    if not math.isnan(x):
        assert casts.as_bits(x) == expected
        assert casts.from_bits(expected) == x


INTRINSICS = """
def c32(x: u32) -> u32: return clz(x)
def t32(x: i32) -> i32: return ctz(x)
def p64(x: i64) -> i64: return popcnt(x)
def rl(x: u32, n: u32) -> u32: return rotl(x, n)
def rr(x: u64, n: i32) -> u64: return rotr(x, n)
def hi(a: u64, b: u64) -> u64: return mul_hi_u(a, b)
def b32(x: u32) -> u32: return bswap32(x)
def b64(x: i64) -> i64: return bswap64(x)
def pick(a: i64, b: i64, c: i32) -> i64: return select(a, b, c)
def rounding(x: f64) -> f64: return floor(x) + ceil(x) * 3.0 + trunc(x) * 5.0 + nearest(x) * 7.0
def mask(a: i64, b: i64) -> i32:
    p: ptr[u8] = scratch(16)
    put_le64(p, a)
    put_le64(p + 8, b)
    return byte_mask(p, b'\\x00\\x1f""09')
def others(x: f64, y: f64) -> f64: return fmin(x, y) + fmax(x, y) + fabs(x) + copysign(y, x) + sqrt(fabs(y))
"""


@pytest.fixture(scope="module")
def intrinsics():
    return run(INTRINSICS)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_integer_intrinsics(intrinsics, a, b):
    low = a % 2**32
    n = b % 64
    assert intrinsics.c32(wrap(low, "i32")) == 32 - low.bit_length()
    assert intrinsics.t32(wrap(low, "i32")) == ((low & -low).bit_length() - 1 if low else 32)
    assert intrinsics.p64(wrap(a, "i64")) == a.bit_count()
    m = n % 32
    assert intrinsics.rl(wrap(low, "i32"), n) % 2**32 == (low << m | low >> (32 - m)) % 2**32
    assert intrinsics.rr(wrap(a, "i64"), n) % 2**64 == (a >> n | a << (64 - n)) % 2**64
    assert intrinsics.hi(wrap(a, "i64"), wrap(b, "i64")) % 2**64 == a * b >> 64
    assert intrinsics.b32(wrap(low, "i32")) % 2**32 == int.from_bytes(low.to_bytes(4, "little"), "big")
    assert intrinsics.b64(wrap(a, "i64")) % 2**64 == int.from_bytes(a.to_bytes(8, "little"), "big")
    assert intrinsics.pick(1, 2, low and 1) == (1 if low else 2)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_float_intrinsics(intrinsics, x, y):
    assert intrinsics.rounding(x) == math.floor(x) + math.ceil(x) * 3.0 + math.trunc(x) * 5.0 + float(round(x)) * 7.0
    expected = min(x, y) + max(x, y) + abs(x) + math.copysign(y, x) + math.sqrt(abs(y))
    assert intrinsics.others(x, y) == expected


def test_literals_take_the_type_they_meet():
    program = run(
        """
BIG = 0xFFFF_FFFF_FFFF
MASK = 0xFF00_0000
RATE = 0.5
def f(x: i64) -> i64: return (x & BIG) + 1
def g(x: f64) -> f64: return x * 2 + RATE + 1
def h(x: u32) -> u32: return x & MASK | 0x80000000
def k(x: i32) -> i32: return x & 0x80000000
def minimum() -> i64: return -0x8000000000000000
def shifted() -> i64: return 1 << 40
def truncating() -> i32: return -7 // 2 * 10 + -7 % 2
def conditional(c: i32) -> i64: return 5 if c else 1 << 33
def floats(c: bool) -> f64: return 1.0 if c else 0
"""
    )
    assert program.f(2**50 + 3) == 4
    assert program.g(3.0) == 7.5
    assert program.h(-1) % 2**32 == 0xFF000000
    assert program.k(-1) == -(2**31)
    assert program.minimum() == -(2**63)
    assert program.shifted() == 2**40
    assert program.truncating() == -31
    assert [program.conditional(1), program.conditional(0)] == [5, 2**33]
    assert [program.floats(1), program.floats(0)] == [1.0, 0.0]


def test_chained_comparison_evaluates_the_middle_once():
    program = run(
        """
calls: i32 = 0
def middle(x: i32) -> i32:
    global calls
    calls += 1
    return x
def inside(a: i32, x: i32, b: i32, c: i32) -> bool: return a < middle(x) <= b != c
def how_many() -> i32: return calls
"""
    )
    for a, x, b, c in [(1, 2, 3, 4), (1, 1, 3, 4), (1, 4, 3, 4), (1, 3, 3, 3)]:
        assert program.inside(a, x, b, c) == int(a < x <= b != c)
    assert program.how_many() == 4


def test_f64_comparisons_and_nan():
    program = run("def lt(a: f64, b: f64) -> bool: return a < b\ndef ne(a: f64, b: f64) -> bool: return not (a == b)")
    assert [program.lt(1.0, 2.0), program.lt(math.nan, 1.0), program.ne(math.nan, math.nan)] == [1, 0, 1]


def test_a_constant_shift_count_is_taken_modulo_the_width():
    program = run(
        """
def wide(x: i32) -> i32: return x << i64(0x1_0000_0003)
def negative(x: u32) -> u32: return x >> i64(-31)
def narrow(x: i64) -> i64: return x << u32(0xFFFF_FFC2)
"""
    )
    assert [program.wide(1), program.negative(6), program.narrow(1)] == [8, 3, 4]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=16, max_size=16))
@example(bytes(range(28, 44)))
def test_byte_mask(intrinsics, data):
    low, high = struct.unpack("<2q", data)
    wanted = sum(1 << k for k, byte in enumerate(data) if byte <= 31 or byte == 34 or 48 <= byte <= 57)
    assert intrinsics.mask(low, high) == wanted

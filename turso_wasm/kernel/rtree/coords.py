"""Coordinates: from values to cells. Minima are rounded down to what a cell can hold, maxima up."""

from turso_wasm.kernel.abi import Value
from turso_wasm.kernel.abi_modules import Rtree
from turso_wasm.kernel.rtree.node import raw_coord
from turso_wasm.kernel.values.value import to_integer, to_real
from turso_wasm.wasm.lang import export, f32, f64, i32, i64, ptr, put_be32, scratch, u8, u32

__subset__ = True

MIN_INT, MAX_INT = -(1 << 31), (1 << 31) - 1
INFINITE = 0x7F800000  # bits of a float
SIGN = 0x80000000


def float_bits(v: f64) -> u32:
    """The nearest float."""
    word: ptr[f32] = ptr[f32](i32(scratch(4)))
    word[0] = v
    return ptr[u32](i32(word))[0]


def float_value(bits: u32) -> f64:
    """The value of a float."""
    word: ptr[u32] = ptr[u32](i32(scratch(4)))
    word[0] = bits
    return ptr[f32](i32(word))[0]


def rounded(v: f64, up: i32) -> u32:
    """The least float that is not below v, or the greatest that is not above it."""
    bits: u32 = float_bits(v)
    f: f64 = float_value(bits)
    if (f >= v) if up else (f <= v):
        return bits
    away: i32 = i32(f < 0.0) ^ up  # from zero
    if bits & u32(0x7FFFFFFF) == u32(0):
        return u32(1) | (u32(0) if up else u32(SIGN))
    return bits + u32(1) if away else bits - u32(1)


def whole(tag: i32, payload: i64) -> i32:
    """A value as a 32-bit integer; beyond that the nearest one."""
    v: i64 = to_integer(tag, payload)
    if v < i64(MIN_INT):
        return MIN_INT
    return MAX_INT if v > i64(MAX_INT) else i32(v)


@export
def rtree_box(t: Rtree, values: ptr[Value], box: ptr[u8]) -> i32:
    """Write the coordinates of an entry as cells have them; 0, or the number (from 1) of the first dimension whose
    minimum is greater than its maximum.
    """
    bad: i32 = 0
    for i in range(t.n_coords):
        v: Value = values[i]
        if t.is_int:
            put_be32(box + i * 4, u32(whole(v.tag, v.payload)))
        else:
            put_be32(box + i * 4, rounded(to_real(v.tag, v.payload), i & 1))
        if i & 1 and bad == 0 and raw_coord(box + i * 4 - 4, t.is_int) > raw_coord(box + i * 4, t.is_int):
            bad = (i >> 1) + 1
    return bad

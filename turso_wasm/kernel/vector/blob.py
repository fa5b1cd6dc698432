"""Vectors as blobs: reading one of any kind, and making one.

  KIND            BYTES                                                                    BEHIND THEM
  F32             n 32-bit floats                                                          nothing; or 01
  F64             n 64-bit floats                                                          02
  BITS            n bits, the first one lowest; 1: the component is positive               0 or 1 zeros, unused bits, 03
  F8              n bytes, zeros up to a multiple of 4, scale and least as 32-bit floats   00, how many zeros, 04
  F16             n 16-bit floats                                                          05
  BF16            the upper halves of n 32-bit floats                                      06
  SPARSE          k 32-bit floats, their k indexes, n (32 bits each)                       09

All numbers are little-endian. Only a vector without a byte for its kind has an even number of bytes. A component of F8
is byte * scale + least, one of BITS is 1 or -1. The unused bits of BITS count the byte that says so.

Source: https://docs.turso.tech/sql-reference/functions/vector, https://docs.turso.tech/features/ai-and-embeddings, and
the observed bytes of Turso 0.8.
"""

from turso_wasm.kernel.abi import BLOB, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of
from turso_wasm.kernel.vector.halves import half_to_float, put_half, put_upper_half, upper_half_to_float
from turso_wasm.kernel.vector.text import components_of_text
from turso_wasm.wasm.lang import (
    Struct,
    f32,
    f64,
    fabs,
    floor,
    i32,
    i64,
    le32,
    lit,
    memory_fill,
    ptr,
    put_le32,
    scratch,
    u8,
    u16,
    u32,
)

__subset__ = True

F32 = 1
F64 = 2
BITS = 3
F8 = 4
F16 = 5
BF16 = 6
SPARSE = 9

MOST_FLOAT = 3.4028234663852886e38  # the largest 32-bit float
MOST_HALF = 65504.0
MOST_UPPER_HALF = 3.3895313892515355e38


class Vector(Struct):
    """A vector that has been read; n: components; count: of them in the blob of a sparse one."""

    kind: i32
    n: i32
    count: i32
    scale: f64
    least: f64
    data: ptr[u8]


def raise_no_vector() -> None:
    """Raise the error of a blob that is none."""
    raise_error(SQLITE_ERROR, *lit(b"invalid vector: the blob is not one of any vector type"))


def vector_read(stmt: Run, tag: i32, payload: i64, v: Vector) -> None:
    """Read a value that is not NULL: a blob, or a text, which is one of F32. Raises "invalid vector: …"."""
    if tag == TEXT:
        values, n = components_of_text(stmt, payload)
        made: i64 = vector_blob(stmt, values, n, F32)
        v.kind, v.n, v.data = F32, n, bytes_of(made)
        return
    if tag != BLOB:
        raise_error(SQLITE_ERROR, *lit(b"invalid vector type: expected a blob or a text like '[1, 2, 3]'"))
    v.data = bytes_of(payload)
    blob_read(v, size_of(payload))


def blob_read(v: Vector, size: i32) -> None:
    """Find the kind and the number of components of the blob at v.data. Raises "invalid vector: …"."""
    if not blob_fits(v, size):
        raise_no_vector()


def blob_fits(v: Vector, size: i32) -> bool:
    """Find the kind and the number of components of the blob at v.data; false: it is no vector."""
    if size & 1 == 0:
        v.kind, v.n = F32, size >> 2
        return size & 3 == 0
    v.kind = v.data[size - 1]
    size -= 1
    if v.kind == F32:
        v.n = size >> 2
        return size & 3 == 0
    if v.kind == F64:
        v.n = size >> 3
        return size & 7 == 0
    if v.kind == F16 or v.kind == BF16:
        v.n = size >> 1
        return True
    if v.kind == BITS:
        if size < 2:
            return False
        v.n = 8 * size - i32(v.data[size - 1])
        return v.n >= 0 and v.n <= 8 * (size - 1)
    if v.kind == F8:
        if size < 10 or size & 3 != 2:
            return False
        v.n = size - 10 - i32(v.data[size - 1])
        v.scale = ptr[f32](v.data + (size - 10))[0]
        v.least = ptr[f32](v.data + (size - 6))[0]
        return v.n >= 0 and v.data[size - 1] < 4
    return v.kind == SPARSE and size & 7 == 4 and sparse_fits(v, size)


def sparse_fits(v: Vector, size: i32) -> bool:
    """A sparse vector: its indexes ascend and are less than n."""
    v.count = size >> 3
    n: u32 = le32(v.data + (size - 4))
    if n > u32(0x7FFFFFFF):
        return False
    v.n = i32(n)
    before: i32 = -1
    for i in range(v.count):
        index: u32 = le32(v.data + (4 * v.count + 4 * i))
        if index >= n or i32(index) <= before:
            return False
        before = i32(index)
    return True


def sparse_index(v: Vector, i: i32) -> i32:
    """Which component the i-th of a sparse vector is."""
    return i32(le32(v.data + (4 * v.count + 4 * i)))


def component(v: Vector, i: i32) -> f64:
    """A component of a vector that is not sparse."""
    if v.kind == F32:
        return ptr[f32](v.data)[i]
    if v.kind == F64:
        return ptr[f64](v.data)[i]
    if v.kind == F8:
        return narrow(f64(i32(v.data[i])) * v.scale + v.least)
    if v.kind == BITS:
        return 1.0 if (i32(v.data[i >> 3]) >> (i & 7)) & 1 else -1.0
    half: i32 = ptr[u16](v.data)[i]
    return half_to_float(half) if v.kind == F16 else upper_half_to_float(half)


def narrow(value: f64) -> f64:
    """The nearest 32-bit float."""
    place: ptr[f32] = ptr[f32](scratch(8))
    place[0] = value
    return place[0]


def components(stmt: Run, v: Vector) -> ptr[f64]:
    """All components of a vector."""
    out: ptr[f64] = ptr[f64](alloc_text(stmt, i64(v.n) * 8))
    if v.kind == SPARSE:
        memory_fill(out, 0, v.n * 8)
        for i in range(v.count):
            out[sparse_index(v, i)] = ptr[f32](v.data)[i]
        return out
    for i in range(v.n):
        out[i] = component(v, i)
    return out


# --- making one ---------------------------------------------------------------------------------------------


def vector_blob(stmt: Run, values: ptr[f64], n: i32, kind: i32) -> i64:
    """The blob of n components. Raises "invalid vector: … out of range"."""
    if kind == F8:
        scale, least = range_of(values, n)
        return bytes_blob(stmt, values, n, scale, least)
    if kind == BITS:
        return bits_blob(stmt, values, n)
    if kind == SPARSE:
        return sparse_blob(stmt, values, n)
    width: i32 = 4 if kind == F32 else (8 if kind == F64 else 2)
    size: i64 = i64(n) * i64(width)
    out: ptr[u8] = alloc_text(stmt, size + 1)
    out[i32(size)] = kind
    for i in range(n):
        value: f64 = values[i]
        if kind == F64:
            ptr[f64](out)[i] = value
        elif kind == F32:
            ptr[f32](out)[i] = in_range(value, MOST_FLOAT)
        elif kind == F16:
            put_half(out + 2 * i, in_range(value, MOST_HALF))
        else:
            put_upper_half(out + 2 * i, in_range(value, MOST_UPPER_HALF))
    return pack(out, i32(size) + i32(kind != F32))


def in_range(value: f64, most: f64) -> f64:
    """A component of a narrower type; NaN and the infinities of a blob stay what they are."""
    if fabs(value) > most and fabs(value) <= 1.7976931348623157e308:
        raise_error(SQLITE_ERROR, *lit(b"invalid vector: a component is out of the range of its type"))
    return value


def range_of(values: ptr[f64], n: i32) -> tuple[f64, f64]:
    """(the scale of F8, its least value): the components lie between least and least + 255 * scale."""
    if n == 0:
        return 0.0, 0.0
    least: f64 = values[0]
    greatest: f64 = values[0]
    for i in range(n):
        value: f64 = in_range(values[i], MOST_FLOAT)
        least = value if value < least else least
        greatest = value if value > greatest else greatest
    return (greatest - least) / 255.0, least


def bytes_blob(stmt: Run, values: ptr[f64], n: i32, scale: f64, least: f64) -> i64:
    """A vector of F8: each component in a byte, rounded to the nearest."""
    zeros: i32 = (0 - n) & 3
    out: ptr[u8] = alloc_text(stmt, i64(n) + 14)
    behind: ptr[u8] = out + (n + zeros)
    ptr[f32](behind)[0] = scale
    ptr[f32](behind)[1] = least
    step: f64 = narrow(scale)
    low: f64 = narrow(least)
    for i in range(n):
        place: f64 = floor(narrow((values[i] - low) / step) + 0.5) if step != 0.0 else 0.0
        out[i] = 255 if place > 255.0 else (0 if place < 0.0 else i32(place))
    memory_fill(out + n, 0, zeros)
    behind[8] = 0
    behind[9] = zeros
    behind[10] = F8
    return pack(out, n + zeros + 11)


def bits_blob(stmt: Run, values: ptr[f64], n: i32) -> i64:
    """A vector of BITS: which components are positive."""
    size: i32 = (n + 7) >> 3
    out: ptr[u8] = alloc_text(stmt, i64(size) + 3)
    memory_fill(out, 0, size + 3)
    for i in range(n):
        if values[i] > 0.0:
            out[i >> 3] = i32(out[i >> 3]) | 1 << (i & 7)
    size += 2 - (size & 1)
    out[size - 1] = 8 * size - n
    out[size] = BITS
    return pack(out, size + 1)


def sparse_blob(stmt: Run, values: ptr[f64], n: i32) -> i64:
    """A vector of SPARSE: the components that are not 0."""
    count: i32 = 0
    for i in range(n):
        count += i32(values[i] != 0.0)
    out: ptr[u8] = alloc_text(stmt, i64(count) * 8 + 5)
    at: i32 = 0
    for i in range(n):
        if values[i] != 0.0:
            ptr[f32](out)[at] = in_range(values[i], MOST_FLOAT)
            put_le32(out + 4 * (count + at), u32(i))
            at += 1
    put_le32(out + 8 * count, u32(n))
    out[8 * count + 4] = SPARSE
    return pack(out, 8 * count + 5)

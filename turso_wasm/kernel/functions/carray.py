"""The numbers of arrays that a host binds as bytes, little-endian: carray(array, count, ctype).

Source: https://sqlite.org/carray.html
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.value import bytes_of, real_value, size_of, to_integer, to_text
from turso_wasm.wasm.lang import (
    export,
    f32,
    f64,
    float_from_bits,
    i8,
    i16,
    i32,
    i64,
    le32,
    le64,
    lit,
    ptr,
    scratch,
    sizeof,
    u8,
    u16,
    u32,
)

__subset__ = True

SIGNED, FLOATING = 16, 32  # beside the number of bytes


def is_word(text: i64, word: ptr[u8], n: i32) -> bool:
    """Whether a text is a word."""
    if size_of(text) != n:
        return False
    p: ptr[u8] = bytes_of(text)
    i: i32 = 0
    while i < n and p[i] == word[i]:
        i += 1
    return i == n


def element_kind(text: i64) -> i32:
    """The bytes of an element, and what they are; 0 for an unknown type."""
    if is_word(text, *lit(b"int32")):
        return 4 | SIGNED
    if is_word(text, *lit(b"int64")):
        return 8 | SIGNED
    if is_word(text, *lit(b"double")):
        return 8 | FLOATING
    if is_word(text, *lit(b"float")):
        return 4 | FLOATING
    if is_word(text, *lit(b"int8")):
        return 1 | SIGNED
    if is_word(text, *lit(b"int16")):
        return 2 | SIGNED
    if is_word(text, *lit(b"uint8")):
        return 1
    if is_word(text, *lit(b"uint16")):
        return 2
    return 4 if is_word(text, *lit(b"uint32")) else 0


@export
def fn_carray_count(
    stmt: Run, tag: i32, array: i64, count_tag: i32, count: i64, type_tag: i32, type_: i64
) -> tuple[i32, i64]:
    """How many elements are given: up to `count`, unless it is NULL. Errors: "unknown datatype: 'x'"."""
    text: i64 = to_text(stmt, type_tag, type_)
    kind: i32 = element_kind(text)
    if kind == 0:
        b: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(b, stmt)
        buffer_add(b, *lit(b"unknown datatype: '"))
        buffer_add(b, bytes_of(text), size_of(text))
        buffer_put(b, 39)
        raise_error(SQLITE_ERROR, b.data, b.size)
    if tag < TEXT:
        return INTEGER, i64(0)
    n: i64 = i64(size_of(array) // (kind & 15))
    wanted: i64 = n if count_tag == NULL else to_integer(count_tag, count)
    return INTEGER, wanted if wanted < n else n


@export
def fn_carray_value(
    stmt: Run, tag: i32, array: i64, index_tag: i32, index: i64, type_tag: i32, type_: i64
) -> tuple[i32, i64]:
    """The element at an index from 1 to the count."""
    kind: i32 = element_kind(to_text(stmt, type_tag, type_))
    width: i32 = kind & 15
    p: ptr[u8] = bytes_of(array) + (i32(index) - 1) * width
    if kind & FLOATING:
        return real_value(float_from_bits(le64(p)) if width == 8 else f64(ptr[f32](p)[0]))
    if width == 8:
        return INTEGER, le64(p)
    if width == 4:
        return INTEGER, i64(i32(le32(p))) if kind & SIGNED else i64(u32(le32(p)))
    if width == 2:
        return INTEGER, i64(ptr[i16](p)[0]) if kind & SIGNED else i64(ptr[u16](p)[0])
    return INTEGER, i64(ptr[i8](p)[0]) if kind & SIGNED else i64(p[0])

"""unistr and unistr_quote: text with backslash escapes.

  \\XXXX \\uXXXX \\+XXXXXX \\UXXXXXXXX  the character of that code, in hexadecimal digits     \\\\  a backslash

Source: https://sqlite.org/lang_corefunc.html#unistr, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.functions.bytes import hex_digit
from turso_wasm.kernel.functions.printf import has_control, put_sql_escaped
from turso_wasm.kernel.functions.scalar import fn_quote
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_value
from turso_wasm.kernel.values.utf8 import terminated_size, write_char
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_copy, ptr, scratch, sizeof, u8, u32

__subset__ = True

BACKSLASH = 92


def hex_number(p: ptr[u8], n: i32, at: i32, digits: i32) -> i64:
    """The number of that many hexadecimal digits at `at`; -1 unless they are there."""
    if at + digits > n:
        return -1
    value: i64 = 0
    for i in range(digits):
        digit: i32 = hex_digit(p[at + i])
        if digit < 0:
            return -1
        value = (value << 4) | i64(digit)
    return value


def escape(p: ptr[u8], n: i32, at: i32) -> tuple[i64, i32]:
    """The escape behind the backslash at `at` - 1: (its code, -1 if it is none, index behind it)."""
    if at == n:
        return -1, at
    c: i32 = p[at]
    if c == BACKSLASH:
        return BACKSLASH, at + 1
    if c == 43:
        return hex_number(p, n, at + 1, 6), at + 7
    if c == 117:
        return hex_number(p, n, at + 1, 4), at + 5
    if c == 85:
        return hex_number(p, n, at + 1, 8), at + 9
    return hex_number(p, n, at, 4), at + 4


@export
def fn_unistr(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """unistr(X): X with its escapes replaced, up to its first NUL. Raises "invalid Unicode escape"."""
    if tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = terminated_size(p, size_of(text))
    out: ptr[u8] = alloc_text(stmt, i64(size_of(text)))  # no escape is shorter than its character
    size: i32 = 0
    i: i32 = 0
    while i < n:
        if p[i] != BACKSLASH:
            out[size] = p[i]
            size += 1
            i += 1
        else:
            code, behind = escape(p, n, i + 1)
            if code < 0:
                raise_error(SQLITE_ERROR, *lit(b"invalid Unicode escape"))
            size += write_char(out + size, u32(code))
            i = behind
    memory_copy(out + size, p + n, size_of(text) - n)
    return TEXT, pack(out, size + size_of(text) - n)


@export
def fn_unistr_quote(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """unistr_quote(X): like quote(X), but with control characters as unistr('…')."""
    if tag != TEXT:
        return fn_quote(stmt, tag, payload)
    p: ptr[u8] = bytes_of(payload)
    n: i32 = terminated_size(p, size_of(payload))
    if not has_control(p, n):
        return fn_quote(stmt, tag, payload)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_add(b, *lit(b"unistr('"))
    put_sql_escaped(b, p, n, 39, True)
    buffer_put(b, 39)
    buffer_put(b, 41)
    return buffer_value(b)

"""UTF-16: how databases of that encoding store text, and the order it has there.

Everything that computes takes text in UTF-8; it is converted where a record is read or written. Both directions keep
what is no text: a surrogate without its partner is written as UTF-8 writes other codes (three bytes), so that any
sequence of units comes back. An odd byte at the end does not.

Invariants:
  E1  An encoding is UTF8, UTF16LE or UTF16BE (abi.py); a value that is no TEXT is the same in all.
  E2  BINARY compares the bytes as they are stored: of little-endian text the low byte of a unit counts first.

Source: https://sqlite.org/fileformat2.html section 1.3.13, https://sqlite.org/datatype3.html section 7
"""

from turso_wasm.kernel.abi import BLOB, NULL, REAL, TEXT, UTF8, UTF16BE, Run, Value
from turso_wasm.kernel.values.utf8 import REPLACEMENT, is_continuation, lead_bits, write_char
from turso_wasm.kernel.values.value import alloc_text, apply_text, bytes_of, pack, size_of, to_real, to_text
from turso_wasm.wasm.lang import bits, export, i32, i64, inline, memory_copy, ptr, scratch, u8, u32

__subset__ = True


# --- characters and units ----------------------------------------------------------------------------------


@inline
def read_code(p: ptr[u8], n: i32, at: i32) -> tuple[u32, i32]:
    """The code at `at` < n, surrogates as they are; U+FFFD for what is no code: (code, index behind it)."""
    c: i32 = p[at]
    at += 1
    if c < 0xC0:
        return u32(c), at
    code: u32 = lead_bits(c)
    while at < n and is_continuation(p[at]):
        code = (code << 6) | u32(p[at] & 0x3F)
        at += 1
    if code < 0x80 or code > 0x10FFFF:
        return u32(REPLACEMENT), at
    return code, at


@inline
def unit_at(p: ptr[u8], encoding: i32) -> i32:
    """The UTF-16 unit at p."""
    return p[0] << 8 | p[1] if encoding == UTF16BE else p[1] << 8 | p[0]


@inline
def put_unit(p: ptr[u8], unit: i32, encoding: i32) -> None:
    """Write a UTF-16 unit at p."""
    if encoding == UTF16BE:
        p[0] = unit >> 8
        p[1] = unit
    else:
        p[0] = unit
        p[1] = unit >> 8


@inline
def units_of(code: u32) -> tuple[i32, i32]:
    """The unit or the two units of a code; the second is -1 when there is none."""
    if code < 0x10000:
        return i32(code), -1
    return i32(0xD7C0 + (code >> 10)), i32(0xDC00 | (code & 0x3FF))


# --- whole texts -------------------------------------------------------------------------------------------


def encode_text(stmt: Run, p: ptr[u8], n: i32, encoding: i32) -> i64:
    """The payload of a UTF-8 text in UTF-16. Errors: SQLITE_TOOBIG."""
    out: ptr[u8] = alloc_text(stmt, i64(n) * 2)
    q: ptr[u8] = out
    at: i32 = 0
    while at < n:
        code, at = read_code(p, n, at)
        first, second = units_of(code)
        put_unit(q, first, encoding)
        q += 2
        if second >= 0:
            put_unit(q, second, encoding)
            q += 2
    return pack(out, q - out)


def decode_text(stmt: Run, p: ptr[u8], n: i32, encoding: i32) -> i64:
    """The payload of a UTF-16 text in UTF-8. Errors: SQLITE_TOOBIG."""
    n &= ~1
    out: ptr[u8] = alloc_text(stmt, i64(n) // 2 * 3)
    q: ptr[u8] = out
    at: i32 = 0
    while at < n:
        unit: i32 = unit_at(p + at, encoding)
        at += 2
        if unit < 0x80:
            q[0] = unit
            q += 1
        else:
            code: u32 = u32(unit)
            if unit & 0xFC00 == 0xD800 and at < n:
                low: i32 = unit_at(p + at, encoding)
                if low & 0xFC00 == 0xDC00:
                    code = (u32(unit & 0x3FF) << 10 | u32(low & 0x3FF)) + 0x10000
                    at += 2
            q += write_char(q, code)
    return pack(out, q - out)


# --- values ------------------------------------------------------------------------------------------------


@export
def text_stored(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """A value as a record of a UTF-16 database holds it."""
    if tag == TEXT:
        payload = encode_text(stmt, bytes_of(payload), size_of(payload), encoding)
    return tag, payload


@export
def text_loaded(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """A value of a record of a UTF-16 database."""
    if tag == TEXT:
        payload = decode_text(stmt, bytes_of(payload), size_of(payload), encoding)
    return tag, payload


@export
def texts_stored(stmt: Run, values: ptr[Value], n: i32, encoding: i32) -> None:
    """Turn n values into what a record of a UTF-16 database holds."""
    for i in range(n):
        v: Value = values[i]
        if v.tag == TEXT:
            v.payload = encode_text(stmt, bytes_of(v.payload), size_of(v.payload), encoding)


@export
def text_bytes(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """A TEXT as the BLOB of its bytes in the encoding of the database; other values as they are."""
    if tag == TEXT:
        return BLOB, encode_text(stmt, bytes_of(payload), size_of(payload), encoding)
    return tag, payload


@export
def stored_bytes(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """The same of numbers too: CAST AS BLOB, octet_length."""
    if tag != NULL and tag < TEXT:
        tag, payload = apply_text(stmt, tag, payload)
    return text_bytes(stmt, tag, payload, encoding)


@export
def bytes_text(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """A BLOB as the TEXT that its bytes are in the encoding of the database; other values as they are."""
    if tag == BLOB:
        return TEXT, decode_text(stmt, bytes_of(payload), size_of(payload), encoding)
    return tag, payload


@export
def bytes_real(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """A BLOB as the REAL that the text of its bytes begins with; other values as they are."""
    if tag == BLOB:
        return REAL, bits(to_real(TEXT, decode_text(stmt, bytes_of(payload), size_of(payload), encoding)))
    return tag, payload


@export
def bytes_concat(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, encoding: i32) -> tuple[i32, i64]:
    """`a` || b where one may be a BLOB: the TEXT that the bytes of both are together. Raises SQLITE_TOOBIG."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    _, a = stored_bytes(stmt, tag, payload, encoding)
    _, b = stored_bytes(stmt, tag2, payload2, encoding)
    n: i32 = size_of(a)
    out: ptr[u8] = alloc_text(stmt, i64(n) + i64(size_of(b)))
    memory_copy(out, bytes_of(a), n)
    memory_copy(out + n, bytes_of(b), size_of(b))
    return TEXT, decode_text(stmt, out, n + size_of(b), encoding)


@inline
def read_scalar(p: ptr[u8], n: i32, at: i32) -> tuple[u32, i32]:
    """As `read_code`, and U+FFFD for a surrogate."""
    code, at = read_code(p, n, at)
    return (u32(REPLACEMENT) if code & 0xFFFFF800 == 0xD800 else code), at


def unreadable(p: ptr[u8], n: i32) -> bool:
    """Whether UTF-8 that is read character by character and written again becomes another text."""
    at: i32 = 0
    while at < n:
        begin: i32 = at
        code, at = read_scalar(p, n, at)
        if code >= 0x80 and (code == REPLACEMENT or write_char(scratch(4), code) != at - begin):
            return True
    return False


@export
def text_result(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """What a function returns, once converted to UTF-16: U+FFFD where a TEXT is none, a lone surrogate too."""
    p: ptr[u8] = bytes_of(payload)
    n: i32 = size_of(payload)
    if tag != TEXT or not unreadable(p, n):
        return tag, payload
    out: ptr[u8] = alloc_text(stmt, i64(n) * 3)
    q: ptr[u8] = out
    at: i32 = 0
    while at < n:
        code, at = read_scalar(p, n, at)
        q += write_char(q, code)
    return TEXT, pack(out, q - out)


def as_text(stmt: Run, tag: i32, payload: i64, encoding: i32) -> i64:
    """A value as text; the bytes of a blob are in the encoding of the database."""
    if tag == BLOB and encoding != UTF8:
        return decode_text(stmt, bytes_of(payload), size_of(payload), encoding)
    return to_text(stmt, tag, payload)


# --- order -------------------------------------------------------------------------------------------------


@inline
def unit_order(unit: i32, encoding: i32) -> i32:
    """A number whose order is that of the unit's two bytes."""
    return unit if encoding == UTF16BE else (unit & 0xFF) << 8 | unit >> 8


def compare_binary(p: ptr[u8], n: i32, q: ptr[u8], m: i32, encoding: i32) -> i32:
    """-1, 0 or 1: two UTF-8 texts in the order of their bytes in UTF-16 (E2)."""
    at: i32 = 0
    shorter: i32 = n if n < m else m
    while at < shorter and p[at] == q[at]:
        at += 1
    # Where they part, back to the beginning of the character.
    while at > 0 and ((at < n and is_continuation(p[at])) or (at < m and is_continuation(q[at]))):
        at -= 1
    if at >= n or at >= m:
        return i32(n > m) - i32(n < m)
    code, _ = read_code(p, n, at)
    other, _ = read_code(q, m, at)
    first, second = units_of(code)
    first2, second2 = units_of(other)
    if first == first2:
        first, first2 = second, second2
    order: i32 = unit_order(first, encoding) - unit_order(first2, encoding)
    return i32(order > 0) - i32(order < 0)

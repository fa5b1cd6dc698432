"""Scalar functions between bytes, codes and text: hex, unhex, char, concat, concat_ws, soundex, zeroblob, random.

Source: https://sqlite.org/lang_corefunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.base.vfs import host_random
from turso_wasm.kernel.values.arithmetic import text_or_scratch
from turso_wasm.kernel.values.number_text import REAL_TEXT_SIZE
from turso_wasm.kernel.values.utf8 import REPLACEMENT, next_char, terminated_size, write_char
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import export, i32, i64, le64, memory_copy, memory_fill, ptr, scratch, u8, u32

__subset__ = True

HEX_DIGITS = b"0123456789ABCDEF"
# Soundex codes of a to z; 0 for letters that are not coded.
SOUNDEX_CODES = b"01230120022455012623010202"


# --- hex ----------------------------------------------------------------------------------------------------


def write_hex(p: ptr[u8], n: i32, out: ptr[u8]) -> None:
    """Write n bytes as 2n hexadecimal digits."""
    for i in range(n):
        c: i32 = p[i]
        out[i * 2] = HEX_DIGITS[c >> 4]
        out[i * 2 + 1] = HEX_DIGITS[c & 15]


@export
def fn_hex(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """hex(X): the bytes of the value as text; an empty text for NULL. Raises SQLITE_TOOBIG."""
    if tag == NULL:
        return TEXT, 0
    data: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    n: i32 = size_of(data)
    out: ptr[u8] = alloc_text(stmt, i64(n) * 2)
    write_hex(bytes_of(data), n, out)
    return TEXT, pack(out, n * 2)


def hex_digit(c: i32) -> i32:
    """The value of a hexadecimal digit; -1 for other bytes."""
    if c >= 48 and c <= 57:
        return c - 48
    c |= 32
    if c >= 97 and c <= 102:
        return c - 87
    return -1


def skipped(p: ptr[u8], n: i32, at: i32, ignored: i64) -> i32:
    """Index behind the characters at `at` that are among the ignored ones."""
    q: ptr[u8] = bytes_of(ignored)
    m: i32 = size_of(ignored)
    while at < n and hex_digit(p[at]) < 0:
        after: i32 = next_char(p, n, at)
        if not contains_char(q, m, p + at, after - at):
            return at
        at = after
    return at


def contains_char(p: ptr[u8], n: i32, q: ptr[u8], m: i32) -> bool:
    """Whether one of p's characters has the m bytes of q."""
    at: i32 = 0
    while at < n:
        after: i32 = next_char(p, n, at)
        if after - at == m:
            i: i32 = 0
            while i < m and p[at + i] == q[i]:
                i += 1
            if i == m:
                return True
        at = after
    return False


def unhex(stmt: Run, text: i64, ignored: i64) -> tuple[i32, i64]:
    """The bytes of hexadecimal digits in pairs, between which ignored characters may stand; else NULL."""
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    out: ptr[u8] = alloc_text(stmt, i64((n >> 1) + 1))
    size: i32 = 0
    at: i32 = skipped(p, n, 0, ignored)
    # A NUL ends the digits.
    while at < n and p[at]:
        if at + 1 >= n:
            return NULL, 0
        high: i32 = hex_digit(p[at])
        low: i32 = hex_digit(p[at + 1])
        if high < 0 or low < 0:
            return NULL, 0
        out[size] = high << 4 | low
        size += 1
        at = skipped(p, n, at + 2, ignored)
    return BLOB, pack(out, size)


@export
def fn_unhex_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """unhex(X): NULL unless X is pairs of hexadecimal digits."""
    if tag == NULL:
        return NULL, 0
    return unhex(stmt, to_text(stmt, tag, payload), 0)


@export
def fn_unhex_2(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """unhex(X, ignored): characters of the second argument may stand between pairs of digits."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    ignored: i64 = to_text(stmt, tag2, payload2)
    p: ptr[u8] = bytes_of(ignored)
    return unhex(stmt, to_text(stmt, tag, payload), pack(p, terminated_size(p, size_of(ignored))))


# --- characters ---------------------------------------------------------------------------------------------


@export
def fn_char(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """char(…): the text of these code points; U+FFFD for what is none."""
    out: ptr[u8] = alloc_text(stmt, i64(n) * 4)
    size: i32 = 0
    for i in range(n):
        code: i64 = to_integer(values[i].tag, values[i].payload)
        if code < 0 or code > 0x10FFFF:
            code = REPLACEMENT
        size += write_char(out + size, u32(code))
    return TEXT, pack(out, size)


# --- concatenation ------------------------------------------------------------------------------------------


def join(stmt: Run, values: ptr[Value], n: i32, separator: i64) -> tuple[i32, i64]:
    """The values' texts with the separator between them, leaving NULLs out. Raises SQLITE_TOOBIG."""
    total: i64 = 0
    count: i32 = 0
    for i in range(n):
        v: Value = values[i]
        if v.tag != NULL:
            v.payload = to_text(stmt, v.tag, v.payload)
            v.tag = TEXT
            total += i64(size_of(v.payload) + size_of(separator))
            count += 1
    if count == 0:
        return TEXT, 0
    total -= i64(size_of(separator))
    out: ptr[u8] = alloc_text(stmt, total)
    at: ptr[u8] = out
    for i in range(n):
        v = values[i]
        if v.tag != NULL:
            memory_copy(at, bytes_of(v.payload), size_of(v.payload))
            at = at + size_of(v.payload)
            count -= 1
            if count:
                memory_copy(at, bytes_of(separator), size_of(separator))
                at = at + size_of(separator)
    return TEXT, pack(out, i32(total))


@export
def fn_concat(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """concat(…): the texts of all values but NULLs. Overwrites `values`."""
    return join(stmt, values, n, 0)


@export
def fn_concat_ws(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """concat_ws(separator, …): NULL when the separator is NULL. Overwrites `values`."""
    if values[0].tag == NULL:
        return NULL, 0
    return join(stmt, values + 1, n - 1, to_text(stmt, values[0].tag, values[0].payload))


# --- soundex ------------------------------------------------------------------------------------------------


def letter_of(c: i32) -> i32:
    """0..25 for an ASCII letter, -1 for other bytes."""
    c |= 32
    return c - 97 if c >= 97 and c <= 122 else -1


@export
def fn_soundex(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """soundex(X): a letter and three digits; "?000" when X has no letter."""
    out: ptr[u8] = alloc_text(stmt, 4)
    memory_copy(out, b"?000", 4)
    if tag == NULL:
        return TEXT, pack(out, 4)
    text: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    i: i32 = 0
    while i < n and p[i] and letter_of(p[i]) < 0:
        i += 1
    if i == n or p[i] == 0:
        return TEXT, pack(out, 4)
    out[0] = p[i] & ~32
    previous: i32 = SOUNDEX_CODES[letter_of(p[i])]
    filled: i32 = 1
    while filled < 4 and i < n and p[i]:
        letter: i32 = letter_of(p[i])
        code: i32 = SOUNDEX_CODES[letter] if letter >= 0 else 48
        if code > 48:
            if code != previous:
                out[filled] = code
                filled += 1
            previous = code
        else:
            previous = 0
        i += 1
    return TEXT, pack(out, 4)


# --- blobs and randomness -----------------------------------------------------------------------------------


@export
def fn_zeroblob(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """zeroblob(N): N zero bytes. Raises SQLITE_TOOBIG."""
    n: i64 = to_integer(tag, payload)
    if n < 0:
        n = 0
    out: ptr[u8] = alloc_text(stmt, n)
    memory_fill(out, 0, i32(n))
    return BLOB, pack(out, i32(n))


@export
def fn_randomblob(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """randomblob(N): N random bytes, at least one. Raises SQLITE_TOOBIG."""
    n: i64 = to_integer(tag, payload)
    if n < 1:
        n = 1
    out: ptr[u8] = alloc_text(stmt, n)
    host_random(out, i32(n))
    return BLOB, pack(out, i32(n))


@export
def fn_random_0(stmt: Run) -> tuple[i32, i64]:
    """random(): any 64-bit integer but the smallest, so that abs(random()) never fails."""
    room: ptr[u8] = scratch(8)
    host_random(room, 8)
    v: i64 = le64(room)
    return INTEGER, 0 - (v & 0x7FFFFFFFFFFFFFFF) if v < 0 else v

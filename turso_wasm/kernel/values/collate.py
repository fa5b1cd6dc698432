"""The order of values: storage classes, numbers of both kinds, collating sequences.

Owns comparison of values in memory. Normalized keys (kernel/values/key.py) follow the same order.

Invariants:
  C1  The order is total: NULL < INTEGER and REAL, by exact value < TEXT, by collation < BLOB, by bytes.
  C2  NOCASE folds ASCII letters to lower case. Behind a NUL at the same place in both texts only the lengths count.
  C3  RTRIM ignores spaces (only U+0020) at the end.
"""

from turso_wasm.kernel.abi import (
    BINARY,
    COLLATION_MASK,
    COLLATION_USER,
    COLLATION_UTF16,
    COLLATION_UTF16BE,
    INTEGER,
    NOCASE,
    NULL,
    REAL,
    RTRIM,
    TEXT,
    UTF16BE,
    UTF16LE,
    Run,
)
from turso_wasm.kernel.base.callback import compare_user
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.values.utf16 import compare_binary, decode_text
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import be64, export, f64, float_from_bits, i32, i64, inline, ptr, u8, u64

__subset__ = True


@inline
def fold(c: i32) -> i32:
    """An ASCII letter in lower case; other bytes unchanged."""
    return c | 32 if c >= 65 and c <= 90 else c


@export
def compare_bytes(p: ptr[u8], n: i32, q: ptr[u8], m: i32) -> i32:
    """-1, 0 or 1: by bytes, a prefix first. Reads whole words (memory M5)."""
    left: i32 = n if n < m else m
    while left > 0:
        a: u64 = u64(be64(p))
        b: u64 = u64(be64(q))
        if left < 8:
            excess: u64 = u64(64 - (left << 3))
            a = a >> excess
            b = b >> excess
        if a != b:
            return -1 if a < b else 1
        p = p + 8
        q = q + 8
        left -= 8
    return i32(n > m) - i32(n < m)


def compare_nocase(p: ptr[u8], n: i32, q: ptr[u8], m: i32) -> i32:
    """-1, 0 or 1 under NOCASE (invariant C2)."""
    shorter: i32 = n if n < m else m
    for i in range(shorter):
        a: i32 = p[i]
        b: i32 = q[i]
        if a != b:
            a = fold(a)
            b = fold(b)
            if a != b:
                return -1 if a < b else 1
        elif a == 0:
            break
    return i32(n > m) - i32(n < m)


def trimmed_size(p: ptr[u8], n: i32) -> i32:
    """Bytes without the spaces at the end."""
    while n > 0 and p[n - 1] == 32:
        n -= 1
    return n


@export
def compare_text(stmt: Run, p: ptr[u8], n: i32, q: ptr[u8], m: i32, collation: i32) -> i32:
    """-1, 0 or 1 under a collation (abi.py; other flags are ignored). Errors: what code of the user's raises."""
    kind: i32 = collation & COLLATION_MASK
    if collation & COLLATION_UTF16:
        return compare_utf16(stmt, p, n, q, m, collation)
    if kind == NOCASE:
        return compare_nocase(p, n, q, m)
    if kind == COLLATION_USER:
        return compare_user(stmt, p, n, q, m, collation)
    if kind == RTRIM:
        return compare_bytes(p, trimmed_size(p, n), q, trimmed_size(q, m))
    return compare_bytes(p, n, q, m)


def compare_utf16(stmt: Run, p: ptr[u8], n: i32, q: ptr[u8], m: i32, collation: i32) -> i32:
    """compare_text in a UTF-16 database (abi.py COLLATION_UTF16)."""
    encoding: i32 = UTF16BE if collation & COLLATION_UTF16BE else UTF16LE
    if collation & COLLATION_MASK == BINARY:
        return compare_binary(p, n, q, m, encoding)
    mark: i32 = arena_mark(stmt.arena)
    a: i64 = decode_text(stmt, p, n, encoding)
    b: i64 = decode_text(stmt, q, m, encoding)
    order: i32 = compare_text(stmt, bytes_of(a), size_of(a), bytes_of(b), size_of(b), collation & ~COLLATION_UTF16)
    arena_release(stmt.arena, mark)
    return order


@export
def compare_int_real(i: i64, r: f64) -> i32:
    """-1, 0 or 1: an integer against a double, exactly."""
    if r >= 9223372036854775808.0:
        return -1
    if r < -9223372036854775808.0:
        return 1
    whole: i64 = i64(r)
    if i != whole:
        return -1 if i < whole else 1
    rest: f64 = r - f64(whole)
    return i32(rest < 0.0) - i32(rest > 0.0)


def compare_numbers(tag: i32, payload: i64, tag2: i32, payload2: i64) -> i32:
    """-1, 0 or 1 for values that are INTEGER or REAL."""
    if tag == INTEGER:
        if tag2 == INTEGER:
            return i32(payload > payload2) - i32(payload < payload2)
        return compare_int_real(payload, float_from_bits(payload2))
    a: f64 = float_from_bits(payload)
    if tag2 == INTEGER:
        return 0 - compare_int_real(payload2, a)
    b: f64 = float_from_bits(payload2)
    return i32(a > b) - i32(a < b)


@export
def compare_values(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, collation: i32) -> i32:
    """-1, 0 or 1 in the total order of values (invariant C1). Errors: as compare_text."""
    if tag <= REAL and tag2 <= REAL and tag != NULL and tag2 != NULL:
        return compare_numbers(tag, payload, tag2, payload2)
    if tag != tag2:
        return -1 if tag < tag2 else 1
    if tag == NULL:
        return 0
    if tag == TEXT:
        return compare_text(stmt, bytes_of(payload), size_of(payload), bytes_of(payload2), size_of(payload2), collation)
    return compare_bytes(bytes_of(payload), size_of(payload), bytes_of(payload2), size_of(payload2))

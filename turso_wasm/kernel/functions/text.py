"""Scalar functions that measure, cut, search and convert text and blobs.

Owns length, octet_length, unicode, lower, upper, substr, instr, replace and trim. Arguments of other storage classes
are taken as text. New text lies in the statement's arena.

Invariants:
  T1  length and substr see a text up to its first NUL, and so is the set of characters of trim; the other functions see
      all bytes.
  T2  Characters are those of kernel/values/utf8.py: U3 for length and substr, U4 for instr, U1 otherwise.

Source: https://sqlite.org/lang_corefunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run
from turso_wasm.kernel.values.arithmetic import text_or_scratch
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.number_text import REAL_TEXT_SIZE
from turso_wasm.kernel.values.utf8 import (
    count_chars,
    count_runs,
    count_starts,
    is_continuation,
    next_char,
    read_char,
    skip_runs,
    terminated_size,
)
from turso_wasm.kernel.values.utf16 import bytes_text
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import export, i32, i64, le64, lit, memory_copy, ptr, scratch, u8

__subset__ = True

# --- measures -----------------------------------------------------------------------------------------------


@export
def fn_length(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """length(X): characters before the first NUL; bytes of a blob."""
    if tag == NULL:
        return NULL, 0
    if tag == BLOB:
        return INTEGER, i64(size_of(payload))
    text: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    p: ptr[u8] = bytes_of(text)
    return INTEGER, i64(count_runs(p, terminated_size(p, size_of(text))))


@export
def fn_octet_length(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """octet_length(X): bytes of the value as text."""
    if tag == NULL:
        return NULL, 0
    return INTEGER, i64(size_of(text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))))


@export
def fn_unicode(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """unicode(X): code of the first character (as a signed 32-bit number); NULL for an empty text or one that begins
    with NUL.
    """
    if tag == NULL:
        return NULL, 0
    text: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    p: ptr[u8] = bytes_of(text)
    if size_of(text) == 0 or p[0] == 0:
        return NULL, 0
    code, _ = read_char(p, size_of(text), 0)
    return INTEGER, i64(i32(code))


# --- letter case --------------------------------------------------------------------------------------------


@export
def fn_lower(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """lower(X): ASCII letters only."""
    if tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    out: ptr[u8] = alloc_text(stmt, i64(n))
    for i in range(n):
        out[i] = fold(p[i])
    return TEXT, pack(out, n)


@export
def fn_upper(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """upper(X): ASCII letters only."""
    if tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    out: ptr[u8] = alloc_text(stmt, i64(n))
    for i in range(n):
        c: i32 = p[i]
        out[i] = c & ~32 if c >= 97 and c <= 122 else c
    return TEXT, pack(out, n)


# --- substr -------------------------------------------------------------------------------------------------


def clip(start: i64, count: i64, length: i64) -> tuple[i64, i64]:
    """What substr takes of `length` units: (units to skip, units to take, at least 0).

    start: 1-based; negative from the end. count: negative for the units before start. Nothing here overflows.
    """
    if start < 0:
        start += length
        if start < 0:
            # From before the beginning: what lies there is taken, but is not there.
            count = 0 if count < 0 or count + start < 0 else count + start
            start = 0
    elif start > 0:
        start -= 1
    elif count > 0:
        count -= 1
    if count < 0:
        if count < 0 - start:
            count = 0 - start
        start += count
        count = 0 - count
    if start > length:
        return length, 0
    return start, count if count < length - start else length - start


def substr(stmt: Run, tag: i32, payload: i64, start: i64, count: i64) -> tuple[i32, i64]:
    """`substr` of a value that is not NULL."""
    if tag == BLOB:
        if size_of(payload) == 0:
            return NULL, 0
        skip, take = clip(start, count, i64(size_of(payload)))
        return BLOB, pack(bytes_of(payload) + i32(skip), i32(take))
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = terminated_size(p, size_of(text))
    # Only a place from the end needs the length; otherwise it is enough that no text has more characters than bytes.
    # SQLite counts from the end by U1, but cuts by U3.
    length: i64 = i64(count_chars(p, n)) if start < 0 else i64(n)
    skip, take = clip(start, count, length)
    begin: i32 = skip_runs(p, n, 0, i32(skip))
    end: i32 = skip_runs(p, n, begin, i32(take))
    return TEXT, pack(p + begin, end - begin)


@export
def fn_substr_2(stmt: Run, tag: i32, payload: i64, start_tag: i32, start: i64) -> tuple[i32, i64]:
    """substr(X, start)."""
    if tag == NULL or start_tag == NULL:
        return NULL, 0
    return substr(stmt, tag, payload, to_integer(start_tag, start), 0x7FFFFFFFFFFFFFFF)


@export
def fn_substr_3(
    stmt: Run, tag: i32, payload: i64, start_tag: i32, start: i64, count_tag: i32, count: i64
) -> tuple[i32, i64]:
    """substr(X, start, count)."""
    if tag == NULL or start_tag == NULL or count_tag == NULL:
        return NULL, 0
    return substr(stmt, tag, payload, to_integer(start_tag, start), to_integer(count_tag, count))


# --- searching ----------------------------------------------------------------------------------------------


def find_bytes(p: ptr[u8], n: i32, at: i32, q: ptr[u8], m: i32) -> i32:
    """The first place from `at` on where q's m > 0 bytes are; -1 when there is none."""
    first: i32 = q[0]
    last: i32 = n - m
    while at <= last:
        if p[at] == first:
            i: i32 = 1
            while i < m and p[at + i] == q[i]:
                i += 1
            if i == m:
                return at
        at += 1
    return -1


@export
def fn_instr(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """instr(X, Y): 1-based place of Y in X, in bytes when both are blobs, else in characters; 0 when absent."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    text: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    sought: i64 = text_or_scratch(tag2, payload2, scratch(REAL_TEXT_SIZE))
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if size_of(sought) == 0:
        return INTEGER, 1
    at: i32 = find_bytes(p, n, 0, bytes_of(sought), size_of(sought))
    if tag == BLOB and tag2 == BLOB:
        return INTEGER, i64(at + 1)
    # Only a place where a character begins (U4) counts.
    while at > 0 and is_continuation(p[at]):
        at = find_bytes(p, n, at + 1, bytes_of(sought), size_of(sought))
    if at <= 0:
        return INTEGER, i64(at + 1)
    return INTEGER, i64(count_starts(p, at) + 1)


@export
def instr_encoded(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, encoding: i32) -> tuple[i32, i64]:
    """The same in a UTF-16 database. Beside a text, a blob Y of one byte, which is no text, is found behind X."""
    if tag == BLOB and tag2 != BLOB:
        tag, payload = bytes_text(stmt, tag, payload, encoding)
    elif tag2 == BLOB and tag != BLOB and tag != NULL:
        if size_of(payload2) == 1:
            text: i64 = to_text(stmt, tag, payload)
            return INTEGER, i64(count_starts(bytes_of(text), size_of(text)) + 1)
        tag2, payload2 = bytes_text(stmt, tag2, payload2, encoding)
    return fn_instr(stmt, tag, payload, tag2, payload2)


@export
def fn_replace(
    stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, tag3: i32, payload3: i64
) -> tuple[i32, i64]:
    """replace(X, Y, Z): X with each Y replaced by Z; X when Y is empty or begins with NUL. Raises SQLITE_TOOBIG."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    old: i64 = to_text(stmt, tag2, payload2)
    if size_of(old) == 0 or bytes_of(old)[0] == 0:
        return TEXT, text
    if tag3 == NULL:
        return NULL, 0
    new: i64 = to_text(stmt, tag3, payload3)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    count: i64 = 0
    at: i32 = find_bytes(p, n, 0, bytes_of(old), size_of(old))
    while at >= 0:
        count += 1
        at = find_bytes(p, n, at + size_of(old), bytes_of(old), size_of(old))
    if count == 0:
        return TEXT, text
    size: i64 = i64(n) + count * i64(size_of(new) - size_of(old))
    out: ptr[u8] = alloc_text(stmt, size)
    replace_into(out, text, old, new)
    return TEXT, pack(out, i32(size))


def replace_into(out: ptr[u8], text: i64, old: i64, new: i64) -> None:
    """Write text with each `old` replaced by `new`."""
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    done: i32 = 0
    at: i32 = find_bytes(p, n, 0, bytes_of(old), size_of(old))
    while at >= 0:
        memory_copy(out, p + done, at - done)
        out = out + (at - done)
        memory_copy(out, bytes_of(new), size_of(new))
        out = out + size_of(new)
        done = at + size_of(old)
        at = find_bytes(p, n, done, bytes_of(old), size_of(old))
    memory_copy(out, p + done, n - done)


# --- trimming -----------------------------------------------------------------------------------------------

TRIM_LEFT = 1
TRIM_RIGHT = 2


def prefix_in_set(p: ptr[u8], n: i32, set_p: ptr[u8], set_n: i32) -> i32:
    """Bytes of the first set member that p's n bytes begin with; 0 for none."""
    at: i32 = 0
    while at < set_n:
        after: i32 = next_char(set_p, set_n, at)
        size: i32 = after - at
        if size <= n and same_bytes(p, set_p + at, size):
            return size
        at = after
    return 0


def suffix_in_set(p: ptr[u8], n: i32, set_p: ptr[u8], set_n: i32) -> i32:
    """Bytes of the first set member that p's n bytes end with; 0 for none."""
    at: i32 = 0
    while at < set_n:
        after: i32 = next_char(set_p, set_n, at)
        size: i32 = after - at
        if size <= n and same_bytes(p + (n - size), set_p + at, size):
            return size
        at = after
    return 0


def same_bytes(p: ptr[u8], q: ptr[u8], n: i32) -> bool:
    """Whether n bytes are equal. Reads whole words (base/memory.py M5)."""
    while n >= 16:
        if (le64(p) ^ le64(q)) | (le64(p + 8) ^ le64(q + 8)):
            return False
        p += 16
        q += 16
        n -= 16
    if n >= 8:
        if le64(p) != le64(q):
            return False
        p += 8
        q += 8
        n -= 8
    return n == 0 or (le64(p) ^ le64(q)) << i64((8 - n) * 8) == 0


def trim(stmt: Run, tag: i32, payload: i64, set_p: ptr[u8], set_n: i32, sides: i32) -> tuple[i32, i64]:
    """The value's text without the set's characters at the given sides."""
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if sides & TRIM_LEFT:
        cut: i32 = prefix_in_set(p, n, set_p, set_n)
        while cut:
            p = p + cut
            n -= cut
            cut = prefix_in_set(p, n, set_p, set_n)
    if sides & TRIM_RIGHT:
        cut = suffix_in_set(p, n, set_p, set_n)
        while cut:
            n -= cut
            cut = suffix_in_set(p, n, set_p, set_n)
    return TEXT, pack(p, n)


def trim_set(stmt: Run, tag: i32, payload: i64, set_tag: i32, chars: i64, sides: i32) -> tuple[i32, i64]:
    """`trim` with a set of characters given as a value."""
    if tag == NULL or set_tag == NULL:
        return NULL, 0
    chars = to_text(stmt, set_tag, chars)
    set_p: ptr[u8] = bytes_of(chars)
    return trim(stmt, tag, payload, set_p, terminated_size(set_p, size_of(chars)), sides)


@export
def fn_trim_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """trim(X)."""
    if tag == NULL:
        return NULL, 0
    return trim(stmt, tag, payload, *lit(b" "), TRIM_LEFT | TRIM_RIGHT)


@export
def fn_ltrim_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """ltrim(X)."""
    if tag == NULL:
        return NULL, 0
    return trim(stmt, tag, payload, *lit(b" "), TRIM_LEFT)


@export
def fn_rtrim_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """rtrim(X)."""
    if tag == NULL:
        return NULL, 0
    return trim(stmt, tag, payload, *lit(b" "), TRIM_RIGHT)


@export
def fn_trim_2(stmt: Run, tag: i32, payload: i64, set_tag: i32, chars: i64) -> tuple[i32, i64]:
    """trim(X, characters)."""
    return trim_set(stmt, tag, payload, set_tag, chars, TRIM_LEFT | TRIM_RIGHT)


@export
def fn_ltrim_2(stmt: Run, tag: i32, payload: i64, set_tag: i32, chars: i64) -> tuple[i32, i64]:
    """ltrim(X, characters)."""
    return trim_set(stmt, tag, payload, set_tag, chars, TRIM_LEFT)


@export
def fn_rtrim_2(stmt: Run, tag: i32, payload: i64, set_tag: i32, chars: i64) -> tuple[i32, i64]:
    """rtrim(X, characters)."""
    return trim_set(stmt, tag, payload, set_tag, chars, TRIM_RIGHT)

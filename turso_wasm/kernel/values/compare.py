"""Comparing an index entry, in its record format, with the values of a probe.

Owns the order of index b-trees. Works on record bytes without decoding what does not decide. The order of single
values (collations, INTEGER against REAL) is kernel/values/collate.py's.

Invariants:
  K1  The result is the sign of entry - probe in index order: fields with KEY_DESC are reversed.
  K2  A field that the entry does not have compares equal, and ends the comparison. Of a damaged record the first is
      taken for one that it has, and no more is looked at than decides, as in SQLite.
  K3  Only bytes inside the record are interpreted; up to 15 bytes behind it are read.
"""

from turso_wasm.kernel.abi import BINARY, BLOB, COLLATION_MASK, INTEGER, KEY_DESC, TEXT, Cursor, KeyInfo, Run, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.values.collate import compare_bytes, compare_text, compare_values
from turso_wasm.kernel.values.record import INTEGER_SHIFT, SERIAL_SIZES, serial_size, serial_value
from turso_wasm.wasm.lang import addr, be64, i32, i64, inline, ptr, u8, u32, u64

__subset__ = True

QUICK_NOT = 0
QUICK_INTEGER = 1
QUICK_TEXT = 2
QUICK_DESC = 4  # a bit beside these: words are inverted
SIGN_BIT = -0x8000000000000000
NEED_MORE = 2  # the local part of the record does not decide


@inline
def sign_of(a: i64, b: i64) -> i32:
    """Sign of a - b."""
    return i32(a > b) - i32(a < b)


@inline
def compare_string(stmt: Run, q: ptr[u8], size: i32, probe: Value, flags: i32) -> i32:
    """Order of a stored text or blob and a value of the same type."""
    p: ptr[u8] = ptr[u8](i32(probe.payload))
    n: i32 = i32(probe.payload >> 32)
    if probe.tag == BLOB or flags & COLLATION_MASK == BINARY:
        return compare_bytes(q, size, p, n)
    return compare_text(stmt, q, size, p, n, flags)


def probe_word(probe: Value, flags: i32) -> tuple[i32, i64]:
    """How the first field of entries compares quickly with that of a probe: (QUICK_*, its word)."""
    descends: i32 = QUICK_DESC if flags & KEY_DESC else 0
    flip: i64 = flip_of(descends)
    if probe.tag == INTEGER:
        return QUICK_INTEGER | descends, probe.payload ^ flip
    if probe.tag == TEXT and flags & COLLATION_MASK == BINARY:
        return QUICK_TEXT | descends, text_word(ptr[u8](i32(probe.payload)), i32(probe.payload >> 32)) ^ flip
    return QUICK_NOT, i64(0)


@inline
def flip_of(mode: i32) -> i64:
    """What words are xored with: all ones if they descend."""
    return i64(0) - i64(mode >> 2)


@inline
def text_word(p: ptr[u8], n: i32) -> i64:
    """The first 8 bytes of a text, zeros behind its end: unequal words are ordered as the texts are."""
    word: u64 = u64(be64(p))
    if n < 8:
        unused: u64 = u64(i64(64 - 8 * n))
        word = (word >> unused) << unused if n else u64(0)
    return i64(word) ^ SIGN_BIT


@inline
def entry_word(p: ptr[u8], available: i32, mode: i32) -> tuple[bool, i64]:
    """The word of the first field of a record; (False, 0) if it has none of the mode, or does not lie within the
    available bytes.

    Where words are unequal they are ordered as the entries are; equal ones of integers are equal fields.
    """
    header: i32 = p[0]
    st: i32 = p[1]
    if header >= 128 or header < 2 or available < 2:
        return False, i64(0)
    if mode & QUICK_INTEGER:
        if u32(st - 1) >= 6 or header + SERIAL_SIZES[st] > available:
            return False, i64(0)
        return True, (be64(p + header) >> i64(INTEGER_SHIFT[st])) ^ flip_of(mode)
    if st & 0x81 != 1 or st < 13 or header + ((st - 13) >> 1) > available:
        return False, i64(0)
    return True, text_word(p + header, (st - 13) >> 1) ^ flip_of(mode)


def compare_record(c: Cursor, p: ptr[u8], available: i32, size: i32, probe: ptr[Value], n: i32) -> i32:
    """Order (K1) of the record of `size` bytes, of which `available` lie at p, and the first n fields of the probe.

    c: a cursor on the b-tree. NEED_MORE when a field that matters is not available. n <= KeyInfo.n_fields.
    Errors: SQLITE_CORRUPT; what a collation of the user's raises.
    """
    at: i32 = 1
    end: i32 = p[0]
    if end >= 128:
        long_end, at = get_varint(p)
        if u64(long_end) > 0x7FFFFFF0:
            raise_corrupt(u32(0))
        end = i32(long_end)
    if end > available:
        if end > size:
            raise_corrupt(u32(0))
        return NEED_MORE
    body: i32 = end
    stmt: Run = Run(c.statement)
    flags: ptr[i32] = addr(KeyInfo(c.keyinfo).flags)
    for i in range(n):
        if at >= end and i:
            return 0
        st: i32 = p[at]
        at += 1
        if st >= 128:
            long, width = get_varint(p + at - 1)
            at += width - 1
            st = i32(long) if u64(long) <= 0x7FFFFFFF else 0x7FFFFFFF
        length: i32 = serial_size(i64(st))
        field: Value = probe[i]
        order: i32 = 0
        if st >= 12 and BLOB - (st & 1) != field.tag:
            order = 1 if BLOB - (st & 1) > field.tag else -1
        elif length > available - body and (st >= 12 or available < size):
            if available >= size:
                raise_corrupt(u32(0))
            return NEED_MORE
        elif u32(st - 1) < 6 and field.tag == INTEGER:
            order = sign_of(be64(p + body) >> i64(INTEGER_SHIFT[st]), field.payload)
        elif st >= 12:
            order = compare_string(stmt, p + body, length, field, flags[i])
        else:
            tag, payload = serial_value(st, p + body)
            order = compare_values(stmt, tag, payload, field.tag, field.payload, BINARY)
        if order:
            return -order if flags[i] & KEY_DESC else order
        body += length
    return 0


def record_fields(p: ptr[u8], size: i32, out: ptr[Value], n: i32) -> i32:
    """Decode the first n fields of a record to out[0..n); how many it has of them. Errors: SQLITE_CORRUPT."""
    at: i32 = 1
    if size <= 0:
        raise_corrupt(u32(0))
    long_end, at = get_varint(p)
    if u64(long_end) > u64(i64(size)):
        raise_corrupt(u32(0))
    end: i32 = i32(long_end)
    body: i32 = end
    for i in range(n):
        if at >= end:
            return i
        st, width = get_varint(p + at)
        length: i32 = serial_size(st)
        at += width
        if at > end or length < 0 or length > size - body:
            raise_corrupt(u32(0))
        field: Value = out[i]
        tag, payload = serial_value(i32(st), p + body)
        field.tag = tag
        field.payload = payload
        body += length
    return n


def record_rowid(p: ptr[u8], size: i32, available: i32) -> tuple[i32, i64]:
    """The last field of an index record, which is an integer: (1, value); (0, 0) when more must be available.

    Errors: SQLITE_CORRUPT when the last field is not an integer.
    """
    if size <= 0:
        raise_corrupt(u32(0))
    long_end, n = get_varint(p)
    if u64(long_end) > u64(i64(size)) or i32(long_end) <= n:
        raise_corrupt(u32(0))
    end: i32 = i32(long_end)
    if end > available:
        return 0, i64(0)
    st: i32 = p[end - 1]
    # A serial type of several bytes would have its high bit set before the last byte.
    if st == 0 or st == 7 or st > 9 or (end - 1 > n and p[end - 2] >= 128):
        raise_corrupt(u32(0))
    length: i32 = serial_size(i64(st))
    if end + length > size:
        raise_corrupt(u32(0))
    if available < size:
        return 0, i64(0)
    _tag, payload = serial_value(st, p + size - length)
    return 1, payload

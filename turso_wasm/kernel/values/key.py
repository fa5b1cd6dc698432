"""Normalized keys: values as bytes whose memcmp order is SQL's order.

Owns the encoding of keys for sorting, grouping, DISTINCT and hash joins, built field by field in the statement's key
buffer. Keys live in memory only; index b-trees store records.

A field is a tag byte and what the tag asks for:

  TAG          FOLLOWED BY                                     MEANING
  0x08         -                                               NULL
  0x1f         8 bytes: ~bits of the double                    number <= -2^63
  0x20..0x27   n = 0x28 - tag bytes of ~m, fraction            number < 0
  0x28         -                                               0
  0x29..0x30   n = tag - 0x28 bytes of m, fraction             number > 0
  0x31         8 bytes: bits of the double                     number >= 2^63
  0x40         escaped bytes, 0x00                             TEXT, after its collation
               a label (kernel/values/labels.py)               TEXT, under a collation of the user's
  0x50         escaped bytes, 0x00                             BLOB
  0xf7         -                                               NULL, placed last

m is twice the integer part of the absolute value, plus 1 if there is a fraction; then eight bytes with the bits of the
fraction, a double in (0, 1), follow; both inverted for negative numbers. Bytes 0x00 and 0x01 of texts and blobs are
written as 0x01 0x01 and 0x01 0x02. NOCASE folds A-Z to a-z; RTRIM drops trailing spaces. Behind an embedded NUL NOCASE
compares lengths only (as SQLite does): there, 0x01 0x01 and the whole length, 4 bytes big-endian, end the text.
A descending field is written with all its bits inverted, but NULL only when no KEY_NULLS_* flag says where it goes.

Invariants:
  K1  memcmp(key(a), key(b)) has the sign of compare(a, b); they are equal iff SQL says a IS b. -0.0 is 0.
  K2  No field is a prefix of another with the same flags, so fields may be concatenated.
  K3  16 bytes behind key_used belong to the key buffer: writers store whole words, readers may clear them.
  K4  An integer of at most 55 bits takes at most 8 bytes: the first word of its key decides.
  K5  The last store to a field's first eight bytes covers all of them: loading them at once is not delayed.
"""

from turso_wasm.kernel.abi import (
    BLOB,
    COLLATION_MASK,
    COLLATION_SHIFT,
    COLLATION_USER,
    COLLATION_UTF16,
    COLLATION_UTF16BE,
    INTEGER,
    KEY_DESC,
    KEY_NULLS_FIRST,
    KEY_NULLS_LAST,
    NOCASE,
    REAL,
    RTRIM,
    TEXT,
    UTF16BE,
    UTF16LE,
    Run,
)
from turso_wasm.kernel.base.memory import arena_mark, arena_release, grown, mrealloc
from turso_wasm.kernel.values.labels import Label, label_of
from turso_wasm.kernel.values.utf16 import encode_text
from turso_wasm.wasm.lang import (
    be64,
    bits,
    clz,
    export,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    inline,
    le64,
    ptr,
    put_be32,
    put_be64,
    put_le64,
    select,
    trunc,
    u8,
    u32,
    u64,
)

__subset__ = True

TAG_NULL = 0x08
TAG_ZERO = 0x28
TAG_TEXT = 0x40
TAG_BLOB = 0x50
TAG_NULL_LAST = 0xF7

LABEL_MASK = COLLATION_MASK | -1 << COLLATION_SHIFT  # what of the flags names a collation
NUMBER_MAX = 17  # bytes of a number
SLACK = 16  # K3
KEY_MIN = 256  # bytes of a fresh key buffer
TWO_63 = 9223372036854775808.0
INT_MIN = -0x8000000000000000


# --- the buffer ----------------------------------------------------------------------------------------------


@export
@inline
def key_reset(stmt: Run) -> None:
    """Start a new key."""
    stmt.key_used = 0


def key_grow(stmt: Run, n: i32) -> None:
    """Make room for n more bytes and the slack; at least doubles. Errors: SQLITE_NOMEM."""
    need: i64 = i64(stmt.key_used) + i64(n) + SLACK
    capacity: i32 = grown(stmt.key_capacity, need, KEY_MIN)
    stmt.key = mrealloc(stmt.key, capacity)
    stmt.key_capacity = capacity


@inline
def key_room(stmt: Run, n: i32) -> ptr[u8]:
    """The end of the key, with room for n bytes and the slack behind it."""
    if n > stmt.key_capacity - SLACK - stmt.key_used:
        key_grow(stmt, n)
    return stmt.key + stmt.key_used


# --- fields --------------------------------------------------------------------------------------------------


@inline
def flip_of(flags: i32) -> i64:
    """What a field's bits are xored with: all ones when descending."""
    return i64(0) - i64(flags >> 2 & 1)


@inline
def key_put_int(p: ptr[u8], v: i64, flip: i64) -> i32:
    """Write an integer's field at p, where 9 bytes may be overwritten; its size."""
    if v == INT_MIN:
        return key_put_large(p, -TWO_63, flip)
    sign: i64 = v >> 63
    m: u64 = u64((v ^ sign) - sign) << 1
    n: i32 = (71 - i32(clz(m))) >> 3
    s: i32 = i32(sign)
    word: i64 = i64(m << u64(64 - (n << 3))) ^ sign ^ flip
    if n == 8:
        p[8] = i32(word)
    put_be64(p, first_word((TAG_ZERO + ((n ^ s) - s)) ^ i32(flip), word))
    return 1 + n


@inline
def first_word(tag: i32, word: i64) -> i64:
    """The first eight bytes of a field: its tag and what follows (K5)."""
    return i64(tag) << 56 | i64(u64(word) >> 8)


def key_put_large(p: ptr[u8], r: f64, flip: i64) -> i32:
    """Write a number of absolute value >= 2^63 at p; its size."""
    tag: i32 = TAG_ZERO + 9
    if r < 0.0:
        tag = TAG_ZERO - 9
        flip = ~flip
        r = -r
    word: i64 = bits(r) ^ flip
    p[8] = i32(word)
    if tag < TAG_ZERO:
        flip = ~flip
    put_be64(p, first_word(tag ^ i32(flip), word))
    return 9


@export
@inline
def key_add_int(stmt: Run, v: i64, flags: i32) -> None:
    """Append an integer."""
    p: ptr[u8] = key_room(stmt, NUMBER_MAX)
    stmt.key_used += key_put_int(p, v, flip_of(flags))


def key_put_real(p: ptr[u8], r: f64, flip: i64) -> i32:
    """Write the field of a double that is not NaN at p, where NUMBER_MAX bytes may be overwritten; its size."""
    size: f64 = fabs(r)
    if size >= TWO_63:
        return key_put_large(p, r, flip)
    whole: f64 = trunc(size)
    rest: f64 = size - whole
    m: u64 = u64(i64(whole)) << 1
    if rest != 0.0:
        m |= 1
    n: i32 = (71 - i32(clz(m))) >> 3
    s: i32 = -1 if r < 0.0 else 0
    tag: i32 = (TAG_ZERO + ((n ^ s) - s)) ^ i32(flip)
    flip ^= i64(s)
    word: i64 = i64(m << u64(64 - (n << 3))) ^ flip
    size_bytes: i32 = 1 + n
    if n == 8:
        p[8] = i32(word)
    if rest != 0.0:
        fraction: i64 = bits(rest) ^ flip
        put_be64(p + size_bytes, fraction)
        if n < 7:
            kept: u64 = ~u64(0) << u64(64 - (n << 3)) if n else u64(0)
            word = i64(u64(word) & kept) | i64(u64(fraction) >> u64(n << 3))
        size_bytes += 8
    put_be64(p, first_word(tag, word))
    return size_bytes


@export
def key_add_real(stmt: Run, r: f64, flags: i32) -> None:
    """Append a double; a NaN is NULL."""
    if r != r:
        key_add_null(stmt, flags)
        return
    p: ptr[u8] = key_room(stmt, NUMBER_MAX)
    stmt.key_used += key_put_real(p, r, flip_of(flags))


@export
def key_add_null(stmt: Run, flags: i32) -> None:
    """Append NULL: first when ascending, last when descending, unless a flag says otherwise."""
    p: ptr[u8] = key_room(stmt, 1)
    tag: i32 = TAG_NULL_LAST if flags & KEY_DESC else TAG_NULL
    if flags & KEY_NULLS_LAST:
        tag = TAG_NULL_LAST
    elif flags & KEY_NULLS_FIRST:
        tag = TAG_NULL
    p[0] = tag
    stmt.key_used += 1


@export
def key_add(stmt: Run, tag: i32, payload: i64, flags: i32) -> None:
    """Append a field. flags: collation | KEY_DESC | KEY_NULLS_FIRST | KEY_NULLS_LAST. Errors: SQLITE_NOMEM."""
    if tag == INTEGER:
        key_add_int(stmt, payload, flags)
    elif tag >= TEXT:
        key_add_bytes(stmt, tag, ptr[u8](i32(payload)), i32(payload >> 32), flags)
    elif tag == REAL:
        key_add_real(stmt, float_from_bits(payload), flags)
    else:
        key_add_null(stmt, flags)


# --- texts and blobs -----------------------------------------------------------------------------------------


@inline
def has_escapes(word: u64) -> bool:
    """Whether one of the eight bytes is 0x00 or 0x01."""
    return ((word - 0x0202020202020202) & ~word & 0x8080808080808080) != 0


@inline
def fold_word(word: u64) -> u64:
    """Eight bytes with A-Z turned into a-z."""
    low: u64 = word & 0x7F7F7F7F7F7F7F7F
    # Bit 7 of each byte: low >= 'A' in the first, low > 'Z' in the second sum.
    upper: u64 = (low + 0x3F3F3F3F3F3F3F3F) ^ (low + 0x2525252525252525)
    return word | ((upper & ~word & 0x8080808080808080) >> 2)


def key_add_bytes(stmt: Run, tag: i32, q: ptr[u8], n: i32, flags: i32) -> None:
    """Append a TEXT (after its collation) or BLOB of n bytes."""
    collation: i32 = 0
    if tag == TEXT:
        collation = flags & COLLATION_MASK
        if collation == COLLATION_USER:
            key_add_label(stmt, label_of(stmt, flags & LABEL_MASK, q, n), u64(flip_of(flags)))
            return
        if collation == RTRIM:
            while n > 0 and q[n - 1] == 32:
                n -= 1
        elif flags & COLLATION_UTF16:
            key_add_utf16(stmt, q, n, flags)
            return
    p: ptr[u8] = key_room(stmt, n + 2)
    flip: u64 = u64(flip_of(flags))
    # The tag goes before the text as one more byte.
    word: u64 = u64(le64(q)) << 8 | u64(select(TAG_BLOB, TAG_TEXT, tag == BLOB))
    left: i32 = n + 1
    q -= 1
    while left >= 8:
        if collation == NOCASE:
            word = fold_word(word)
        if has_escapes(word):
            stmt.key_used = p - stmt.key
            p = key_add_escaped(stmt, word, left, 8, flip, collation)
            if not p:
                key_end_nocase(stmt, n, flip)
                return
        else:
            put_le64(p, i64(word ^ flip))
            p += 8
        q += 8
        left -= 8
        word = u64(le64(q))
    behind: u64 = ~u64(0) << u64(left << 3)
    word = word & ~behind
    if collation == NOCASE:
        word = fold_word(word)
    if has_escapes(word | (behind & 0x2020202020202020)):
        stmt.key_used = p - stmt.key
        p = key_add_escaped(stmt, word, left, left, flip, collation)
        if not p:
            key_end_nocase(stmt, n, flip)
            return
        word = 0
        left = 0
    # The zeros behind the end are the end mark.
    put_le64(p, i64(word ^ flip))
    stmt.key_used = p - stmt.key + left + 1


def key_add_utf16(stmt: Run, q: ptr[u8], n: i32, flags: i32) -> None:
    """Append a TEXT that is ordered as its bytes are in UTF-16."""
    mark: i32 = arena_mark(stmt.arena)
    text: i64 = encode_text(stmt, q, n, UTF16BE if flags & COLLATION_UTF16BE else UTF16LE)
    key_add_bytes(stmt, TEXT, ptr[u8](i32(text)), i32(text >> 32), flags & ~COLLATION_UTF16)
    arena_release(stmt.arena, mark)


def key_add_label(stmt: Run, label: Label, flip: u64) -> None:
    """Append a TEXT under a collation of the user's."""
    p: ptr[u8] = key_room(stmt, 1 + 9 * label.n_words)
    p[0] = TAG_TEXT ^ i32(flip)
    p += 1
    for i in range(label.n_words):
        put_be64(p, label.words[i] ^ i64(flip))
        p[8] = i32(i + 1 < label.n_words) ^ i32(flip)
        p += 9
    stmt.key_used = p - stmt.key


def key_add_escaped(stmt: Run, word: u64, left: i32, count: i32, flip: u64, collation: i32) -> ptr[u8]:
    """Append the first `count` bytes in `word` with escapes; room for all of the `left` bytes is there afterwards.

    Returns the end of the key, not yet counted in key_used; null, with key_used right, behind a NUL of a NOCASE text.
    """
    # Each byte may become two, so ask for what the rest needs unescaped, eight more bytes, and the end of the field.
    p: ptr[u8] = key_room(stmt, left + 8 + 8)
    invert: i32 = i32(flip) & 255
    while count > 0:
        byte: i32 = i32(word) & 255
        if byte <= 1:
            p[0] = 1 ^ invert
            p[1] = (byte + 1) ^ invert
            p += 2
            if byte == 0 and collation == NOCASE:
                stmt.key_used = p - stmt.key
                return ptr[u8](0)
        else:
            p[0] = byte ^ invert
            p += 1
        word >>= 8
        count -= 1
    return p


def key_end_nocase(stmt: Run, n: i32, flip: u64) -> None:
    """End a NOCASE text of n bytes behind its first NUL."""
    p: ptr[u8] = key_room(stmt, 4)
    put_be32(p, u32(n) ^ u32(flip))
    stmt.key_used += 4


def first_int(key: ptr[u8], size: i32) -> tuple[bool, i64]:
    """Whether a key begins with an integer, ascending or descending, and the integer; inverted if descending."""
    flip: i64 = flip_of(KEY_DESC if key[0] & 0x80 else 0)
    tag: i32 = (key[0] ^ i32(flip) & 0xFF) - TAG_ZERO
    word: u64 = u64(be64(key + 1) ^ flip)
    n: i32 = tag if tag >= 0 else -tag
    if n > 8 or size <= n:
        return False, i64(0)
    if n == 0:
        return True, flip
    m: u64 = (word if tag > 0 else ~word) >> u64(64 - (n << 3))
    if m & 1:
        return False, i64(0)
    v: i64 = i64(m >> 1)
    return True, (v if tag > 0 else -v) ^ flip
